from odoo import api, fields, models
from odoo.exceptions import UserError

from ..fields import OptionalInteger
from ..models.crm_partner_event import DIRECTIONS

_COPIED = (
    "name",
    "date",
    "duration",
    "direction",
    "sentiment",
    "description",
    "planned_revenue",
    "planned_cost",
)


class CrmPartnerEventLog(models.TransientModel):
    """Logs one event with one partner, or the same one with many (a campaign)."""

    _name = "crm.partner.event.log"
    _description = "Log an Event"

    partner_ids = fields.Many2many("res.partner", required=True)
    partner_count = fields.Integer(compute="_compute_partner_count")
    kind_id = fields.Many2one(
        "crm.partner.event.kind",
        required=True,
        default=lambda self: self.env["crm.partner.event"]._default_kind_id(),
        domain="[('is_automatic', '=', False)]",
    )
    name = fields.Char(
        "Summary",
        compute="_compute_name",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
    )
    date = fields.Datetime(required=True, default=fields.Datetime.now)
    duration = fields.Float("Duration (hours)")
    channel_id = fields.Many2one(
        "crm.case.channel",
        compute="_compute_channel_id",
        store=True,
        readonly=False,
        precompute=True,
    )
    direction = fields.Selection(DIRECTIONS, default="out")
    sentiment = OptionalInteger(
        help="How the partner felt: 0 very dissatisfied to 10 extremely satisfied."
    )
    description = fields.Html("Notes")
    planned_revenue = fields.Monetary()
    planned_cost = fields.Monetary()
    currency_id = fields.Many2one(
        "res.currency", default=lambda self: self.env.company.currency_id
    )
    case_id = fields.Many2one("crm.case", readonly=True)

    _sentiment_range = models.Constraint(
        "CHECK(sentiment >= 0 AND sentiment <= 10)",
        "Sentiment: give a mark from 0 to 10.",
    )

    @api.depends("partner_ids")
    def _compute_partner_count(self):
        for wizard in self:
            wizard.partner_count = len(wizard.partner_ids)

    @api.depends("kind_id")
    def _compute_name(self):
        kinds = self.env["crm.partner.event.kind"].search([("code", "=", False)])
        names = set(kinds.mapped("name"))
        for wizard in self:
            # what the person wrote is kept
            if not wizard.name or wizard.name in names:
                wizard.name = wizard.kind_id.name

    @api.depends("kind_id")
    def _compute_channel_id(self):
        for wizard in self:
            wizard.channel_id = wizard.kind_id.channel_id

    def action_log(self):
        """Write the event, once for each partner.

        :raise UserError: no partner was chosen
        """
        self.ensure_one()
        if not self.partner_ids:
            raise UserError(self.env._("Partners: choose at least one."))
        values = self._prepare_event()
        self.env["crm.partner.event"].create(
            [values | {"partner_id": partner.id} for partner in self.partner_ids]
        )
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _prepare_event(self):
        company = self.case_id.company_id or self.env.company
        return {name: self[name] for name in _COPIED} | {
            "kind_id": self.kind_id.id,
            "channel_id": self.channel_id.id,
            "case_id": self.case_id.id,
            "company_id": company.id,
            "user_id": self.env.uid,
        }
