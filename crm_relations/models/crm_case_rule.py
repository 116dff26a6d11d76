from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import email_normalize_all

from ..exceptions import LedgerError
from ..tools import transitions
from .crm_case_criteria_mixin import PRIORITIES, Criterion

ESCALATE = "escalate"
MOVES = [*transitions.STATES, (ESCALATE, "Escalated")]
UNITS = [
    ("minutes", "Minutes"),
    ("hours", "Hours"),
    ("days", "Days"),
    ("months", "Months"),
]
# changes of these leave everything as it is for the cases
_HARMLESS = {"name", "description", "stop_processing"}


class CrmCaseRule(models.Model):
    """What is done by itself with which cases, and when.

    Criteria, a trigger (an event or a point in time) and actions, written by managers.
    What it has done is in `crm.case.rule.run`, what it is going to do at a known
    instant in `crm.case.timer`.
    """

    _name = "crm.case.rule"
    _description = "Rule"
    _inherit = [
        "crm.case.rule.sentiment.mixin",
        "crm.case.rule.sla.mixin",
        "crm.case.rule.trigger.mixin",
        "crm.case.rule.schedule.mixin",
        "crm.case.rule.ledger.mixin",
        "crm.case.rule.action.mixin",
        "crm.case.rule.mail.mixin",
        "crm.case.rule.view.mixin",
        "crm.case.rule.backtest.mixin",
        "crm.case.criteria.mixin",
    ]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    # on the screen a rule is written first and switched on afterwards
    active = fields.Boolean(
        default=lambda self: not self.env.context.get("crm_case_rule_draft"),
        copy=False,
    )
    sequence = fields.Integer(default=10)
    stop_processing = fields.Boolean(
        "Stop There",
        help="No later rule acts on the same case for the same occasion.",
    )
    description = fields.Text("Purpose", translate=True)

    # When: an event
    on_create = fields.Boolean("When Created")
    on_message = fields.Boolean("On Each New Message")
    state_from = fields.Selection(MOVES, "From State")
    state_to = fields.Selection(MOVES, "To State")

    # When: a point in time
    date_type = fields.Selection(
        [
            ("none", "As it happens"),
            ("create", "Creation"),
            ("open", "Opening"),
            ("last_action", "Last action"),
            ("date", "Date of the case"),
            ("deadline", "Deadline"),
        ],
        "Reckoned from",
        required=True,
        default="none",
    )
    delay = fields.Integer(help="Negative: before that date.")
    delay_unit = fields.Selection(UNITS, required=True, default="days")
    working_time = fields.Boolean(
        help="Count the hours of the section's working time only."
    )
    repeat_delay = fields.Integer("Repeat Every", help="0: once.")
    repeat_unit = fields.Selection(UNITS, required=True, default="days")
    repeat_count = fields.Integer("Repeat at Most", help="Times after the first.")
    date_from = fields.Datetime(
        "Not for the Past",
        copy=False,
        readonly=True,
        help="What fell due before this moment is left alone.",
    )

    # Then
    set_state = fields.Selection(transitions.STATES)
    set_section_id = fields.Many2one("crm.case.section")
    escalate = fields.Boolean()
    set_user_id = fields.Many2one("res.users", "Set Responsible")
    set_priority = fields.Selection(PRIORITIES)
    set_category_id = fields.Many2one("crm.case.category")
    add_watchers = fields.Char(help="Addresses, separated by commas.")
    remind_user = fields.Boolean("Remind Responsible")
    remind_partner = fields.Boolean()
    remind_attach = fields.Boolean("With Attachments")
    mail_template_id = fields.Many2one(
        "mail.template", domain="[('model', '=', 'crm.case')]"
    )
    mail_to_user = fields.Boolean("Mail to Responsible")
    mail_to_partner = fields.Boolean("Mail to Partner")
    mail_to_watchers = fields.Boolean("Mail to Watchers")
    mail_to = fields.Char("Mail to Addresses", help="Separated by commas.")
    server_action_id = fields.Many2one(
        "ir.actions.server", domain="[('model_id.model', '=', 'crm.case')]"
    )
    activity_type_id = fields.Many2one("mail.activity.type", "Plan Activity")

    _delay_range = models.Constraint(
        "CHECK(delay BETWEEN -1000000 AND 1000000)",
        "Delay: give a figure between -1000000 and 1000000.",
    )
    _repeat_range = models.Constraint(
        """CHECK(repeat_delay BETWEEN 0 AND 1000000
            AND repeat_count BETWEEN 0 AND 1000)""",
        "Repeat: give positive figures, and at most 1000 times.",
    )

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("on_create", "on_message", "state_from", "date_type")
    def _check_events(self):
        for rule in self:
            if rule.on_create and rule.state_from:
                raise ValidationError(
                    self.env._("From State: a case that is created comes from none.")
                )
            if rule.on_create and rule.on_message:
                raise ValidationError(
                    self.env._(
                        "When: choose the creation or each new message; it cannot be "
                        "both at once. Make a rule for each."
                    )
                )
            if rule._is_timed() and rule.on_message:
                raise ValidationError(
                    self.env._(
                        "On Each New Message: a rule that waits for a date does not "
                        "wait for messages as well."
                    )
                )

    @api.constrains("repeat_delay", "repeat_count", "date_type")
    def _check_repeat(self):
        for rule in self:
            if bool(rule.repeat_delay) != bool(rule.repeat_count):
                raise ValidationError(
                    self.env._("Repeat: say both how often and how many times at most.")
                )

    @api.constrains("set_state", "escalate")
    def _check_closed_escalation(self):
        for rule in self:
            if rule.escalate and rule.set_state in transitions.CLOSED:
                raise ValidationError(
                    self.env._(
                        "Escalate: a case that the rule closes cannot be escalated."
                    )
                )

    @api.constrains("add_watchers", "mail_to")
    def _check_addresses(self):
        for rule in self:
            for name in ("add_watchers", "mail_to"):
                text = rule[name] or ""
                named = [
                    part for part in text.replace(";", ",").split(",") if part.strip()
                ]
                if len(named) != len(email_normalize_all(text)):
                    raise ValidationError(
                        self.env._(
                            "%(field)s: “%(text)s” is no list of mail addresses "
                            "separated by commas.",
                            field=rule._fields[name]._description_string(self.env),
                            text=text,
                        )
                    )

    @api.constrains("server_action_id", "mail_template_id", "activity_type_id")
    def _check_models(self):
        for rule in self:
            named = {
                "server_action_id": rule.server_action_id.sudo().model_id.model,
                "mail_template_id": rule.mail_template_id.sudo().model,
                "activity_type_id": rule.activity_type_id.res_model,
            }
            for name, model in named.items():
                if model and model != "crm.case":
                    raise ValidationError(
                        self.env._(
                            "%(field)s: “%(name)s” is not made for cases.",
                            field=rule._fields[name]._description_string(self.env),
                            name=rule[name].sudo().display_name,
                        )
                    )

    @api.constrains("server_action_id")
    def _check_server_action(self):
        """Leave actions to administrators: rules run them as the system."""
        for rule in self:
            author = self.env.user  # constraints are checked as the system, for him
            allowed = rule.server_action_id.with_user(author).has_access("read")
            if rule.server_action_id and not allowed:
                raise ValidationError(
                    self.env._(
                        "Server Action: only administrators choose one, for it acts "
                        "with the rights of the system."
                    )
                )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        rules = super().create(vals_list)
        rules._apply_change()
        return rules

    def write(self, vals):
        result = super().write(vals)
        if vals.keys() == {"sequence"}:
            self.env.registry.clear_cache()
        elif not vals.keys() <= _HARMLESS:
            self._apply_change()
        return result

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    def _apply_change(self):
        """Let all servers read the rules anew, and bring the timers up to date."""
        self.env.registry.clear_cache()
        self._touch_rules()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_has_run(self):
        # sudo: also runs on cases that the manager may not see
        Run = self.env["crm.case.rule.run"].sudo()
        found = Run.search([("rule_id", "in", self.ids)], limit=1)
        if found:
            raise LedgerError(
                self.env._(
                    "“%s” has fired already, and what it did stays on record. Switch "
                    "it off instead.",
                    found.rule_id.name,
                )
            )

    # ------------------------------------------------------------
    # CRITERIA
    # ------------------------------------------------------------

    def _get_criteria(self):
        """Put what the rule asks of a case's state first, as people think of it."""
        criteria = super()._get_criteria()
        domain = self._get_state_domain()
        if domain.is_true():
            return criteria
        name = "state_to" if self.state_to else "state_from"
        return [Criterion(name, domain, "state"), *criteria]

    def _get_label(self, name):
        if name in ("state_from", "state_to"):
            # asked for outside of any move: see `_get_state_domain`
            return self.env["crm.case"]._fields["state"]._description_string(self.env)
        return super()._get_label(name)
