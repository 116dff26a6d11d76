from . import (
    crm_partner_history,
    crm_segment_line,
    purchase_order,
    res_company,
    res_config_settings,
    res_partner_quality,
)
