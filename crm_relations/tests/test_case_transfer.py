from odoo import Command

from .common import CrmRelationsCommon


class TestCaseTransfer(CrmRelationsCommon):
    """Between any two sections, by writing the section."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company_2.currency_id = cls.env.ref("base.EUR")
        cls.company_2.currency_id.active = True

    def test_case_goes_from_any_section_to_any_other(self):
        sections = self.support1 | self.support2 | self.quality | self.foreign
        for source in sections:
            for target in sections - source:
                with self.subTest(source=source.name, target=target.name):
                    case = self._new_case(
                        section=source, state="pending", partner_id=self.jane.id
                    )
                    note = case.message_post(body="Kept")
                    case.section_id = target
                    self.assertEqual(case.section_id, target)
                    self.assertEqual(case.company_id, target.company_id)
                    self.assertEqual(case.state, "pending")
                    self.assertEqual(case.partner_id, self.jane)
                    self.assertIn(note, case.message_ids)

    def test_company_stage_and_currency_follow_the_section(self):
        stage = self.env["crm.case.stage"].create(
            {
                "name": "Foreign open",
                "state": "open",
                "section_ids": [Command.set(self.foreign.ids)],
            }
        )
        case = self._new_case(state="open", planned_revenue=100.0)
        case.section_id = self.foreign
        self.assertEqual(case.company_id, self.company_2)
        self.assertEqual(case.currency_id, self.company_2.currency_id)
        self.assertEqual(case.stage_id, stage)
        self.assertEqual(case.planned_revenue, 100.0)

    def test_responsible_without_the_company_is_released(self):
        case = self._new_case(user_id=self.agent.id)
        case.section_id = self.foreign
        self.assertFalse(case.user_id)

    def test_responsible_with_both_companies_stays(self):
        self.agent.company_ids = [Command.link(self.company_2.id)]
        case = self._new_case(user_id=self.agent.id)
        case.section_id = self.foreign
        self.assertEqual(case.user_id, self.agent)

    def test_responsible_stays_within_the_company(self):
        case = self._new_case(user_id=self.agent.id)
        case.section_id = self.quality
        self.assertEqual(case.user_id, self.agent)

    def test_category_of_the_left_company_is_released(self):
        fault, general = self.env["crm.case.category"].create(
            [{"name": "Fault", "section_id": self.support1.id}, {"name": "General"}]
        )
        for category, kept in ((fault, False), (general, True)):
            with self.subTest(category=category.name):
                case = self._new_case(category_id=category.id)
                case.section_id = self.foreign
                self.assertEqual(bool(case.category_id), kept)

    def test_transfer_to_another_company_is_one_stay(self):
        case = self._new_case(user_id=self.agent.id)
        case.section_id = self.foreign
        self.env.flush_all()
        move = case.move_ids.filtered(lambda m: not m.date_end)
        self.assertEqual(len(case.move_ids), 2)
        self.assertEqual(
            (move.section_id, move.user_id, move.company_id),
            (self.foreign, self.env["res.users"], self.company_2),
        )
