from datetime import timedelta

from odoo import fields
from odoo.addons.mail.tests.common import freeze_all_time
from odoo.exceptions import AccessError
from odoo.tests.common import users, warmup

from .mail_case_common import (
    BOB,
    JANE,
    QUALITY,
    STRANGER,
    SUPPORT2,
    WATCHER,
    MailCaseCommon,
)

AGENT = "Agent <agent@test.mycompany.com>"
COLLEAGUE = "Colleague <colleague@test.mycompany.com>"
NOTE = "mail.mt_note"


class TestMailReply(MailCaseCommon):
    """What an answer does to its case."""

    # ------------------------------------------------------------
    # THREADING
    # ------------------------------------------------------------

    def test_answer_is_found_by_either_header(self):
        message_id = self._public_message(self.case).message_id
        for headers in (
            {"In-Reply-To": message_id},
            {"References": message_id},
            {"References": f"<unknown@else.example> {message_id}"},
            {"References": f"{message_id} <later@else.example>"},
            {"In-Reply-To": "<unknown@else.example>", "References": message_id},
        ):
            with self.subTest(headers=headers):
                found = self._receive(JANE, headers=headers)
                self.assertEqual(found, self.case)

    def test_answer_to_an_answer(self):
        first = self._reply(JANE)
        second = self._reply(WATCHER, answers=first)
        self.assertEqual(second.parent_id, first)

    def test_answer_to_the_first_mail_of_a_case(self):
        mail = self._new_mail(STRANGER)
        case = self.env["crm.case"].browse(self._process(mail))
        self._reply(WATCHER, case, answers=mail["Message-ID"])

    def test_number_in_the_subject_opens_no_door(self):
        case = self._receive(STRANGER, subject=f"Re: [{self.case.number}] Printer")
        self.assertTrue(case)
        self.assertNotEqual(case, self.case)

    def test_address_of_another_section_keeps_the_thread(self):
        self._reply(JANE, to=QUALITY)
        self.assertEqual(self.case.section_id, self.support1)

    def test_escalated_case_keeps_its_thread(self):
        before = self._public_message(self.case)
        self.case.action_escalate()
        self._reply(JANE, answers=before)
        self.assertEqual(self.case.section_id, self.support2)

    def test_answer_keeps_subject_and_description(self):
        self.case.description = "<p>First words</p>"
        self._reply(JANE, html="<p>More</p><img src='cid:x'>")
        self.assertEqual(self.case.name, "Printer on fire")
        self.assertIn("First words", self.case.description)

    def test_second_delivery_of_an_answer_makes_nothing(self):
        answer = self._new_mail(JANE, answers=self._public_message(self.case))
        self.assertEqual(self._process(answer), self.case.id)
        count = len(self.case.message_ids)
        self.assertIs(self._process(answer), False)
        self.assertEqual(len(self.case.message_ids), count)

    # ------------------------------------------------------------
    # MERGED, ARCHIVED, DELETED
    # ------------------------------------------------------------

    def test_answer_to_a_merged_case_reaches_the_other(self):
        middle, last = self._new_case("Middle"), self._new_case("Last")
        before = self._public_message(self.case)
        self.case.action_merge(middle)
        late = self.case.message_post(body="Late", subtype_xmlid="mail.mt_comment")
        middle.action_merge(last)
        for message in (before, late):
            with self.subTest(message=message.body):
                self._reply(JANE, last, answers=message)

    def test_merged_case_that_was_taken_up_again_has_its_own_mail(self):
        self.case.action_merge(self._new_case("Other"))
        self.case.active = True
        late = self.case.message_post(body="Late", subtype_xmlid="mail.mt_comment")
        self._reply(JANE, answers=late)

    def test_answer_to_an_archived_case_opens_one_in_its_section(self):
        case = self._new_case("Forgotten", self.quality)
        before = self._public_message(case)
        case.active = False
        count = len(case.message_ids)
        new = self._receive(JANE, subject="Re: Forgotten", answers=before)
        self.assertTrue(new.active)
        self.assertNotEqual(new, case)
        self.assertEqual(new.section_id, self.quality)
        self.assertEqual(len(case.message_ids), count)

    def test_answer_to_a_deleted_case_opens_one_in_the_section_of_the_alias(self):
        case = self._new_case("Gone", self.quality)
        message_id = self._public_message(case).message_id
        case.unlink()
        new = self._receive(JANE, to=QUALITY, answers=message_id)
        self.assertEqual(new.section_id, self.quality)

    # ------------------------------------------------------------
    # STATES
    # ------------------------------------------------------------

    def test_answer_of_the_customer_moves_the_case(self):
        for state, reopen, expected in (
            ("draft", True, ["draft"]),
            ("open", True, ["open"]),
            ("pending", True, ["pending", "open"]),
            ("pending", False, ["pending", "open"]),
            ("done", True, ["done", "draft", "open"]),
            ("done", False, ["done"]),
            ("cancel", True, ["cancel", "draft", "open"]),
            ("cancel", False, ["cancel"]),
        ):
            with self.subTest(state=state, reopen=reopen):
                self.support1.reopen_on_reply = reopen
                case = self._new_case(state=state, partner_id=self.jane.id)
                self._reply(JANE, case)
                self.assertEqual(self._get_states(case), expected)
                self.assertFalse(case.user_id, "nobody is made responsible")

    def test_anybody_outside_counts_as_the_customer(self):
        for sender in (WATCHER, STRANGER, BOB, None):
            with self.subTest(sender=sender):
                case = self._new_case(state="done", partner_id=self.jane.id)
                self._reply(sender, case)
                self.assertEqual(case.state, "open")

    def test_reopened_case_keeps_its_responsible(self):
        self.case.action_close()
        self._reply(JANE)
        self.assertEqual(self.case.user_id, self.agent)
        self.assertFalse(self.case.date_closed)

    def test_answer_of_the_responsible_moves_as_the_section_says(self):
        for state, wish, expected in (
            ("draft", "none", "draft"),
            ("open", "none", "open"),
            ("draft", "pending", "pending"),
            ("open", "pending", "pending"),
            ("pending", "pending", "pending"),
            ("open", "done", "done"),
            ("pending", "done", "done"),
            ("done", "pending", "done"),
            ("cancel", "done", "cancel"),
        ):
            with self.subTest(state=state, wish=wish):
                self.support1.staff_reply_state = wish
                case = self._new_case(state=state, user_id=self.agent.id)
                self._reply(AGENT, case)
                self.assertEqual(case.state, expected)

    def test_answer_of_other_staff_moves_nothing(self):
        self.support1.staff_reply_state = "done"
        for state in ("draft", "open", "pending", "done"):
            with self.subTest(state=state):
                case = self._new_case(state=state, user_id=self.agent.id)
                self._reply(COLLEAGUE, case)
                self.assertEqual(case.state, state)

    def test_colleague_who_is_the_customer_reopens(self):
        case = self._new_case(state="done", partner_id=self.colleague.partner_id.id)
        self._reply(COLLEAGUE, case)
        self.assertEqual(case.state, "open")
        self.assertFalse(case.date_first_response)

    def test_responsible_with_a_case_of_his_own_is_staff(self):
        self.support1.staff_reply_state = "done"
        self.case.partner_id = self.agent.partner_id
        self._reply(AGENT)
        self.assertEqual(self.case.state, "done")

    def test_answer_of_the_responsible_to_a_note_moves_nothing(self):
        self.support1.staff_reply_state = "done"
        note = self.case.message_post(body="Psst", subtype_xmlid=NOTE)
        answer = self._reply(AGENT, answers=note)
        self.assertTrue(answer.subtype_id.internal)
        self.assertEqual(self.case.state, "open")
        self.assertFalse(self.case.date_first_response)

    def test_answer_in_odoo_moves_nothing(self):
        self.support1.staff_reply_state = "done"
        self._answer_in_odoo(self.agent)
        self.assertEqual(self.case.state, "open")

    # ------------------------------------------------------------
    # WATCHERS
    # ------------------------------------------------------------

    def test_new_cc_of_an_answer_watch(self):
        self._reply(JANE, cc=BOB)
        self.assertEqual(
            self.case.email_cc,
            '"Bob" <bob@acme.example>, "Wanda" <wanda@watch.example>',
        )

    def test_our_own_addresses_do_not_watch(self):
        self._new_mailbox(self.quality, "desk@shop.example")
        self._reply(JANE, to="x@y.example", cc=f"{SUPPORT2}, Desk <DESK@shop.example>")
        self.assertEqual(self.case.email_cc, WATCHER)

    def test_customer_does_not_watch_his_own_case(self):
        self._reply(AGENT, cc=JANE)
        self.assertNotIn("jane", self.case.email_cc)

    def test_watcher_stays_once_however_written(self):
        self._reply(JANE, cc="WANDA@watch.example")
        self.assertEqual(self.case.email_cc, '"Wanda" <wanda@watch.example>')

    # ------------------------------------------------------------
    # DATES
    # ------------------------------------------------------------

    def _answer_in_odoo(self, user, subtype="mail.mt_comment", case=None):
        return (
            (case or self.case)
            .with_user(user)
            .message_post(body="Answer", message_type="comment", subtype_xmlid=subtype)
        )

    def test_first_response_is_measured_once(self):
        at = self.case.create_date.replace(microsecond=0) + timedelta(hours=3)
        with freeze_all_time(at):
            self._answer_in_odoo(self.agent)
        with freeze_all_time(at + timedelta(hours=1)):
            self._reply(AGENT)
        self.assertEqual(self.case.date_first_response, at)
        self.assertAlmostEqual(self.case.hours_first_response, 3, places=3)
        self.assertEqual(self.case.date_last_action, at + timedelta(hours=1))

    def test_answer_by_mail_is_a_first_response_of_any_colleague(self):
        self._reply(COLLEAGUE)
        self.assertTrue(self.case.date_first_response)

    def test_what_is_no_first_response(self):
        portal = self._create_portal_user()
        portal.partner_id.email = "portal@acme.example"
        for name, act in (
            ("customer", lambda: self._reply(JANE)),
            ("no sender", lambda: self._reply(None)),
            ("note", lambda: self._answer_in_odoo(self.agent, NOTE)),
            ("tracking", lambda: self.case.write({"priority": "3"})),
            ("portal", lambda: self._reply("portal@acme.example")),
            (
                "automatic",
                lambda: self.case.message_post(
                    body="Thanks",
                    message_type="auto_comment",
                    author_id=self.agent.partner_id.id,
                    subtype_xmlid="mail.mt_comment",
                ),
            ),
        ):
            with self.subTest(name):
                act()
                self.assertFalse(self.case.date_first_response)

    def test_last_action_follows_every_word_and_move(self):
        at = fields.Datetime.now().replace(microsecond=0) + timedelta(days=1)
        for hours, act in enumerate(
            (
                lambda: self._reply(JANE),
                lambda: self._answer_in_odoo(self.agent, NOTE),
                lambda: self._reply(COLLEAGUE),
                self.case.action_pending,
            )
        ):
            with self.subTest(hours), freeze_all_time(at + timedelta(hours=hours)):
                act()
                self.assertEqual(
                    self.case.date_last_action, at + timedelta(hours=hours)
                )

    @users("inspector")
    def test_who_may_not_see_the_case_cannot_post(self):
        with self.assertRaises(AccessError):
            self._answer_in_odoo(self.env.user)


