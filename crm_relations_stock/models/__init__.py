from . import crm_partner_history, crm_segment_line, res_partner, stock_picking
