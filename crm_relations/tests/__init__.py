from . import test_case_escalate
from . import test_case_hand_over
from . import test_case_moves
from . import test_case_state
