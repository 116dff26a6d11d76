from . import crm_partner_history, crm_segment_line, sale_order
