from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from unittest.mock import patch

from odoo.tools import email_normalize

from .mail_case_common import JANE, QUALITY, STRANGER, SUPPORT, WATCHER, MailCaseCommon

AGENT = "Agent <agent@test.mycompany.com>"
MANY = 300  # mails after which a dialogue counts as endless


class TestMailLoop(MailCaseCommon):
    """Programs that answer whatever they get, without a word about it in headers."""

    def _answer(self, sent, sender, keep_ids=True):
        """Build what a program answers to a mail of ours."""
        mail = EmailMessage(policy=SMTP)
        mail["From"] = sender
        mail["To"] = sent["reply_to"] or SUPPORT
        mail["Subject"] = f"I am away: {sent['subject']}"
        mail["Message-ID"] = make_msgid(domain="mail.example")
        if keep_ids:
            mail["In-Reply-To"] = sent["message_id"]
            mail["References"] = f"{sent['references'] or ''} {sent['message_id']}"
        mail.set_content("I am away until Monday.")
        return mail

    def _talk(self, first, get_answers):
        """Let mails go to and fro until nobody has anything to say.

        :param first: function that makes us send something
        :param get_answers: what comes back for a mail of ours, maybe nothing
        :return: number of mails we sent
        """
        count = 0
        with self.mock_mail_gateway():
            first()
            self.flush_tracking()
            waiting = list(self._mails)
        while waiting:
            sent = waiting.pop(0)
            count += len(sent["email_to"])
            self.assertLess(count, MANY, "they talk for ever")
            for mail in get_answers(sent):
                with self.mock_mail_gateway():
                    self._process(mail)
                    self.flush_tracking()
                    waiting += self._mails
        return count

    def _greet(self):
        self.case.with_user(self.agent).message_post(
            body="Hello",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            partner_ids=self.jane.ids,
        )

    def _responders(self, *people, keep_ids=True):
        by_address = {email_normalize(person): person for person in people}

        def answer(sent):
            found = {email_normalize(address) for address in sent["email_to"]}
            for address in sorted(found & by_address.keys()):
                yield self._answer(sent, by_address[address], keep_ids)

        return answer

    def test_customer_and_watcher_away(self):
        self.assertLess(self._talk(self._greet, self._responders(JANE, WATCHER)), 90)

    def test_customer_and_responsible_away(self):
        self.assertLess(self._talk(self._greet, self._responders(JANE, AGENT)), 90)

    def test_all_away_and_their_programs_drop_the_ids(self):
        people = self._responders(JANE, WATCHER, AGENT, keep_ids=False)
        self.assertLess(self._talk(self._greet, people), 120)

    def test_responder_that_changes_its_address(self):
        numbers = iter(range(10 * MANY))

        def answer(sent):
            for _address in sent["email_to"]:
                yield self._answer(sent, f"r{next(numbers)}@away.example")

        self.assertLess(self._talk(self._greet, answer), 120)
        self.assertNotIn("away.example", self.case.email_cc)

    def test_beyond_the_limit_mail_enters_and_moves_nothing(self):
        self.env["ir.config_parameter"].set_param("crm_relations.mail_quiet_case", 3)
        for _index in range(3):
            self._reply(JANE)
        self.case.action_pending()
        with self._sends_to():
            self._reply(JANE)
        self.assertEqual(self.case.state, "pending")
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertEqual(row.state, "done")
        self.assertIn("nobody was mailed", row.reason)

    def test_beyond_the_limit_nothing_is_announced(self):
        # something (a rule, say) gives the case to another whenever a mail comes
        Case = type(self.env["crm.case"])
        original = Case.message_update
        users = self.agent | self.colleague

        def reassign(case, *args, **kwargs):
            result = original(case, *args, **kwargs)
            case.user_id = users - case.user_id
            return result

        self.env["ir.config_parameter"].set_param("crm_relations.mail_quiet_case", 3)
        with patch.object(Case, "message_update", reassign):
            for _index in range(3):
                self._reply(JANE)
            with self._sends_to():
                self._reply(JANE)

    def test_far_beyond_the_limit_mail_waits(self):
        self.env["ir.config_parameter"].set_param("crm_relations.mail_quiet_case", 0)
        self.assertFalse(
            self._receive(
                JANE,
                headers={"In-Reply-To": self._public_message(self.case).message_id},
            )
        )
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertEqual(row.state, "held")
        self.assertIn("same case", row.reason)
        row.action_replay()
        self.assertEqual(row.case_ids, self.case)

    def test_our_own_mail_that_comes_back(self):
        with self.mock_mail_gateway():
            self._greet()
            self.flush_tracking()
        sent = next(mail for mail in self._mails if "jane" in str(mail["email_to"]))
        for trap, message_id in (
            ("as it was", sent["message_id"]),
            ("with another id", make_msgid(domain="relay.example")),
        ):
            with self.subTest(trap), self._sends_to():
                mail = EmailMessage(policy=SMTP)
                mail["From"] = sent["email_from"]
                mail["To"] = QUALITY
                mail["Subject"] = sent["subject"]
                mail["Message-ID"] = message_id
                mail["X-CRM-Relations"] = sent["headers"]["X-CRM-Relations"]
                mail.set_content("Hello")
                before = len(self._new_cases())
                self._process(mail)
                row = self.env["crm.mail.intake"].search([], limit=1)
                self.assertIn(row.state, ("held", "duplicate"))
                self.assertTrue(row.reason)
                self.assertEqual(len(self._new_cases()), before)

    def test_two_sections_do_not_open_cases_with_each_other(self):
        self._new_mailbox(self.quality, "desk@shop.example")
        catchall = self.env.company.catchall_email
        for sender in (SUPPORT, "desk@shop.example", catchall):
            with self.subTest(sender), self._sends_to():
                self.assertFalse(self._receive(sender, to=QUALITY))
                row = self.env["crm.mail.intake"].search([], limit=1)
                self.assertEqual(row.state, "held")
                self.assertIn("address of ours", row.reason)

    def test_colleague_whose_address_is_a_mailbox_may_write(self):
        self._new_mailbox(self.quality, "agent@test.mycompany.com")
        self.assertTrue(self._receive(AGENT, to=SUPPORT))

    def test_what_is_passed_on_asks_for_no_automatic_answer(self):
        with self.mock_mail_gateway():
            self._reply(JANE)
            self.flush_tracking()
        self.assertTrue(self._mails)
        for sent in self._mails:
            self.assertIn("OOF", sent["headers"]["X-Auto-Response-Suppress"])

    def test_stranger_after_stranger_is_no_flood(self):
        for number in range(30):
            self.assertTrue(self._receive(f"s{number}@nowhere.example"))
        self.assertTrue(self._receive(STRANGER))
