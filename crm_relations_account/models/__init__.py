from . import account_move, account_payment, crm_partner_history, res_partner
