"""Named errors, so that callers can tell them apart without reading the text."""

from odoo.exceptions import UserError, ValidationError


class _Explained:
    """Let the web client show the text of an error of ours.

    It picks its dialog by the name of the class, not by its parents: a name it does
    not know is shown as a crash of the program, without the text.
    """

    context = {"exception_class": "odoo.exceptions.UserError"}


class CaseMoveError(_Explained, UserError):
    """The state machine does not allow this move; the text says which it allows."""


class CaseEscalationError(_Explained, UserError):
    """The case cannot be handed up: its section is already at the top."""


class CaseDeletionError(_Explained, UserError):
    """Only drafts may be deleted in this section."""


class CaseMergeError(_Explained, UserError):
    """These cases cannot be merged as asked."""


class NoSectionError(_Explained, UserError):
    """A case was to be opened but no section exists to hold it."""


class NoStageError(_Explained, ValidationError):
    """Neither the section's board nor the shared board has a stage in that state."""


class MenuEntryError(_Explained, ValidationError):
    """The menus of a section cannot be made as asked."""


class MailCommandError(_Explained, UserError):
    """A command in a mail cannot be obeyed; the text says what would be allowed."""


class MailTextLostError(ValueError):
    """Odoo's parser made nothing of a mail that says something."""


class WorkingTimeError(_Explained, UserError):
    """A calendar has no working time, or too little, to reckon with."""


class LedgerError(_Explained, UserError):
    """A ledger is a record of what happened: nobody adds, changes or deletes rows."""
