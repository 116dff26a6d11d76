from . import crm_partner_history, res_partner, stock_picking
