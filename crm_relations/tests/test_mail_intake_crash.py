"""The ledger under kill -9, with real transactions and a real mail server.

Everything here is committed and removed again: a crash cannot be tried in a
transaction that the test rolls back.
"""

import logging
import os
import signal
import tempfile
import time
from contextlib import contextmanager
from unittest.mock import patch

from odoo import SUPERUSER_ID, api, sql_db
from odoo.addons.crm_relations.tools import mailbox_reader
from odoo.modules.registry import Registry
from odoo.tests import BaseCase, get_db_name, tagged

from .mail_intake_common import plain, poison
from .mail_server import MailServer

_PASSWORD = "secret"
_COUNT = 6
_TIMEOUT = 60  # seconds for a child


def _die(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)


def _before(owner, name):
    return patch.object(owner, name, _die)


def _after(owner, name):
    original = getattr(owner, name)

    def call(*args, **kwargs):
        original(*args, **kwargs)
        _die()

    return patch.object(owner, name, call)


def _cls(env, model):
    return type(env[model])


# Where a worker is killed: (what happens there, patch made of an environment). The
# order is the order of the work.
_IMAP_STEPS = (
    ("connected", lambda env: _before(mailbox_reader.ImapBox, "find_new")),
    ("listed", lambda env: _before(mailbox_reader.ImapBox, "_read_group")),
    ("read", lambda env: _before(_cls(env, "fetchmail.server"), "_store")),
    ("inserted", lambda env: _after(_cls(env, "crm.mail.intake"), "_store")),
    ("committed", lambda env: _after(_cls(env, "fetchmail.server"), "_store")),
    ("marked", lambda env: _before(_cls(env, "fetchmail.server"), "_remember")),
    ("fetched", lambda env: _before(_cls(env, "crm.mail.intake"), "_process_due")),
)
_POP_STEPS = (
    ("listed", lambda env: _before(mailbox_reader.PopBox, "_read_one")),
    ("committed", lambda env: _before(mailbox_reader.PopBox, "delete")),
    ("deleted, not ended", lambda env: _after(mailbox_reader.PopBox, "delete")),
)
_QUEUE_STEPS = (
    ("claimed", lambda env: _before(_cls(env, "crm.mail.intake"), "_process_claimed")),
    ("locked", lambda env: _before(_cls(env, "crm.mail.intake"), "_enter_by_itself")),
    ("routed", lambda env: _before(_cls(env, "crm.case"), "message_new")),
    ("case made", lambda env: _after(_cls(env, "crm.case"), "message_new")),
    ("message made", lambda env: _before(_cls(env, "crm.mail.intake"), "_conclude")),
    ("concluded", lambda env: _after(_cls(env, "crm.mail.intake"), "_conclude")),
)


_QUEUE = "odoo.addons.crm_relations.models.crm_mail_intake_queue_mixin"


