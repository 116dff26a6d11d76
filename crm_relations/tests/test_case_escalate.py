from odoo.addons.crm_relations.exceptions import CaseEscalationError
from odoo.tests import users

from .common import CrmRelationsCommon


class TestCaseEscalate(CrmRelationsCommon):
    """To the parent section and its manager, and nothing is lost."""

    def _escalate_refused(self, cases, *words):
        before = cases.mapped("section_id")
        with self.assertRaises(CaseEscalationError) as refusal:
            cases.action_escalate()
        for word in words:
            self.assertIn(word, str(refusal.exception))
        self.assertEqual(cases.mapped("section_id"), before)
        self.assertFalse(any(cases.mapped("escalation_level")))

    def test_case_goes_to_the_parent_section_and_its_manager(self):
        for state in ("draft", "open", "pending"):
            with self.subTest(state=state):
                case = self._new_case(state=state, user_id=self.agent.id)
                case.action_escalate()
                self.assertEqual(case.section_id, self.support2)
                self.assertEqual(case.user_id, self.susan)
                self.assertEqual(case.state, state)
                self.assertEqual(case.escalation_level, 1)

    def test_parent_without_manager_gets_it_unassigned(self):
        self.support2.user_id = False
        case = self._new_case(user_id=self.agent.id)
        case.action_escalate()
        self.assertFalse(case.user_id)

    def test_each_case_goes_to_its_own_parent(self):
        audit = self._new_section(
            "Audit", "audit", parent_id=self.quality.id, members=self.quality_user
        )
        self.quality.user_id = self.quality_user
        cases = (
            self._new_case(user_id=self.agent.id)
            | self._new_case(section=audit)
            | self._new_case()
        )
        cases.action_escalate()
        self.assertEqual(
            [case.section_id for case in cases],
            [self.support2, self.quality, self.support2],
        )
        self.assertEqual(
            [case.user_id for case in cases],
            [self.susan, self.quality_user, self.susan],
        )

    def test_level_counts_every_step(self):
        direction = self._new_section("Direction", "direction", user_id=self.boss.id)
        self.support2.parent_id = direction
        once, twice = self._new_case(), self._new_case()
        twice.action_escalate()
        (once | twice).action_escalate()
        self.assertEqual((once.escalation_level, twice.escalation_level), (1, 2))
        self.assertEqual(
            (once.section_id, twice.section_id), (self.support2, direction)
        )

    def test_nothing_is_lost(self):
        case = self._new_case(
            user_id=self.agent.id,
            partner_id=self.jane.id,
            email_cc="watcher@elsewhere.example",
            category_id=self.env["crm.case.category"]
            .create({"name": "Fault", "section_id": self.support1.id})
            .id,
            priority="3",
        )
        note = case.message_post(body="Smoke seen")
        file = self.env["ir.attachment"].create(
            {"name": "smoke.png", "res_model": "crm.case", "res_id": case.id}
        )
        activity = case.activity_schedule("mail.mail_activity_data_todo")
        case.message_subscribe(partner_ids=self.bob.ids)
        messages, stays = case.message_ids, case.move_ids
        kept = case.read(
            ["name", "number", "partner_id", "email_cc", "category_id", "priority"]
        )
        case.action_escalate()
        self.env.flush_all()
        self.assertLessEqual(messages, case.message_ids)
        self.assertIn(note, case.message_ids)
        self.assertEqual((file.res_model, file.res_id), ("crm.case", case.id))
        self.assertIn(activity, case.activity_ids)
        self.assertIn(self.bob, case.message_partner_ids)
        self.assertLessEqual(stays, case.move_ids)
        self.assertEqual(case.read(list(kept[0])), kept)

    def test_former_responsible_follows(self):
        case = self._new_case(user_id=self.agent.id)
        case.message_unsubscribe(self.agent.partner_id.ids)
        case.action_escalate()
        self.assertIn(self.agent.partner_id, case.message_partner_ids)

    def test_top_section_is_an_error(self):
        self._escalate_refused(self._new_case(section=self.quality), "Quality", "top")

    def test_one_case_at_the_top_keeps_all_where_they_are(self):
        cases = self._new_case() | self._new_case(section=self.quality)
        self._escalate_refused(cases, "Quality")

    def test_closed_case_is_an_error(self):
        for state, label in (("done", "Closed"), ("cancel", "Cancelled")):
            with self.subTest(state=state):
                case = self._new_case(state=state)
                self._escalate_refused(case, label, case.display_name)

    def test_button_shows_only_where_it_works(self):
        table = [
            (self.support1, "draft", True),
            (self.support1, "pending", True),
            (self.support1, "done", False),
            (self.support1, "cancel", False),
            (self.quality, "open", False),
        ]
        for section, state, shown in table:
            with self.subTest(section=section.name, state=state):
                case = self._new_case(section=section, state=state)
                self.assertEqual(case.can_escalate, shown)

    @users("agent")
    def test_user_hands_his_own_case_up_and_is_led_away_from_it(self):
        case = self._new_case(user_id=self.agent.id).with_user(self.env.user)
        result = case.action_escalate()
        self.assertEqual(case.sudo().section_id, self.support2)
        self.assertFalse(case.has_access("read"))
        self.assertEqual(result["res_model"], "crm.case")
        self.assertEqual(result["type"], "ir.actions.act_window")

    @users("expert")
    def test_member_who_still_sees_it_stays_on_it(self):
        case = self._new_case(user_id=self.agent.id).with_user(self.env.user)
        self.assertIs(case.action_escalate(), True)
