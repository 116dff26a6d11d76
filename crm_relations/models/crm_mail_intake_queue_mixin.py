import logging
import time
import traceback
from contextlib import contextmanager
from datetime import timedelta

import psycopg2
from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

# minutes to wait after each attempt that failed for a reason that may pass
RETRY_MINUTES = (1, 5, 30, 120, 720)
# fresh starts at once when another transaction was in the way
CONCURRENCY_TRIES = 3
# attempts that ended without a result, after which the mail itself is suspected
MAX_INTERRUPTED = 3
# seconds after which a claimed mail that nobody has locked counts as given up: between
# the commit of a claim and the lock, others would take it over and look like a crash
CLAIM_GRACE = 2
# mails that are processed in one transaction, unless they take long or are large
BATCH, BATCH_SECONDS, BATCH_BYTES = 20, 2, 8_000_000
DETAIL_LIMIT = 20_000  # characters of a traceback that are kept

CONCURRENCY_ERRORS = (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, ConcurrencyError)
# what may be over by itself: the database, the disk, the network, the memory
PASSING_ERRORS = (
    *CONCURRENCY_ERRORS,
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    OSError,
    MemoryError,
)


def _take_batch(rows):
    """Choose what to process together: new mails at the front, of bounded size.

    >>> _take_batch([(1, True, 10), (2, True, 10), (3, False, 10)])
    [1, 2]
    >>> _take_batch([(3, False, 10), (4, True, 10)])
    [3]
    >>> _take_batch([(1, True, BATCH_BYTES), (2, True, 1)])
    [1]
    """
    taken, total = [], 0
    for row_id, is_new, size in rows:
        total += size or 0
        if taken and (not is_new or total > BATCH_BYTES):
            break
        taken.append(row_id)
        if not is_new:
            break
    return taken


