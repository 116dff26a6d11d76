from . import crm_partner_history, sale_order
