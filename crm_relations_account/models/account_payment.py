from odoo import models


class AccountPayment(models.Model):
    _inherit = "account.payment"

    # the timeline asks for one partner's payments; Odoo has no index for that
    _partner_idx = models.Index("(partner_id)")
