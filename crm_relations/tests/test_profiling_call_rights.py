from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .call_common import CallCommon


@tagged("crm_relations_profiling")
class TestProfilingCallRights(CallCommon):
    """Who sees lists, who says what came of a call, and what the desk shows."""

    def test_only_who_has_the_partner_says_what_came_of_it(self):
        mine = self._take()
        for user, error in (
            (self.colleague, UserError),
            (self.senior, AccessError),
            (self.user_employee, AccessError),
            (self.boss, UserError),
        ):
            for method in ("action_missed", "action_refuse", "action_ask"):
                with (
                    self.subTest(user=user.login, method=method),
                    self.assertRaises(error),
                ):
                    self.env.invalidate_all()
                    getattr(mine.with_user(user), method)()
        self.assertEqual((mine.state, mine.attempt_count), ("working", 0))

    def test_one_partner_at_a_time(self):
        self._take()
        with self.assertRaisesRegex(UserError, "you have Jane in hand"):
            self._call_of(self.bob).with_user(self.agent).action_take()

    def test_through_with_is_not_called(self):
        mine = self._take()
        mine.action_refuse()
        with self.assertRaisesRegex(UserError, "nothing is left"):
            mine.action_missed()

    def test_operators_see_their_own_campaigns(self):
        calls = self.env["crm.profiling.call"]
        for user, seen in (
            (self.agent, 3),
            (self.boss, 3),
            (self.senior, 0),
            (self.foreigner, 0),
        ):
            with self.subTest(user=user.login):
                own = calls.with_user(user)
                self.assertEqual(
                    own.search_count([("campaign_id", "=", self.campaign.id)]), seen
                )
        self.assertFalse(self._take(self.senior))

    def test_desk_tells_what_is_known(self):
        self._save(self.jane, "sector services")
        self.jane.write({"function": "Buyer", "parent_id": self.acme.id})
        self.acme.phone = "+1 555 7"
        mine = self._take()
        desk = mine.browse().get_desk()
        call = desk["call"]
        self.assertEqual((call["name"], call["company"]), ("Jane", "ACME"))
        self.assertEqual(call["phone"], "+1 555 7")
        self.assertEqual([fact["answer"] for fact in call["known"]], ["services"])
        self.assertFalse(desk["waiting"])
        mine.action_missed("Machine")
        desk = mine.browse().get_desk()
        self.assertEqual(desk["today"], {"missed": 1})
        self.assertEqual(desk["waiting"]["count"], 3)
        with self._later(hours=5):
            mine = self._take()
            [former] = mine.browse().get_desk()["call"]["history"]
            self.assertEqual((former["user"], former["note"]), ("Agent", "Machine"))

    def test_companies_are_apart(self):
        abroad = self._new_campaign(
            "Abroad",
            operators=self.foreigner,
            company_id=self.company_2.id,
            user_id=self.foreigner.id,
        )
        self._list(abroad, self.jane)
        self.assertEqual(self._take(self.foreigner).partner_id, self.jane)
        for user in (self.agent, self.boss):
            with self.subTest(user=user.login):
                for record in (abroad, abroad.call_ids, abroad.operator_line_ids):
                    own = record.with_user(user)
                    self.assertFalse(own.search([("id", "in", record.ids)]))
        # who calls her abroad is not known here, but she is not called twice
        self.assertEqual(self._take().partner_id, self.bob)
        self.walter.company_id = self.company_2
        with self.assertRaisesRegex(UserError, "Walter"):
            self._list(self._new_campaign("Here"), self.walter)
