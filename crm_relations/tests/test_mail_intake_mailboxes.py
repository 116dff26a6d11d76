import time
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.addons.crm_relations.models import crm_mailbox_visit_mixin
from odoo.addons.crm_relations.tools import mailbox_connection, mailbox_reader

from .mail_case_common import MailServerCommon
from .mail_intake_common import plain
from .mail_server_faults import Fault, ill_server

_BOX = "box@else.example"
_ILL = "ill@else.example"
# bytes that a server says before it sends the first mail
_UNTIL_MAIL = 900


class TestMailIntakeMailboxes(MailServerCommon):
    """Mailboxes that are slow, dead or edited, beside one that is well."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Intake = cls.env["crm.mail.intake"]
        cls.support1.alias_name = False

    def _run(self, by_cron=False, **kwargs):
        """Visit the mailboxes.

        :return: the rows that are new
        """
        last = self.Intake.search([], limit=1).id or 0
        with self.enter_registry_test_mode():
            if by_cron:
                self.env.ref("mail.ir_cron_mail_gateway_action").method_direct_trigger()
            else:
                with self.env.registry.cursor() as cr:
                    servers = self.env(cr=cr)["fetchmail.server"].search([])
                    servers._fetch_mail(**kwargs)
        self.env.invalidate_all()
        return self.Intake.search([("id", ">", last)], order="id")

    def _open_dead(self, section=None):
        """Open a mailbox whose server refuses connections."""
        mailbox = self._open_mailbox(section or self.support1, _ILL)
        mailbox.port = 1
        return mailbox

    def _patch_seconds(self, **seconds):
        return patch.multiple(mailbox_connection, **seconds)

    # ------------------------------------------------------------
    # SLOW
    # ------------------------------------------------------------

    def test_dripping_server_holds_nobody(self):
        """A byte now and then meets no timeout; the visit ends all the same."""
        faults = {
            "silent from the start": Fault(),
            "drips its greeting": Fault(pause=0.05),
            "silent in a mail": Fault(well=_UNTIL_MAIL),
            "drips a mail": Fault(well=_UNTIL_MAIL, pause=0.05),
        }
        ports = {"imap": self.mail_server.imap_port, "pop": self.mail_server.pop3_port}
        well = self._open_mailbox(self.support1, _BOX)
        number = 0
        for kind, real_port in ports.items():
            for name, fault in faults.items():
                number += 1
                ill = self._open_mailbox(self.support1, _ILL, kind)
                ill.name = f"{kind} {name}"
                self.mail_server.deliver(_ILL, plain(f"ill{number}", _ILL) * 200)
                self.mail_server.deliver(_BOX, plain(number))
                with (
                    self.subTest(ill.name),
                    ill_server(fault, real_port) as port,
                    self._patch_seconds(VISIT_SECONDS=1),
                ):
                    ill.write({"port": port, "date": False})
                    begin = time.monotonic()
                    rows = self._run()
                    self.assertLess(time.monotonic() - begin, 4)
                    self.assertEqual(rows.mapped("subject"), [f"Mail {number}"])
                    self.assertIn("too slow", ill.error_message)
                    self.assertEqual(ill.failures, 1)
                    self.assertFalse(well.error_message)
                # and nothing was lost
                ill.port = real_port
                self.assertEqual(self._run().mapped("server_id"), ill)
                self.assertFalse(ill.failures)
                ill.active = False

    def test_slow_line_that_brings_mail_is_not_cut(self):
        mailbox = self._open_mailbox(self.support1, _BOX)
        raw = plain(1) + b"x" * 150_000 + b"\r\n"
        self.mail_server.deliver(_BOX, raw)
        # 3 seconds, which is twice what a visit without a byte may take
        slow = Fault(well=_UNTIL_MAIL, size=2000, pause=0.04)
        with (
            ill_server(slow, self.mail_server.imap_port) as port,
            self._patch_seconds(VISIT_SECONDS=1.5, SLOWEST=16_000),
        ):
            mailbox.port = port
            row = self._run()
        self.assertFalse(mailbox.error_message)
        self.assertTrue(row.raw == raw)

    def test_visit_of_many_mails_goes_on_next_time(self):
        for kind in ("imap", "pop"):
            mailbox = self._open_mailbox(self.support1, f"{kind}@else.example", kind)
            for number in range(7):
                self.mail_server.deliver(mailbox.user, plain(f"{kind}{number}"))
            with (
                self.subTest(kind),
                self._patch_seconds(GROUP_SECONDS=0.001),
                patch.object(mailbox_reader._group, "__defaults__", (3,)),
                patch.object(mailbox_reader, "POP_GROUP", 3),
            ):
                counts = [len(self._run()) for _visit in range(4)]
                self.assertEqual(counts, [3, 3, 1, 0])
            rows = self.Intake.search([("server_id", "=", mailbox.id)])
            self.assertEqual(len(rows), 7)
            self.assertEqual(set(rows.mapped("state")), {"done"})
            mailbox.active = False

    # ------------------------------------------------------------
    # RESTING
    # ------------------------------------------------------------

    def test_failing_mailbox_rests_longer_each_time(self):
        mailbox = self._open_dead()
        pauses = []
        for failures in range(1, 7):
            self._run(by_cron=True)
            self.assertEqual(mailbox.failures, failures)
            pauses.append((mailbox.date_next_visit - mailbox.date).total_seconds())
            mailbox.date_next_visit = fields.Datetime.now()
        self.assertEqual(pauses, [60 * minutes for minutes in (1, 2, 4, 8, 15, 15)])

    def test_scheduler_leaves_a_resting_mailbox_alone_and_a_person_does_not(self):
        mailbox = self._open_dead()
        self._run(by_cron=True)
        self._run(by_cron=True)
        self.assertEqual(mailbox.failures, 1)
        self._run()
        self.assertEqual(mailbox.failures, 2)
        triggers = self.env["ir.cron.trigger"].search(
            [
                ("cron_id", "=", self.env.ref("mail.ir_cron_mail_gateway_action").id),
                ("call_at", "=", mailbox.date_next_visit),
            ]
        )
        self.assertTrue(triggers, "the scheduler comes when it is due")

    def test_repaired_mailbox_is_visited_at_once(self):
        mailbox = self._open_dead()
        self._run(by_cron=True)
        self.assertFalse(mailbox.date_last_success)
        mailbox.port = self.mail_server.imap_port
        self.mail_server.deliver(_ILL, plain(1))
        self.assertEqual(len(self._run(by_cron=True)), 1)
        self.assertEqual(
            (mailbox.failures, mailbox.date_next_visit, mailbox.error_message),
            (0, False, False),
        )
        self.assertEqual(mailbox.date_last_success, mailbox.date)

    def test_mail_that_is_withheld_lets_the_others_come_on_time(self):
        mailbox = self._open_mailbox(self.support1, _BOX)
        self.mail_server.deliver(_BOX, plain(1))
        unreadable = mailbox_reader.UnreadableMailError("7")
        with patch.object(mailbox_reader, "raise_unreadable", side_effect=unreadable):
            self.assertEqual(len(self._run()), 1)
        self.assertEqual((mailbox.failures, mailbox.date_next_visit), (0, False))
        self.assertTrue(mailbox.error_message)
        self.assertTrue(mailbox.date_last_success)

    # ------------------------------------------------------------
    # WHO IS TOLD
    # ------------------------------------------------------------

    def _fail_for(self, mailbox, minutes):
        """Let a mailbox have failed for so long, and fail once more."""
        since = fields.Datetime.now() - timedelta(minutes=minutes)
        mailbox.write({"error_date": since, "date_next_visit": False})
        self._run(by_cron=True)
        return self._find_activities()

    def _find_activities(self):
        kind = self.env.ref("crm_relations.mail_activity_type_mailbox")
        return self.env["mail.activity"].search([("activity_type_id", "=", kind.id)])

    def test_manager_is_told_once_and_when_it_is_over(self):
        mailbox = self._open_dead()
        self._run(by_cron=True)
        self.assertFalse(self._fail_for(mailbox, 14))
        activity = self._fail_for(mailbox, 16)
        self.assertEqual(activity.user_id, self.susan, "the next manager above")
        self.assertIn(_ILL, activity.summary)
        self.assertIn("refused", activity.note)
        self.assertNotIn(self.susan.partner_id, self.support1.message_partner_ids)
        self.assertEqual(self._fail_for(mailbox, 31), activity)
        mailbox.port = self.mail_server.imap_port
        self._run(by_cron=True)
        self.assertFalse(self._find_activities())
        mailbox.port = 1
        self.assertTrue(self._fail_for(mailbox, 16), "it fails anew")

    def test_who_has_ticked_it_off_is_not_told_again(self):
        mailbox = self._open_dead()
        self._fail_for(mailbox, 16).action_done()
        self.assertFalse(self._fail_for(mailbox, 31))
        mailbox.port = self.mail_server.imap_port
        self._run(by_cron=True)
        self.assertFalse(mailbox.failure_activity_id)

    def test_administrator_is_told_where_there_is_no_manager(self):
        mailbox = self._open_dead(self.quality)
        activity = self._fail_for(mailbox, 16)
        self.assertEqual(activity.user_id, self.env.ref("base.user_admin"))

    def test_two_mailboxes_of_one_section_are_told_apart(self):
        for name in ("one", "two"):
            mailbox = self._new_mailbox(
                self.support1, f"{name}@else.example", port=1, state="done"
            )
            self._fail_for(mailbox, 16)
        self.assertEqual(len(self._find_activities()), 2)

    def test_somebody_who_saves_the_record_all_the_time_stops_no_visit(self):
        """What is only noted down is given up after a few tries."""
        mailbox = self._open_mailbox(self.support1, _BOX)
        self.mail_server.deliver(_BOX, plain(1))
        tries = []

        def conflict(*_args):
            tries.append(1)
            raise crm_mailbox_visit_mixin.CONCURRENCY_ERRORS[0]

        with patch.object(type(mailbox), "_prepare_visit_values", conflict):
            self.assertEqual(self._run().state, "done")
        self.assertEqual(len(tries), crm_mailbox_visit_mixin.CONCURRENCY_TRIES)