@tagged("post_install", "-at_install", "crm_relations")
class TestMailIntakeCrash(BaseCase):
    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())
        # what a killed worker had in hand is free at once; children inherit it
        self.grace = patch(f"{_QUEUE}.CLAIM_GRACE", 0)
        self.grace.start()
        self.addCleanup(self.grace.stop)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.mail_server = MailServer(folder.name)
        self.addCleanup(self.mail_server.stop)
        self.mail_server.start()
        with self._env() as env:
            self.others = env["fetchmail.server"].search([]).ids
            env["fetchmail.server"].browse(self.others).active = False
            section = env["crm.case.section"].create({"name": "Crash"})
            self.section_id, self.server_ids = section.id, []
            self.last_message = env["mail.message"].search([], limit=1).id or 0
        self.addCleanup(self._clean)

    @contextmanager
    def _env(self):
        """Give an environment whose changes are kept."""
        with self.registry.cursor() as cr:
            yield api.Environment(
                cr,
                SUPERUSER_ID,
                {"fetchmail_cron_running": True, "tracking_disable": True},
            )

    def _clean(self):
        with self._env() as env:
            rows = env["crm.mail.intake"].search([("section_id", "=", self.section_id)])
            env["crm.mail.intake.receipt"].search(
                [("intake_id", "in", rows.ids)]
            ).unlink()
            rows.unlink()
            cases = env["crm.case"].search([("section_id", "=", self.section_id)])
            cases.unlink()
            env["fetchmail.server"].with_context(active_test=False).browse(
                self.server_ids
            ).unlink()
            env["crm.case.section"].browse(self.section_id).unlink()
            env["fetchmail.server"].browse(self.others).active = True
            kind = env.ref("crm_relations.mail_activity_type_quarantine")
            env["mail.activity"].search([("activity_type_id", "=", kind.id)]).unlink()

    def _open(self, kind, name):
        address = f"{name}@crash.example"
        self.mail_server.add_mailbox(address, _PASSWORD)
        port = (
            self.mail_server.imap_port if kind == "imap" else self.mail_server.pop3_port
        )
        with self._env() as env:
            server = env["fetchmail.server"].create(
                {
                    "name": address,
                    "user": address,
                    "password": _PASSWORD,
                    "server_type": kind,
                    "server": self.mail_server.host,
                    "port": port,
                    "section_id": self.section_id,
                    "state": "done",
                }
            )
            self.server_ids.append(server.id)
        return server.id, address

    def _fork(self, work, patcher=None):
        """Do ``work(env)`` in a process of its own.

        :param patcher: where that process is killed, if anywhere
        :return: its process id
        """
        pid = os.fork()
        if pid:
            return pid
        try:
            # connections are the parent's: made anew here, and not closed
            sql_db._Pool = sql_db._Pool_readonly = None
            self.registry._db = sql_db.db_connect(self.registry.db_name)
            self.registry._db_readonly = None
            logging.disable(logging.CRITICAL)
            with self._env() as env:
                if patcher:
                    patcher(env).start()
                work(env)
                env.cr.commit()  # pylint: disable=invalid-commit
        except BaseException:
            os._exit(1)
        finally:
            os._exit(0)

    def _wait(self, *pids):
        """Wait for children.

        :return: set of their exit codes, -9 for those that were killed
        """
        codes, deadline = set(), time.monotonic() + _TIMEOUT
        for pid in pids:
            done, status = os.waitpid(pid, os.WNOHANG)
            while not done and time.monotonic() < deadline:
                time.sleep(0.02)
                done, status = os.waitpid(pid, os.WNOHANG)
            if not done:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self.fail("a worker did not end")
            codes.add(os.waitstatus_to_exitcode(status))
        return codes

    def _fetch(self, env):
        env["fetchmail.server"].browse(self.server_ids)._fetch_mail()

    def _process(self, env):
        env["crm.mail.intake"]._cron_process()

    def _run_to_the_end(self):
        self.assertEqual(self._wait(self._fork(self._fetch)), {0})
        self.assertEqual(self._wait(self._fork(self._process)), {0})

    def _check_all_once(self, names, states=("done",)):
        """Check that each mail became one case with one message, and nothing else."""
        with self._env() as env:
            cases = env["crm.case"].search([("section_id", "=", self.section_id)])
            self.assertEqual(
                sorted(cases.mapped("name")), sorted(f"Mail {name}" for name in names)
            )
            for case in cases:
                emails = case.message_ids.filtered(lambda m: m.message_type == "email")
                self.assertEqual(len(emails), 1)
            rows = env["crm.mail.intake"].search([("section_id", "=", self.section_id)])
            self.assertEqual(
                set(rows.mapped("state")), set(states), rows.mapped("reason")
            )

    # ------------------------------------------------------------
    # KILLED
    # ------------------------------------------------------------

    def _check_steps(self, kind, steps, work):
        names = []
        server_id, address = self._open(kind, kind)
        for step, patcher in steps:
            new = [f"{kind} {step} {number}" for number in range(_COUNT)]
            names += new
            for name in new:
                raw = plain(name.replace(" ", "-").replace(",", ""))
                self.mail_server.deliver(
                    address, raw.replace(b"Subject: Mail", b"Subject: Mail", 1)
                )
            if work == self._process:
                stopped = ("fetched", _IMAP_STEPS[-1][1])
                self._wait(self._fork(self._fetch, stopped[1]))
            with self.subTest(step):
                self.assertEqual(self._wait(self._fork(work, patcher)), {-9})
                self._run_to_the_end()
                self._check_all_once(
                    [name.replace(" ", "-").replace(",", "") for name in names]
                )
                left = self.mail_server.messages(address)
                if kind == "imap":
                    self.assertTrue(all("\\Seen" in flags for _raw, flags in left))
                else:
                    self.assertFalse(left)
        self.assertTrue(server_id)

    def test_killed_between_mailbox_and_ledger_over_imap(self):
        self._check_steps("imap", _IMAP_STEPS, self._fetch)

    def test_killed_between_mailbox_and_ledger_over_pop3(self):
        self._check_steps("pop", _POP_STEPS, self._fetch)

    def test_killed_between_ledger_and_case(self):
        self._check_steps("imap", _QUEUE_STEPS, self._process)

    def test_mail_that_kills_three_workers_lets_the_others_pass(self):
        _server_id, address = self._open("imap", "bomb")
        for name in ("bomb", "a", "b"):
            self.mail_server.deliver(address, plain(name))
        self._wait(self._fork(self._fetch, _IMAP_STEPS[-1][1]))

        def bomb(env):
            model = _cls(env, "crm.mail.intake")
            original = model._enter_by_itself

            def enter(mail, thread=None):
                return _die() if "bomb" in mail.subject else original(mail, thread)

            return patch.object(model, "_enter_by_itself", enter)

        for _time in range(3):
            self.assertEqual(self._wait(self._fork(self._process, bomb)), {-9})
        self.assertEqual(self._wait(self._fork(self._process, bomb)), {0})
        self._check_all_once(["a", "b"], ("done", "quarantine"))

    # ------------------------------------------------------------
    # SIDE BY SIDE
    # ------------------------------------------------------------

    def test_three_workers_and_two_pollers_at_once(self):
        self.grace.stop()
        names = [f"crowd{number}" for number in range(40)]
        for kind in ("imap", "pop"):
            _server_id, address = self._open(kind, f"crowd-{kind}")
            # the same mails in both mailboxes of one section
            for name in names:
                self.mail_server.deliver(address, plain(name))
            self.mail_server.deliver(address, poison())
        pids = [self._fork(self._fetch) for _index in range(2)]
        pids += [self._fork(self._process) for _index in range(3)]
        self.assertEqual(self._wait(*pids), {0})
        self._run_to_the_end()
        self._check_all_once(names, ("done", "duplicate", "quarantine"))
        with self._env() as env:
            rows = env["crm.mail.intake"].search([("section_id", "=", self.section_id)])
            self.assertEqual(len(rows), 2 * (len(names) + 1))
            counts = {
                state: len(found) for state, found in rows.grouped("state").items()
            }
        self.assertEqual(counts, {"done": 40, "duplicate": 40, "quarantine": 2})

    def test_same_mail_in_the_hands_of_three_workers(self):
        """One barrier, one mail in three rows: one enters, whoever comes first."""
        self.grace.stop()
        with self._env() as env:
            for number in range(15):
                for copy in range(3):
                    env["crm.mail.intake"].create(
                        {
                            "raw": b"X-Copy: %d\r\n" % copy + plain(f"same{number}"),
                            "section_id": self.section_id,
                        }
                    )
        begin = time.monotonic() + 1

        def process(env):
            time.sleep(max(0, begin - time.monotonic()))
            self._process(env)

        # names no section itself, so the first one has it
        with self._env() as env:
            env["crm.case.section"].browse(self.section_id).sequence = -1000
        pids = [self._fork(process) for _index in range(3)]
        self.assertEqual(self._wait(*pids), {0})
        self._check_all_once(
            [f"same{number}" for number in range(15)], ("done", "duplicate")
        )
