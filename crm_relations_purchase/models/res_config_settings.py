from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    complaint_section_id = fields.Many2one(
        related="company_id.complaint_section_id",
        readonly=False,
        domain="[('company_id', 'in', (False, company_id))]",
        groups="crm_relations.crm_relations_group_manager",
    )
