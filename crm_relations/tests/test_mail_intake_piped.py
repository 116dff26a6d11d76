from unittest.mock import patch

import psycopg2
from odoo.exceptions import UserError
from odoo.tools import mute_logger
from psycopg2.errors import SerializationFailure

from ..tools import mail_identity
from .mail_case_common import QUALITY, STRANGER, SUPPORT, SUPPORT2, MailCaseCommon
from .mail_intake_common import POISON, plain, poison, refuse_poison

_QUEUE = "odoo.addons.crm_relations.models.crm_mail_intake_queue_mixin"


class TestMailIntakePiped(MailCaseCommon):
    """Mail that a mail server hands in, inside the caller's transaction."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Intake = cls.env["crm.mail.intake"]

    def _pipe(self, raw, model="crm.case", **options):
        return self.env["mail.thread"].message_process(model, raw, **options)

    def _get_row(self):
        return self.Intake.search([], limit=1)

    def _fail_once(self, error):
        """Let the next mail meet ``error`` where a case would be made."""
        return patch.object(
            type(self.env["crm.case"]), "message_new", side_effect=[error]
        )

    # ------------------------------------------------------------
    # WELL
    # ------------------------------------------------------------

    def test_mail_leaves_a_row_with_its_bytes(self):
        raw = plain(1)
        case = self.env["crm.case"].browse(self._pipe(raw))
        row = self._get_row()
        self.assertEqual(row.raw, raw)
        self.assertEqual(row.state, "done")
        self.assertEqual(row.case_ids, case)
        self.assertEqual(row.section_id, self.support1)
        self.assertEqual(row.message_id, "<plain1@mail.example>")
        self.assertEqual((row.subject, row.size), ("Mail 1", len(raw)))
        self.assertEqual((row.attempts, row.sender_verdict), (1, "none"))
        self.assertEqual(case.message_ids[-1].message_id, "<plain1@mail.example>")

    def test_mail_to_an_alias_is_taken_whatever_model_is_asked_for(self):
        for model in (False, "res.partner"):
            with self.subTest(model=model):
                raw = plain(f"for{model}", to=QUALITY)
                case = self.env["crm.case"].browse(self._pipe(raw, model))
                self.assertEqual(case.section_id, self.quality)
                self.assertEqual(self._get_row().case_ids, case)
                self.assertEqual(self._get_row().state, "done")

    def test_mail_to_other_models_leaves_no_row(self):
        before = self.Intake.search_count([])
        raw = plain(1, to="nobody@else.example")
        self.assertTrue(self._pipe(raw, "res.partner"))
        with self.assertRaises(LookupError):
            self._pipe(poison(), "res.partner")
        self.assertEqual(self.Intake.search_count([]), before)

    def test_context_of_a_remote_caller_steers_nothing(self):
        self._pipe(plain(1))
        row = self._get_row()
        ended = row.read(["state", "reason", "case_ids", "write_date"])
        messages = self.case.message_ids
        gateway = self.env["mail.thread"].with_context(
            crm_mail_intake_id=row.id,
            crm_mail_intake_forced={"case_id": self.case.id, "section_id": False},
        )
        case_id = gateway.message_process("crm.case", plain(2))
        self.assertNotEqual(case_id, self.case.id)
        self.assertEqual(self.case.message_ids, messages)
        self.assertEqual(self._get_row().case_ids.id, case_id)
        self.assertEqual(row.read(["state", "reason", "case_ids", "write_date"]), ended)

    def test_mail_to_two_sections_leaves_one_row_with_both_cases(self):
        self._pipe(plain(1, to=f"{SUPPORT}, {QUALITY}"))
        row = self._get_row()
        self.assertEqual(row.state, "done")
        self.assertEqual(row.case_ids.section_id, self.support1 | self.quality)
        self.assertFalse(self._pipe(plain(1, to=f"{SUPPORT}, {QUALITY}")))
        self.assertEqual(len(row.case_ids), 2)

    def test_reply_enters_its_case(self):
        mail = self._new_mail(
            "jane@acme.example", answers=self._public_message(self.case)
        )
        self.assertEqual(self._pipe(mail.as_bytes()), self.case.id)
        self.assertEqual(self._get_row().case_ids, self.case)

    def test_values_of_the_caller_are_kept_for_a_later_try(self):
        values = {"section_id": self.quality.id}
        with self._fail_once(OSError("disk")):
            self._pipe(plain(1, to="x@else.example"), custom_values=values)
        row = self._get_row()
        self.assertEqual(row.state, "retry")
        row.action_replay()
        self.assertEqual(row.case_ids.section_id, self.quality)

    # ------------------------------------------------------------
    # ONCE
    # ------------------------------------------------------------

    def test_second_delivery_with_other_transport_headers(self):
        first = self._pipe(plain(1))
        again = b"Received: from relay\r\n" + plain(1).replace(b"\r\n", b"\n")
        self.assertIs(self._pipe(again), False)
        row = self._get_row()
        self.assertEqual(row.state, "duplicate")
        self.assertEqual(row.case_ids.ids, [first])
        self.assertEqual(len(row.case_ids.message_ids), 1)
        # and a third
        self.assertIs(self._pipe(b"X-Spam: no\r\n" + again), False)
        self.assertEqual(self._get_row().state, "duplicate")

    def test_id_written_otherwise_is_the_same_id(self):
        self._pipe(plain(1))
        for written in (b"plain1@mail.example", b"< plain1@mail.example > (x)"):
            raw = plain(1).replace(b"<plain1@mail.example>", written)
            self.assertIs(self._pipe(raw), False)
            self.assertEqual(self._get_row().state, "duplicate")

    def test_same_id_with_other_content_is_another_mail(self):
        first = self._pipe(plain(1))
        other = plain(1).replace(b"This is", b"That was")
        second = self._pipe(other)
        self.assertTrue(second)
        self.assertNotEqual(first, second)
        self.assertIs(self._pipe(b"Received: x\r\n" + other), False)
        self.assertEqual(self._get_row().state, "duplicate")

    def test_id_that_cannot_be_passed_on_is_replaced(self):
        for written in (
            b"<[1]@mail.example>",
            b"<@mail.example>",
            b"<\xe9@mail.example>",
        ):
            with self.subTest(written):
                raw = plain(1).replace(b"<plain1@mail.example>", written)
                case = self.env["crm.case"].browse(self._pipe(raw))
                message_id = case.message_ids.message_id
                self.assertTrue(mail_identity.is_usable_id(message_id), message_id)
                self.assertIs(self._pipe(b"Received: x\r\n" + raw), False)
                row = self._get_row()
                self.assertEqual((row.state, row.case_ids), ("duplicate", case))
                answer = plain(2).replace(b"<plain2@", b"<answer%d@" % case.id)
                answer = b"In-Reply-To: " + written + b"\r\n" + answer
                self.assertEqual(self._pipe(answer), case.id)

    def test_changed_on_its_way_is_the_same_mail(self):
        first = self._pipe(plain(1))
        body = b"\r\n\r\n"
        for name, old, new in (
            ("mark in the subject", b"Subject: ", b"Subject: [team] "),
            ("sender written by a list", b"From: ", b'From: "Team" <t@list.example>, '),
            ("id in small letters", b"<plain1@mail", b"<PLAIN1@mail"),
            ("banner", body, body + b"CAUTION: this came from outside.\r\n\r\n"),
        ):
            with self.subTest(name):
                raw = plain(1).replace(old, new, 1)
                self.assertNotEqual(raw, plain(1))
                self.assertIs(self._pipe(raw + b"-- \r\nOur list\r\n"), False)
                row = self._get_row()
                self.assertEqual((row.state, row.case_ids.ids), ("duplicate", [first]))

    def test_copy_with_more_in_it_is_another_mail(self):
        self._pipe(plain(1))
        self.assertTrue(self._pipe(plain(1) + b"And there is a lot more. " * 50))

    def test_original_may_be_gone_when_it_comes_again(self):
        self._pipe(plain(1))
        self._get_row().sudo().unlink()
        self.env["mail.message"].search([("model", "=", "crm.case")]).unlink()
        self.assertIs(self._pipe(b"Received: a\r\n" + plain(1)), False)

    def test_equal_text_sent_again_is_another_mail(self):
        first = self._pipe(plain(1))
        second = self._pipe(plain(1).replace(b"<plain1@", b"<other@"))
        self.assertTrue(second)
        self.assertNotEqual(first, second)

    def test_mail_without_id_is_known_by_its_content(self):
        raw = plain(1).replace(b"Message-ID: <plain1@mail.example>\r\n", b"")
        self.assertTrue(self._pipe(raw))
        self.assertIs(self._pipe(b"Received: a\r\n" + raw), False)
        self.assertEqual(self._get_row().state, "duplicate")
        later = raw.replace(b"10:00:00", b"10:00:07")
        self.assertTrue(self._pipe(later), "the same text, seven seconds later")

    def test_reencoded_on_the_way_is_the_same_mail(self):
        def mail(encoding, body):
            head = plain(1).partition(b"\r\n\r\n")[0]
            return (
                head + b"\r\nContent-Type: text/plain; charset=utf-8\r\n"
                b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body
            )

        self.assertTrue(self._pipe(mail(b"8bit", "é".encode())))
        self.assertIs(self._pipe(mail(b"quoted-printable", b"=C3=A9\r\n")), False)

    def test_own_message_that_comes_back_is_no_entry(self):
        message = self._public_message(self.case)
        raw = plain(1).replace(b"<plain1@mail.example>", message.message_id.encode())
        before = self.case.message_ids
        self.assertIs(self._pipe(raw), False)
        self.assertEqual(self.case.message_ids, before)
        self.assertEqual(self._get_row().state, "duplicate")
        self.assertEqual(self._get_row().case_ids, self.case)

    def test_same_reply_handed_in_by_two_servers_enters_once(self):
        mail = self._new_mail(
            "jane@acme.example", answers=self._public_message(self.case)
        ).as_bytes()
        self._pipe(mail)
        before = len(self.case.message_ids)
        for server in ("a@shop.example", "b@shop.example"):
            box = self._new_mailbox(self.quality, server)
            self.env["mail.thread"].with_context(
                default_fetchmail_server_id=box.id
            ).message_process("crm.case", mail)
            self.assertEqual(self._get_row().state, "duplicate")
        self.assertEqual(len(self.case.message_ids), before)

    def test_delivery_report_is_counted_once(self):
        self.jane.message_bounce = 0
        message = self.case.message_post(body="x", partner_ids=self.jane.ids)
        raw = (
            "From: MAILER-DAEMON@else.example\r\nTo: bounce@test.mycompany.com\r\n"
            "Subject: Undelivered\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\n"
            "Message-ID: <dsn@else.example>\r\n"
            "Content-Type: multipart/report; report-type=delivery-status;"
            ' boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nNo.\r\n'
            "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; jane@acme.example"
            "\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
            f"Message-ID: {message.message_id}\r\n\r\nHi\r\n--b--\r\n"
        ).encode()
        for index in range(3):
            self.assertFalse(self._pipe(b"Received: %d\r\n" % index + raw))
            self.assertEqual(self._get_row().state, "bounce")
            self.assertEqual(self._get_row().case_ids, self.case)
            self.assertEqual(self.jane.message_bounce, 1)

    # ------------------------------------------------------------
    # TROUBLE
    # ------------------------------------------------------------

    @mute_logger("odoo.sql_db")  # it reports the NUL that it refuses
    def test_poison_becomes_a_case(self):
        for name in POISON:
            with self.subTest(name):
                case = self.env["crm.case"].browse(self._pipe(poison(name)))
                row = self._get_row()
                self.assertEqual((row.state, row.case_ids), ("done", case))
                self.assertEqual(row.raw, poison(name))
                self.assertNotEqual(row.form, "as_is")
                self.assertEqual(case.name, "P0")

    def test_what_no_form_helps_ends_in_quarantine_in_plain_words(self):
        for error, words in (
            (LookupError("x"), "character set"),
            (RecursionError("x"), "nested"),
            (UnicodeError("x"), "characters"),
            (KeyError("x"), "kind of part"),
            (TypeError("x"), "not written as mails are"),
            (UserError("Not on Sundays"), "Not on Sundays"),
        ):
            name = "unknown charset"
            with self.subTest(error), refuse_poison(self.env, error):
                before = self.env["crm.case"].search_count([])
                raw = poison(name, len(words))
                self.assertIs(self._pipe(raw), False)
                row = self._get_row()
                self.assertEqual(row.state, "quarantine")
                self.assertEqual(row.raw, raw)
                self.assertIn(words, row.reason)
                self.assertIn("Traceback", row.error_detail)
                self.assertEqual(self.env["crm.case"].search_count([]), before)

    def test_trouble_that_may_pass_is_tried_again_later(self):
        with self._fail_once(psycopg2.OperationalError("gone")):
            self.assertIs(self._pipe(plain(1)), False)
        row = self._get_row()
        self.assertEqual((row.state, row.attempts), ("retry", 1))
        self.assertGreater(row.date_next_try, row.date_received)
        self.assertIn("database", row.reason)
        self.assertFalse(row.case_ids)
        trigger = self.env["ir.cron.trigger"].search(
            [
                (
                    "cron_id",
                    "=",
                    self.env.ref("crm_relations.ir_cron_mail_intake").id,
                )
            ]
        )
        self.assertIn(row.date_next_try, trigger.mapped("call_at"))

    def test_handed_in_again_while_it_waits_is_a_try(self):
        with self._fail_once(OSError("disk")):
            self.assertIs(self._pipe(plain(1)), False)
        self.assertTrue(self._pipe(plain(1)))
        self.assertEqual(self._get_row().state, "done")
        self.assertIs(self._pipe(plain(1)), False)

    def test_conflict_repeats_the_whole_call(self):
        with (
            self._fail_once(SerializationFailure()),
            self.assertRaises(SerializationFailure),
        ):
            self._pipe(plain(1))

    def test_conflict_while_odoo_fetches_is_tried_again_later(self):
        box = self._new_mailbox(self.env["crm.case.section"], "all@shop.example")
        thread = self.env["mail.thread"].with_context(
            default_fetchmail_server_id=box.id
        )
        with self._fail_once(SerializationFailure()):
            self.assertIs(thread.message_process(False, plain(1)), False)
        self.assertEqual(self._get_row().state, "retry")
        self.assertEqual(self._get_row().server_id, box)

    def test_nobody_is_asked_to_send_again(self):
        with self.mock_mail_gateway(), refuse_poison(self.env):
            self._pipe(plain(1, to=SUPPORT2).replace(b"Mail 1", b"P1"))
        self.assertFalse(self._mails)
        self.assertFalse(self._new_mails)
        self.assertEqual(self._get_row().state, "quarantine")

    @mute_logger("odoo.addons.mail.models.mail_thread")
    def test_held_mail_says_so_and_can_be_let_in(self):
        settings = self.env["ir.config_parameter"]
        settings.set_param("crm_relations.mail_flood_sender", 1)
        self._receive(STRANGER)
        with self.mock_mail_gateway():
            self.assertFalse(self._receive(STRANGER, subject="Second"))
        self.assertFalse(self._mails, "a flood is not answered")
        row = self._get_row()
        self.assertEqual(row.state, "held")
        self.assertIn("within an hour", row.reason)
        self.assertFalse(row.case_ids)
        row.action_replay()
        self.assertEqual((row.state, row.case_ids.name), ("done", "Second"))

    def test_mail_an_address_refuses_is_held(self):
        self.quality.alias_contact = "partners"
        with self.mock_mail_gateway():
            self.assertFalse(self._receive(STRANGER, to=QUALITY))
        self.assertEqual(self._get_row().state, "held")
        self.assertIn("no place", self._get_row().reason)

    def test_mail_without_any_section_waits(self):
        self.env["crm.case.section"].search([]).active = False
        self.assertIs(self._pipe(plain(1, to="x@else.example")), False)
        row = self._get_row()
        self.assertEqual(row.state, "quarantine")
        self.assertIn("Section", row.reason)

    def test_manager_is_told_once(self):
        self.support1.user_id = self.agent
        self.support1.message_unsubscribe(self.agent.partner_id.ids)
        kind = self.env.ref("crm_relations.mail_activity_type_quarantine")

        def activities():
            return self.env["mail.activity"].search(
                [("activity_type_id", "=", kind.id)]
            )

        rows = self.Intake
        for number in range(3):
            with refuse_poison(self.env):
                self._pipe(
                    poison(number=number),
                    custom_values={"section_id": self.support1.id},
                )
            self._get_row().section_id = self.support1
            rows |= self._get_row()
        self.env["crm.mail.intake"]._sync_quarantine_activities()
        told = activities().filtered(lambda a: a.res_id == self.support1.id)
        self.assertEqual(told.user_id, self.agent)
        self.assertEqual(len(told), 1)
        self.assertNotIn(self.agent.partner_id, self.support1.message_partner_ids)
        rows.action_ignore("Advertising")
        self.assertFalse(activities().filtered(lambda a: a.res_id == self.support1.id))
