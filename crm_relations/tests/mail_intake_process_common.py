"""Workers in processes of their own, with real transactions and a real mail server.

Everything here is committed and removed again: a crash cannot be tried in a
transaction that the test rolls back.
"""

import signal
import tempfile
from pathlib import Path
from unittest.mock import patch

from odoo import fields
from odoo.addons.crm_relations.tools import mailbox_reader
from odoo.tests import tagged

from .mail_intake_common import plain
from .mail_server import MailServer
from .worker_common import WorkerCommon, die

_PASSWORD = "secret"
_QUEUE = "odoo.addons.crm_relations.models.crm_mail_intake_queue_mixin"
COUNT = 6  # mails that are on their way at each step


def before(owner, name, fault):
    """Patch a method so that ``fault`` happens first."""
    original = getattr(owner, name)

    def call(*args, **kwargs):
        fault()
        return original(*args, **kwargs)

    return patch.object(owner, name, call)


def after(owner, name, fault):
    """Patch a method so that ``fault`` happens when it is over."""
    original = getattr(owner, name)

    def call(*args, **kwargs):
        result = original(*args, **kwargs)
        fault()
        return result

    return patch.object(owner, name, call)


def once(fault, *args):
    """Let a fault happen the first time only, in each process."""
    happened = []

    def call():
        if not happened:
            happened.append(True)
            fault(*args)

    return call


def subject(name):
    return name.replace(" ", "-").replace(",", "")


@tagged("post_install", "-at_install", "crm_relations")
class MailProcessCommon(WorkerCommon):
    """A section, its mailboxes, and workers that fetch and process its mail."""

    context = {"fetchmail_cron_running": True, "tracking_disable": True}

    def setUp(self):
        super().setUp()
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
        self.addCleanup(self._clean)

    def _clean_mails(self):
        """Forget all mails, so that a test can begin afresh."""
        with self._env() as env:
            rows = self._get_rows(env)
            env["crm.mail.intake.receipt"].search(
                [("intake_id", "in", rows.ids)]
            ).unlink()
            rows.unlink()
            self._get_cases(env).unlink()
            servers = env["fetchmail.server"].browse(self.server_ids).exists()
            for address in servers.mapped("user"):
                self.mail_server.clear(address)
            servers.unlink()
            self.server_ids.clear()

    def _clean(self):
        self._clean_mails()
        with self._env() as env:
            env["crm.case.section"].browse(self.section_id).unlink()
            env["fetchmail.server"].browse(self.others).active = True
            kind = env.ref("crm_relations.mail_activity_type_quarantine")
            env["mail.activity"].search([("activity_type_id", "=", kind.id)]).unlink()

    def _get_rows(self, env):
        return env["crm.mail.intake"].search([("section_id", "=", self.section_id)])

    def _get_cases(self, env):
        return env["crm.case"].search([("section_id", "=", self.section_id)])

    def _open(self, kind, name):
        """Open a mailbox.

        :return: (id of the fetchmail.server, address)
        """
        address = f"{name}@crash.example"
        self.mail_server.add_mailbox(address, _PASSWORD)
        ports = {"imap": self.mail_server.imap_port, "pop": self.mail_server.pop3_port}
        with self._env() as env:
            server = env["fetchmail.server"].create(
                {
                    "name": address,
                    "user": address,
                    "password": _PASSWORD,
                    "server_type": kind,
                    "server": self.mail_server.host,
                    "port": ports[kind],
                    "section_id": self.section_id,
                    "state": "done",
                }
            )
            self.server_ids.append(server.id)
        return server.id, address

    def _deliver(self, address, *names):
        for name in names:
            self.mail_server.deliver(address, plain(subject(name)))

    # ------------------------------------------------------------
    # WORKERS
    # ------------------------------------------------------------

    def _fetch(self, env):
        env["fetchmail.server"].browse(self.server_ids)._fetch_mail()

    def _process(self, env):
        env["crm.mail.intake"]._cron_process()

    def _run_to_the_end(self, patcher=None):
        """Let healthy workers do what is left; what waits for a later try is due."""
        self.assertEqual(self._wait(self._fork(self._fetch, patcher)), {0})
        with self._env() as env:
            waiting = self._get_rows(env).filtered("date_next_try")
            waiting.date_next_try = fields.Datetime.now()
        self.assertEqual(self._wait(self._fork(self._process, patcher)), {0})

    # ------------------------------------------------------------
    # COUNTED IN AND OUT
    # ------------------------------------------------------------

    def _check_all_once(self, names, states=("done",)):
        """Check that each mail became one case with one message, and nothing else."""
        with self._env() as env:
            cases = self._get_cases(env)
            self.assertEqual(
                sorted(cases.mapped("name")),
                sorted(f"Mail {subject(name)}" for name in names),
            )
            for case in cases:
                emails = case.message_ids.filtered(lambda m: m.message_type == "email")
                self.assertEqual(len(emails), 1)
            rows = self._get_rows(env)
            self.assertEqual(
                set(rows.mapped("state")), set(states), rows.mapped("reason")
            )

    def _check_steps(self, kind, steps, work, fault, codes=(-signal.SIGKILL,)):
        """Let a fault happen at each step, healthy workers go on, and count.

        :param steps: (name, function that makes a patch of (environment, fault)) each
        :param work: `_fetch` or `_process`
        :param fault: function without arguments
        :param codes: with which the worker may end
        """
        names = []
        _server_id, address = self._open(kind, kind)
        # a file tells the parent that it came to the fault
        marker = Path(self.mail_server.folder, "happened")

        def happen():
            marker.touch()
            fault()

        for step, patcher in steps:
            new = [f"{kind} {step} {number}" for number in range(COUNT)]
            names += new
            self._deliver(address, *new)
            if work == self._process:
                self._wait(self._fork(self._fetch, stop_before_processing))
            with self.subTest(step):

                def patched(env, patcher=patcher):
                    return patcher(env, once(happen))

                ended = self._wait(self._fork(work, patched))
                self.assertLessEqual(ended, set(codes))
                self.assertTrue(marker.exists())
                marker.unlink()
                self._mend()
                self._run_to_the_end()
                self._check_all_once(names)
                left = self.mail_server.messages(address)
                if kind == "imap":
                    self.assertTrue(all("\\Seen" in flags for _raw, flags in left))
                else:
                    self.assertFalse(left)

    def _mend(self):
        """Undo the fault, where it does not end with the worker."""


