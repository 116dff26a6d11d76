from dataclasses import dataclass

from odoo import fields, models
from odoo.fields import Domain

from .crm_case_rule_trigger_mixin import Listener

SLA = "sla"  # the kind of event that a promise makes


@dataclass(frozen=True)
class SlaListener(Listener):
    """A rule that may wait for what becomes of a promise."""

    sla_event: str | None = None

    def hears(self, event):
        if event.kind == SLA or self.sla_event:
            return event.kind == SLA and event.after == self.sla_event
        return super().hears(event)


class CrmCaseRuleSlaMixin(models.AbstractModel):
    """Rules that fire when a promise to the customer is at risk or was missed.

    An occasion is (promise, what became of it): each comes once, also when the clock
    is reckoned again.
    """

    _name = "crm.case.rule.sla.mixin"
    _description = "Rule on Service Levels"

    sla_event = fields.Selection(
        [("at_risk", "Is at risk"), ("missed", "Was missed")],
        "When a Service Level",
        help="Fires once for each promise: first answer and solution are two.",
    )

    def _get_listener(self):
        found = super()._get_listener()
        values = {name: getattr(found, name) for name in Listener.__match_args__}
        return SlaListener(**values, sla_event=self.sla_event or None)

    def _is_timed(self):
        return not self.sla_event and super()._is_timed()

    def _get_state_domain(self):
        """A promise is no move: the states that a rule names are those it asks for."""
        state = self.state_to or self.state_from
        if self.sla_event and state:
            return Domain(self._get_is_in_domain(state))
        return super()._get_state_domain()
