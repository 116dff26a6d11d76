from . import crm_partner_history, res_partner, res_partner_quality, stock_picking
