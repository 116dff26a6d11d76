from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    """How the company judges its suppliers."""

    _inherit = "res.config.settings"

    quality_months = fields.Integer(related="company_id.quality_months", readonly=False)
    quality_bound_a = fields.Float(related="company_id.quality_bound_a", readonly=False)
    quality_bound_b = fields.Float(related="company_id.quality_bound_b", readonly=False)
    quality_repeat_days = fields.Integer(
        related="company_id.quality_repeat_days", readonly=False
    )
    quality_fall_section_id = fields.Many2one(
        related="company_id.quality_fall_section_id",
        readonly=False,
        domain="[('company_id', 'in', (False, company_id))]",
        groups="crm_relations.crm_relations_group_manager",
    )
