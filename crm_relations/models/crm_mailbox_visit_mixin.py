import logging
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import SQL, exception_to_unicode

from ..tools.mailbox_reader import UnreadableMailError
from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS, CONCURRENCY_TRIES

_logger = logging.getLogger(__name__)

MOST_PAUSE = 15  # minutes: 1, 2, 4, 8 and then this, while a mailbox fails
TELL_AFTER = 15  # minutes of failing until somebody is told
# a worker that does not survive the visit lets the mailbox rest as a failure would
LEASE = 1  # minute


class CrmMailboxVisitMixin(models.AbstractModel):
    """What a mailbox remembers of its visits, and when the next one is due.

    The record is never locked during a visit, and written in short transactions of
    their own: whoever edits it meanwhile is not disturbed, and neither is the visit.
    """

    _name = "crm.mailbox.visit.mixin"
    _description = "Mailbox Visits"

    date_last_success = fields.Datetime(
        "Last Success",
        readonly=True,
        copy=False,
        help="When the mailbox was last read to its end without an error.",
    )
    date_next_visit = fields.Datetime(
        "Next Visit",
        readonly=True,
        copy=False,
        help="After an error the mailbox rests: a minute, then twice as long each time "
        "up to a quarter of an hour. Fetching by hand does not wait.",
    )
    failures = fields.Integer(
        "Failures in a Row", readonly=True, copy=False, aggregator=None
    )
    failure_activity_id = fields.Many2one(
        "mail.activity", readonly=True, copy=False, ondelete="set null"
    )

    @api.model
    def _get_settings_of_access(self):
        """Name the fields on which it depends whether the server lets us in."""
        return {
            *("server", "port", "server_type", "is_ssl", "user", "password"),
            *("state", "active"),
        }

    def write(self, vals):
        """Visit a mailbox at once whose settings were repaired."""
        if vals.keys() & self._get_settings_of_access():
            vals = {**vals, "date_next_visit": False}
        return super().write(vals)

    # ------------------------------------------------------------
    # WHICH ONE IS VISITED
    # ------------------------------------------------------------

    def _get_due(self):
        """Leave out what rests after an error, unless a person wants it."""
        if not self.env.context.get("cron_id"):
            return self
        now = fields.Datetime.now()
        return self.filtered(lambda server: (server.date_next_visit or now) <= now)

    def _lock_visit(self):
        """Keep others from this mailbox until the transaction ends.

        :return: whether nobody else is at it
        """
        # SQL: a lock on a number of our own, so that the record can be edited
        query = SQL(
            "SELECT pg_try_advisory_xact_lock(hashtext('crm_mailbox'), %s)", self.id
        )
        return self.env.execute_query(query)[0][0]

    # ------------------------------------------------------------
    # WHAT BECAME OF IT
    # ------------------------------------------------------------

    def _note(self, write):
        """Call ``write`` with this record in a transaction of its own.

        Repeated when somebody saves the record at this moment. In the end it may stay
        undone: the visit itself must not fail for what it is noted down.
        """
        for left in reversed(range(CONCURRENCY_TRIES)):
            try:
                with self.env.registry.cursor() as cr:
                    # as the system: also what a visit begun by a user finds out
                    env = self.env(cr=cr, user=SUPERUSER_ID, su=True)
                    server = self.with_env(env).exists()
                    if server:
                        write(server)
            except CONCURRENCY_ERRORS:  # noqa: PERF203 - each try is one
                if not left:
                    _logger.info("Mailbox %s is being edited", self.id, exc_info=True)
            else:
                return

    def _begin_visit(self):
        """Put the mailbox behind all others, should the worker not come back."""
        now = fields.Datetime.now()
        lease = now + timedelta(minutes=LEASE)
        self._note(lambda server: server.write({"date": now, "date_next_visit": lease}))

    def _end_visit(self, error):
        """Note what became of the visit, and tell somebody if it must be.

        :param error: exception, or None
        """

        def write(server):
            server.write(server._prepare_visit_values(error))
            server._sync_failure_activity()

        self._note(write)

    def _prepare_visit_values(self, error):
        now = fields.Datetime.now()
        values = {
            "date": now,
            "date_next_visit": False,
            "failures": 0,
            "error_date": False,
            "error_message": False,
        }
        if error:
            values["error_date"] = self.error_date or now
            values["error_message"] = exception_to_unicode(error).replace("\0", "")
        # what the server withholds is no reason to leave the other mails there
        if not error or isinstance(error, UnreadableMailError):
            return values | {"date_last_success": now}
        pause = timedelta(minutes=min(2**self.failures, MOST_PAUSE))
        self._trigger_fetching(now + pause)
        return values | {
            "failures": self.failures + 1,
            "date_next_visit": now + pause,
        }

    def _trigger_fetching(self, at):
        cron = self.env.ref("mail.ir_cron_mail_gateway_action", False)
        if cron:
            # sudo: a wake-up call
            cron.sudo()._trigger(at)

    # ------------------------------------------------------------
    # WHO IS TOLD
    # ------------------------------------------------------------

    def _sync_failure_activity(self):
        """Let somebody have one activity while the mailbox fails.

        Who has ticked it off is told again only when it fails anew.
        """
        told = self.failure_activity_id
        since = fields.Datetime.now() - timedelta(minutes=TELL_AFTER)
        if told and not self.error_date:
            self.failure_activity_id = False
            told.filtered("active").unlink()
        elif not told and self.error_date and self.error_date <= since:
            section = (
                self.section_id or self.env["crm.mail.intake"]._get_fallback_section()
            )
            if section:
                self.failure_activity_id = section._schedule_mailbox_activity(self)
