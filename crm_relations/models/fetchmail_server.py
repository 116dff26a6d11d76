import logging
from contextlib import suppress
from datetime import datetime

import psycopg2
from odoo import SUPERUSER_ID, api, fields, models
from odoo.addons.mail.models import fetchmail

from ..tools import mailbox_connection, mailbox_reader

_logger = logging.getLogger(__name__)

BATCH_LIMIT = 200  # mails stored per mailbox and run; the scheduler comes again


class FetchmailServer(models.Model):
    """Mailboxes of sections: stored first, marked afterwards, processed last.

    =============== ======================================================
    killed          what the next run finds
    =============== ======================================================
    while fetching  nothing stored, nothing marked: fetched again
    after storing   stored, not marked: known by its key, and marked
    after marking   the row, which waits to be processed
    =============== ======================================================
    """

    _name = "fetchmail.server"
    _inherit = [
        "fetchmail.server",
        "crm.mailbox.visit.mixin",
        "crm.mailbox.sender.mixin",
        "crm.mailbox.health.mixin",
    ]

    section_id = fields.Many2one(
        "crm.case.section",
        index="btree_not_null",
        ondelete="set null",
        help="Mail from this mailbox opens cases of this section, unless it is "
        "addressed to another alias.",
    )
    object_id = fields.Many2one(
        compute="_compute_object_id", store=True, readonly=False, precompute=True
    )
    intake_mailbox = fields.Char(
        "Mailbox Read",
        readonly=True,
        copy=False,
        help="Which mailbox the last number belongs to, as the server calls it.",
    )
    intake_last_uid = fields.Integer(
        "Last Number Read", readonly=True, copy=False, aggregator=None
    )

    @api.depends("section_id")
    def _compute_object_id(self):
        for server in self:
            if server.section_id:
                server.object_id = self.env["ir.model"]._get("crm.case")
            else:
                server.object_id = server.object_id

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        servers = super().create(vals_list)
        self.env["mail.alias"]._forget_inbound()
        return servers

    def write(self, vals):
        result = super().write(vals)
        if not vals.keys().isdisjoint(("user", "section_id", "active")):
            self.env["mail.alias"]._forget_inbound()
        return result

    def unlink(self):
        self.env["mail.alias"]._forget_inbound()
        return super().unlink()

    # ------------------------------------------------------------
    # FETCH
    # ------------------------------------------------------------

    def _fetch_mail(self, batch_limit=None):
        """Fetch the mailboxes of cases our way, all others as Odoo does.

        :param batch_limit: mails per mailbox, each way's own limit if not given
        :return: the last error, or None
        """
        ours = self.filtered(
            lambda server: server.section_id or server.object_id.model == "crm.case"
        )
        others = self - ours
        error = None
        if others or not ours:
            limit = {"batch_limit": batch_limit} if batch_limit else {}
            error = super(FetchmailServer, others)._fetch_mail(**limit)
        if ours:
            error = ours._fetch_to_ledger(batch_limit or BATCH_LIMIT) or error
        return error

    def _fetch_to_ledger(self, limit):
        """Fetch these mailboxes, the one that waits longest first.

        So a dead server takes its time once and stands behind all others then.
        """
        Cron = self.env["ir.cron"]
        error = None
        # what the mailboxes before us left to do is still left
        progress = self.env["ir.cron.progress"].sudo()
        left = progress.browse(
            self.env.context.get("ir_cron_progress_id", [])
        ).remaining
        servers = self.with_context(fetchmail_cron_running=True)
        servers = servers._get_due().sorted(lambda box: box.date or datetime.min)
        Cron._commit_progress(remaining=left + len(servers))
        for position, server in enumerate(servers, 1):
            found, more = server._visit(limit)
            error = found or error
            # commit before the progress: it releases the lock, and Odoo's note of the
            # progress must not meet an older snapshot (see Odoo's own `_fetch_mail`)
            self.env.cr.commit()  # pylint: disable=invalid-commit
            if not Cron._commit_progress(
                0 if found else 1, remaining=left + len(servers) - position + more
            ):
                break
        return error

    def _visit(self, limit):
        """Store what is new in one mailbox, then process it.

        :return: (the error or None, whether the mailbox has more)
        """
        error, stored, more = None, [], False
        if not self._lock_visit() or not self.exists().filtered_domain(
            fetchmail.MAIL_SERVER_DOMAIN
        ):
            return error, more
        self._begin_visit()
        try:
            with mailbox_connection.Watch() as watch:
                more = self.with_context(crm_mailbox_watch=watch)._store_new(
                    limit, stored
                )
        except Exception as problem:
            # kept on the server's record, as Odoo does; the other mailboxes go on
            error = problem
            if isinstance(problem, psycopg2.Error):
                # this cursor is of no use before; what was stored is on another
                self.env.cr.rollback()
            _logger.info("Fetching from mailbox %s failed", self.id, exc_info=True)
        self._end_visit(error)
        if stored:
            self._process_stored(stored)
        return error, more

    def _process_stored(self, ids):
        """Process what was just stored, as far as time allows; the rest waits."""
        with self.env["crm.mail.intake"]._open_cursor() as mails:
            if not mails._process_due(ids):
                mails._trigger_queue()
            mails._sync_quarantine_activities()

    def _store_new(self, limit, stored):
        """Bring new mails into the ledger and mark them on the server.

        :param stored: list that receives the ids of the rows
        :return: whether there is more than ``limit``
        """
        if self._get_connection_type() == "pop":
            return self._store_new_pop(limit, stored)
        return self._store_new_imap(limit, stored)

    def _has_time(self):
        watch = self._get_watch()
        return not watch or watch.has_time()

    def _get_watch(self):
        """Give the `Watch` of the visit, or None; a remote caller cannot make one."""
        watch = self.env.context.get("crm_mailbox_watch")
        return watch if isinstance(watch, mailbox_connection.Watch) else None

    def _connect__(self, allow_archived=False):
        """Connect as Odoo does, but so that the visit ends in time.

        Whoever connects in another way goes on doing so, and is watched from then on.
        """
        watch, connect = self._get_watch(), super()._connect__
        if not watch or not (self.active or allow_archived):
            return connect(allow_archived)
        if connect.__module__ != fetchmail.__name__:
            connection = connect(allow_archived)
            watch.add(connection.sock)
            return connection
        kind = self._get_connection_type()
        connection = mailbox_connection.KINDS[kind, self.is_ssl](
            self.server, self.port, watch
        )
        if kind == "imap":
            self._imap_login__(connection)
        else:
            connection.user(self.user)
            connection.pass_(self.password)
        return connection

    def _store(self, messages, stored):
        """Commit mails to the ledger; after this, the server may forget them.

        On a cursor of its own: this one holds the lock on the mailbox.
        """
        with self.env.registry.cursor() as cr:
            env = self.env(cr=cr, user=SUPERUSER_ID, su=True)
            server = self.with_env(env)
            rows = env["crm.mail.intake"]._store(messages, server, server.section_id)
            stored += rows.ids

    def _find_stored(self, keys):
        """Give those of ``keys`` that the ledger has for this mailbox."""
        # sudo: the ledger belongs to managers, mailboxes to administrators
        rows = (
            self.env["crm.mail.intake"]
            .sudo()
            .search_fetch(
                [("server_id", "=", self.id), ("transport_key", "in", list(keys))],
                ["transport_key"],
            )
        )
        return set(rows.mapped("transport_key"))

    # ------------------------------------------------------------
    # IMAP
    # ------------------------------------------------------------

    def _store_new_imap(self, limit, stored):
        connection = self._connect__()
        try:
            box = mailbox_reader.ImapBox(connection, self._get_login_digest())
            uids = box.find_new(self._get_last_uid(box), self._get_since(box))
            known = self._find_stored(map(box.key, uids))
            box.mark_seen([uid for uid in uids if box.key(uid) in known])
            new = [uid for uid in uids if box.key(uid) not in known]
            failed, left = [], new[limit:]
            for chunk in box.fetch(new[:limit], failed):
                self._store([(box.key(uid), raw) for uid, raw in chunk], stored)
                box.mark_seen([uid for uid, _raw in chunk])
                if chunk and not self._has_time():
                    left = [uid for uid in new if uid > chunk[-1][0]]
                    break
            last_uid = box.advance(self._get_last_uid(box), [*left, *failed])
            self._remember(box, last_uid)
            mailbox_reader.raise_unreadable(failed)
            return bool(left)
        finally:
            _disconnect(connection)

    def _get_login_digest(self):
        """Name the account: another server or user makes it another mailbox."""
        return mailbox_reader.digest(self.server, self.user)

    def _get_last_uid(self, box):
        return self.intake_last_uid if self.intake_mailbox == box.name else 0

    def _get_since(self, box):
        """Give the day from which to read all; None means only what is unread.

        A server that has numbered its mails anew (rare) must be read from the last
        visit on. What was there before is recognised as received.
        """
        same_login = (self.intake_mailbox or "").startswith(
            f"{self._get_login_digest()}/"
        )
        if same_login and self.intake_mailbox != box.name:
            return self.date
        return None

    def _remember(self, box, last_uid):
        if (self.intake_mailbox, self.intake_last_uid) != (box.name, last_uid):
            values = {"intake_mailbox": box.name, "intake_last_uid": last_uid}
            self._note(lambda server: server.write(values))

    # ------------------------------------------------------------
    # POP3
    # ------------------------------------------------------------

    def _store_new_pop(self, limit, stored):
        """Read and delete in small groups, a session each.

        A server deletes when the session ends well; what a cut brings back is known
        by its key.
        """
        failed, more = set(), True
        while more and limit > 0:
            skipped = len(failed)
            connection = self._connect__()
            try:
                box = mailbox_reader.PopBox(connection, self._get_login_digest())
                chunk, more = box.fetch(limit, failed)
                self._store([(key, raw) for _number, key, raw in chunk], stored)
                box.delete([number for number, _key, _raw in chunk])
            finally:
                _disconnect(connection)
            limit -= len(chunk)
            # as long as it gets on, if only past mails that cannot be read
            more = more and (bool(chunk) or len(failed) > skipped)
            if not self._has_time():
                break
        mailbox_reader.raise_unreadable(failed)
        return more


def _disconnect(connection):
    # whatever goes wrong now, what was committed is ours and the rest comes again
    with suppress(Exception):
        connection.disconnect()
