from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    complaint_section_id = fields.Many2one(
        "crm.case.section",
        "Section for Complaints to Suppliers",
        domain="[('company_id', 'in', (False, id))]",
        help="Cases opened from a purchase order or a receipt begin here; empty: in "
        "the section of whoever opens one.",
    )
