import smtplib
from email import message_from_bytes
from email.policy import SMTP
from unittest.mock import patch

from odoo.tools import email_normalize, mute_logger

from .mail_case_common import STRANGER, WATCHER, MailServerCommon
from .mail_server import SmtpFailure

SECTION = "support@test.example"
TO_AGENT = "agent@test.mycompany.com"
TO_COLLEAGUE = "colleague@test.mycompany.com"
TO_SAM = "sam@nowhere.example"
TO_WATCHER = "wanda@watch.example"


class TestMailOutgoingSmtp(MailServerCommon):
    """Mail as it really travels: out by SMTP, into mailboxes, and back."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Odoo sends nothing during tests; its own tests of sending lift that so
        IrMailServer = cls.registry["ir.mail_server"]
        cls.startClassPatcher(
            patch.object(IrMailServer, "_disable_send", lambda _self: False)
        )
        cls.env["ir.mail_server"].search([]).unlink()
        cls.env["ir.mail_server"].create(
            {
                "name": "Local",
                "smtp_host": cls.mail_server.host,
                "smtp_port": cls.mail_server.smtp_port,
                "smtp_encryption": "none",
                # colleagues send under their own address, all else as the house
                "from_filter": "test.mycompany.com, test.example",
            }
        )
        # the notices that sections and assignments send are nobody's concern here
        cls.mail_server.catch_all = True
        cls.env["mail.mail"].search([("state", "=", "outgoing")]).state = "cancel"
        for address in (TO_AGENT, TO_COLLEAGUE, TO_SAM, TO_WATCHER):
            cls.mail_server.add_mailbox(address, "password")
        cls._open_mailbox(cls.support1, SECTION)

    def setUp(self):
        super().setUp()
        self.mail_server.smtp_failure = None
        for address in self.mail_server.mailboxes():
            self.mail_server.clear(address)

    def _fetch(self):
        """Fetch mail, and send what that has put in the queue and asked to send."""
        cases = super()._fetch()
        queue = self.env.ref("mail.ir_cron_mail_scheduler_action")
        waiting = self.env["mail.mail"].search([("state", "=", "outgoing")])
        if waiting:
            asked = self.env["ir.cron.trigger"].search([("cron_id", "=", queue.id)])
            self.assertTrue(asked, "or it would wait for up to an hour")
            with self.enter_registry_test_mode():
                self.assertIs(queue.method_direct_trigger(), True)
            self.env.invalidate_all()
        return cases

    def _send(self, mail):
        """Send a mail as a customer's program does."""
        with smtplib.SMTP(
            self.mail_server.host, self.mail_server.smtp_port, timeout=10
        ) as client:
            client.send_message(mail)

    def _take(self, address):
        """Empty a mailbox and give its only mail."""
        messages = self.mail_server.messages(address)
        self.assertEqual(len(messages), 1, address)
        self.mail_server.clear(address)
        return message_from_bytes(messages[0].raw, policy=SMTP)

    def _answer(self, mail, sender, **parts):
        """Answer a received mail as a mail program does: by its own headers."""
        self._send(
            self._new_mail(
                sender,
                to=mail["Reply-To"],
                subject=f"Re: {mail['Subject']}",
                answers=mail["Message-ID"],
                headers={
                    "References": f"{mail['References'] or ''} {mail['Message-ID']}"
                },
                **parts,
            )
        )

    def _open_case(self, **parts):
        """Let Sam write to the section, and the agent take the case."""
        mail = self._new_mail(STRANGER, to=SECTION, subject="Hot printer", **parts)
        self._send(mail)
        case = self._fetch()
        self.assertEqual(len(case), 1)
        self.assertEqual(case.section_id, self.support1)
        case.with_user(self.agent).action_open()
        for address in (TO_AGENT, TO_WATCHER):
            self.mail_server.clear(address)
        return case, mail

    def _answer_from_chatter(self, case, body="Is it still hot?"):
        """Post as the chatter does: to those it proposes, contacts made if need be."""
        case = case.with_user(self.agent)
        proposed = case._message_get_suggested_recipients(
            reply_discussion=True, no_create=False
        )
        return case.message_post(
            body=body,
            message_type="comment",
            partner_ids=[one["partner_id"] for one in proposed],
            subtype_xmlid="mail.mt_comment",
        )

    def test_answer_lies_in_the_mailbox_of_the_customer(self):
        case, asked = self._open_case(cc=WATCHER)
        message = self._answer_from_chatter(case)
        for address in (TO_SAM, TO_WATCHER):
            with self.subTest(address):
                mail = self._take(address)
                self.assertEqual(mail["Message-ID"], message.message_id)
                self.assertEqual(mail["Subject"], f"[{case.number}] Hot printer")
                self.assertEqual(email_normalize(mail["From"]), TO_AGENT)
                self.assertEqual(email_normalize(mail["Reply-To"]), SECTION)
                self.assertIn(asked["Message-ID"], mail["References"])
                body = mail.get_body(("html",)).get_content()
                self.assertIn("Is it still hot?", body)
        for address in (TO_AGENT, SECTION):
            self.assertNotIn(
                message.message_id,
                str([m.raw for m in self.mail_server.messages(address)]),
            )
        self.assertEqual(case.partner_id.email_normalized, TO_SAM)
        self.assertTrue(case.date_first_response)

    def test_the_whole_way_there_and_back(self):
        self.support1.staff_reply_state = "pending"
        case, _asked = self._open_case()
        self._answer_from_chatter(case)
        case.action_close()
        # the customer answers exactly what he got, and the case opens again
        self._answer(self._take(TO_SAM), STRANGER, text="It burns!")
        self.assertFalse(self._fetch(), "no new case")
        self.assertEqual(case.state, "open")
        self.assertEqual(self._get_states(case)[-3:], ["done", "draft", "open"])
        answer = self._get_mails(case)[0]
        self.assertIn("It burns!", answer.body)
        self.assertEqual(answer.author_id, case.partner_id)
        # the responsible answers from his own mail program, and the case waits
        told = self._take(TO_AGENT)
        self.assertEqual(email_normalize(told["Reply-To"]), SECTION)
        self.assertIn(f"[{case.number}]", told["Subject"])
        self._answer(told, f"Agent <{TO_AGENT}>", text="Pull the plug.", cc=WATCHER)
        self.assertFalse(self._fetch())
        self.assertEqual(case.state, "pending")
        answer = self._take(TO_SAM)
        self.assertEqual(answer["Subject"].count(f"[{case.number}]"), 1)
        self.assertIn("Pull the plug.", str(answer.get_body(("html",)).get_content()))
        self.assertFalse(self.mail_server.messages(TO_AGENT), "not his own words")
        self.assertIn(TO_WATCHER, case.email_cc)
        self._take(TO_WATCHER)  # as the agent's own program sent it
        # and once more, from another address of the customer
        self._answer(answer, "Sam <sam@home.example>", text="Done.")
        self.assertFalse(self._fetch())
        self.assertEqual(case.state, "open")
        self._take(TO_WATCHER)

    def test_our_own_mail_that_comes_back_is_no_news(self):
        case, _asked = self._open_case()
        message = self._answer_from_chatter(case)
        sent = self.mail_server.messages(TO_SAM)[0].raw
        count = len(case.message_ids)
        self.mail_server.deliver(SECTION, sent)
        self.assertFalse(self._fetch())
        self.assertEqual(len(case.message_ids), count)
        self.assertEqual(case.message_ids[0], message)

    def test_mail_of_nobody_is_told_to_the_responsible(self):
        _case, asked = self._open_case()
        for sender in ("a@", "@b", "Jane", '"x" <a@>', "a@@b"):
            raw = self._new_mail(STRANGER, to=SECTION, answers=asked["Message-ID"])
            raw = raw.as_bytes().replace(STRANGER.encode(), sender.encode())
            with self.subTest(sender):
                self.mail_server.deliver(SECTION, raw)
                self.assertFalse(self._fetch())
                self.assertEqual(
                    email_normalize(self._take(TO_AGENT)["Reply-To"]), SECTION
                )

    def test_file_of_an_answer_arrives(self):
        case, _asked = self._open_case()
        case.with_user(self.agent).message_post(
            body="See file",
            message_type="comment",
            attachments=[("façade.bin", bytes(range(256)))],
            outgoing_email_to=TO_SAM,
            subtype_xmlid="mail.mt_comment",
        )
        attachment = next(self._take(TO_SAM).iter_attachments())
        self.assertEqual(attachment.get_filename(), "façade.bin")
        self.assertEqual(attachment.get_content(), bytes(range(256)))

    @mute_logger("odoo.addons.mail.models.mail_mail")
    def test_refused_recipient_is_shown_at_the_answer(self):
        case, _asked = self._open_case()
        self.mail_server.smtp_failure = SmtpFailure(
            "550 5.1.1 Unknown", stage="rcpt", recipient=TO_SAM
        )
        message = self._answer_from_chatter(case)
        self.assertFalse(self.mail_server.messages(TO_SAM))
        failed = message.notification_ids.filtered(
            lambda one: one.notification_status == "exception"
        )
        self.assertEqual(failed.res_partner_id.email_normalized, TO_SAM)

    @mute_logger("odoo.addons.mail.models.mail_mail")
    def test_answer_survives_a_mail_server_that_is_down(self):
        case, _asked = self._open_case()
        self.mail_server.smtp_failure = SmtpFailure("451 4.3.0 Later")
        message = self._answer_from_chatter(case)
        self.assertIn("Is it still hot?", message.body)
        mail = self.env["mail.mail"].search([("mail_message_id", "=", message.id)])
        self.assertEqual(mail.mapped("state"), ["exception"])
        self.mail_server.smtp_failure = None
        mail.mark_outgoing()
        mail.send()
        self._take(TO_SAM)
