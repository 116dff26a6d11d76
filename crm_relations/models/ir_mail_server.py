import smtplib

from odoo import models
from odoo.addons.base.models.ir_mail_server import MailDeliveryException
from odoo.tools import email_normalize


class Refusals(dict):
    """Who refused the mail that is being sent: {address: what was said}.

    A type of its own, so that no remote caller can put one into the context.
    """

    def note(self, addresses, error):
        """Write down an error for all addresses it names, else for ``addresses``."""
        cause = error.__context__ or error
        if isinstance(cause, smtplib.SMTPRecipientsRefused):
            self.note_refused(cause.recipients)
        said = str(cause)
        if isinstance(cause, smtplib.SMTPResponseException):
            said = _join_reply(cause.smtp_code, cause.smtp_error)
        for address in addresses:
            self.setdefault(address, said)

    def note_refused(self, refused):
        """Write down what `smtplib` says of the recipients that were not taken.

        :param dict refused: {address: (code, bytes)}
        """
        for address, (code, text) in refused.items():
            self[email_normalize(address) or address] = _join_reply(code, text)


class _Session:
    """An SMTP session that writes down whom the server refuses.

    `smtplib` raises only if everybody is refused, and Odoo does not look at what it
    answers else.
    """

    def __init__(self, session, refusals):
        self._session = session
        self._refusals = refusals

    def __getattr__(self, name):
        return getattr(self._session, name)

    def send_message(self, *args, **kwargs):
        refused = self._session.send_message(*args, **kwargs)
        if isinstance(refused, dict):
            self._refusals.note_refused(refused)
        return refused


class IrMailServer(models.Model):
    _inherit = "ir.mail_server"

    def _build_email__(self, email_from, *args, **kwargs):
        """Tell of a mail whose writer has no readable address under our own.

        Odoo signs with what stood in From, which no server takes or its parser raises
        on; the people in the case would not hear of that mail.
        """
        refusals = self.env.context.get("crm_case_refusals")
        if isinstance(refusals, Refusals) and not email_normalize(email_from):
            email_from = kwargs.get("reply_to") or email_from
        return super()._build_email__(email_from, *args, **kwargs)

    def send_email(self, message, *args, smtp_session=None, **kwargs):
        """Let one refused recipient of a case's mail not keep it from the others.

        `mail.mail` goes on with its next recipient only after one error, that of an
        invalid recipient; so any failure is told to it as that one, and what it was is
        written down. Without `Refusals` in the context nothing differs.
        """
        refusals = self.env.context.get("crm_case_refusals")
        if not isinstance(refusals, Refusals):
            return super().send_email(
                message, *args, smtp_session=smtp_session, **kwargs
            )
        session = smtp_session and _Session(smtp_session, refusals)
        try:
            return super().send_email(message, *args, smtp_session=session, **kwargs)
        except (MailDeliveryException, smtplib.SMTPServerDisconnected) as error:
            refusals.note(self.env.context.get("send_validated_to") or (), error)
            raise AssertionError(self.NO_VALID_RECIPIENT) from error


def _join_reply(code, text):
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return f"{code} {text}"
