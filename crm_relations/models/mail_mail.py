import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import email_normalize, email_normalize_all, exception_to_unicode

from ..tools import mail_report
from .crm_case_delivery import ADDRESS, CONNECTION, SENDER, read_smtp_error
from .ir_mail_server import Refusals

_logger = logging.getLogger(__name__)

# minutes to wait after each failure, before a mail about a case is given up
RETRY_MINUTES = (1, 5, 30, 120, 720)
BATCH = 500  # mails looked at in one run; the scheduler comes again

_FAILURE_CODES = {
    "mail_smtp": CONNECTION,
    "mail_email_invalid": ADDRESS,
    "mail_email_missing": ADDRESS,
    "mail_from_invalid": SENDER,
    "mail_from_missing": SENDER,
    "mail_spam": "5.7.1",
}


class MailMail(models.Model):
    """Mail about cases: whom it did not reach is shown on the case, and tried again.

    Others are sent as always. A mail that failed keeps only those recipients who did
    not get it, so that whoever sends it again doubles nothing.
    """

    _inherit = "mail.mail"

    case_attempts = fields.Integer(
        "Failed Attempts", readonly=True, copy=False, aggregator=None
    )
    case_next_try = fields.Datetime("Sent Again on", readonly=True, copy=False)

    _case_next_try_idx = models.Index("(case_next_try) WHERE case_next_try IS NOT NULL")

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    def write(self, vals):
        result = super().write(vals)
        if vals.get("state") == "cancel":
            self._drop_marks()
        return result

    def unlink(self):
        self._drop_marks()
        return super().unlink()

    def _drop_marks(self):
        """Take the notices off the cases; no query for mail that never failed."""
        failed = self.filtered("case_attempts")
        if failed:
            # sudo: notices belong to the system, as the mails
            Delivery = self.env["crm.case.delivery"].sudo()
            Delivery.search([("mail_id", "in", failed.ids)]).unlink()

    # ------------------------------------------------------------
    # SEND
    # ------------------------------------------------------------

    def send(self, *args, **kwargs):
        """Leave notices about incoming mail to the queue; see `mail.thread`."""
        if self.env.context.get("crm_mail_intake_queue"):
            # sudo: a wake-up call
            self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
            return True
        return super().send(*args, **kwargs)

    def _send(self, *args, raise_exception=False, **kwargs):
        ours = self.filtered(lambda mail: mail.model == "crm.case")
        if not ours or raise_exception:
            return super()._send(*args, raise_exception=raise_exception, **kwargs)
        if others := self - ours:
            super(MailMail, others)._send(*args, **kwargs)
        ours = ours.with_context(crm_case_refusals=Refusals())
        return super(MailMail, ours)._send(*args, **kwargs)

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        ours = self.filtered(lambda mail: mail.model == "crm.case")
        failures = {
            mail: unreached
            for mail in ours
            if (
                unreached := mail._get_unreached(
                    success_pids, success_emails, failure_type
                )
            )
        }
        result = True
        if well := self.filtered(lambda mail: mail not in failures):
            (well & ours)._drop_marks()
            result = super(MailMail, well)._postprocess_sent_message(
                success_pids, success_emails, failure_reason, failure_type
            )
        for mail, unreached in failures.items():
            reached = {email_normalize(email) for email in success_emails}
            reached -= {email for email, _name in unreached}
            # "unknown": of all types, the one that Odoo shows with its reason
            super(MailMail, mail)._postprocess_sent_message(
                success_pids,
                list(reached),
                failure_reason=mail._get_failure_text(unreached),
                failure_type="unknown",
            )
            mail._note_unreached(unreached, success_pids, list(reached))
        refusals = self.env.context.get("crm_case_refusals")
        if isinstance(refusals, Refusals):
            refusals.clear()  # the next mail's are others
        return result

    def _get_unreached(self, success_pids, success_emails, failure_type=None):
        """Tell whom a mail about a case did not reach, and why.

        :return: {(address, name): (code, what was said)}, empty when all got it
        """
        self.ensure_one()
        refusals = self.env.context.get("crm_case_refusals") or {}
        failed = self.state == "exception"
        default = self._get_default_reason(failure_type)
        reached = {email_normalize(email) for email in success_emails}
        unreached = {}
        for partner in self.recipient_ids:
            if partner not in success_pids:
                emails = email_normalize_all(partner.email)
                said = next((refusals[e] for e in emails if e in refusals), None)
                unreached[", ".join(emails), partner.name or ""] = (
                    read_smtp_error(said) if said else default
                )
        text = ",".join(filter(None, [self.email_to, self.email_cc]))
        emails = email_normalize_all(text)
        for email in emails:
            if email in refusals:
                unreached[email, ""] = read_smtp_error(refusals[email])
            elif failed and not reached:
                unreached[email, ""] = default
        if failed and not (emails or self.recipient_ids):
            unreached["", text] = (ADDRESS, self.failure_reason or "")
        return unreached

    def _get_default_reason(self, failure_type):
        said = self.failure_reason or ""
        code = _FAILURE_CODES.get(failure_type or self.failure_type)
        return code or mail_report.find_status(said), said

    @api.model
    def _get_failure_text(self, unreached):
        words = self.env["crm.case.delivery"]._get_words
        return "\n".join(
            f"{email or name}: {words(code)}"
            for (email, name), (code, _said) in unreached.items()
        )

    def _note_unreached(self, unreached, success_pids, reached):
        """Keep the mail for those it did not reach, and say when it is tried again.

        :param unreached: as of `_get_unreached`
        :param reached: normalized addresses that got it
        """
        attempts = self.case_attempts + 1
        next_try = False
        if attempts <= len(RETRY_MINUTES):
            delay = timedelta(minutes=RETRY_MINUTES[attempts - 1])
            next_try = fields.Datetime.now() + delay
        partners = self.recipient_ids.filtered(lambda p: p not in success_pids)
        emails = [
            email
            for email in email_normalize_all(
                f"{self.email_to or ''},{self.email_cc or ''}"
            )
            if (email, "") in unreached
        ]
        is_down = all(code == CONNECTION for code, _said in unreached.values())
        values = {
            "state": "exception",
            "failure_reason": self._get_failure_text(unreached),
            "failure_type": "mail_smtp" if is_down else "unknown",
            "recipient_ids": [Command.set(partners.ids)],
            "case_attempts": attempts,
            "case_next_try": next_try,
        }
        if reached or success_pids:
            # whoever got it must not get it again
            values |= {"email_to": ", ".join(emails) or False, "email_cc": False}
        self.write(values)
        # sudo: notices belong to the system, whoever sends
        Delivery = self.env["crm.case.delivery"].sudo()
        Delivery._mark_unsent(self, unreached, next_try)
        self._trigger_retry(next_try or None)

    # ------------------------------------------------------------
    # SEND AGAIN
    # ------------------------------------------------------------

    def _send_case_mails_again(self):
        """Try once more as soon as the transaction is over, with all delays anew.

        :raise UserError: one is being sent this moment
        """
        if len(self.try_lock_for_update(allow_referencing=True)) != len(self):
            raise UserError(
                self.env._("This mail is being sent. Look again in a moment.")
            )
        # 1 and not 0: success must find out that there are notices to take off
        self.write({"state": "outgoing", "case_attempts": 1, "case_next_try": False})
        self.send_after_commit()

    @api.model
    def _get_retry_domain(self):
        return [
            ("state", "=", "exception"),
            ("case_next_try", "!=", False),
            ("case_next_try", "<=", fields.Datetime.now()),
        ]

    @api.model
    def _cron_send_case_mails_again(self):
        """Send again what could not be sent, one mail and one commit at a time.

        A server that does not answer costs its timeout once a run, not once a mail.
        """
        domain = self._get_retry_domain()
        waiting = self.search(domain, order="case_next_try, id", limit=BATCH)
        Cron = self.env["ir.cron"]
        Cron._commit_progress(remaining=len(waiting))
        dead = set()
        for mail in waiting:
            server = (mail.mail_server_id, mail.email_from)
            if server in dead:
                mail._postpone()
            elif mail.try_lock_for_update(allow_referencing=True).filtered_domain(
                domain
            ):
                mail._try_again()
                if mail.exists() and mail.failure_type == "mail_smtp":
                    dead.add(server)
            if not Cron._commit_progress(1):
                break
        self.env["crm.case.delivery"]._tell_given_up()

    def _try_again(self):
        """Send one locked mail; whatever happens is written down."""
        try:
            self.write({"state": "outgoing", "failure_type": False})
            self.send()
        except Exception as error:
            # whatever it is: the next mail is tried, this one later
            self.env.cr.rollback()
            _logger.info("Mail %s could not be sent again", self.id, exc_info=True)
            self.write(
                {"state": "exception", "failure_reason": exception_to_unicode(error)}
            )
            self._note_unreached(self._get_unreached([], []), [], [])

    def _postpone(self):
        """Wait for the next run behind a server that has just not answered."""
        self.case_next_try = fields.Datetime.now() + timedelta(minutes=RETRY_MINUTES[0])

    @api.model
    def _trigger_retry(self, at=None):
        cron = self.env.ref(
            "crm_relations.ir_cron_mail_outgoing", raise_if_not_found=False
        )
        if cron:
            # sudo: a wake-up call, whoever sends
            cron.sudo()._trigger(at)
