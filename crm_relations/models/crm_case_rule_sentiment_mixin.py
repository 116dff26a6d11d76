from dataclasses import dataclass

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import transitions
from .crm_case_rule_sla_mixin import SlaListener
from .crm_case_rule_trigger_mixin import Event

SENTIMENT = "sentiment"  # the kind of event that a partner who cools down makes


@dataclass(frozen=True)
class SentimentListener(SlaListener):
    """A rule that may wait for a partner to become less satisfied."""

    on_sentiment_drop: bool = False

    def hears(self, event):
        if event.kind == SENTIMENT or self.on_sentiment_drop:
            return event.kind == SENTIMENT and self.on_sentiment_drop
        return super().hears(event)


class CrmCaseRuleSentimentMixin(models.AbstractModel):
    """Rules that fire when a good customer cools down.

    They act on his unclosed cases, or on the latest one if all are closed. An occasion
    is (partner, day): a fall is told once.
    """

    _name = "crm.case.rule.sentiment.mixin"
    _description = "Rule on Sentiment"

    on_sentiment_drop = fields.Boolean(
        "When the Partner's Sentiment Drops",
        help="Fires once for each fall, on the partner's unclosed cases; on the latest "
        "one if all are closed.",
    )

    def _get_listener(self):
        found = super()._get_listener()
        values = {name: getattr(found, name) for name in SlaListener.__match_args__}
        return SentimentListener(**values, on_sentiment_drop=self.on_sentiment_drop)

    def _is_timed(self):
        return not self.on_sentiment_drop and super()._is_timed()

    def _get_trigger_words(self):
        if self.on_sentiment_drop:
            return self.env._("When the partner's sentiment drops")
        return super()._get_trigger_words()

    def _get_past_events_sql(self):
        """Find none: what was thought of the past on a past day is not kept."""
        if not self.on_sentiment_drop:
            return super()._get_past_events_sql()
        return [
            SQL(
                "JOIN (SELECT 0 AS case_id, now() AT TIME ZONE 'UTC' AS at "
                "WHERE FALSE) past ON past.case_id = crm_case.id"
            )
        ]

    @api.model
    def _on_sentiment_drop(self, partners):
        """Tell the rules that these partners' sentiment fell; three queries at most."""
        if not any(one.on_sentiment_drop for one in self._get_table().events):
            return
        cases = partners._find_cases_to_mend()
        today = fields.Date.today()
        events = {
            case.id: [
                Event(SENTIMENT, f"sentiment:{case.commercial_partner_id.id}:{today}")
            ]
            for case in cases
        }
        self._fire_events(cases, events)


class ResPartnerSentimentRuleMixin(models.AbstractModel):
    """What rules do when these partners cool down."""

    _name = "res.partner.sentiment.rule.mixin"
    _description = "Partner Sentiment and Rules"

    def _on_sentiment_drop(self):
        result = super()._on_sentiment_drop()
        # sudo: rules act on all cases, whoever set them off
        self.env["crm.case.rule"].sudo()._on_sentiment_drop(self)
        return result

    def _find_cases_to_mend(self):
        """Give the unclosed cases of these partners, else the latest one of each."""
        # sudo: see `_on_sentiment_drop`; in the company whose customer it is
        Case = self.env["crm.case"].sudo()
        of_partners = [
            ("commercial_partner_id", "in", self.commercial_partner_id.ids),
            ("company_id", "=", self.env.company.id),
        ]
        unclosed = Case.search([*of_partners, ("state", "in", transitions.UNCLOSED)])
        others = self.commercial_partner_id - unclosed.commercial_partner_id
        latest = Case._read_group(
            [*of_partners, ("commercial_partner_id", "in", others.ids)],
            ["commercial_partner_id"],
            ["id:max"],
        )
        return unclosed | Case.browse(case_id for _partner, case_id in latest)
