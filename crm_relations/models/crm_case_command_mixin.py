from email import message_from_bytes, policy
from typing import NamedTuple

from markupsafe import Markup
from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import email_normalize

from ..exceptions import MailCommandError
from ..tools import mail_authentication, mail_command
from ..tools.mail_automatic import automatic_kind

# written last, in one go: after them the user may no longer see the case
_LAST = ("section_id", "category_id", "user_id")
_MOVES = {
    "draft": "action_draft",
    "open": "action_open",
    "pending": "action_pending",
    "done": "action_close",
    "cancel": "action_cancel",
}


class MailCommands(NamedTuple):
    """The commands of the mail in hand, on their way from its text to its cases."""

    lines: list[mail_command.CommandLine]
    user: models.BaseModel  # who gives them, or in whose name they were given
    refusal: str  # why they are not obeyed, a key of `_get_command_refusals`; or empty


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


class CrmCaseCommandMixin(models.AbstractModel):
    """Lines such as ``Set-State: pending`` on top of a colleague's mail.

    1. When the mail is routed they are read and taken out of its text, so that no
       customer sees them, and it is decided whether they will be obeyed.
    2. When it has entered a case they are obeyed, all or none, with that user's own
       rights; or refused.
    3. The outcome is noted in the case and mailed to that user, nobody else.

    Who is no colleague gives no commands: such lines are a text like any other.
    """

    _name = "crm.case.command.mixin"
    _description = "Commands by Mail"
    _inherit = ["crm.case.command.value.mixin"]

    # ------------------------------------------------------------
    # READ
    # ------------------------------------------------------------

    @api.model
    def _adjust_mail_routes(self, message, message_dict, routes):
        routes = super()._adjust_mail_routes(message, message_dict, routes)
        if any(route[0] == self._name for route in routes):
            only_cases = all(route[0] == self._name for route in routes)
            self._take_mail_commands(message, message_dict, only_cases)
        return routes

    @api.model
    def _get_mail_commands(self):
        """Give the `MailCommands` of the mail in hand, or None."""
        hand = self.env.context.get("crm_mail_intake_id")
        # who calls from outside can put a number there, but nothing with commands
        return getattr(hand, "commands", None)

    @api.model
    def _take_mail_commands(self, message, message_dict, only_cases):
        """Take the commands of a colleague's mail out of its text.

        No query for a mail that holds none. What a program sent holds none.

        :param only_cases: no record of another model gets the mail as well
        """
        row = self.env["crm.mail.intake"]._get_current()
        commands = mail_command.read_commands(message)
        if not (row and commands.lines) or automatic_kind(message):
            return
        raw = row.with_context(bin_size=False).raw or b""
        sender = email_normalize(message_dict.get("email_from"))
        address = mail_authentication.sender_address(raw)
        users = row._find_colleagues_at(sender, address)
        if not users:
            return
        refusal = self._get_command_refusal(row, raw, commands, users, sender)
        body = message_dict.get("body") or ""
        stripped = mail_command.strip_commands(str(body), commands.lines)
        if stripped:
            text, is_all = stripped
            # Markup stays Markup: it is HTML still, made of what Odoo had sanitized
            message_dict["body"] = type(body)(text)
            if is_all and only_cases and not _has_files(message_dict):
                # there is nothing in it for a customer
                message_dict["is_internal"] = True
        # on the object that stands for the mail in hand, which nobody else can make;
        # message_dict would carry them on into `message_post`
        hand = self.env.context["crm_mail_intake_id"]
        unread = "" if stripped else "unread"
        hand.commands = MailCommands(commands.lines, users, refusal or unread)

    @api.model
    def _get_command_refusal(self, row, raw, commands, users, sender):
        """Say why commands are not obeyed: a key of `_get_command_refusals`, or none.

        The last check counts the mail as obeyed, so everything else comes before.
        """
        user = row._get_verified_user()
        original = message_from_bytes(raw, policy=policy.SMTP)
        checks = (
            (row.sender_verdict != "verified", f"sender_{row.sender_verdict}"),
            (not user or user != users, "ambiguous"),
            (user.email_normalized != sender, "ambiguous"),
            (bool(row._get_decision()), "decided"),
            # a mail that was repaired to be read may show what nobody saw
            (mail_command.read_commands(original) != commands, "unread"),
            (not commands.agrees, "unread"),
        )
        found = next((reason for is_so, reason in checks if is_so), "")
        return found or ("" if row._claim_commands() else "again")

    @api.model
    def _get_command_refusals(self):
        _ = self.env._
        return {
            "sender_none": _(
                "nothing in the mail proves that you sent it: the receiving server did "
                "not check, or its name is not set"
            ),
            "sender_plausible": _(
                "the receiving server found nothing that proves you sent it (a DMARC or "
                "DKIM pass of your own domain)"
            ),
            "sender_failed": _("the receiving server found that it is forged"),
            "ambiguous": _("it is not clear which user sent it"),
            "decided": _("a colleague has filed the mail by hand"),
            "unread": _("the text and the HTML of the mail do not say the same"),
            "again": _("the same mail had come before"),
        }

    # ------------------------------------------------------------
    # OBEY
    # ------------------------------------------------------------

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """Open a case and obey what the mail orders."""
        case = super().message_new(msg_dict, custom_values)
        case._answer_mail_commands(msg_dict)
        return case

    def message_update(self, msg_dict, update_vals=None):
        """Enter an answer and obey what it orders, before others are told of it."""
        result = super().message_update(msg_dict, update_vals)
        for case in self:
            case._answer_mail_commands(msg_dict)
        return result

    def _apply_reply(self, author):
        """Leave the state to the command, where there is one."""
        commands = self._get_mail_commands()
        if commands and not commands.refusal:
            if any(line.name == "Set-State" for line in commands.lines):
                return None
        return super()._apply_reply(author)

    def _answer_mail_commands(self, msg_dict):
        """Obey the commands of the mail in hand, or say why not."""
        commands = self._get_mail_commands()
        if not commands:
            return
        if commands.refusal:
            self._refuse_mail_commands(commands, msg_dict)
            return
        user = commands.user
        is_obeyed, outcome = self._obey_commands(user, commands.lines)
        # in the language of the one who reads it
        case = self.with_context(lang=user.lang)
        title = case.env._("Commands obeyed") if is_obeyed else case.env._(
            "Commands not obeyed: one is wrong, so none was obeyed"
        )
        body = _format_outcome(title, outcome)
        case._message_log(body=body, author_id=user.partner_id.id)
        case._mail_command_outcome(user, title, body, msg_dict)

    def _obey_commands(self, user, lines):
        """Obey all of some commands as ``user``, or none.

        :param lines: list of `mail_command.CommandLine`
        :return: (whether they were obeyed, list of (line, what came of it))
        """
        # with_user: his own rights, no others; the case's company is his current one
        # if he works there, else the record rules keep him out
        companies = user.company_ids
        companies = (companies & self.company_id) | companies
        # a context of its own: he works here as on a screen, no mail is in hand; what
        # has to be mailed waits in the queue until all of this is committed
        case = self.with_user(user).with_context(
            {
                "lang": user.lang,
                "tz": user.tz,
                "allowed_company_ids": companies.ids,
                "mail_notify_force_send": False,
            }
        )
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
            (plain, lambda ones: self._write_commands(ones)),
            ([one for one in first if one.field == "email_cc"], self._add_watchers),
            ([one for one in first if one.field == "state"], self._move_by_command),
            (last, lambda ones: self._write_commands(ones)),
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

    # ------------------------------------------------------------
    # TELL
    # ------------------------------------------------------------

    def _refuse_mail_commands(self, commands, msg_dict):
        """Say in the case, and to whom the address belongs, that nothing was obeyed.

        Of an unproven sender at most one notice an hour goes to that address: whoever
        forges it must not be able to flood its owner.
        """
        user = commands.user[:1]
        case = self.with_context(lang=user.lang)
        reason = case._get_command_refusals()[commands.refusal]
        title = case.env._("Commands not obeyed: %s", reason)
        body = _format_outcome(title, [(line.text, "") for line in commands.lines])
        case._message_log(body=body)
        row = self.env["crm.mail.intake"]._get_current()
        if row.sender_verdict == "verified" or row._claim_notice(user.email_normalized):
            case._mail_command_outcome(user, title, body, msg_dict)

    def _mail_command_outcome(self, user, title, body, msg_dict):
        """Queue a mail to the colleague himself; it answers his, and nothing answers it.

        It names nothing of the case that he did not write: he may not see it.
        """
        row = self.env["crm.mail.intake"]._get_current()
        subject = " ".join((msg_dict.get("subject") or "").split())
        # sudo: the section's address is not readable for everybody; mails are made by
        # the system, to an address of a user's own record
        sender = self.section_id.sudo()._get_reply_address() or (
            self.env.company.email_formatted
        )
        self.env["mail.mail"].sudo().create(
            {
                "subject": f"{title.split(':')[0]}: {subject}"[:250],
                "body_html": body,
                "email_to": user.email_formatted,
                "email_from": sender,
                "reply_to": sender,
                "references": row.message_id,
                "headers": repr(
                    {
                        "Auto-Submitted": "auto-replied",
                        "X-Auto-Response-Suppress": "All",
                        "In-Reply-To": row.message_id,
                    }
                ),
                "auto_delete": True,
            }
        )
        # sudo: a wake-up call; the queue sends after this transaction
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()


def _has_files(message_dict):
    """Tell whether a mail brings files, other than images inside its text."""
    files = message_dict.get("attachments") or ()
    return any(not (len(file) > 2 and file[2].get("cid")) for file in files)


def _get_error_text(env, error):
    if isinstance(error, AccessError):
        return env._("Your access rights do not allow this.")
    return str(error.args[0])


def _format_outcome(title, outcome):
    rows = Markup("").join(
        Markup("<li><code>%s</code>%s</li>") % (line, f" → {text}" if text else "")
        for line, text in outcome
    )
    return Markup("<p>%s</p><ul>%s</ul>") % (title, rows)
