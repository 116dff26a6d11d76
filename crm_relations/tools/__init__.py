from . import (
    mail_automatic,
    mail_header,
    mail_identity,
    mail_priority,
    mail_reference,
    mailbox_reader,
    pattern,
    transitions,
    working_time,
)
