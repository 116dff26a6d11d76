import logging
import re
import traceback
from datetime import timedelta

from markupsafe import Markup
from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools.misc import human_size

from ..exceptions import MailTextLostError
from ..tools import mail_form, mail_html, mail_identity
from ..tools.mail_automatic import automatic_kind
from ..tools.mail_charset import decode_text, is_visible
from .crm_mail_intake_queue_mixin import DETAIL_LIMIT, PASSING_ERRORS

_logger = logging.getLogger(__name__)

ATTACHMENT_LIMIT_MB = 25  # unless crm_relations.mail_attachment_limit_mb says otherwise
BARE_TEXT_LIMIT = 64 * 1024  # bytes of a mail that only its bytes can tell
OLDEST_YEAR = 1980  # no mail is older, whatever it says
LOOKED_AT = 4096  # characters of a text in which most have something to see
NAMED_FILES = 10  # files left out that a note names
_PLAIN_ID = re.compile(r"<[\w!#$%&'*+/=?^`{|}~.-]+@[\w!#$%&'*+/=?^`{|}~.-]+>", re.A)
_YEAR_OF_OLD = re.compile(rb"(?<![-+:\d])0\d{3}(?![\d:])")

FORMS = {
    mail_form.AS_IS: "as_is",
    mail_form.REDUCED: "reduced",
    mail_form.BARE: "bare",
}


class Level(int):
    """How far from the mail as it is; of its own type as `MailInHand` is."""


