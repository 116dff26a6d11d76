from . import mail_header, mail_priority, mail_reference, transitions
