from odoo import api, fields, models


class FetchmailServer(models.Model):
    _inherit = "fetchmail.server"

    section_id = fields.Many2one(
        "crm.case.section",
        index="btree_not_null",
        ondelete="set null",
        help="Mail from this mailbox opens cases of this section, unless it is "
        "addressed to another alias.",
    )
    object_id = fields.Many2one(
        compute="_compute_object_id", store=True, readonly=False, precompute=True
    )

    @api.depends("section_id")
    def _compute_object_id(self):
        for server in self:
            if server.section_id:
                server.object_id = self.env["ir.model"]._get("crm.case")
            else:
                server.object_id = server.object_id
