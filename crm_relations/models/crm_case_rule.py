from odoo import fields, models

from ..tools import transitions
from .crm_case_criteria_mixin import PRIORITIES

ESCALATE = "escalate"
MOVES = [*transitions.STATES, (ESCALATE, "Escalated")]
UNITS = [
    ("minutes", "Minutes"),
    ("hours", "Hours"),
    ("days", "Days"),
    ("months", "Months"),
]


class CrmCaseRule(models.Model):
    """What is done by itself with which cases, and when.

    Criteria, a trigger (an event or a point in time) and actions, written by managers.
    What it has done is in `crm.case.rule.run`, what it is going to do at a known
    instant in `crm.case.timer`.
    """

    _name = "crm.case.rule"
    _description = "Rule"
    _inherit = ["crm.case.criteria.mixin"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True, copy=False)
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
    set_section_id = fields.Many2one("crm.case.section", "Set Section")
    escalate = fields.Boolean()
    set_user_id = fields.Many2one("res.users", "Set Responsible")
    set_priority = fields.Selection(PRIORITIES)
    set_category_id = fields.Many2one("crm.case.category", "Set Category")
    add_watchers = fields.Char(help="Addresses, separated by commas.")
    remind_user = fields.Boolean("Remind Responsible")
    remind_partner = fields.Boolean()
    remind_attach = fields.Boolean("With Attachments")
    mail_template_id = fields.Many2one(
        "mail.template", domain="[('model', '=', 'crm.case')]"
    )
    mail_to_user = fields.Boolean("Mail to Responsible")
    mail_to_partner = fields.Boolean()
    mail_to_watchers = fields.Boolean()
    mail_to = fields.Char("Mail to Addresses", help="Separated by commas.")
    server_action_id = fields.Many2one(
        "ir.actions.server", domain="[('model_id.model', '=', 'crm.case')]"
    )
    activity_type_id = fields.Many2one("mail.activity.type", "Plan Activity")
