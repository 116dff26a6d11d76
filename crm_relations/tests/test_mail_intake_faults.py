"""The ledger while the database or the disk fails, counted in and out.

The database of a test run serves other runs beside this one, so it is not restarted.
What a restart does to Odoo happens all the same, with the server's own means: its
connections are ended by the server (the same FATAL as at a shutdown), new ones are
refused for a while, and what was not committed is gone. It happens in the worker, at
each step, which a restart from outside would only hit by chance.
"""

import os
import resource
import signal
import threading
import time
from contextlib import closing
from email import message_from_bytes
from email.policy import SMTP
from unittest.mock import patch

import psycopg2
from odoo import fields
from odoo.sql_db import connection_info_for

from .mail_intake_common import plain
from .mail_intake_process_common import (
    IMAP_STEPS,
    POP_STEPS,
    QUEUE_STEPS,
    MailProcessCommon,
    before,
    cls,
    die,
    once,
)

_DOWN = 0.3  # seconds for which a restarted database refuses connections
_ENDED = (0, 1)  # the worker may end well, or with an error that is logged
# what a mail writes, in the order of the work
_WRITTEN = (
    ("crm_mail_intake", "INSERT"),
    ("crm_mail_intake", "UPDATE"),
    ("crm_mail_intake_receipt", "INSERT"),
    ("crm_case", "INSERT"),
    ("crm_case_move", "INSERT"),
    ("mail_message", "INSERT"),
    ("crm_mail_intake_case_rel", "INSERT"),
)


class TestMailIntakeRestart(MailProcessCommon):
    def setUp(self):
        super().setUp()
        self.addCleanup(self._mend)

    # ------------------------------------------------------------
    # DATABASE RESTARTED
    # ------------------------------------------------------------

    def _administrate(self, *statements):
        """Run statements on the server, from outside of the database."""
        _name, info = connection_info_for("postgres")
        with closing(psycopg2.connect(**info)) as connection:
            connection.autocommit = True
            with connection.cursor() as cr:
                for statement in statements:
                    cr.execute(statement)

    def _allow(self, allowed):
        name = self.registry.db_name
        return f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}'

    def _stop_database(self):
        """Be the database that stops, for the worker that calls this."""
        end = f"""
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'odoo-{os.getpid()}'"""
        self._administrate(self._allow("false"), end)

    def _restart_database(self):
        """Be the database that stops and soon is back."""
        self._stop_database()
        timer = threading.Timer(_DOWN, self._administrate, [self._allow("true")])
        timer.start()

    def _mend(self):
        self._administrate(self._allow("true"))

    def _check_restart(self, kind, steps, work):
        for number, fault in enumerate((self._restart_database, self._stop_database)):
            with self.subTest(fault.__name__):
                named = [(f"{step} {number}", patcher) for step, patcher in steps]
                self._check_steps(kind, named, work, fault, _ENDED)
                self._clean_mails()

    def test_database_restarts_between_mailbox_and_ledger_over_imap(self):
        self._check_restart("imap", IMAP_STEPS, self._fetch)

    def test_database_restarts_between_mailbox_and_ledger_over_pop3(self):
        self._check_restart("pop", POP_STEPS, self._fetch)

    def test_database_restarts_between_ledger_and_case(self):
        self._check_restart("imap", QUEUE_STEPS, self._process)


