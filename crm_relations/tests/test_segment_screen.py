from odoo import fields
from odoo.tests import tagged, users, warmup

from .segment_common import SegmentCommon


@tagged("crm_relations_segment")
class TestSegmentScreen(SegmentCommon):
    """What a segment shows of its members, and where members are used."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.segment = cls._new_segment(answer_yes_ids=cls.budget_low)

    def _tiles(self, user=None):
        segment = self.segment.with_user(user or self.agent)
        segment.invalidate_recordset()
        return {row["key"]: row["value"] for row in segment.member_figures}

    def _opened(self, action):
        """Give what the list of an action shows to the agent."""
        model = self.env[action["res_model"]].with_user(self.agent)
        return model.search(action["domain"])

    # ------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------

    def test_joiners_and_leavers_open_what_they_count(self):
        with self._days_later(-40):
            self._answer(self.acme | self.jane, self.budget_low)
        with self._days_later(-10):
            self._answer(self.jane, self.budget_high)
            self._answer(self.bob | self.walter, self.budget_low)
        tiles = self._tiles()
        self.assertEqual((tiles["joined"], tiles["left"]), ("2", "1"))
        joined = self._opened(self.segment.action_view_joiners())
        self.assertEqual(joined.partner_id, self.bob | self.walter)
        left = self._opened(self.segment.action_view_leavers())
        self.assertEqual(left.partner_id, self.jane)
        days = fields.Datetime.now() - self.segment.date_changed
        self.assertEqual(days.days, 10)

    def test_size_over_time(self):
        with self._days_later(-40):
            self._answer(self.acme | self.jane, self.budget_low)
        with self._days_later(-10):
            self._answer(self.bob, self.budget_low)
        with self._days_later(-3):
            self._answer(self.jane, self.budget_high)
        points = self.segment.with_user(self.agent).size_history
        sizes = [point["size"] for point in points]
        # weeks end now, 7 and 14 days ago, and so on
        self.assertEqual(sizes[-8:], [0, 0, 2, 2, 2, 2, 3, 2])
        self.assertEqual(sizes[-1], self.segment.member_count)

    def test_cases_of_contacts_of_a_member(self):
        self._answer(self.acme, self.budget_low)
        own, old, closed, other = (
            self._new_case(partner_id=partner.id, user_id=self.agent.id)
            for partner in (self.jane, self.acme, self.bob, self.walter)
        )
        closed.action_close()
        self._new_case(section=self.quality, partner_id=self.jane.id)
        self.env.flush_all()
        # the ORM refuses to write the date of creation
        self.env.cr.execute(
            "UPDATE crm_case SET create_date = create_date - interval '400 days' "
            "WHERE id = %s",
            [old.id],
        )
        self.env.invalidate_all()
        seen = self.segment.with_user(self.agent)
        self.assertEqual(seen.open_case_count, 2)
        self.assertEqual(self._opened(seen.action_view_open_cases()), old | own)
        self.assertEqual(self._tiles()["cases"], "2")
        self.assertEqual(self._opened(seen.action_view_cases_of_year()), own | closed)
        self.assertFalse(other.with_user(self.agent).segment_ids)
        self.assertEqual(own.with_user(self.agent).segment_ids, seen)

    def test_cases_are_found_and_grouped_by_contact_and_company(self):
        second = self._new_segment(answer_yes_ids=self.budget_low | self.new_customer)
        self._answer(self.acme | self.jane, self.budget_low)
        self._answer(self.jane, self.new_customer)
        cases = self.env["crm.case"].union(
            *(
                self._new_case(partner_id=one.id, user_id=self.agent.id)
                for one in (self.jane, self.bob, self.walter)
            )
        )
        Case = self.env["crm.case"].with_user(self.agent)
        domain = [("id", "in", cases.ids)]
        groups = dict(Case._read_group(domain, ["segment_ids"], ["__count"]))
        nothing = self.segment.browse()
        self.assertEqual(groups, {self.segment: 2, second: 1, nothing: 1})
        self.assertTrue(Case.fields_get(["segment_ids"])["segment_ids"]["groupable"])
        for condition, expected in (
            (("segment_ids", "in", self.segment.ids), cases[:2]),
            (("segment_ids", "not in", self.segment.ids), cases[2]),
            (("segment_ids", "=", False), cases[2]),
            (("segment_ids", "!=", False), cases[:2]),
            (("segment_ids", "in", [False, second.id]), cases[0] | cases[2]),
            (("segment_ids", "ilike", second.name), cases[:2]),
            (("segment_ids", "any", [("id", "=", second.id)]), cases[0]),
        ):
            with self.subTest(condition=condition):
                self.assertEqual(Case.search([*domain, condition]), expected)

    def test_segments_of_another_company_are_not_shown(self):
        self.segment.company_id = self.company_2
        self._answer(self.jane, self.budget_low)
        case = self._new_case(partner_id=self.jane.id, user_id=self.agent.id)
        own = case.with_user(self.agent)
        self.assertTrue(case.segment_ids)
        self.assertFalse(own.segment_ids)
        groups = own._read_group([("id", "=", case.id)], ["segment_ids"], ["__count"])
        self.assertEqual(groups, [(self.segment.browse(), 1)])

    # ------------------------------------------------------------
    # MAIL
    # ------------------------------------------------------------

    def test_mail_goes_to_each_member_but_not_to_who_opted_out(self):
        self._answer(self.jane | self.bob | self.walter, self.budget_low)
        self.env["mail.blacklist"]._add(self.bob.email)
        action = self.segment.with_user(self.agent).action_send_mail()
        composer = self.env[action["res_model"]].with_user(self.agent)
        composer = composer.with_context(**action["context"]).create(
            {"subject": "News", "body": "<p>For you</p>"}
        )
        with self.mock_mail_gateway():
            composer._action_send_mail()
        states = {mail.recipient_ids: mail.state for mail in self._new_mails}
        self.assertEqual(
            states,
            {self.jane: "outgoing", self.walter: "outgoing", self.bob: "cancel"},
        )

    # ------------------------------------------------------------
    # RULES
    # ------------------------------------------------------------

    def test_rules_by_time_follow_who_joins_and_leaves(self):
        category = self._new_category()
        self.segment.category_id = category
        case = self._new_case(partner_id=self.jane.id)
        rule = self.env["crm.case.rule"].create(
            {
                "name": "Remind",
                "partner_category_id": category.id,
                "date_type": "create",
                "delay": 1,
                "delay_unit": "days",
                "set_priority": "2",
            }
        )
        timers = self.env["crm.case.timer"]
        domain = [("rule_id", "=", rule.id), ("case_id", "=", case.id)]
        self.assertFalse(timers.search(domain))
        self._answer(self.acme, self.budget_low)
        self.env.flush_all()
        self.assertTrue(timers.search(domain), "the company of the case's contact")
        self._answer(self.acme, self.budget_high)
        self.env.flush_all()
        self.assertFalse(timers.search(domain))

    def test_rules_by_event_know_the_category_of_who_has_just_joined(self):
        category = self._new_category()
        self.segment.category_id = category
        self.env["crm.case.rule"].create(
            {
                "name": "First",
                "partner_category_id": category.id,
                "on_create": True,
                "set_priority": "3",
            }
        )
        self._answer(self.jane, self.budget_low)
        case = self._new_case(partner_id=self.jane.id)
        other = self._new_case(partner_id=self.walter.id)
        self.assertEqual((case.priority, other.priority), ("3", "1"))

    # ------------------------------------------------------------
    # COST
    # ------------------------------------------------------------

    @users("agent")
    @warmup
    def test_cost_of_the_form(self):
        names = ["member_count", "open_case_count", "member_figures", "size_history"]
        for people in (self.jane, self.acme | self.bob | self.walter):
            self._answer(people, self.budget_low)
            for one in people:
                self._new_case(partner_id=one.id)
            self.env.flush_all()
            self.env.invalidate_all()
            with self.assertQueryCount(9):
                self.segment.with_user(self.env.user).read([*names, "date_changed"])

    @users("agent")
    @warmup
    def test_cost_of_the_list(self):
        more = self.segment.browse(
            [self._new_segment(answer_yes_ids=self.budget_low).id for _one in range(20)]
        )
        self._answer(self.jane, self.budget_low)
        names = ["name", "category_id", "member_count", "date_changed"]
        # what is kept between requests, and forgotten as segments are made
        more.with_user(self.env.user).read(names)
        for segments in (more[:1], more):
            self.env.flush_all()
            self.env.invalidate_all()
            with self.assertQueryCount(4):
                segments.with_user(self.env.user).read(names)
