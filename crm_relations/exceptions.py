"""Named errors, so that callers can tell them apart without reading the text."""

from odoo.exceptions import UserError, ValidationError


class CaseMoveError(UserError):
    """The state machine does not allow this move; the text says which it allows."""


class CaseEscalationError(UserError):
    """The case cannot be handed up: its section is already at the top."""


class CaseDeletionError(UserError):
    """Only drafts may be deleted in this section."""


class CaseMergeError(UserError):
    """These cases cannot be merged as asked."""


class NoSectionError(UserError):
    """A case was to be opened but no section exists to hold it."""


class NoStageError(ValidationError):
    """Neither the section's board nor the shared board has a stage in that state."""


class MenuEntryError(ValidationError):
    """The menus of a section cannot be made as asked."""
