from odoo import models


class IrSequence(models.Model):
    _inherit = "ir.sequence"

    def write(self, vals):
        """Let cases see how their numbers are to look from now on."""
        result = super().write(vals)
        if vals.keys() - {"number_next"}:
            self.env.registry.clear_cache()
        return result
