from odoo.tests import tagged, users, warmup

from .quality_common import QualityCommon


@tagged("crm_relations_quality", "crm_relations_queries")
class TestQualityQueries(QualityCommon):
    """What scores cost, whatever the number of suppliers and of partners."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.suppliers = cls.env["res.partner"].create(
            [{"name": f"Supplier {index}", "is_company": True} for index in range(60)]
        )
        cls.env["crm.case"].create(
            [
                {"name": "Fault", "section_id": cls.quality.id, "partner_id": one.id}
                for one in cls.suppliers
            ]
        )
        for index in range(10):
            cls._new_action(case_id=cls.suppliers[index].case_ids.id)
        cls.Score._compute_company(cls.company)
        cls.env.flush_all()

    def _cost(self, gesture):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        gesture()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def test_night_costs_the_same_for_one_supplier_as_for_sixty(self):
        compute = self.Score._compute_company
        compute(self.company)  # the first time, what is kept is read too
        costs = [
            self._cost(lambda some=some: compute(self.company, some))
            for some in (self.suppliers[:1].ids, self.suppliers.ids, None)
        ]
        self.assertEqual(len(set(costs)), 1, costs)
        self.assertLessEqual(costs[0], 28)

    def test_partners_who_are_no_suppliers_are_not_touched(self):
        others = self.env["res.partner"].create([{"name": "Other"}] * 20)
        self._compute()
        found = self.Score.search([("partner_id", "in", others.ids)])
        self.assertFalse(found)

    @users("expert")
    @warmup
    def test_class_of_partners_is_one_query(self):
        for some in (self.suppliers[:1], self.suppliers):
            partners = some.with_user(self.env.user)
            partners.mapped("commercial_partner_id")
            self.env["crm.quality.score"].invalidate_model()
            with self.assertQueryCount(1):
                partners.mapped("quality_class")
                partners.mapped("quality_score")

    @users("expert")
    @warmup
    def test_list_of_scores(self):
        Score = self.env["crm.quality.score"].with_user(self.env.user)
        specification = {
            name: {}
            for name in ("score", "quality_class", "trend", "ppm", "cost", "case_count")
        } | {"partner_id": {"fields": {"display_name": {}}}}
        costs = []
        for limit in (1, 1, 60):  # the first time, what is kept is read too
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            Score.web_search_read(
                [("partner_id", "in", self.suppliers.ids)], specification, limit=limit
            )
            costs.append(self.env.cr.sql_log_count - before)
        self.assertEqual(costs[1], costs[2])

    @users("expert")
    @warmup
    def test_charts_and_explanations_of_many_are_drawn_from_one_history(self):
        Score = self.env["crm.quality.score"].with_user(self.env.user)
        rows = Score.search([("partner_id", "in", self.suppliers.ids)])
        rows[:1].mapped("explanation")  # the template is compiled once
        costs = [
            self._cost(lambda some=some: some.mapped("chart"))
            for some in (rows[:1], rows)
        ]
        self.assertEqual(costs[0], costs[1])

    @users("expert")
    @warmup
    def test_form_of_a_case_that_is_not_about_quality_costs_nothing_more(self):
        case = self._new_case(user_id=self.senior.id).with_user(self.env.user)
        case.read(["section_id", "category_id", "is_quality"])
        with self.assertQueryCount(0):
            self.assertEqual(case.quality_action_count, 0)