def cls(env, model):
    return type(env[model])


def stop_before_processing(env):
    """Patch a worker so that it is killed when all is fetched."""
    return before(cls(env, "crm.mail.intake"), "_process_due", die)


# Where a worker is stopped: (what happens there, patch of an environment and a fault).
# The order is the order of the work.
IMAP_STEPS = (
    ("begun", lambda e, f: after(cls(e, "fetchmail.server"), "_begin_visit", f)),
    ("connected", lambda e, f: before(_box("ImapBox"), "find_new", f)),
    ("listed", lambda e, f: before(_box("ImapBox"), "_read_group", f)),
    ("given", lambda e, f: before(cls(e, "fetchmail.server"), "_store", f)),
    ("inserted", lambda e, f: after(cls(e, "crm.mail.intake"), "_store", f)),
    ("committed", lambda e, f: after(cls(e, "fetchmail.server"), "_store", f)),
    ("marked", lambda e, f: before(cls(e, "fetchmail.server"), "_remember", f)),
    (
        "read to its end",
        lambda e, f: before(cls(e, "fetchmail.server"), "_end_visit", f),
    ),
    ("fetched", lambda e, f: before(cls(e, "crm.mail.intake"), "_process_due", f)),
)
POP_STEPS = (
    ("listed", lambda e, f: before(_box("PopBox"), "_read_one", f)),
    ("committed", lambda e, f: before(_box("PopBox"), "delete", f)),
    ("deleted, not ended", lambda e, f: after(_box("PopBox"), "delete", f)),
)
QUEUE_STEPS = (
    ("claimed", lambda e, f: before(cls(e, "crm.mail.intake"), "_process_batch", f)),
    ("locked", lambda e, f: before(cls(e, "crm.mail.intake"), "_enter_by_itself", f)),
    ("routed", lambda e, f: before(cls(e, "crm.case"), "message_new", f)),
    ("case made", lambda e, f: after(cls(e, "crm.case"), "message_new", f)),
    ("message made", lambda e, f: before(cls(e, "crm.mail.intake"), "_conclude", f)),
    ("concluded", lambda e, f: after(cls(e, "crm.mail.intake"), "_conclude", f)),
    (
        "all entered, not committed",
        lambda e, f: after(cls(e, "crm.mail.intake"), "_enter_for_a_while", f),
    ),
)


def _box(name):
    return getattr(mailbox_reader, name)
