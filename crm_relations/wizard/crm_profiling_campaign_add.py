from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class CrmProfilingCampaignAdd(models.TransientModel):
    """Puts the partners ticked in a list on the list of a campaign."""

    _name = "crm.profiling.campaign.add"
    _description = "Add to a Call List"

    campaign_id = fields.Many2one(
        "crm.profiling.campaign",
        required=True,
        ondelete="cascade",
        domain="[('state', '!=', 'done')]",
        default=lambda self: self.env["crm.profiling.campaign"].search(
            [("state", "!=", "done")], limit=1
        ),
    )
    partner_ids = fields.Many2many("res.partner", string="Partners", required=True)
    partner_count = fields.Integer(compute="_compute_partner_count")

    @api.depends("partner_ids")
    def _compute_partner_count(self):
        for wizard in self:
            wizard.partner_count = len(wizard.partner_ids)

    def action_add(self):
        """Add those who are not on the list yet and may be called.

        :return: an action that opens the list
        :raise UserError: no partner was chosen
        """
        self.ensure_one()
        if not self.partner_ids:
            raise UserError(self.env._("Partners: choose at least one."))
        self.campaign_id._add_partners(Domain("id", "in", self.partner_ids.ids))
        return self.campaign_id.action_view_calls()
