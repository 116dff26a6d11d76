from . import (
    test_account_case,
    test_account_history,
    test_account_target,
    test_payment_behaviour,
    test_segment_figures,
    test_turnover,
)