class TestMailReplyCost(MailCaseCommon):
    """Passing an answer on does not cost more with more people on the case."""

    def _prepare_answer(self, watchers):
        """Give a case with that many watchers, and Jane's answer as it is posted."""
        addresses = (f"w{index}@watch.example" for index in range(watchers))
        case = self._new_case(
            partner_id=self.jane.id,
            user_id=self.agent.id,
            state="pending",
            email_cc=", ".join(addresses),
        )
        mail = self._new_mail(JANE, answers=self._public_message(case))
        self.flush_tracking()
        return case, mail

    @users("expert")
    @warmup
    def test_finding_the_recipients(self):
        comment = self.env.ref("mail.mt_comment").id
        for watchers in (1, 40):
            case, mail = self._prepare_answer(watchers)
            self.env.invalidate_all()
            with self.subTest(watchers), self.assertQueryCount(11):
                values = case.with_user(self.env.user)._prepare_received(
                    {"email_from": mail["From"], "subtype_id": comment}
                )
                self.assertEqual(values["outgoing_email_to"].count("@"), watchers)

    @warmup
    def test_whole_answer(self):
        for watchers in (1, 40):
            case, mail = self._prepare_answer(watchers)
            self.env.invalidate_all()
            with self.subTest(watchers), self.assertQueryCount(64):
                self.assertEqual(self._process(mail), case.id)
                self.env.flush_all()

    @warmup
    def test_whole_new_mail(self):
        for trap, sender in (("known", JANE), ("unknown", STRANGER)):
            mail = self._new_mail(sender)
            self.env.invalidate_all()
            with self.subTest(trap), self.assertQueryCount(24):
                self.assertTrue(self._process(mail))
                self.env.flush_all()
