from . import mail_priority, mail_reference, transitions
