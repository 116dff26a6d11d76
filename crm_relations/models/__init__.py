# isort: off
from . import crm_case_channel
from . import crm_case_stage
from . import crm_case_section
from . import crm_case_category
from . import crm_case_move
from . import crm_case_state_mixin
from . import crm_case_transfer_mixin
from . import crm_case_mail_recipients_mixin
from . import crm_case_mail_mixin
from . import crm_case_assignment_mixin
from . import crm_case
from . import mail_thread
from . import fetchmail_server
from . import res_partner
