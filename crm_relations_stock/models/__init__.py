from . import (
    crm_partner_history,
    crm_segment_line,
    res_partner,
    res_partner_quality,
    stock_picking,
)
