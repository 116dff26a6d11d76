from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tools import mute_logger

from ..models.mail_mail import RETRY_MINUTES
from .mail_case_common import MailServerCommon
from .mail_server import SmtpFailure

JANE, BOB, WANDA = "jane@acme.example", "bob@acme.example", "wanda@watch.example"
UNKNOWN = "550 5.1.1 <x>: there is no such mailbox here"
LATER = "451 4.3.0 Try again later"


class TestMailOutgoingRetry(MailServerCommon):
    """Mail about a case that cannot be sent, with a real SMTP receiver."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Odoo sends nothing during tests; its own tests of sending lift that so
        IrMailServer = cls.registry["ir.mail_server"]
        cls.startClassPatcher(
            patch.object(IrMailServer, "_disable_send", lambda _self: False)
        )
        cls.env["ir.mail_server"].search([]).unlink()
        cls.server = cls._new_server("Local", cls.mail_server.smtp_port)
        cls.env["mail.mail"].search([("state", "=", "outgoing")]).state = "cancel"
        for address in (JANE, BOB, WANDA):
            cls.mail_server.add_mailbox(address, "password")
        cls.cron = cls.env.ref("crm_relations.ir_cron_mail_outgoing")

    @classmethod
    def _new_server(cls, name, port, **values):
        return cls.env["ir.mail_server"].create(
            {
                "name": name,
                "smtp_host": cls.mail_server.host,
                "smtp_port": port,
                "smtp_encryption": "none",
                **values,
            }
        )

    def setUp(self):
        super().setUp()
        self.mail_server.smtp_failure = None
        for address in self.mail_server.mailboxes():
            self.mail_server.clear(address)

    @contextmanager
    def _fails(self, reply, **values):
        self.mail_server.smtp_failure = SmtpFailure(reply, **values)
        yield
        self.mail_server.smtp_failure = None

    def _write(self, partners=None, emails=None, case=None):
        """Write to partners and bare addresses from the case.

        :return: (the mail.message, the mails that are left of it)
        """
        partners = self.jane if partners is None else partners
        case = case or self.case
        # the responsible, who follows, gets no copy of his own words
        message = case.message_post(
            author_id=self.agent.partner_id.id,
            body="How can we help?",
            partner_ids=partners.ids,
            outgoing_email_to=emails,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
        )
        return message, self._get_left(message)

    def _get_left(self, message):
        return self.env["mail.mail"].search([("mail_message_id", "=", message.id)])

    def _count(self, address):
        return len(self.mail_server.messages(address))

    def _pass_time(self, mails):
        mails.filtered("case_next_try").case_next_try = (
            fields.Datetime.now() - timedelta(minutes=1)
        )

    def _run(self):
        with self.enter_registry_test_mode():
            self.assertIs(self.cron.method_direct_trigger(), True)
        self.env.invalidate_all()

    def _get_activities(self, case=None):
        kind = self.env.ref("crm_relations.mail_activity_type_undelivered")
        return (case or self.case).activity_ids.filtered(
            lambda activity: activity.activity_type_id == kind
        )

    # ------------------------------------------------------------
    # SHOWN
    # ------------------------------------------------------------

    def test_what_was_sent_leaves_no_mark(self):
        _message, left = self._write(self.jane | self.bob, WANDA)
        self.assertFalse(left)
        self.assertFalse(self.case.delivery_ids)
        self.assertEqual([self._count(one) for one in (JANE, BOB, WANDA)], [1, 1, 1])

    def test_refused_recipient_keeps_no_other_from_his_mail(self):
        with self._fails(UNKNOWN, stage="rcpt", recipient=JANE):
            message, left = self._write(self.jane | self.bob | self.walter, WANDA)
        self.assertEqual([self._count(one) for one in (JANE, BOB, WANDA)], [0, 1, 1])
        marked = self.case.delivery_ids.filtered(lambda row: row.email == JANE)
        self.assertEqual(marked.kind, "retry")
        self.assertIn("no such mailbox", self.case.delivery_problem)
        self.assertIn(JANE, self.case.delivery_problem)
        self.assertIn("5.1.1", marked.detail)
        status = {
            one.res_partner_id: one.notification_status
            for one in message.notification_ids
        }
        self.assertEqual(status[self.jane], "exception")
        self.assertEqual(status[self.bob], "sent")
        # only those who did not get it are left in the mail
        self.assertNotIn(self.bob, left.recipient_ids)
        self._pass_time(left)
        self._run()
        self.assertEqual([self._count(one) for one in (JANE, BOB, WANDA)], [1, 1, 1])

    def test_one_of_several_bare_addresses_is_refused(self):
        with self._fails(UNKNOWN, stage="rcpt", recipient=WANDA):
            message, left = self._write(
                self.env["res.partner"], f"{WANDA}, b.ob@acme.example, {BOB}"
            )
        self.assertEqual([self._count(one) for one in (BOB, WANDA)], [1, 0])
        # the receiver knows no such mailbox either
        self.assertEqual(
            sorted(self.case.delivery_ids.mapped("email")),
            ["b.ob@acme.example", WANDA],
        )
        failed = message.notification_ids.filtered(
            lambda one: one.notification_status == "exception"
        )
        self.assertEqual(
            sorted(failed.mapped("mail_email_address")), ["b.ob@acme.example", WANDA]
        )
        self._pass_time(left)
        self._run()
        self.assertEqual([self._count(one) for one in (BOB, WANDA)], [1, 1])
        self.assertEqual(self.case.delivery_ids.mapped("email"), ["b.ob@acme.example"])

    def test_each_way_to_fail_is_shown_and_tried_again(self):
        ways = {
            "refused for now": (SmtpFailure(LATER), "for now"),
            "refused for good": (
                SmtpFailure("554 5.7.1 Spam"),
                "as spam or by its own rules",
            ),
            "recipient refused": (SmtpFailure(UNKNOWN, stage="rcpt"), "no such"),
            "mailbox full": (
                SmtpFailure("452 4.2.2 Full", stage="rcpt"),
                "mailbox is full",
            ),
            "connection dropped": (SmtpFailure(None), "could not be reached"),
            "dropped at the recipient": (
                SmtpFailure(None, stage="rcpt"),
                "could not be reached",
            ),
        }
        for way, (failure, words) in ways.items():
            with self.subTest(way=way):
                case = self._new_case(way, partner_id=self.jane.id)
                self.mail_server.clear(JANE)
                self.mail_server.smtp_failure = failure
                _message, left = self._write(case=case)
                self.mail_server.smtp_failure = None
                self.assertEqual(left.state, "exception")
                self.assertIn(JANE, case.delivery_problem)
                self.assertIn(words, case.delivery_problem)
                self._pass_time(left)
                self._run()
                self.assertEqual(self._count(JANE), 1)
                self.assertFalse(case.delivery_problem)

    def test_no_outgoing_server(self):
        self.server.smtp_port = 1  # nobody listens there
        message, left = self._write(self.jane, WANDA)
        self.assertEqual(set(left.mapped("state")), {"exception"})
        self.assertEqual(set(self.case.delivery_ids.mapped("email")), {JANE, WANDA})
        self.assertIn("our outgoing mail server", self.case.delivery_problem)
        self.assertEqual(
            set(message.notification_ids.mapped("notification_status")), {"exception"}
        )
        self.server.smtp_port = self.mail_server.smtp_port
        self._pass_time(left)
        self._run()
        self.assertFalse(self.case.delivery_ids)
        self.assertEqual([self._count(one) for one in (JANE, WANDA)], [1, 1])
        self.assertEqual(
            set(message.notification_ids.mapped("notification_status")), {"sent"}
        )

    def test_partner_without_a_valid_address(self):
        self.bob.email = "no address at all"
        _message, left = self._write(self.jane | self.bob)
        self.assertEqual(self._count(JANE), 1)
        self.assertEqual(self.case.delivery_ids.name, "Bob")
        self.assertIn("Mail to Bob", self.case.delivery_problem)
        self.assertIn("no valid address", self.case.delivery_problem)
        self.bob.email = BOB
        self._pass_time(left)
        self._run()
        self.assertEqual([self._count(one) for one in (JANE, BOB)], [1, 1])
        self.assertFalse(self.case.delivery_ids)

    def test_figure_and_filter_show_the_cases(self):
        with self._fails(LATER):
            self._write()
        section = self.support1.with_user(self.senior)
        self.assertEqual(section.undelivered_count, 1)
        action = section.with_context(card="undelivered_count").action_view_cases()
        found = self.env["crm.case"].with_user(self.senior).search(action["domain"])
        self.assertEqual(found, self.case)
        # a closed case must not hide it
        self.case.action_close()
        section.invalidate_recordset()
        self.assertEqual(section.undelivered_count, 1)

    def test_other_models_mail_fails_as_before(self):
        with self._fails(LATER), mute_logger("odoo.addons.mail.models.mail_mail"):
            message = self.walter.message_post(
                body="Hello", partner_ids=self.jane.ids, message_type="comment"
            )
        left = self._get_left(message)
        self.assertEqual(left.state, "exception")
        self.assertFalse(left.case_next_try)
        self.assertFalse(left.case_attempts)

    # ------------------------------------------------------------
    # TRIED AGAIN
    # ------------------------------------------------------------

    def test_delays_grow_and_then_it_is_given_up_once(self):
        self.server.smtp_port = 1
        message, left = self._write(self.jane | self.bob)
        for number, minutes in enumerate(RETRY_MINUTES, 1):
            self.assertEqual(left.case_attempts, number)
            delay = left.case_next_try - fields.Datetime.now()
            self.assertAlmostEqual(
                delay / timedelta(minutes=1), minutes, delta=minutes / 10 + 0.5
            )
            self.assertFalse(self._get_activities())
            self._pass_time(left)
            self._run()
        self.assertEqual(left.case_attempts, len(RETRY_MINUTES) + 1)
        self.assertFalse(left.case_next_try)
        self.assertEqual(set(self.case.delivery_ids.mapped("kind")), {"failed"})
        self.assertIn("not tried any more", self.case.delivery_problem)
        activity = self._get_activities()
        self.assertEqual(activity.user_id, self.agent)
        self.assertIn(JANE, activity.note)
        self.assertIn(BOB, activity.note)
        # never dropped, never told twice
        self._run()
        self.assertEqual(len(self._get_activities()), 1)
        self.assertEqual(self._get_left(message), left)

    def test_activity_goes_to_a_manager_when_nobody_is_responsible(self):
        case = self._new_case("Nobody's", partner_id=self.jane.id)
        self.server.smtp_port = 1
        _message, left = self._write(case=case)
        left.case_attempts = len(RETRY_MINUTES)
        self._pass_time(left)
        self._run()
        # Support 1 has no manager, Support 2 above it has
        self.assertEqual(self._get_activities(case).user_id, self.susan)
        self.assertNotIn(self.susan.partner_id, case.message_partner_ids)

    def test_nothing_is_sent_before_it_is_due(self):
        with self._fails(LATER):
            _message, left = self._write()
        self._run()
        self.assertEqual(self._count(JANE), 0)
        self.assertEqual(left.case_attempts, 1)

    def test_dead_server_costs_one_timeout_a_run(self):
        self.server.smtp_port = 1
        left = self.env["mail.mail"]
        for _number in range(4):
            left |= self._write()[1]
        self._pass_time(left)
        connect = type(self.env["ir.mail_server"])._connect__
        with patch.object(
            self.registry["ir.mail_server"],
            "_connect__",
            autospec=True,
            side_effect=connect,
        ) as spy:
            self._run()
        self.assertEqual(spy.call_count, 1)
        self.assertTrue(all(mail.case_next_try for mail in left))

    def test_error_that_nobody_expects_ends_in_the_next_try(self):
        with self._fails(LATER):
            _message, left = self._write()
        self._pass_time(left)
        mails = self.registry["mail.mail"]
        with patch.object(mails, "send", side_effect=ValueError("Oops")):
            self._run()
        self.assertEqual((left.state, left.case_attempts), ("exception", 2))
        self.assertTrue(left.case_next_try)

    # ------------------------------------------------------------
    # BY A PERSON
    # ------------------------------------------------------------

    def test_send_again_sends_at_once_to_those_left(self):
        with self._fails(UNKNOWN, stage="rcpt", recipient=JANE):
            message, _left = self._write(self.jane | self.bob)
        case = self.case.with_user(self.agent)
        self.assertTrue(case.can_send_again)
        case.action_send_again()
        self.env.invalidate_all()
        self.assertEqual([self._count(one) for one in (JANE, BOB)], [1, 1])
        self.assertFalse(case.delivery_problem)
        self.assertFalse(self._get_left(message))

    def test_send_again_that_fails_starts_the_delays_anew(self):
        self.server.smtp_port = 1
        _message, left = self._write()
        left.case_attempts = len(RETRY_MINUTES)
        self._pass_time(left)
        self._run()
        self.assertFalse(left.case_next_try)
        self.case.action_send_again()
        self.assertTrue(left.case_next_try)
        self.assertEqual(self.case.delivery_ids.kind, "retry")

    def test_send_again_without_a_mail_says_so(self):
        with self._fails(LATER):
            self._write()
        self.case.delivery_ids.sudo().mail_id = False
        self.assertFalse(self.case.can_send_again)
        with self.assertRaisesRegex(UserError, "not kept any more"):
            self.case.action_send_again()

    def test_dismiss_ends_the_tries(self):
        with self._fails(LATER):
            message, left = self._write()
        self.case.with_user(self.agent).action_dismiss_undelivered()
        self.assertFalse(self.case.delivery_problem)
        self.assertEqual(left.state, "cancel")
        self._pass_time(left)
        self._run()
        self.assertEqual(self._count(JANE), 0)
        self.assertEqual(message.notification_ids.notification_status, "canceled")
        self.assertIn("for now", self.case.message_ids[0].body)

    def test_only_who_may_write_the_case(self):
        with self._fails(LATER):
            self._write()
        case = self.case.with_user(self.quality_user)
        for action in ("action_send_again", "action_dismiss_undelivered"):
            with self.subTest(action=action), self.assertRaises(AccessError):
                getattr(case, action)()
        rows = self.env["crm.case.delivery"]
        self.assertTrue(rows.with_user(self.agent).search([]))
        self.assertFalse(rows.with_user(self.quality_user).search([]))
        with self.assertRaises(AccessError):
            rows.with_user(self.boss).search([]).unlink()

    def test_mark_goes_with_the_mail(self):
        with self._fails(LATER):
            _message, left = self._write()
        left.unlink()
        self.assertFalse(self.case.delivery_ids)

    # ------------------------------------------------------------
    # THE SECTION'S SERVER
    # ------------------------------------------------------------

    def test_section_sends_through_its_own_server(self):
        self.server.smtp_port = 1
        own = self._new_server("Support", self.mail_server.smtp_port, sequence=99)
        self.support1.mail_server_id = own
        self._write()
        self.assertEqual(self._count(JANE), 1)
        self.assertFalse(self.case.delivery_ids)
