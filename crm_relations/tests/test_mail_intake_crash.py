"""The ledger under kill -9; the table of steps is in `mail_intake_process_common`."""

import time
from unittest.mock import patch

from .mail_intake_common import plain, poison, refuse_poison
from .mail_intake_process_common import (
    IMAP_STEPS,
    POP_STEPS,
    QUEUE_STEPS,
    MailProcessCommon,
    cls,
    die,
    stop_before_processing,
)


class TestMailIntakeCrash(MailProcessCommon):
    # ------------------------------------------------------------
    # KILLED
    # ------------------------------------------------------------

    def test_killed_between_mailbox_and_ledger_over_imap(self):
        self._check_steps("imap", IMAP_STEPS, self._fetch, die)

    def test_killed_between_mailbox_and_ledger_over_pop3(self):
        self._check_steps("pop", POP_STEPS, self._fetch, die)

    def test_killed_between_ledger_and_case(self):
        self._check_steps("imap", QUEUE_STEPS, self._process, die)

    def test_mail_that_kills_three_workers_lets_the_others_pass(self):
        _server_id, address = self._open("imap", "bomb")
        self._deliver(address, "bomb", "a", "b")
        self._wait(self._fork(self._fetch, stop_before_processing))

        def bomb(env):
            model = cls(env, "crm.mail.intake")
            original = model._enter_by_itself

            def enter(mail, thread=None):
                return die() if "bomb" in mail.subject else original(mail, thread)

            return patch.object(model, "_enter_by_itself", enter)

        # once together with the others, then three times alone
        for _time in range(4):
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
            self._deliver(address, *names)
            self.mail_server.deliver(address, poison())
        pids = [self._fork(self._fetch, refuse_poison) for _index in range(2)]
        pids += [self._fork(self._process, refuse_poison) for _index in range(3)]
        self.assertEqual(self._wait(*pids), {0})
        self._run_to_the_end(refuse_poison)
        self._check_all_once(names, ("done", "duplicate", "quarantine"))
        with self._env() as env:
            rows = self._get_rows(env)
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
