from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .quality_common import QualityCommon


@tagged("crm_relations_quality")
class TestQualityAccess(QualityCommon):
    """Who sees and does what; companies and their currencies are apart."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_portal_user()
        cls.foreign.is_quality = True
        cls.company_2.write({"quality_bound_a": 90, "quality_bound_b": 70})
        cls.company_2.currency_id = cls.env.ref("base.CHF")
        cls._new_fault(planned_cost=100)
        for _index in range(5):
            cls.env["crm.case"].create(
                {
                    "name": "Fault",
                    "section_id": cls.foreign.id,
                    "partner_id": cls.acme.id,
                    "planned_cost": 7,
                }
            )
        cls.Score._compute_company(cls.company)
        cls.Score._compute_company(cls.company_2)

    def _may(self, gesture):
        try:
            gesture()
        except AccessError:
            return False
        return True

    # ------------------------------------------------------------
    # COMPANIES
    # ------------------------------------------------------------

    def test_each_company_has_its_own_score(self):
        table = [
            (self.senior, self.company, 90, "a", 100, "USD"),
            (self.foreigner, self.company_2, 50, "c", 35, "CHF"),
        ]
        self.company.currency_id = self.env.ref("base.USD")
        for user, company, score, name, cost, currency in table:
            with self.subTest(user=user.login):
                row = self.Score.with_user(user).search(
                    [("partner_id", "=", self.acme.id)]
                )
                self.assertEqual(row.company_id, company)
                self.assertEqual((row.score, row.cost), (score, cost))
                self.assertEqual(row.currency_id.name, currency)
                partner = self.acme.with_user(user)
                self.assertEqual(partner.quality_score, score)
                self.assertEqual(partner.quality_class, name)
                Partner = self.env["res.partner"].with_user(user)
                for operator, value, expected in (
                    ("=", name, True),
                    ("!=", name, False),
                    ("=", False, False),
                    ("in", ["a", "b", "c"], True),
                ):
                    found = Partner.search(
                        [("id", "=", self.acme.id), ("quality_class", operator, value)]
                    )
                    self.assertEqual(bool(found), expected, (operator, value))

    def test_partner_is_found_and_sorted_by_score(self):
        self._new_fault(partner=self.walter)
        self._new_fault(partner=self.walter)
        self._compute()
        both = [("id", "in", (self.acme | self.walter | self.jane).ids)]
        Partner = self.env["res.partner"].with_user(self.agent)
        table = [
            ([("quality_score", ">", 85)], self.acme | self.jane),
            ([("quality_score", "<=", 85)], self.walter),
            ([("quality_score", "=", 80)], self.walter),
            ([("quality_score", "=", False)], Partner),
            ([("quality_score", "!=", False)], self.acme | self.jane | self.walter),
            ([("quality_trend", ">", -5)], Partner),
        ]
        for domain, expected in table:
            with self.subTest(domain=domain):
                self.assertEqual(Partner.search(domain + both), expected)
        order = Partner.search(both, order="quality_score, id")
        self.assertEqual(order[0], self.walter)
        groups = dict(Partner._read_group(both, ["quality_class"], ["__count"]))
        self.assertEqual(groups, {"a": 2, "b": 1})

    def test_case_knows_the_class_of_its_own_company(self):
        boss = self.boss
        boss.company_ids = [Command.link(self.company_2.id)]
        Case = self.env["crm.case"].with_user(boss)
        companies = (self.company | self.company_2).ids
        Case = Case.with_context(allowed_company_ids=companies)
        of_acme = [("partner_id", "=", self.acme.id)]
        for name, count, company in (("a", 1, self.company), ("c", 5, self.company_2)):
            found = Case.search([*of_acme, ("supplier_class", "=", name)])
            self.assertEqual((len(found), found.company_id), (count, company))
            self.assertEqual(set(found.mapped("supplier_class")), {name})
        self.assertFalse(Case.search([*of_acme, ("supplier_class", "=", False)]))

    # ------------------------------------------------------------
    # ROLES
    # ------------------------------------------------------------

    def test_class_is_for_all_and_figures_for_those_who_lead(self):
        row = self._row()
        table = {
            # user: sees the class, sees the figures
            self.user_employee: (False, False),
            self.user_portal: (False, False),
            self.agent: (True, False),
            self.senior: (True, True),
            self.boss: (True, True),
            self.foreigner: (True, False),
        }
        for user, expected in table.items():
            with self.subTest(user=user.login):
                partner, own = self.acme.with_user(user), row.with_user(user)
                seen = (
                    self._may(lambda p=partner: p.read(["quality_class"])),
                    self._may(lambda o=own: o.read(["score", "cost"])),
                )
                self.assertEqual(seen, expected)

    def test_nobody_writes_scores(self):
        row = self._row()
        for user in (self.agent, self.senior, self.boss):
            own = row.with_user(user)
            for gesture in (
                lambda own=own: own.write({"score": 100}),
                lambda own=own: own.unlink(),
                lambda own=own: own.create({"partner_id": self.walter.id}),
            ):
                self.assertFalse(self._may(gesture))

    def test_compute_now_is_for_those_who_see_figures(self):
        for user, expected in ((self.agent, False), (self.senior, True)):
            own = self.Score.with_user(user)
            with self.subTest(user=user.login):
                self.assertEqual(self._may(own.action_update), expected)
                self.assertEqual(
                    self._may(self._row().with_user(user).action_update), expected
                )

    def test_card_shows_the_class_and_opens_it_for_those_who_may(self):
        for user, opens in ((self.agent, False), (self.senior, True)):
            for partner in (self.acme, self.jane):
                figures = partner.with_user(user).relation_figures
                row = next(one for one in figures if one["key"] == "quality_class")
                self.assertEqual((row["value"], row["mood"]), ("A · 90", "success"))
                self.assertEqual(bool(row["action"]), opens)
        action = self.jane.with_user(self.senior).action_view_quality_score()
        self.assertEqual(action["res_id"], self._row().id)
        keys = [one["key"] for one in self.walter.relation_figures]
        self.assertNotIn("quality_class", keys)

    def test_criteria_are_set_by_managers(self):
        criterion = self.env["crm.quality.score.criterion"].search([], limit=1)
        for user, reads, writes in (
            (self.user_employee, False, False),
            (self.senior, True, False),
            (self.boss, True, True),
        ):
            own = criterion.with_user(user)
            with self.subTest(user=user.login):
                self.assertEqual(self._may(lambda o=own: o.read(["weight"])), reads)
                written = self._may(lambda o=own: o.write({"weight": 5}))
                self.assertEqual(written, writes)

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def test_actions_are_seen_by_owner_checker_and_those_of_the_case(self):
        case = self._new_fault(user_id=self.quality_user.id)
        free = self._new_fault()
        abroad = self._new_case("Fault", self.foreign, partner_id=self.acme.id)
        actions = {
            "of a colleague's case": self._new_action(case_id=case.id),
            "of a free case": self._new_action(case_id=free.id, user_id=self.boss.id),
            "owned": self._new_action(case_id=case.id, user_id=self.agent.id),
            "checked": self._new_action(case_id=case.id, check_user_id=self.agent.id),
            "without a case": self._new_action(user_id=self.boss.id),
            "abroad": self._new_action(case_id=abroad.id, user_id=self.foreigner.id),
        }
        lead = self._new_user("lead", "section")
        self.quality.member_ids |= lead
        table = {
            self.agent: {"owned", "checked"},
            self.quality_user: {
                "of a colleague's case",
                "of a free case",
                "owned",
                "checked",
            },
            lead: actions.keys() - {"abroad"},
            self.boss: actions.keys() - {"abroad"},
            self.foreigner: {"abroad"},
            self.user_employee: set(),
        }
        self.env.flush_all()
        for user, expected in table.items():
            seen = {
                name
                for name, action in actions.items()
                if self._may(lambda a=action, u=user: a.with_user(u).read(["name"]))
            }
            with self.subTest(user=user.login):
                self.assertEqual(seen, expected)

    def test_only_managers_delete_actions(self):
        for user, expected in ((self.quality_user, False), (self.boss, True)):
            action = self._new_action()
            self.assertEqual(self._may(action.with_user(user).unlink), expected)
