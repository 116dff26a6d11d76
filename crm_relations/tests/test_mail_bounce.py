from .mail_case_common import STRANGER, MailCaseCommon
from .mail_report_cases import (
    ENTERING,
    JANE,
    MARKED,
    UNMARKED,
    WANDA,
    dsn,
    to,
    write_report,
)


class TestMailBounce(MailCaseCommon):
    """Delivery reports: what they mark, and what they must leave alone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.case.state = "pending"
        cls.message = cls.case.message_post(
            body="How can we help?",
            partner_ids=cls.jane.ids,
            outgoing_email_to=WANDA,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
        )
        cls.number = 0

    def _take(self, described):
        """Let a described report come in.

        :return: its crm.mail.intake
        """
        type(self).number += 1
        raw = write_report(described, self.message.message_id, self.number)
        raw = raw.replace(b"{number}", self.case.number.encode())
        raw = raw.replace(b"{token}", self.case._get_mail_token().encode())
        self.env["mail.thread"].message_process("crm.case", raw)
        self.flush_tracking()
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertEqual(row.raw, raw)
        return row

    def _get_marked(self):
        return sorted(row.email or "" for row in self.case.delivery_ids)

    def _start_afresh(self):
        self.case.delivery_ids.sudo().unlink()
        self.jane.message_bounce = 0

    def test_what_did_not_arrive_is_shown_on_the_case(self):
        for trap, (described, addresses, words) in MARKED.items():
            with self.subTest(trap=trap), self._sends_to():
                self._start_afresh()
                before = self.case.message_ids
                row = self._take(described)
                self.assertEqual(row.state, "bounce", row.error_detail)
                self.assertEqual(row.case_ids, self.case)
                self.assertEqual(self._get_marked(), sorted(addresses))
                self.assertIn(words, self.case.delivery_problem)
                self.assertIn(words, row.reason)
                note = self.case.message_ids - before
                self.assertEqual(len(note), 1)
                self.assertTrue(note.subtype_id.internal)
                self.assertIn(words, note.body)
                self.assertEqual(self.jane.message_bounce, int(JANE in addresses))
                self.assertEqual(self.case.state, "pending")
        self.assertFalse(self._new_cases())

    def test_what_marks_nothing_is_kept_with_its_reason(self):
        self._start_afresh()
        for trap, (described, state, linked, words) in UNMARKED.items():
            with self.subTest(trap=trap), self._sends_to():
                before = self.case.message_ids
                row = self._take(described)
                self.assertEqual(row.state, state, row.error_detail)
                self.assertEqual(bool(row.case_ids), linked)
                self.assertIn(words, row.reason)
                self.assertFalse(self.case.delivery_problem)
                self.assertEqual(self.case.message_ids, before)
                self.assertFalse(self.jane.message_bounce)
        self.assertFalse(self._new_cases())

    def test_other_reports_enter_the_case_and_move_nothing(self):
        for trap, described in ENTERING.items():
            with self.subTest(trap=trap):
                before = self.case.message_ids
                self.case.state = "pending"
                row = self._take(described)
                self.assertEqual(row.state, "done", row.reason)
                self.assertEqual(row.case_ids, self.case)
                entered = (self.case.message_ids - before).filtered(
                    lambda message: message.message_type == "email"
                )
                self.assertEqual(len(entered), 1)
                self.assertFalse(self.case.delivery_ids)
                if "report" in trap and "forwards" not in trap:
                    self.assertEqual(self.case.state, "pending")
        self.assertFalse(self._new_cases())

    def test_report_that_comes_twice_counts_once(self):
        described = dsn(to(JANE))
        raw = write_report(described, self.message.message_id, "twice")
        for _delivery in range(2):
            # as two mailboxes deliver it: another way, the same mail
            raw = b"Delivered-To: somewhere@test.mycompany.com\r\n" + raw
            self.env["mail.thread"].message_process("crm.case", raw)
        self.assertEqual(self.jane.message_bounce, 1)
        notes = self.case.message_ids.filtered(lambda m: "5.1.1" in (m.body or ""))
        self.assertEqual(len(notes), 1)
        rows = self.env["crm.mail.intake"].search([], limit=2)
        self.assertEqual(rows.mapped("state"), ["bounce", "bounce"])
        self.assertIn("counted before", rows[0].reason)

    def test_two_reports_of_one_address_are_one_mark(self):
        self._take(dsn(to(JANE)))
        self._take(dsn(to(JANE, status="5.2.2", said="552 full")))
        self.assertEqual(self._get_marked(), [JANE])
        self.assertIn("full", self.case.delivery_problem)

    def test_mark_goes_when_the_address_writes(self):
        self._take(dsn(to(JANE), to(WANDA)))
        self._reply("Jane <jane@acme.example>")
        self.assertEqual(self._get_marked(), [WANDA])
        self.assertFalse(self.jane.message_bounce)
        # elsewhere, too
        self._receive(f"Wanda <{WANDA}>", subject="Something else")
        self.assertFalse(self.case.delivery_ids)

    def test_mark_stays_when_another_writes(self):
        self._take(dsn(to(JANE)))
        self._receive(STRANGER)
        self.assertEqual(self._get_marked(), [JANE])

    def test_mark_goes_when_a_person_dismisses_it(self):
        self._take(dsn(to(JANE)))
        case = self.case.with_user(self.agent)
        self.assertTrue(case.delivery_problem)
        case.action_dismiss_undelivered()
        self.assertFalse(case.delivery_problem)
        self.assertFalse(case.delivery_ids)
        note = self.case.message_ids[0]
        self.assertIn("no such mailbox", note.body)
        self.assertEqual(note.author_id, self.agent.partner_id)
        self.assertTrue(note.subtype_id.internal)

    def test_address_that_was_never_told_is_shown_but_not_counted(self):
        self._take(dsn(to("walter@alone.example")))
        self.assertEqual(self._get_marked(), ["walter@alone.example"])
        self.assertFalse(self.walter.message_bounce)

    def test_notice_in_the_discussion_turns_red(self):
        self._take(dsn(to(JANE)))
        notification = self.message.notification_ids.filtered(
            lambda one: one.res_partner_id == self.jane
        )
        self.assertEqual(notification.notification_status, "bounce")

    def test_merged_case_hands_its_marks_on(self):
        self._take(dsn(to(JANE), to(WANDA)))
        other = self._new_case("The same again", partner_id=self.jane.id)
        self.env["crm.case.delivery"]._mark_bounces(other, [(JANE, None)])
        self.case.action_merge(other)
        self.assertEqual(sorted(other.delivery_ids.mapped("email")), [JANE, WANDA])
        self.assertFalse(self.case.delivery_ids)

    def test_report_about_another_model_is_counted_as_odoo_does(self):
        message = self.walter.message_post(
            body="Hello", partner_ids=self.walter.ids, message_type="comment"
        )
        raw = write_report(
            dsn(to("walter@alone.example")), message.message_id, "partner"
        )
        self.env["mail.thread"].message_process("crm.case", raw)
        self.assertEqual(self.walter.message_bounce, 1)
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertEqual(row.state, "bounce")
        self.assertFalse(row.case_ids)

    def test_without_a_row_odoo_decides(self):
        described = dsn(to(JANE), returned="", to="somebody@test.mycompany.com")
        raw = write_report(described, self.message.message_id, "odoo")
        self.env["mail.thread"].message_process("res.partner", raw)
        # no proof asked for: what other models do is not ours to change
        self.assertEqual(self.jane.message_bounce, 1)

    def test_huge_report_is_read_in_time(self):
        many = [to(f"a{index}@b.example") for index in range(3000)]
        row = self._take(dsn(*many))
        self.assertEqual(row.state, "bounce", row.error_detail)
        self.assertLessEqual(len(self.case.delivery_ids), 100)

    def test_number_of_reports_here(self):
        self.assertGreaterEqual(len(MARKED) + len(UNMARKED) + len(ENTERING), 40)
