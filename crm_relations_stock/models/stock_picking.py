from odoo import models


class StockPicking(models.Model):
    _name = "stock.picking"
    _inherit = ["stock.picking", "crm.case.document.mixin"]

    def _get_case_section(self):
        """Give the section for complaints where the goods come from a supplier."""
        complaints = self.company_id.complaint_section_id
        if complaints and self.picking_type_code == "incoming":
            return complaints
        return super()._get_case_section()
