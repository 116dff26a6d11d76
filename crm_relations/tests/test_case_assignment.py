from datetime import timedelta

from odoo import Command, fields
from odoo.tests import users

from .common import CrmRelationsCommon


class TestCaseAssignment(CrmRelationsCommon):
    """Who becomes responsible, by hand and as the section says."""

    def _new_batch(self, count, section=None):
        return self.env["crm.case"].create(
            [
                {
                    "name": f"Case {index}",
                    "section_id": (section or self.support1).id,
                    "user_id": False,
                }
                for index in range(count)
            ]
        )

    def _assign(self, cases):
        """Assign and give the responsibles in the order of the cases."""
        cases._assign_by_section()
        return [case.user_id for case in cases]

    def _leave(self, user, **bounds):
        user.write(
            {
                "out_of_office_from": fields.Datetime.now() - timedelta(days=1),
                **bounds,
            }
        )

    # ------------------------------------------------------------
    # BY HAND
    # ------------------------------------------------------------

    @users("agent")
    def test_case_made_by_a_person_is_his(self):
        case = self.env["crm.case"].create({"name": "Mine"})
        self.assertEqual(case.user_id, self.agent)
        self.assertEqual(case.section_id, self.support1)

    def test_case_made_by_the_system_is_nobodys(self):
        case = (
            self.env["crm.case"]
            .with_user(self.env.ref("base.user_root"))
            .create({"name": "Import", "section_id": self.support1.id})
        )
        self.assertFalse(case.user_id)

    @users("agent")
    def test_assign_to_me_takes_unassigned_cases(self):
        cases = self._new_batch(2).with_user(self.env.user)
        cases.action_assign_to_me()
        self.assertEqual(cases.user_id, self.agent)
        self.assertEqual(cases.mapped("state"), ["draft", "draft"])

    # ------------------------------------------------------------
    # BY THE SECTION
    # ------------------------------------------------------------

    def test_manual_section_assigns_nobody(self):
        self.assertFalse(any(self._assign(self._new_batch(2))))

    def test_members_take_turns_within_a_batch(self):
        self.support1.assignment = "round_robin"
        self.assertEqual(
            self._assign(self._new_batch(5)),
            [self.agent, self.colleague, self.agent, self.colleague, self.agent],
        )

    def test_members_take_turns_across_single_cases(self):
        self.support1.assignment = "round_robin"
        taken = [self._assign(self._new_batch(1))[0] for _index in range(4)]
        self.assertEqual(
            taken, [self.agent, self.colleague, self.agent, self.colleague]
        )

    def test_turn_goes_on_after_a_batch(self):
        self.support1.assignment = "round_robin"
        self._assign(self._new_batch(3))
        self.assertEqual(self._assign(self._new_batch(1)), [self.colleague])

    def test_turns_of_two_sections_are_apart(self):
        (self.support1 | self.support2).assignment = "round_robin"
        self.support2.member_ids = self.agent | self.colleague
        mixed = self._new_batch(1) | self._new_batch(1, self.support2)
        self.assertEqual(self._assign(mixed), [self.agent, self.agent])

    def test_member_with_fewest_unclosed_cases_is_next(self):
        self.support1.assignment = "least_loaded"
        for state in ("open", "pending"):
            self._new_case(user_id=self.agent.id, state=state)
        # neither closed nor archived cases are work
        self._new_case(user_id=self.colleague.id, state="done")
        self._new_case(user_id=self.colleague.id, state="open").active = False
        # two each: who has waited longer is next
        self.assertEqual(
            self._assign(self._new_batch(4)),
            [self.colleague, self.colleague, self.agent, self.colleague],
        )

    def test_load_counts_in_every_section(self):
        self.support1.assignment = "least_loaded"
        self._new_case(section=self.quality, user_id=self.agent.id)
        self.assertEqual(self._assign(self._new_batch(1)), [self.colleague])

    def test_absent_member_is_passed_over(self):
        now = fields.Datetime.now()
        table = [
            ({"out_of_office_to": now + timedelta(days=1)}, self.colleague),
            ({"out_of_office_to": False}, self.colleague),
            ({"out_of_office_to": now - timedelta(hours=1)}, self.agent),
        ]
        for assignment in ("round_robin", "least_loaded"):
            self.support1.assignment = assignment
            for bounds, expected in table:
                with self.subTest(assignment=assignment, **bounds):
                    self._leave(self.agent, **bounds)
                    cases = self._new_batch(1)
                    self.assertEqual(self._assign(cases), [expected])
                    cases.unlink()

    def test_inactive_member_is_passed_over(self):
        self.support1.assignment = "round_robin"
        self.agent.active = False
        self.assertEqual(
            self._assign(self._new_batch(2)), [self.colleague, self.colleague]
        )

    def test_nobody_at_work_leaves_the_case_unassigned(self):
        self.support1.assignment = "round_robin"
        for user in self.support1.member_ids:
            self._leave(user)
        self.assertFalse(any(self._assign(self._new_batch(2))))

    def test_section_without_members_leaves_the_case_unassigned(self):
        self.support1.write(
            {"assignment": "least_loaded", "member_ids": [Command.clear()]}
        )
        self.assertFalse(any(self._assign(self._new_batch(1))))

    def test_assigned_case_keeps_its_responsible(self):
        self.support1.assignment = "round_robin"
        case = self._new_case(user_id=self.susan.id)
        self.assertEqual(self._assign(case), [self.susan])
