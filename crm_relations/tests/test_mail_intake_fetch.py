import imaplib
import poplib
from unittest.mock import patch

from odoo import fields
from odoo.addons.crm_relations.models import crm_mail_intake_queue_mixin
from odoo.addons.crm_relations.tools import mailbox_reader

from .mail_case_common import MailServerCommon
from .mail_intake_common import POISON, plain, poison, refuse_poison

_BOX = "box@else.example"
_QUEUE = "crm_relations.ir_cron_mail_intake"


class TestMailIntakeFetch(MailServerCommon):
    """Mailboxes of sections, read from a real server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Intake = cls.env["crm.mail.intake"]
        # without an alias the mails stay in the section of the mailbox
        cls.support1.alias_name = False

    def _deliver(self, *raws, address=_BOX):
        for raw in raws:
            self.mail_server.deliver(address, raw)

    def _run(self, **kwargs):
        """Fetch; unlike `_fetch` a mailbox may fail.

        :return: the rows that are new
        """
        last = self.Intake.search([], limit=1).id or 0
        with self.enter_registry_test_mode(), self.env.registry.cursor() as cr:
            servers = self.env(cr=cr)["fetchmail.server"].search([])
            servers._fetch_mail(**kwargs)
        self.env.invalidate_all()
        return self.Intake.search([("id", ">", last)], order="id")

    def _run_queue(self):
        with self.enter_registry_test_mode():
            self.env.ref(_QUEUE).method_direct_trigger()
        self.env.invalidate_all()

    def _flags(self, address=_BOX):
        return [flags for _raw, flags in self.mail_server.messages(address)]

    # ------------------------------------------------------------
    # BOTH PROTOCOLS
    # ------------------------------------------------------------

    def test_every_byte_is_kept_and_poison_stands_in_nobodys_way(self):
        raws = [plain(0)]
        for number, name in enumerate(POISON, 1):
            if name != "NUL in a reference":  # see test_mail_intake_piped
                raws += [poison(name, number), plain(number)]
        raws.append(b"Subject: long\r\n\r\n" + b"x" * 200_000 + b"\r\n")
        raws.append(b"Subject: dots\r\n\r\n..\r\n.\r\n.x\r\n")
        for kind in ("imap", "pop"):
            with self.subTest(kind):
                self.env["crm.mail.intake.receipt"].search([]).unlink()
                self.Intake.search([]).case_ids.message_ids.unlink()
                mailbox = self._open_mailbox(
                    self.support1, f"{kind}@else.example", kind
                )
                self._deliver(*raws, address=mailbox.user)
                with refuse_poison(self.env):
                    rows = self._run()
                self.assertFalse(mailbox.error_message)
                self.assertEqual([row.raw for row in rows], raws)
                self.assertEqual(set(rows.mapped("server_id")), {mailbox})
                states = [row.state for row in rows]
                self.assertEqual(states.count("quarantine"), 3)
                self.assertEqual(states.count("done"), len(raws) - 3)
                left = self._flags(mailbox.user)
                if kind == "imap":
                    self.assertTrue(all("\\Seen" in flags for flags in left))
                else:
                    self.assertFalse(left)
                self.assertFalse(self._run())
                mailbox.active = False

    def test_all_of_a_big_mailbox_in_several_visits(self):
        for kind in ("imap", "pop"):
            with self.subTest(kind):
                mailbox = self._open_mailbox(
                    self.support1, f"{kind}@else.example", kind
                )
                self._deliver(
                    *(plain(f"{kind}{n}") for n in range(50)), address=mailbox.user
                )
                found = self._run(batch_limit=22)
                self.assertEqual(len(found), 22)
                found |= self._run(batch_limit=22)
                found |= self._run(batch_limit=22)
                self.assertEqual(len(found), 50)
                self.assertEqual(set(found.mapped("state")), {"done"})
                self.assertFalse(self._run(batch_limit=22))
                mailbox.active = False

    def test_same_mail_for_two_sections_makes_a_case_in_each(self):
        self.quality.alias_name = False
        for section, address in (
            (self.support1, "one@else.example"),
            (self.quality, "two@else.example"),
        ):
            self._open_mailbox(section, address)
            self._deliver(plain(1, to="one@else.example"), address=address)
        rows = self._run()
        self.assertEqual(rows.mapped("state"), ["done", "done"])
        self.assertEqual(rows.case_ids.section_id, self.support1 | self.quality)
        # and once more to each
        for address in ("one@else.example", "two@else.example"):
            self._deliver(b"X-Again: 1\r\n" + plain(1), address=address)
        self.assertEqual(self._run().mapped("state"), ["duplicate", "duplicate"])

    def test_mailbox_of_cases_without_a_section_loses_nothing_either(self):
        model = self.env["ir.model"]._get_id("crm.case")
        none = self.env["crm.case.section"]
        mailbox = self._open_mailbox(none, "any@else.example", object_id=model)
        self._deliver(plain(1), poison(), plain(2), address=mailbox.user)
        with refuse_poison(self.env):
            rows = self._run()
        self.assertEqual(rows.mapped("state"), ["done", "quarantine", "done"])
        self.assertEqual(rows.mapped("attempts"), [1, 1, 1])
        self.assertTrue(mailbox.intake_mailbox)

    # ------------------------------------------------------------
    # WHOSE MAILBOX IT IS
    # ------------------------------------------------------------

    def _open(self):
        """Log in to the mailbox as a person's mail program does."""
        connection = imaplib.IMAP4(self.mail_server.host, self.mail_server.imap_port)
        self.addCleanup(connection.shutdown)
        connection.login(_BOX, self._password())
        connection.select()
        return connection

    def _password(self):
        return self.env["fetchmail.server"].search([("user", "=", _BOX)]).password

    def test_mail_that_a_person_read_first_is_fetched(self):
        self._open_mailbox(self.support1, _BOX)
        self.assertFalse(self._run())
        self._deliver(plain(1), plain(2))
        self._open().store("1:2", "+FLAGS", "\\Seen")
        self.assertEqual(len(self._run()), 2)

    def test_archive_read_before_the_first_visit_is_left(self):
        self._open_mailbox(self.support1, _BOX)
        self._deliver(plain(1), plain(2), plain(3))
        self._open().store("1,3", "+FLAGS", "\\Seen")
        self.assertEqual(self._run().mapped("subject"), ["Mail 2"])
        self.assertFalse(self._run())
        self._deliver(plain(4))
        self.assertEqual(self._run().mapped("subject"), ["Mail 4"])

    def test_mail_marked_unread_again_is_no_second_mail(self):
        self._open_mailbox(self.support1, _BOX)
        self._deliver(plain(1))
        self._run()
        self._open().store("1", "-FLAGS", "\\Seen")
        self.assertFalse(self._run())
        self.assertIn("\\Seen", self._flags()[0])

    def test_numbers_given_anew_lose_and_double_nothing(self):
        mailbox = self._open_mailbox(self.support1, _BOX)
        self._deliver(plain(1))
        self._run()
        account = mailbox.intake_mailbox.partition("/")[0]
        mailbox.intake_mailbox = f"{account}/1"
        self.Intake.search([]).transport_key = f"{account}/1/1"
        self._deliver(plain(2))
        self._open().store("2", "+FLAGS", "\\Seen")
        rows = self._run()
        self.assertEqual(
            rows.mapped(lambda row: (row.subject, row.state)),
            [("Mail 1", "duplicate"), ("Mail 2", "done")],
        )

    def test_another_account_is_another_mailbox(self):
        mailbox = self._open_mailbox(self.support1, _BOX)
        self._deliver(plain(1))
        self._run()
        self.mail_server.add_mailbox("new@else.example", mailbox.password)
        self.mail_server.clear("new@else.example")
        self._deliver(plain(2), address="new@else.example")
        mailbox.user = "new@else.example"
        self.assertEqual(self._run().mapped("subject"), ["Mail 2"])

    # ------------------------------------------------------------
    # TROUBLE
    # ------------------------------------------------------------

    def test_dead_server_keeps_nobody_from_its_mail(self):
        dead = self._open_mailbox(self.support1, "dead@else.example")
        dead.write({"port": 1, "priority": 0})
        self._open_mailbox(self.support1, _BOX)
        self._deliver(plain(1))
        rows = self._run()
        self.assertEqual(rows.mapped("state"), ["done"])
        self.assertTrue(dead.error_date)
        self.assertTrue(dead.error_message)
        dead.port = self.mail_server.imap_port
        self._run()
        self.assertFalse(dead.error_date)
        self.assertFalse(dead.error_message)

    def test_link_cut_in_the_middle_of_a_mail(self):
        for kind, library, method in (
            ("imap", imaplib.IMAP4, "read"),
            ("pop", mailbox_reader.PopBox, "_read_one"),
        ):
            with self.subTest(kind):
                mailbox = self._open_mailbox(
                    self.support1, f"{kind}@else.example", kind
                )
                raws = [plain(f"{kind}{number}") for number in range(3)]
                self._deliver(*raws, address=mailbox.user)
                calls = []
                original = getattr(library, method)

                def cut(box, *args, calls=calls, original=original):
                    calls.append(args)
                    if len(calls) == 2:
                        connection = getattr(box, "connection", box)
                        connection.sock.shutdown(2)
                    return original(box, *args)

                with patch.object(library, method, cut):
                    self._run()
                self.assertTrue(mailbox.error_message)
                self._run()
                self.assertFalse(mailbox.error_message)
                rows = self.Intake.search([("server_id", "=", mailbox.id)], order="id")
                self.assertEqual([row.raw for row in rows], raws)
                self.assertEqual(set(rows.mapped("state")), {"done"})
                mailbox.active = False

    def test_mail_the_server_does_not_give_is_not_forgotten(self):
        mailbox = self._open_mailbox(self.support1, "torn@else.example")
        self._deliver(plain(1), plain(2), plain(3), address=mailbox.user)
        original = imaplib.IMAP4.uid

        def refuse(box, command, *args):
            if "PEEK" in args[-1] and args[0] in ("1:3", "2"):
                return "NO", [b"[SERVERBUG]"]
            return original(box, command, *args)

        with patch.object(imaplib.IMAP4, "uid", refuse):
            rows = self._run()
        self.assertEqual(rows.mapped("subject"), ["Mail 1", "Mail 3"])
        self.assertIn("did not give these mails: 2", mailbox.error_message)
        self.assertNotIn("\\Seen", self._flags(mailbox.user)[1])
        self.assertEqual(self._run().mapped("subject"), ["Mail 2"])

    def test_pop_server_without_names(self):
        self._open_mailbox(self.support1, _BOX, "pop")
        self._deliver(plain(1), plain(2))
        with patch.object(poplib.POP3, "uidl", side_effect=poplib.error_proto("-ERR")):
            self.assertEqual(len(self._run()), 2)
        self.assertFalse(self._flags())

    def test_passing_trouble_is_over_by_itself(self):
        self._open_mailbox(self.support1, _BOX)
        self._deliver(plain(1), plain(2))
        Case = type(self.env["crm.case"])
        original, calls = Case.message_new, []

        def fail(case, *args, **kwargs):
            calls.append(args)
            if len(calls) <= 2:  # together with the other mail, and alone
                raise OSError("disk full")
            return original(case, *args, **kwargs)

        with patch.object(Case, "message_new", fail):
            rows = self._run()
        self.assertEqual(rows.mapped("state"), ["retry", "done"])
        self._run_queue()
        self.assertEqual(rows[0].state, "retry", "not yet")
        rows[0].date_next_try = fields.Datetime.now()
        self._run_queue()
        self.assertEqual(rows.mapped("state"), ["done", "done"])
        self.assertEqual(len(rows.case_ids), 2)

    def test_trouble_that_does_not_pass_ends_in_quarantine(self):
        self._open_mailbox(self.support1, _BOX)
        self._deliver(plain(1))
        Case = type(self.env["crm.case"])
        delays = []
        with patch.object(Case, "message_new", side_effect=OSError("disk full")):
            row = self._run()
            while row.state == "retry":
                delays.append((row.date_next_try - row.write_date).total_seconds())
                row.date_next_try = fields.Datetime.now()
                self._run_queue()
        self.assertEqual(row.state, "quarantine")
        self.assertEqual(row.attempts, 6)
        self.assertEqual([round(delay / 60) for delay in delays], [1, 5, 30, 120, 720])

    def test_mail_just_claimed_is_left_to_its_worker(self):
        row = self.Intake.create({"raw": plain(1)})
        row.write({"state": "working", "attempts": 3})
        self._run_queue()
        self.assertEqual((row.state, row.attempts), ("working", 3))

    @patch.object(crm_mail_intake_queue_mixin, "CLAIM_GRACE", 0)
    def test_mail_that_ends_its_workers_is_found_out(self):
        row = self.Intake.create({"raw": plain(1)})
        row.write({"state": "working", "attempts": 2})
        other = self.Intake.create({"raw": plain(2)})
        self._run_queue()
        self.assertEqual((row.state, other.state), ("done", "done"))
        row = self.Intake.create({"raw": plain(3)})
        row.write({"state": "working", "attempts": 3})
        self._run_queue()
        self.assertEqual(row.state, "quarantine")
        self.assertIn("3 times", row.reason)

    # ------------------------------------------------------------
    # COST
    # ------------------------------------------------------------

    def test_few_commands_a_mail(self):
        self._open_mailbox(self.support1, _BOX)
        self._deliver(*(plain(number) for number in range(200)))
        original, commands = imaplib.IMAP4._command, []

        def count(box, name, *args):
            commands.append(name)
            return original(box, name, *args)

        with (
            patch.object(imaplib.IMAP4, "_command", count),
            patch.object(type(self.Intake), "_process_due", return_value=True),
        ):
            self.assertEqual(len(self._run()), 200)
        self.assertLessEqual(len(commands) / 200, 0.1, commands)
