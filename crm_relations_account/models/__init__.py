from . import (
    account_move,
    account_payment,
    crm_case_target,
    crm_partner_history,
    res_partner,
)