class CrmMailIntakeQueueMixin(models.AbstractModel):
    """The ledger as a queue: which mail is next, and what if it goes wrong.

    A worker first commits that it tries (``working``, one attempt more), then locks
    the row and does everything else in one transaction. The lock is the lease: it ends
    with the worker, however that ends, so the mail of a killed one is taken up a moment
    later. Attempts are counted before, so that a mail which kills its workers is found
    out.
    """

    _name = "crm.mail.intake.queue.mixin"
    _description = "Queue of Incoming Mails"

    # ------------------------------------------------------------
    # RUN
    # ------------------------------------------------------------

    @api.model
    def _cron_process(self):
        """Process what waits, oldest first, until nothing is due or time is up."""
        with self._open_cursor() as mails:
            if not mails._process_due():
                due = mails.search_count(mails._get_due_domain())
                mails.env["ir.cron"]._commit_progress(remaining=due)
            mails._sync_quarantine_activities()

    @contextmanager
    def _open_cursor(self):
        """Give this model on a cursor of its own, as the system.

        The ledger commits after each mail; whatever the caller holds (a lock on the
        mailbox, a transaction half done) is not to be committed with it.
        """
        with self.env.registry.cursor() as cr:
            # as the system: nobody sits at this desk, and sections of all companies
            # are served
            yield self.with_env(self.env(cr=cr, user=SUPERUSER_ID, su=True))

    def _commit(self):
        # on the ledger's own cursor: see `_open_cursor`
        self.env.cr.commit()  # pylint: disable=invalid-commit

    @api.model
    def _get_due_domain(self):
        return [
            ("state", "in", ("new", "working", "retry")),
            "|",
            ("date_next_try", "=", False),
            ("date_next_try", "<=", fields.Datetime.now()),
        ]

    @api.model
    def _process_due(self, ids=None):
        """Process waiting mails, a few in one transaction.

        :param ids: only these rows; None means all
        :return: whether time was left when it ended
        """
        time_left = self.env["ir.cron"]._commit_progress()
        while time_left:
            mails = self._claim_next(ids)
            if not mails:
                return True
            mails._process_batch()
            time_left = self.env["ir.cron"]._commit_progress(len(mails))
        return False

    @api.model
    def _claim_next(self, ids=None):
        """Take the next mails that nobody works on, and commit that they are tried.

        Those tried least come first: whatever is wrong with the others, new mail does
        not wait for them. Only mails never tried are taken together; should one of
        them kill its worker, each is tried alone the next time, and that counts.
        """
        while mails := self._lock_next(ids):
            mail = mails[:1]
            if mail.state == "new":
                # together: none of them is suspected
                attempts = 1 if len(mails) == 1 else 0
                mails.write({"state": "working", "attempts": attempts})
                self._commit()
                return mails
            if mail.state == "working" and mail.attempts >= MAX_INTERRUPTED:
                mail._quarantine_interrupted()
                self.env["ir.cron"]._commit_progress(1)
                continue
            was_alone = mail.state == "working" and mail.attempts
            mail.write(
                {
                    "state": "working",
                    "attempts": mail.attempts + 1,
                    "date_next_try": False,
                    # what it was at work on before has ended with its worker
                    "interruptions": mail.interruptions + bool(was_alone),
                }
            )
            # the attempt must be known even if the worker does not survive it
            self._commit()
            return mail
        return self.browse()

    @api.model
    def _lock_next(self, ids=None):
        """Lock what is next: some new mails, or one that was tried before."""
        # SQL: the ORM can skip locked rows, but not look for the next one after them
        query = SQL(
            "SELECT id, state = 'new', size FROM crm_mail_intake "
            "WHERE state IN ('new', 'working', 'retry') "
            "AND (date_next_try IS NULL OR date_next_try <= %s) "
            # the database's clock, which all workers share
            "AND (state != 'working' OR write_date <= "
            "now() AT TIME ZONE 'UTC' - %s * interval '1 second') %s "
            "ORDER BY attempts, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED",
            fields.Datetime.now(),
            CLAIM_GRACE,
            SQL() if ids is None else SQL("AND id = ANY(%s)", list(ids)),
            BATCH,
        )
        for _try in range(CONCURRENCY_TRIES):
            try:
                return self.browse(_take_batch(self.env.execute_query(query)))
            except CONCURRENCY_ERRORS:  # noqa: PERF203 - each try is one
                # another worker has just finished the row this one was about to lock
                self.env.cr.rollback()
        return self.browse()

    def _process_batch(self):
        """Process claimed mails in few transactions; each alone if one fails.

        What all of them read (sections, stages, people) is read once a transaction.
        """
        left = self
        while len(left) > 1:
            try:
                done = left._enter_for_a_while()
                self._commit()
            except Exception:
                # whatever it is: nothing was kept, and alone each tells its own trouble
                self.env.cr.rollback()
                break
            left -= done
        for mail in left:
            if mail.attempts or mail._count_attempt():
                mail._process_claimed()

    def _count_attempt(self):
        """Commit that a mail of a batch is tried alone now.

        :return: whether nobody else has taken it over
        """
        mail = self._lock_claimed(0)
        mail.attempts = 1
        self._commit()
        return bool(mail)

    def _enter_for_a_while(self):
        """Let mails enter, in order, until the transaction is long enough.

        :return: those that need no more work, by this worker
        """
        end = time.monotonic() + BATCH_SECONDS
        locked = self._lock_claimed(0)
        done = self - locked
        for mail in locked:
            mail.attempts = 1
            mail._enter_by_itself()
            done |= mail
            if time.monotonic() > end:
                break
        return done

    def _process_claimed(self):
        """Process one claimed mail and commit; whatever happens ends in the row."""
        attempts, first_error = self.attempts, None
        mail, left = self._with_first_level(), CONCURRENCY_TRIES
        while True:
            try:
                if mail._lock_claimed(attempts):
                    mail._enter_by_itself()
                    self._record_descent(first_error)
                self._commit()
            except Exception as error:
                # whatever it is: no mail is lost
                self.env.cr.rollback()
                left -= isinstance(error, CONCURRENCY_ERRORS)
                if isinstance(error, CONCURRENCY_ERRORS) and left:
                    continue
                first_error = first_error or error
                if lower := mail._with_lower_level(error):
                    mail = lower
                    continue
                # an error after the commit finds the row ended, and leaves it so
                if self._lock_claimed(attempts):
                    self._record_failure(first_error)
                self._commit()
            return

    def _lock_claimed(self, attempts):
        """Lock the rows that no other worker has taken over or ended.

        :return: the rows, in the same order
        """
        query = SQL(
            "SELECT id FROM crm_mail_intake WHERE id = ANY(%s) AND state = 'working' "
            "AND attempts = %s ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
            self.ids,
            attempts,
        )
        return self.browse(row[0] for row in self.env.execute_query(query))

    def _process_inline(self):
        """Process one mail again, inside the caller's transaction."""
        self.write(
            {"state": "working", "attempts": self.attempts + 1, "date_next_try": False}
        )
        return self._try_inline()

    def _try_inline(self, thread=None):
        """Process one mail in hand inside the caller's transaction.

        :param thread: mail.thread on whose behalf, the system's if not given
        :return: what `message_process` answers, False when it went wrong
        :raise CONCURRENCY_ERRORS: the caller's whole transaction is to be repeated,
            which Odoo does for every remote call
        """
        mail, first_error = self._with_first_level(), None
        while True:
            try:
                with self.env.cr.savepoint():
                    result = mail._enter_by_itself(thread)
                    self._record_descent(first_error)
                    return result
            except Exception as error:  # noqa: PERF203 - each try is one
                # whatever it is: no mail is lost. Odoo's own fetching repeats nothing
                # and drops what raises, so that there the mail waits for its next try.
                by_odoo = self.env.context.get("default_fetchmail_server_id")
                if isinstance(error, CONCURRENCY_ERRORS) and not by_odoo:
                    raise
                first_error = first_error or error
                if lower := mail._with_lower_level(error):
                    mail = lower
                    continue
                self._record_failure(first_error)
                self._sync_quarantine_activities()
                return False

    # ------------------------------------------------------------
    # TROUBLE
    # ------------------------------------------------------------

    def _record_failure(self, error):
        """Write what went wrong into the row, and when to try again, if ever."""
        detail = "".join(traceback.format_exception(error)).replace("\0", "")
        _logger.info("Incoming mail %s could not be processed: %s", self.id, error)
        passing = isinstance(error, PASSING_ERRORS)
        if passing and self.attempts <= len(RETRY_MINUTES):
            delay = timedelta(minutes=RETRY_MINUTES[self.attempts - 1])
            state, next_try = "retry", fields.Datetime.now() + delay
            self._trigger_queue(next_try)
        else:
            state, next_try = "quarantine", False
        self.write(
            {
                "state": state,
                "date_next_try": next_try,
                "reason": self._get_error_text(error),
                "error_detail": detail[-DETAIL_LIMIT:],
            }
        )

    def _quarantine_interrupted(self):
        self.write(
            {
                "state": "quarantine",
                "reason": self.env._(
                    "The work on this mail ended %s times without a result: the "
                    "server was stopped, or the mail takes too much time or memory.",
                    self.attempts,
                ),
            }
        )

    def _get_error_text(self, error):
        """Say in plain words why a mail could not be processed."""
        _ = self.env._
        if isinstance(error, UserError):
            return str(error)
        words = (
            (CONCURRENCY_ERRORS, _("Somebody else was changing the same case.")),
            (MemoryError, _("There was not enough memory for this mail.")),
            (psycopg2.OperationalError, _("The database could not be reached.")),
            (psycopg2.InterfaceError, _("The database could not be reached.")),
            (OSError, _("The disk or the network did not answer.")),
            (RecursionError, _("Its parts are nested too deeply to be read.")),
            (LookupError, _("It names a character set or kind of part nobody knows.")),
            (UnicodeError, _("Its characters do not fit the set it names.")),
        )
        text = next(
            (text for kinds, text in words if isinstance(error, kinds)),
            _("It is not written as mails are, and could not be read."),
        )
        return f"{text}\n({type(error).__name__}: {error})".replace("\0", "")[:2000]

    @api.model
    def _trigger_queue(self, at=None):
        """Have the scheduled action run, now or at ``at``."""
        cron = self.env.ref(
            "crm_relations.ir_cron_mail_intake", raise_if_not_found=False
        )
        if cron:
            # sudo: a wake-up call, whoever brings the mail
            cron.sudo()._trigger(at)

    # ------------------------------------------------------------
    # WHO IS TOLD
    # ------------------------------------------------------------

    @api.model
    def _sync_quarantine_activities(self):
        """Let each section's manager have one activity while mails are in quarantine.

        Two queries when there is nothing to do.
        """
        kind = self.env.ref(
            "crm_relations.mail_activity_type_quarantine", raise_if_not_found=False
        )
        if not kind:
            return
        # sudo: activities of sections are made and ended by the system
        told = self.env["mail.activity"].sudo().with_context(active_test=False)
        told = told.search([("activity_type_id", "=", kind.id)])
        latest = {
            section or self._get_fallback_section(): date
            for section, date in self.sudo()._read_group(
                [("state", "=", "quarantine")], ["section_id"], ["write_date:max"]
            )
        }
        sections = {section.id for section in latest}
        told.filtered(lambda a: a.active and a.res_id not in sections).unlink()
        for section, date in latest.items():
            # who has ticked it off is told again when more comes
            is_told = told.exists().filtered(
                lambda activity, section=section, date=date: (
                    activity.res_id == section.id
                    and (activity.active or activity.write_date >= date)
                )
            )
            if section and not is_told and self._lock_activities(section):
                section._schedule_quarantine_activity(kind)

    def _lock_activities(self, section):
        """Keep two workers from telling the same manager; the later one lets it be."""
        # SQL: a lock of the transaction on a number of our own, no table involved
        query = SQL(
            "SELECT pg_try_advisory_xact_lock(hashtext('crm_mail_intake'), %s)",
            section.id,
        )
        return self.env.execute_query(query)[0][0]

    @api.model
    def _get_fallback_section(self):
        # sudo: as the gateway does for mail that names no section
        return self.env["crm.case.section"].sudo()._get_default_section()