class TestMailIntakeDisk(MailProcessCommon):
    def _fill_disk(self, table, events="INSERT"):
        """Let the server answer as it does when a table cannot grow."""
        with self._env() as env:
            env.cr.execute(
                f"""
                CREATE OR REPLACE FUNCTION crm_test_disk_full() RETURNS trigger AS $$
                BEGIN
                    RAISE EXCEPTION 'could not extend file: No space left on device'
                        USING ERRCODE = '53100';
                END $$ LANGUAGE plpgsql;
                CREATE TRIGGER crm_test_disk_full BEFORE {events} ON {table}
                    FOR EACH STATEMENT EXECUTE FUNCTION crm_test_disk_full()"""
            )

    def _free_disk(self):
        with self._env() as env:
            env.cr.execute("DROP FUNCTION IF EXISTS crm_test_disk_full CASCADE")

    def test_no_space_for_a_table(self):
        self.addCleanup(self._free_disk)
        _server_id, address = self._open("imap", "full")
        names = []
        for table, events in _WRITTEN:
            with self.subTest(f"{events} {table}"):
                new = [f"{table} {events} {number}" for number in range(3)]
                names += new
                self._deliver(address, *new)
                self._fill_disk(table, events)
                self.assertLessEqual(self._wait(self._fork(self._fetch)), set(_ENDED))
                with self._env() as env:
                    left = self.mail_server.messages(address)
                    unread = [raw for raw, flags in left if "\\Seen" not in flags]
                    rows = self._get_rows(env)
                    # counted: each is in the mailbox or in the ledger
                    self.assertEqual(len(unread) + len(rows), len(names))
                    done = rows.filtered(lambda row: row.state == "done")
                    self.assertEqual(len(done), len(names) - len(new))
                    self.assertNotIn("quarantine", rows.mapped("state"))
                self._free_disk()
                self._run_to_the_end()
                self._check_all_once(names)

    def _deliver_file(self, address, name):
        """Deliver a mail with a file.

        :return: the bytes of the file
        """
        content = os.urandom(300_000)
        mail = message_from_bytes(plain(name), policy=SMTP)
        mail.add_attachment(
            content, maintype="application", subtype="pdf", filename="offer.pdf"
        )
        self.mail_server.deliver(address, mail.as_bytes())
        return content

    def _check_file(self, content):
        with self._env() as env:
            found = self._get_cases(env).message_ids.attachment_ids
            self.assertEqual(found.mapped("name"), ["offer.pdf"])
            self.assertTrue(found.raw == content)

    def test_no_space_for_a_file(self):
        """The file system refuses in the middle of the file, as a full one does."""
        _server_id, address = self._open("imap", "file")
        content = self._deliver_file(address, "file")
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

        def fetch(env):
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit))
            self._fetch(env)

        self.assertEqual(self._wait(self._fork(fetch)), {0})
        with self._env() as env:
            self.assertEqual(self._get_rows(env).mapped("state"), ["retry"])
        self._run_to_the_end()
        self._check_all_once(["file"])
        self._check_file(content)

    def test_killed_in_the_middle_of_a_file(self):
        _server_id, address = self._open("imap", "half")
        content = self._deliver_file(address, "half")

        def write_half(env):
            def write(attachments, data, checksum):
                path = attachments._get_path(data, checksum)[1]
                with open(path, "wb") as file:
                    file.write(data[: len(data) // 2])
                    file.flush()
                    die()

            return patch.object(cls(env, "ir.attachment"), "_file_write", write)

        killed = self._wait(self._fork(self._fetch, write_half))
        self.assertEqual(killed, {-signal.SIGKILL})
        self._run_to_the_end()
        self._check_all_once(["half"])
        self._check_file(content)


class TestMailIntakeRecord(MailProcessCommon):
    """The record of a mailbox while the mailbox is read."""

    def _wait_for(self, condition):
        """Wait until ``condition(env)`` holds, each time in a new transaction."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with self._env() as env:
                if condition(env):
                    return
            time.sleep(0.02)
        self.fail("it did not come to that")

    def _pause_at(self, model, method, seconds=1):
        return lambda env: before(cls(env, model), method, once(time.sleep, seconds))

    def test_edited_while_it_is_read(self):
        server_id, address = self._open("imap", "edit")
        self._deliver(address, "a", "b")
        pid = self._fork(self._fetch, self._pause_at("fetchmail.server", "_store"))
        self._wait_for(lambda env: env["fetchmail.server"].browse(server_id).date)
        with self._env() as env:
            server = env["fetchmail.server"].browse(server_id)
            server.write({"name": "E", "priority": 9})
        self.assertEqual(self._wait(pid), {0})
        self._check_all_once(["a", "b"])
        with self._env() as env:
            server = env["fetchmail.server"].browse(server_id)
            self.assertEqual((server.name, server.priority), ("E", 9))
            self.assertTrue(server.intake_last_uid)
            self.assertTrue(server.date_last_success)

    def test_saved_at_the_moment_the_visit_ends(self):
        server_id, address = self._open("imap", "save")
        self._deliver(address, "a")
        pid = self._fork(
            self._fetch, self._pause_at("fetchmail.server", "_end_visit", 5)
        )
        # the last that the visit notes before it pauses
        self._wait_for(
            lambda env: env["fetchmail.server"].browse(server_id).intake_last_uid
        )
        with self._env() as env:
            env["fetchmail.server"].browse(server_id).name = "S"
            env.flush_all()
            time.sleep(6)  # the visit ends meanwhile, and waits for this transaction
        self.assertEqual(self._wait(pid), {0})
        with self._env() as env:
            server = env["fetchmail.server"].browse(server_id)
            self.assertEqual((server.name, server.failures), ("S", 0))
            self.assertTrue(server.date_last_success)

    def test_removed_while_it_is_read(self):
        server_id, address = self._open("imap", "gone")
        self._deliver(address, "a", "b")
        pid = self._fork(self._fetch, self._pause_at("fetchmail.server", "_store"))
        self._wait_for(lambda env: env["fetchmail.server"].browse(server_id).date)
        with self._env() as env:
            env["fetchmail.server"].browse(server_id).unlink()
        self.server_ids.remove(server_id)
        self.assertLessEqual(self._wait(pid), set(_ENDED))
        self._open("imap", "gone")
        self._run_to_the_end()
        self._check_all_once(["a", "b"])

    def test_killed_worker_leaves_the_mailbox_behind_the_others(self):
        server_id, _address = self._open("imap", "kill")

        def kill(env):
            return before(cls(env, "fetchmail.server"), "_store_new", die)

        self.assertEqual(self._wait(self._fork(self._fetch, kill)), {-signal.SIGKILL})
        with self._env() as env:
            server = env["fetchmail.server"].browse(server_id)
            self.assertGreater(server.date_next_visit, fields.Datetime.now())
            self.assertTrue(server.date)
            self.assertFalse(server.failures)
