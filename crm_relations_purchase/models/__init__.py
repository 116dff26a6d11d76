from . import (
    crm_partner_history,
    purchase_order,
    res_company,
    res_config_settings,
    res_partner_quality,
)
