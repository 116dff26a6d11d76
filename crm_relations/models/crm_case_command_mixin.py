from email import message_from_bytes, policy
from typing import NamedTuple

from markupsafe import Markup
from odoo import api, models
from odoo.tools import email_normalize

from ..tools import mail_authentication, mail_command
from ..tools.mail_automatic import automatic_kind

ORIGINAL_LIMIT = 4 * 1024 * 1024  # bytes of a mail in which its first text must end


class MailCommands(NamedTuple):
    """The commands of the mail in hand, on their way from its text to its cases."""

    lines: list[mail_command.CommandLine]
    user: models.BaseModel  # who gives them, or in whose name they were given
    refusal: str  # why they are not obeyed, a key of `_get_command_refusals`; or empty


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
    _inherit = ["crm.case.command.run.mixin"]

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
        hand = self.env["crm.mail.intake"]._get_hand()
        return hand.commands if hand is not None else None

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
        # on the mail in hand: message_dict would carry them on into `message_post`
        hand = row._get_hand()
        unread = "" if stripped else "unread"
        hand.commands = MailCommands(commands.lines, users, refusal or unread)

    @api.model
    def _get_command_refusal(self, row, raw, commands, users, sender):
        """Say why commands are not obeyed: a key of `_get_command_refusals`, or none.

        The last check counts the mail as obeyed, so everything else comes before.
        """
        user = row._get_verified_user()
        # as it was received; enough of it for the text, however large the files
        original = message_from_bytes(raw[:ORIGINAL_LIMIT], policy=policy.SMTP)
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
                "the receiving server found nothing that proves you sent it (a pass of "
                "DMARC or DKIM for your own domain)"
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
        names = {line.name for line in commands.lines} if commands else ()
        if "Set-State" in names and not commands.refusal:
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
        title = (
            case.env._("Commands obeyed")
            if is_obeyed
            else case.env._("Commands not obeyed: one is wrong, so none was obeyed")
        )
        body = _format_outcome(title, outcome)
        case._message_log(body=body, author_id=user.partner_id.id)
        case._mail_command_outcome(user, title, body, msg_dict)

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
        """Queue a mail to the colleague himself; it answers his, none answers it.

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


def _format_outcome(title, outcome):
    rows = Markup("").join(
        Markup("<li><code>%s</code>%s</li>") % (line, f" → {text}" if text else "")
        for line, text in outcome
    )
    return Markup("<p>%s</p><ul>%s</ul>") % (title, rows)
