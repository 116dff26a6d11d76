from odoo.tools import email_normalize

from .mail_case_common import (
    BOB,
    JANE,
    STRANGER,
    SUPPORT,
    SUPPORT2,
    WATCHER,
    MailCaseCommon,
)

AGENT = "Agent <agent@test.mycompany.com>"
COLLEAGUE = "Colleague <colleague@test.mycompany.com>"

TO_AGENT = "agent@test.mycompany.com"
TO_COLLEAGUE = "colleague@test.mycompany.com"
TO_JANE = "jane@acme.example"
TO_WATCHER = "wanda@watch.example"


class TestMailRelay(MailCaseCommon):
    """Who is told what somebody writes, and how it looks."""

    def setUp(self):
        super().setUp()
        # made before any counting, as everything later in a discussion answers it
        self.root = self._public_message(self.case)

    # ------------------------------------------------------------
    # ANSWERS OF STAFF
    # ------------------------------------------------------------

    def test_answer_of_the_responsible_reaches_customer_and_watchers(self):
        with self._sends_to(TO_JANE, TO_WATCHER):
            self._reply(AGENT)

    def test_answer_of_a_colleague_also_reaches_the_responsible(self):
        with self._sends_to(TO_JANE, TO_WATCHER, TO_AGENT):
            self._reply(COLLEAGUE)

    def test_customer_without_contact_is_reached(self):
        case = self._receive(STRANGER)
        with self._sends_to("sam@nowhere.example"):
            self._reply(AGENT, case)

    def test_who_stands_in_to_or_cc_is_not_mailed_again(self):
        with self._sends_to(TO_WATCHER):
            self._reply(AGENT, to=f"{SUPPORT}, JANE@acme.example")
        with self._sends_to(TO_JANE):
            self._reply(AGENT, cc=WATCHER)
        with self._sends_to():
            self._reply(AGENT, to=JANE, cc=f"{SUPPORT}, {WATCHER}")

    def test_nobody_is_mailed_twice(self):
        twin = self.jane.copy({"name": "Jane again", "email": "JANE@acme.example"})
        wanda = self.env["res.partner"].create(
            {"name": "Wanda", "email": "wanda@watch.example"}
        )
        self.case.email_cc = f"{WATCHER}, {JANE}, wanda@WATCH.example, {COLLEAGUE}"
        self.case.message_subscribe(
            (self.jane | twin | wanda | self.colleague.partner_id).ids
        )
        with self._sends_to(TO_JANE, TO_WATCHER, TO_COLLEAGUE):
            self._reply(AGENT)

    def test_nobody_is_mailed_twice_from_odoo(self):
        twin = self.jane.copy({"name": "Jane again", "email": "JANE@acme.example"})
        self.case.message_subscribe((self.jane | twin).ids)
        with self._sends_to(TO_JANE):
            self.case.with_user(self.agent).message_post(
                body="Hello",
                message_type="comment",
                partner_ids=(self.jane | twin).ids,
                outgoing_email_to=JANE,
                subtype_xmlid="mail.mt_comment",
            )

    def test_nobody_receives_his_own_words(self):
        twins = self.env["res.partner"].create(
            [
                {"name": "Agent as a contact", "email": TO_AGENT},
                {"name": "Jane again", "email": "JANE@acme.example"},
            ]
        )
        self.case.email_cc = f"{AGENT}, {JANE}"
        self.case.message_subscribe((self.jane | twins).ids)
        with self._sends_to(TO_JANE):
            self._reply(AGENT)
        with self._sends_to(TO_AGENT):
            self._reply(JANE)

    def test_people_who_read_in_odoo_are_told_there(self):
        self.colleague.notification_type = "inbox"
        self.case.message_subscribe(self.colleague.partner_id.ids)
        with self._sends_to(TO_JANE, TO_WATCHER):
            message = self._reply(AGENT)
        inbox = message.notification_ids.filtered(
            lambda one: one.notification_type == "inbox"
        )
        self.assertEqual(inbox.res_partner_id, self.colleague.partner_id)

    # ------------------------------------------------------------
    # ANSWERS FROM OUTSIDE
    # ------------------------------------------------------------

    def test_answer_of_the_customer_reaches_responsible_and_watchers(self):
        with self._sends_to(TO_AGENT, TO_WATCHER):
            self._reply(JANE)

    def test_responsible_who_does_not_follow_is_told(self):
        self.case.message_unsubscribe(self.agent.partner_id.ids)
        with self._sends_to(TO_AGENT, TO_WATCHER):
            self._reply(JANE)

    def test_answer_of_a_watcher_reaches_the_customer(self):
        with self._sends_to(TO_AGENT, TO_JANE):
            self._reply(WATCHER)

    def test_answer_of_a_stranger_reaches_all(self):
        with self._sends_to(TO_AGENT, TO_JANE, TO_WATCHER):
            self._reply(STRANGER)

    def test_answer_from_a_second_address_of_the_customer_reaches_the_first(self):
        with self._sends_to(TO_AGENT, TO_JANE, TO_WATCHER):
            self._reply("Jane at home <jane@home.example>")

    def test_reply_to_all(self):
        with self._sends_to(TO_AGENT):
            self._reply(JANE, cc=WATCHER)
        with self._sends_to(TO_WATCHER):
            self._reply(JANE, cc=AGENT)

    def test_unassigned_case_tells_its_followers(self):
        case = self._new_case(partner_id=self.jane.id)
        root = self._public_message(case)
        with self._sends_to():
            self._reply(JANE, case, answers=root)
        case.message_subscribe(self.senior.partner_id.ids)
        with self._sends_to("expert@test.mycompany.com"):
            self._reply(JANE, case, answers=root)

    def test_contact_of_another_company_is_told_by_address(self):
        self.env["res.partner"].create(
            {
                "name": "Wanda",
                "email": "wanda@watch.example",
                "company_id": self.company_2.id,
            }
        )
        with self._sends_to(TO_AGENT, TO_WATCHER):
            self._reply(JANE)

    def test_files_are_passed_on(self):
        with self._sends_to(TO_AGENT, TO_WATCHER):
            self._reply(JANE, files={"log.bin": b"\x00\x01"})
        for mail in self._mails:
            self.assertEqual(
                [name for name, *_rest in mail["attachments"]], ["log.bin"]
            )

    # ------------------------------------------------------------
    # NOTES
    # ------------------------------------------------------------

    def _note(self, **values):
        return self.case.with_user(self.senior).message_post(
            body="He is right", subtype_xmlid="mail.mt_note", **values
        )

    def test_note_stays_in_the_house(self):
        self.case.message_subscribe(self.jane.ids)
        for message_type in ("comment", "email", "notification"):
            with self.subTest(message_type), self._sends_to():
                self._note(message_type=message_type)

    def test_mail_posted_without_kind_is_a_note(self):
        with self._sends_to():
            self.case.message_post(body="Hm", message_type="email", email_from=AGENT)

    def test_note_that_names_people_tells_colleagues_only(self):
        people = self.jane | self.agent.partner_id
        with self._sends_to(TO_AGENT):
            self._note(message_type="comment", partner_ids=people.ids)

    def test_answer_to_a_note_goes_to_its_author_only(self):
        note = self._note(message_type="comment")
        with self._sends_to("expert@test.mycompany.com"):
            answer = self._reply(AGENT, answers=note)
        self.assertTrue(answer.subtype_id.internal)

    def test_answer_to_a_note_that_came_from_outside_stays(self):
        note = self._note(message_type="comment")
        forwarded = self._reply(JANE, answers=note)
        with self._sends_to():
            answer = self._reply(AGENT, answers=forwarded)
        self.assertTrue(answer.subtype_id.internal)

    # ------------------------------------------------------------
    # HOW IT LOOKS
    # ------------------------------------------------------------

    def _get_reply_addresses(self):
        return {email_normalize(mail["reply_to"]) for mail in self._mails}

    def _post(self, case=None, **values):
        case = self.case if case is None else case
        with self.mock_mail_gateway():
            case.with_user(self.agent).message_post(
                body="Hello",
                message_type="comment",
                partner_ids=self.jane.ids,
                subtype_xmlid="mail.mt_comment",
                **values,
            )
        return self._mails[0]

    def test_answers_come_back_to_the_section(self):
        self._post()
        self.assertEqual(self._get_reply_addresses(), {SUPPORT})
        self.case.action_escalate()
        self.case.user_id = self.agent
        self._post()
        self.assertEqual(self._get_reply_addresses(), {SUPPORT2})

    def test_answers_come_back_to_the_mailbox_of_a_section_without_alias(self):
        section = self._new_section("Desk", False)
        self._new_mailbox(section, "desk@shop.example")
        case = self._new_case(section=section, user_id=self.agent.id)
        self._post(case)
        self.assertEqual(self._get_reply_addresses(), {"desk@shop.example"})

    def test_answers_of_a_section_without_address_come_to_the_house(self):
        case = self._new_case(
            section=self._new_section("Mute", False), user_id=self.agent.id
        )
        self._post(case)
        self.assertEqual(self._get_reply_addresses(), {self.env.company.catchall_email})

    def test_subject_has_the_number_once(self):
        mark = f"[{self.case.number}]"
        for subject, expected in (
            (None, f"{mark} Printer on fire"),
            ("", f"{mark} Printer on fire"),
            ("News", f"{mark} News"),
            (f"Re: {mark} Printer on fire", f"Re: {mark} Printer on fire"),
            (f"Re: {mark} AW: {mark} News", f"Re: {mark} AW: {mark} News"),
            ("Two\r\nlines", f"{mark} Two lines"),
        ):
            with self.subTest(subject=subject):
                mail = self._post(subject=subject)
                self.assertEqual(mail["subject"], expected)

    def test_subject_of_a_case_whose_own_subject_has_two_lines(self):
        self.case.name = "Printer\nBcc: evil@example.com"
        mail = self._post()
        self.assertEqual(
            mail["subject"], f"[{self.case.number}] Printer Bcc: evil@example.com"
        )

    def test_relayed_subject_and_sender(self):
        with self.mock_mail_gateway():
            self._reply(JANE)
        for mail in self._mails:
            self.assertIn(f"[{self.case.number}] Re: ", mail["subject"])
            self.assertEqual(email_normalize(mail["reply_to"]), SUPPORT)
            self.assertIn("jane@acme.example", mail["email_from"])

    def test_composer_sends_as_the_chatter_does(self):
        composer = (
            self.env["mail.compose.message"]
            .with_user(self.agent)
            .with_context(
                default_model="crm.case",
                default_res_ids=self.case.ids,
                default_composition_mode="comment",
            )
            .create({"body": "<p>Hi</p>", "partner_ids": self.jane.ids})
        )
        with self._sends_to(TO_JANE):
            composer._action_send_mail()
        mail = self._mails[0]
        self.assertEqual(mail["subject"], f"[{self.case.number}] Printer on fire")
        self.assertEqual(email_normalize(mail["reply_to"]), SUPPORT)
        self.assertTrue(self.case.date_first_response)

    def test_assignment_notice_has_the_number_once(self):
        with self.mock_mail_gateway():
            self.case.user_id = self.colleague
        self.assertEqual(self._get_reached(), [TO_COLLEAGUE])
        self.assertEqual(self._mails[0]["subject"].count(self.case.number), 1)

    # ------------------------------------------------------------
    # CHATTER
    # ------------------------------------------------------------

    def _get_suggested(self):
        return {
            one["email"]: one["partner_id"]
            for one in self.case.with_user(
                self.agent
            )._message_get_suggested_recipients(reply_discussion=True)
        }

    def test_chatter_suggests_customer_and_watchers(self):
        self.assertEqual(
            self._get_suggested(), {TO_JANE: self.jane.id, TO_WATCHER: False}
        )

    def test_chatter_never_suggests_our_own_addresses(self):
        self._new_mailbox(self.quality, "desk@shop.example")
        self._reply(
            JANE, to=f"Desk <desk@shop.example>, {BOB}", cc=f"{SUPPORT2}, {WATCHER}"
        )
        self.assertEqual(
            self._get_suggested(),
            {
                TO_JANE: self.jane.id,
                TO_WATCHER: False,
                "bob@acme.example": self.bob.id,
            },
        )

    # ------------------------------------------------------------
    # OTHERS
    # ------------------------------------------------------------

    def test_discussions_of_other_models_are_as_they_were(self):
        self.acme.message_subscribe((self.jane | self.bob).ids)
        with self._sends_to(TO_JANE, "bob@acme.example"):
            self.acme.message_post(
                body="Hello",
                email_from=STRANGER,
                message_type="email",
                subject="Contract",
                subtype_xmlid="mail.mt_comment",
            )
        for mail in self._mails:
            self.assertEqual(mail["subject"], "Contract")
            self.assertEqual(
                email_normalize(mail["reply_to"]), self.env.company.catchall_email
            )
