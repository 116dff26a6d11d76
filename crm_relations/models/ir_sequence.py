from odoo import models


class IrSequence(models.Model):
    _inherit = "ir.sequence"

    def write(self, vals):
        """Let cases see how their numbers are to look from now on."""
        result = super().write(vals)
        # of all sequences only this one is remembered
        numbers = self.env["ir.model.data"]._xmlid_to_res_id(
            "crm_relations.ir_sequence_crm_case"
        )
        if numbers in self.ids and vals.keys() - {"number_next"}:
            self.env.registry.clear_cache()
        return result
