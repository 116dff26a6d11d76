from typing import NamedTuple

from odoo import models
from odoo.exceptions import AccessError, UserError

from ..exceptions import MailCommandError
from ..tools import mail_command

# written last, in one go: after them the user may no longer see the case
_LAST = ("section_id", "category_id", "user_id")
_MOVES = {
    "draft": "action_draft",
    "open": "action_open",
    "pending": "action_pending",
    "done": "action_close",
    "cancel": "action_cancel",
}


class CommandRead(NamedTuple):
    """A command understood: what to write where, and how to call it."""

    text: str
    field: str
    value: object
    shown: str


class _CommandFailedError(Exception):
    """Some commands failed while they were obeyed; ``outcome`` as told to the user."""

    def __init__(self, outcome):
        super().__init__(outcome)
        self.outcome = outcome


class CrmCaseCommandRunMixin(models.AbstractModel):
    """Commands carried out: all of a mail or none, with the rights of who gave them."""

    _name = "crm.case.command.run.mixin"
    _description = "Execution of Mail Commands"
    _inherit = ["crm.case.command.value.mixin"]

    def _obey_commands(self, user, lines):
        """Obey all of some commands as ``user``, or none.

        :param lines: list of `mail_command.CommandLine`
        :return: (whether they were obeyed, list of (line, what came of it))
        """
        # as the user: his own rights, no others; the case's company is his current one
        # if he works there, else the record rules keep him out
        companies = user.company_ids
        companies = (companies & self.company_id) | companies
        # a context of its own: he works here as on a screen, no mail is in hand; what
        # has to be mailed waits in the queue until all of this is committed
        context = {
            "lang": user.lang,
            "tz": user.tz,
            "allowed_company_ids": companies.ids,
            "mail_notify_force_send": False,
        }
        case = self.with_env(self.env(user=user.id, context=context, su=False))
        if not case.has_access("write"):
            error = case.env._("You may not change this case.")
            return False, [(line.text, error) for line in lines]
        read, errors = case._read_commands(lines)
        if errors:
            return False, errors
        try:
            with self.env.cr.savepoint():
                case._apply_commands(read)
        except _CommandFailedError as error:
            return False, error.outcome
        return True, [(one.text, one.shown) for one in read]

    def _read_commands(self, lines):
        """Find out what each command means, as the current user.

        :return: (list of `CommandRead`, list of (line, error))
        """
        readers = self._get_command_readers()
        # a new section first: its categories are meant then
        section, read, errors = self.section_id, [], []
        for line in sorted(lines, key=lambda one: one.name != "Set-Section"):
            try:
                self._check_command(line, lines, readers)
                field, reader = readers[line.name]
                value, shown = reader(line.value, section, field)
            except UserError as error:
                errors.append((line.text, _get_error_text(self.env, error)))
                continue
            if field == "section_id":
                section = section.browse(value)
            label = self._fields[field]._description_string(self.env)
            read.append(CommandRead(line.text, field, value, f"{label}: {shown}"))
        texts = [line.text for line in lines]
        read.sort(key=lambda one: texts.index(one.text))
        return read, sorted(errors, key=lambda error: texts.index(error[0]))

    def _check_command(self, line, lines, readers):
        """Refuse a line that is wrong whatever its value means.

        :raise MailCommandError: says what would be right
        """
        _ = self.env._
        if len(lines) > mail_command.LINE_LIMIT:
            raise MailCommandError(_("More than %s lines.", mail_command.LINE_LIMIT))
        if line.name not in readers:
            raise MailCommandError(
                _("There is no such command. Allowed: %s.", ", ".join(readers))
            )
        if not line.value or mail_command.has_unseen(line.text):
            raise MailCommandError(_("The value is missing, or cannot be seen."))
        count = sum(one.name == line.name for one in lines)
        if count > 1 and line.name not in mail_command.REPEATABLE:
            raise MailCommandError(_("This command is given twice."))

    def _apply_commands(self, read):
        """Write what commands mean, as the current user.

        :raise _CommandFailedError: says which; the caller undoes all
        """
        last = [one for one in read if one.field in _LAST]
        first = [one for one in read if one not in last]
        plain = [one for one in first if one.field not in ("state", "email_cc")]
        steps = [
            (plain, self._write_commands),
            ([one for one in first if one.field == "email_cc"], self._add_watchers),
            ([one for one in first if one.field == "state"], self._move_by_command),
            (last, self._write_commands),
        ]
        for ones, apply in steps:
            if not ones:
                continue
            try:
                apply(ones)
                self.env.flush_all()
            except UserError as error:
                text = _get_error_text(self.env, error)
                raise _CommandFailedError([(one.text, text) for one in ones]) from error

    def _write_commands(self, read):
        self.write({one.field: one.value for one in read})

    def _add_watchers(self, read):
        """Add each address once, whoever wrote it how."""
        known = self._mail_cc_sanitized_raw_dict(self.email_cc)
        new = ", ".join(address for one in read for address in one.value)
        added = self._mail_cc_sanitized_raw_dict(new)
        if added.keys() - known.keys():
            self.email_cc = ", ".join((added | known).values())

    def _move_by_command(self, read):
        """Move as the buttons do; staying where it is, is no error."""
        for one in read:
            if one.value != self.state:
                getattr(self, _MOVES[one.value])()


def _get_error_text(env, error):
    if isinstance(error, AccessError):
        return env._("Your access rights do not allow this.")
    return str(error.args[0])
