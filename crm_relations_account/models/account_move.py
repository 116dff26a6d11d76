from odoo import models


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = ["account.move", "crm.case.document.mixin"]

    # turnover and history ask for one partner's documents; Odoo has no index for that
    _commercial_partner_idx = models.Index(
        "(commercial_partner_id, invoice_date) WHERE move_type != 'entry'"
    )
