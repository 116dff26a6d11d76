from . import (
    account_move,
    account_payment,
    crm_case_target,
    crm_partner_history,
    crm_segment,
    crm_segment_line,
    res_partner,
)