class CrmMailIntakeFormMixin(models.AbstractModel):
    """In which form a mail enters, so that any mail does.

    1. as it is, without big attachments, which are put beside it afterwards;
    2. reduced: written anew from what can be read of it, if `mail_form` says that
       Odoo's parser would not bear it, or if that raised or lost its text;
    3. bare: its first lines as they are.

    A try that ended with its worker counts as failed: the next one begins a level
    lower. In the second and third form a note says so, with the original.
    """

    _name = "crm.mail.intake.form.mixin"
    _description = "Form of Incoming Mails"

    form = fields.Selection(
        [
            ("as_is", "As it is"),
            ("reduced", "Reduced"),
            ("bare", "First lines only"),
        ],
        readonly=True,
        help="In which form the mail is shown. Some mails cannot be shown as they are.",
    )
    interruptions = fields.Integer(
        readonly=True,
        aggregator=None,
        help="Tries that ended with their worker.",
    )
    is_partial = fields.Boolean(
        "Has More Than Its Cases",
        readonly=True,
        help="Some of its files are only here: too large or too many. Such an original "
        "is never removed by age.",
    )

    # ------------------------------------------------------------
    # LADDER
    # ------------------------------------------------------------

    def _get_level(self):
        level = self.env.context.get("crm_mail_intake_level")
        return level if isinstance(level, Level) else mail_form.AS_IS

    def _with_first_level(self):
        """Give the mail with the form to begin with."""
        if not self.interruptions:
            return self
        level = Level(min(self.interruptions, mail_form.BARE))
        return self.with_context(crm_mail_intake_level=level)

    def _with_lower_level(self, error):
        """Give the mail with the next form to try, none if another does not help.

        :param error: what the form before raised
        """
        level = Level(self._get_level() + 1)
        # what may pass is tried again as it is; a UserError is about us, not the mail
        if level > mail_form.BARE or isinstance(error, (*PASSING_ERRORS, UserError)):
            return self.browse()
        _logger.info("Incoming mail %s enters in a lower form: %s", self.id, error)
        return self.with_context(crm_mail_intake_level=level)

    def _hand_over(self, hand, raw, message_id, process):
        """Have Odoo's gateway take in the mail in the form that it bears.

        :param process: called with the bytes, gives what `message_process` answers
        """
        if self._get_level() == mail_form.BARE:
            return self._enter_bare_by_itself(raw, hand)
        hand.form = mail_form.prepare(raw, self._get_level(), self._get_file_limit())
        try:
            hand.form.message_id = message_id
            result = process(hand.form.with_message_id(_readable_id(message_id)))
            self._record_form(hand.form, raw)
        finally:
            # it holds the whole mail, and environments live long
            hand.form = None
        return result

    @api.model
    def _get_file_limit(self):
        # sudo: a setting, whoever brings the mail
        limit = (
            self.env["ir.config_parameter"]
            .sudo()
            .get_param("crm_relations.mail_attachment_limit_mb", ATTACHMENT_LIMIT_MB)
        )
        return int(limit) << 20

    def _record_descent(self, error):
        """Keep why a mail that is in did not enter as it is."""
        if error and self.state != "quarantine":
            detail = "".join(traceback.format_exception(error)).replace("\0", "")
            self.error_detail = detail[-DETAIL_LIMIT:]

    # ------------------------------------------------------------
    # WHAT ODOO READ
    # ------------------------------------------------------------

    def _complete_parsed(self, values, form):
        """Correct what Odoo's parser made of a mail, and add what it did not see.

        :param values: dict as `message_parse` gives it, changed in place
        :param form: mail_form.Prepared
        :raise MailTextLostError: the mail says something and ``values`` do not
        """
        # Python's parser cuts ids short that have characters it does not expect
        values["message_id"] = form.message_id
        if not form.senders:
            # who cannot be read is nobody; Odoo would take the posting user
            values["email_from"] = values["from"] = ""
        if values.get("date") and not self._is_plausible(values["date"], form):
            values["date"] = fields.Datetime.to_string(self.date_received)
        if not _shows_something(values.get("body") or ""):
            if form.shows_text():
                raise MailTextLostError(
                    self.env._("Its text cannot be read as it is written.")
                )
            if form.opaque:
                values["body"] = self._get_opaque_text(form.opaque)
        values["attachments"] = [
            attachment._replace(
                fname=mail_form.clean_name(attachment.fname or "") or "attachment"
            )
            for attachment in values.get("attachments", ())
        ] + [
            self.env["mail.thread"]._Attachment(
                file.name, b"", {"cid": file.cid, "crm_mail_file": file}
            )
            for file in form.aside
        ]

    def _is_plausible(self, date, form):
        if _YEAR_OF_OLD.search(form.mail.fields.get(b"date", b"")):
            return False  # taken for one of this century
        try:
            date = fields.Datetime.to_datetime(date)
        except ValueError:  # of years with fewer than four digits
            return False
        latest = self.date_received + timedelta(days=1)
        return date.year >= OLDEST_YEAR and date <= latest

    def _get_opaque_text(self, kind):
        _ = self.env._
        words = {
            "smime": _(
                "This mail is encrypted or sealed (S/MIME). Its content is in the "
                "attached file, for a mail program that has the key."
            ),
            "pgp": _(
                "This mail is encrypted (PGP). Its content is in the attached file, "
                "for a mail program that has the key."
            ),
            "tnef": _(
                "Outlook has packed this mail into the attached file winmail.dat."
            ),
        }
        return Markup("<p>%s</p>") % words[kind]

    # ------------------------------------------------------------
    # WHAT IS SAID OF IT
    # ------------------------------------------------------------

    def _record_form(self, form, raw):
        """Write down the form, and tell the cases if they show less than was sent."""
        name = FORMS[form.level]
        if name != "as_is" or self.form:
            self.form = name
        # after an interruption it may have been the server's fault, not the mail's
        is_reduced = form.is_lossy or (
            form.reason == "failed" and not self.interruptions
        )
        if self.case_ids and (is_reduced or form.too_big):
            self.is_partial = bool(form.too_big)
            lines = self._get_form_text(form, is_reduced)
            self._note_form(lines, raw if is_reduced else None)

    def _get_form_text(self, form, is_reduced):
        """Give the lines of the note about what a case does not show."""
        _ = self.env._
        lines = []
        if is_reduced:
            lines.append(
                _("This mail is displayed in reduced form: %s", self._get_why(form))
            )
        if form.left_out:
            lines.append(_("%s more files are in the original only.", form.left_out))
        lines += [
            _(
                "%(name)s (%(size)s) is too large to be attached; it is in the "
                "original mail, which a manager finds under Incoming Mail.",
                name=file.name,
                size=human_size(file.size),
            )
            for file in form.too_big[:NAMED_FILES]
        ]
        return lines

    def _get_why(self, form):
        _ = self.env._
        words = {
            "header": _("its headers are not written as they should be."),
            "addresses": _("it has very many recipients."),
            "parts": _("it has too many parts, or they are nested too deeply."),
            "charset": _("its character set is unusual, some may be wrong."),
            "text": _("its text is very long. All of it is attached."),
            "html": _("its layout is too much to display. The text is here."),
        }
        return words.get(form.reason) or _("it could not be read as it is.")

    def _note_form(self, lines, original=None):
        """Leave a note in the cases, which mails nobody, with the original if given."""
        # as the system: see `_get_gateway`
        for case in self.case_ids.with_user(SUPERUSER_ID).sudo():
            body = Markup("<br>").join(lines)
            attachment = self._attach_original(case, original)
            if original and not attachment:
                body += Markup("<br>") + self.env._(
                    "The original is too large to be attached; a manager finds it "
                    "under Incoming Mail."
                )
            case._message_log(body=body, attachment_ids=attachment.ids)

    def _attach_original(self, case, raw):
        """Attach the bytes as received; nothing if they are above the limit."""
        Attachment = self.env["ir.attachment"].sudo()
        limit = self._get_file_limit()
        if not raw or (limit and len(raw) > limit):
            self.is_partial |= bool(raw)
            return Attachment
        # sudo: of the system, as everything the gateway makes
        return Attachment.create(
            {
                "name": self.raw_name,
                "raw": raw,
                "mimetype": "message/rfc822",
                "res_model": case._name,
                "res_id": case.id,
            }
        )

    # ------------------------------------------------------------
    # BARE
    # ------------------------------------------------------------

    def _enter_bare_by_itself(self, raw, hand):
        """Open a case from the first lines of a mail, if it may open one.

        :return: the id of the case, or False
        :raise UserError: it may be a delivery report, which opens none
        """
        kind = str(hand.head.get("Content-Type", "")).strip().lower()
        sender = (self.email_from or "").lower()
        if kind.startswith("multipart/report") or "mailer-daemon@" in sender:
            raise UserError(self.env._("A delivery report that could not be read."))
        self.automatic = automatic_kind(hand.head)
        section = self.env["crm.case"]._find_mail_section(
            {"section_id": self.section_id.id}
        )
        # the guards of the gateway: loops, automatic answers, and once in each place
        route = ("crm.case", False, {"section_id": section.id}, self.env.uid, None)
        if not self._allow_routes(self._refuse_unwanted(hand, [route])):
            return False
        case = self._enter_bare(raw, self.env["crm.case"])
        self._link_cases(case)
        return case.id

    def _enter_bare(self, raw, case):
        """Enter the first lines of a broken mail, with the original beside them.

        :param case: crm.case, empty for a new one
        :return: the crm.case
        """
        text = decode_text(raw[:BARE_TEXT_LIMIT])
        # as the system: see `_get_gateway`
        Case = self.env["crm.case"].with_user(SUPERUSER_ID).sudo()
        body = Markup("<pre>%s</pre>") % text
        case = Case.browse(case.id) or Case.create(
            {
                "name": self.subject or self.env._("(no subject)"),
                "section_id": Case._find_mail_section(
                    {"section_id": self.section_id.id}
                ).id,
                "email_from": self.email_from,
                "user_id": False,
                "description": body,
            }
        )
        self.form = "bare"
        original = self._attach_original(case, raw)
        case._message_log(
            body=Markup("%s<br>%s")
            % (
                self.env._("This mail could not be read. Its beginning, as received:"),
                body,
            ),
            attachment_ids=original.ids,
        )
        return case


def _readable_id(message_id):
    """Give an id that Python's parser reads as it is."""
    if _PLAIN_ID.fullmatch(message_id):
        return message_id
    return mail_identity.derive_message_id(message_id)


def _shows_something(body):
    """Tell whether a reader would see any of this HTML; text or picture."""
    head = body[:LOOKED_AT]
    return "<img" in head or any(
        is_visible(mail_html.to_text(text)) or "<img" in text for text in (head, body)
    )
