from .mail_case_common import BOB, JANE, STRANGER, WATCHER, MailCaseCommon

AWAY = {"Auto-Submitted": "auto-replied", "Precedence": "bulk"}
PROGRAM = {"Auto-Submitted": "auto-generated"}
AGENT = "agent@test.mycompany.com"


class TestMailAutomatic(MailCaseCommon):
    """Mail that no person wrote sets nothing in motion."""

    def _get_row(self):
        return self.env["crm.mail.intake"].search([], limit=1)

    def test_answers_of_programs_enter_and_move_nothing(self):
        for headers in (
            AWAY,
            PROGRAM,
            {"X-Autoreply": "yes"},
            {"Precedence": "list"},
            {"X-Auto-Response-Suppress": "All"},
            {"Return-Path": "<>"},
        ):
            for state in ("pending", "done", "cancel"):
                with self.subTest(headers=headers, state=state):
                    case = self._new_case(partner_id=self.jane.id, state=state)
                    mail = self._reply(JANE, case, headers=headers)
                    self.assertEqual(mail.model, "crm.case")
                    self.assertEqual(case.state, state)

    def test_person_still_reopens(self):
        self.case.action_close()
        self._reply(JANE, headers={"Auto-Submitted": "no"})
        self.assertEqual(self.case.state, "open")
        self.assertFalse(self._get_row().automatic)

    def test_absence_of_the_responsible_closes_nothing(self):
        self.support1.staff_reply_state = "done"
        self._reply(f"Agent <{AGENT}>", headers=AWAY)
        self.assertEqual(self.case.state, "open")

    def test_automatic_answer_is_mailed_to_nobody(self):
        self.case.message_subscribe(partner_ids=self.bob.ids)
        self._public_message(self.case)
        with self._sends_to():
            self._reply(JANE, headers=AWAY)
        self.assertEqual(self._get_row().automatic, "answer")

    def test_generated_mail_is_told_to_colleagues_only(self):
        self.case.message_subscribe(partner_ids=self.bob.ids)
        self._public_message(self.case)
        with self._sends_to(AGENT):
            self._reply(JANE, headers=PROGRAM)

    def test_two_responders_do_not_talk_through_us(self):
        # the customer's and the watcher's programs answer whatever they get
        self._public_message(self.case)
        for sender in (JANE, WATCHER, BOB, JANE, WATCHER):
            with self._sends_to():
                self._reply(sender, headers=AWAY)

    def test_automatic_answer_to_nothing_waits_in_the_ledger(self):
        with self._sends_to():
            self.assertFalse(self._receive(STRANGER, headers=AWAY))
        row = self._get_row()
        self.assertEqual(row.state, "held")
        self.assertIn("automatic answer", row.reason)
        row.action_replay()
        self.assertEqual(row.state, "done")
        self.assertEqual(row.case_ids.name, "Question")

    def test_generated_mail_opens_a_case(self):
        case = self._receive(STRANGER, headers=PROGRAM)
        self.assertEqual(case.section_id, self.support1)
        self.assertEqual(self._get_row().automatic, "generated")
