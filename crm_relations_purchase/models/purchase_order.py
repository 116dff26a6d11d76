from odoo import models


class PurchaseOrder(models.Model):
    _name = "purchase.order"
    _inherit = ["purchase.order", "crm.case.document.mixin"]

    def _get_case_section(self):
        """Give the company's section for complaints to suppliers, if there is one."""
        # purchasers do not edit companies; sections are for all who have cases
        return self.company_id.complaint_section_id or super()._get_case_section()
