from collections import Counter

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .call_common import CallCommon


@tagged("crm_relations_profiling")
class TestProfilingCallList(CallCommon):
    """How a list is made, dealt out, and dealt out again."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.category, cls.below = cls.env["res.partner.category"].create(
            [{"name": "Prospects"}, {"name": "Visitors"}]
        )
        cls.below.parent_id = cls.category
        cls.crowd = cls.env["res.partner"].create(
            [
                {
                    "name": f"Visitor {index}",
                    "phone": f"+1 555 {index}",
                    "category_id": [Command.set(cls.below.ids)],
                }
                for index in range(12)
            ]
        )

    def _loads(self, campaign):
        return Counter(call.user_id.login for call in campaign.call_ids)

    # ------------------------------------------------------------
    # LIST
    # ------------------------------------------------------------

    def test_partners_come_by_category_filter_and_segment(self):
        segment = self.env["crm.segment"].create(
            {
                "name": "Two",
                "filter_domain": "[('name', 'in', ('Visitor 1', 'Visitor 2'))]",
            }
        )
        segment.action_compute()
        one = "[('name', '=', 'Visitor 1')]"
        for values, count in (
            ({"category_ids": self.category.ids}, 12),
            ({"filter_domain": one}, 1),
            ({"segment_ids": segment.ids}, 2),
            ({"category_ids": self.category.ids, "filter_domain": one}, 1),
        ):
            with self.subTest(**values):
                campaign = self._new_campaign("List", **values)
                campaign.action_add_partners()
                self.assertEqual(len(campaign.call_ids), count)

    def test_adding_twice_adds_who_is_new(self):
        campaign = self._new_campaign("List", category_ids=self.category.ids)
        campaign.action_add_partners()
        self._take(campaign=campaign).action_refuse()
        self.jane.write({"category_id": self.category.ids, "phone": "1"})
        campaign.action_add_partners()
        self.assertEqual(len(campaign.call_ids), 13)
        self.assertEqual(len(campaign.call_ids.attempt_ids), 1)

    def test_partners_without_phone_or_of_others_are_left_out(self):
        self.crowd[0].phone = False
        self.crowd[1].write({"phone": False, "parent_id": self.acme.id})
        self.acme.phone = "+1 555 9"
        self.crowd[2].company_id = self.company_2
        self.crowd[3].active = False
        campaign = self._new_campaign("List", category_ids=self.category.ids)
        campaign.action_add_partners()
        left_out = self.crowd - campaign.call_ids.partner_id
        self.assertEqual(left_out, self.crowd[0] | self.crowd[2] | self.crowd[3])
        campaign.only_with_phone = False
        campaign.action_add_partners()
        self.assertIn(self.crowd[0], campaign.call_ids.partner_id)

    def test_nobody_is_called_for_want_of_a_filter(self):
        with self.assertRaisesRegex(UserError, "Partners: say who"):
            self._new_campaign("List").action_add_partners()

    def test_filter_that_is_none_is_refused(self):
        for text in ("nonsense", "[('no_such_field', '=', 1)]", "['|']"):
            with self.subTest(text=text), self.assertRaises(ValidationError):
                self.campaign.filter_domain = text

    def test_ticked_partners_are_added(self):
        wizard = Form(
            self.env["crm.profiling.campaign.add"]
            .with_user(self.boss)
            .with_context(default_partner_ids=(self.crowd[:2] | self.jane).ids)
        )
        wizard.campaign_id = self.campaign
        action = wizard.save().action_add()
        self.assertEqual(len(self.campaign.call_ids), 5)
        self.assertEqual(action["res_model"], "crm.profiling.call")
        with self.assertRaisesRegex(UserError, "Partners: choose"):
            self.env["crm.profiling.campaign.add"].create(
                {"campaign_id": self.campaign.id, "partner_ids": []}
            ).action_add()

    # a partner who is on the list already is refused by the database
    @mute_logger("odoo.sql_db")
    def test_list_is_imported_by_name_mail_and_external_id(self):
        self.env["ir.model.data"].create(
            {
                "module": "__import__",
                "name": "visitor_3",
                "model": "res.partner",
                "res_id": self.crowd[3].id,
            }
        )
        self.crowd[2].email = "two@visitors.example"
        calls = (
            self.env["crm.profiling.call"]
            .with_user(self.boss)
            .with_context(default_campaign_id=self.campaign.id)
        )
        for header, values in (
            (["partner_id", "note"], ["Visitor 1", "Ring twice"]),
            (["partner_id"], ["two@visitors.example"]),
            (["partner_id/id"], ["__import__.visitor_3"]),
        ):
            with self.subTest(header=header):
                result = calls.load(header, [values])
                self.assertTrue(result["ids"], result["messages"])
        self.assertEqual(
            self.campaign.call_ids.partner_id - self.people, self.crowd[1:4]
        )
        result = calls.load(["partner_id"], [["Visitor 1"]])
        self.assertIn("on the list", result["messages"][0]["message"])

    # nor is a row without a partner
    @mute_logger("odoo.sql_db")
    def test_file_that_has_grown_is_imported_again(self):
        self.crowd[4].do_not_call = True
        calls = self.env["crm.profiling.call"].with_context(
            default_campaign_id=self.campaign.id, import_file=True
        )
        rows = [["Visitor 1", "New"], ["ACME, Jane", "Again"], ["Visitor 1", "Twice"]]
        result = calls.load(["partner_id", "note"], [*rows, ["Visitor 4", ""]])
        self.assertFalse(result["messages"])
        self.assertEqual(len(result["ids"]), 4)
        self.assertEqual(len(self.campaign.call_ids), 5)
        self.assertEqual(self._call_of(self.crowd[1]).note, "New")
        self.assertFalse(self._call_of(self.jane).note)
        self.assertEqual(self._call_of(self.crowd[4]).state, "excluded")
        result = calls.load(["partner_id"], [["Nobody at all"], ["Visitor 2"]])
        self.assertIn("Nobody at all", result["messages"][0]["message"])

    # ------------------------------------------------------------
    # DEAL
    # ------------------------------------------------------------

    def test_dealt_out_equally_and_to_nobody_else(self):
        campaign = self._new_campaign(
            "Dealt", self.crowd, distribution="dealt", category_ids=self.category.ids
        )
        self.assertEqual(self._loads(campaign), {"agent": 6, "colleague": 6})
        for _turn in range(6):
            self._take(campaign=campaign).action_refuse()
        self.assertFalse(self._take(campaign=campaign))
        self.assertTrue(self._take(self.colleague, campaign))

    def test_new_partners_go_to_who_has_least(self):
        campaign = self._new_campaign("Dealt", self.crowd[:3], distribution="dealt")
        for partner in self.crowd[3:6]:
            self._list(campaign, partner)
        self.assertEqual(self._loads(campaign), {"agent": 3, "colleague": 3})

    def test_who_leaves_is_dealt_to_the_others(self):
        campaign = self._new_campaign(
            "Dealt",
            self.crowd,
            self.agent | self.colleague | self.senior,
            distribution="dealt",
        )
        mine = self._take(campaign=campaign)
        campaign.operator_line_ids.filtered(
            lambda row: row.user_id == self.agent
        ).unlink()
        self.assertEqual(mine.sudo().state, "todo")
        self.assertEqual(self._loads(campaign), {"colleague": 6, "expert": 6})
        self.colleague.active = False
        self.assertEqual(self._loads(campaign), {"expert": 12})

    def test_who_joins_gets_a_share_when_dealt_anew(self):
        campaign = self._new_campaign(
            "Dealt", self.crowd, self.agent, distribution="dealt"
        )
        campaign.operator_ids |= self.colleague
        self.assertEqual(self._loads(campaign), {"agent": 12})
        campaign.action_deal()
        self.assertEqual(self._loads(campaign), {"agent": 6, "colleague": 6})

    def test_promises_stay_when_the_list_changes_hands(self):
        mine = self._take()
        mine.action_again("2999-01-01 10:00:00")
        self.campaign.distribution = "dealt"
        self.assertEqual(mine.sudo().user_id, self.agent)
        self.assertEqual(self._loads(self.campaign), {"agent": 2, "colleague": 1})
        self.campaign.distribution = "pool"
        self.assertEqual(self._loads(self.campaign), {"agent": 1, False: 2})
        self.assertEqual(mine.sudo().user_id, self.agent)

    def test_missed_partner_stays_with_whom_he_was_dealt_to(self):
        self.campaign.distribution = "dealt"
        mine = self._take()
        mine.action_missed()
        self.assertEqual(mine.sudo().user_id, self.agent)

    # ------------------------------------------------------------
    # CAMPAIGN
    # ------------------------------------------------------------

    def test_start_needs_operators_and_questions(self):
        empty = self._new_campaign("Empty", operators=self.env["res.users"])
        with self.assertRaisesRegex(UserError, "Operators: "):
            empty.action_start()
        self.campaign.questionnaire_id = self._new_questionnaire("None")
        with self.assertRaisesRegex(UserError, "Questionnaire: "):
            self.campaign.action_start()

    def test_states(self):
        for gesture, state in (
            ("action_pause", "paused"),
            ("action_start", "running"),
            ("action_end", "done"),
            ("action_start", "running"),
        ):
            getattr(self.campaign, gesture)()
            self.assertEqual(self.campaign.state, state)

    def test_operators_have_a_role_in_the_company(self):
        for user in (self.user_employee, self.foreigner):
            with (
                self.subTest(user=user.login),
                self.assertRaisesRegex(ValidationError, "Operators: "),
            ):
                self._new_campaign("Wrong", operators=user)

    def test_partners_are_given_to_operators_only(self):
        call = self._call_of(self.jane)
        call.user_id = self.colleague
        self.assertEqual(self._take().partner_id, self.bob)
        with self.assertRaisesRegex(ValidationError, "Operator: Expert"):
            call.user_id = self.senior

    def test_campaign_that_called_is_archived_not_deleted(self):
        second = self._new_campaign("Autumn", self.jane)
        second.unlink()
        self._take().action_missed()
        with self.assertRaisesRegex(UserError, "Archive it"):
            self.campaign.unlink()

    def test_copy_has_the_operators_and_nobody_to_call(self):
        copy = self.campaign.copy()
        self.assertEqual(copy.operator_ids, self.campaign.operator_ids)
        self.assertEqual((copy.state, len(copy.call_ids)), ("draft", 0))

    def test_erased_person_leaves_no_notes(self):
        self._take(campaign=self.campaign).action_missed("Is on holiday in Spain")
        call = self._call_of(self.jane)
        self.assertIn(b"PK", self.jane._export_person()[:2])
        self.jane._erase_person()
        self.assertFalse(call.note or call.attempt_ids.note)
        self.assertEqual(len(call.attempt_ids), 1)
