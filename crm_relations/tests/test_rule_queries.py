from odoo.tests import tagged, users, warmup

from .rule_common import RuleCommon

HIGH = "2"


@tagged("crm_relations_rules", "crm_relations_queries")
class TestRuleQueries(RuleCommon):
    """What rules cost those who write, and the scheduled action.

    The budgets are pinned: raising one is a decision, not an accident.
    """

    def _count(self, gesture):
        """Give the queries of a gesture with everything stored before and after."""
        self.env.cr.flush()
        self.env["crm.case.rule"]._get_table()
        before = self.env.cr.sql_log_count
        gesture()
        self.env.cr.flush()
        return self.env.cr.sql_log_count - before

    def _no_match(self):
        for index in range(10):
            pattern = {"subject_pattern": f"^never {index}$"}
            self._new_rule(date_type="deadline", delay=index, **pattern)
            self._new_rule(state_to="cancel", **pattern)

    def test_rules_that_do_not_match_cost_a_write_no_query(self):
        case = self._new_case()
        gestures = {
            "a field nobody watches": lambda: case.write({"phone": "+1"}),
            "another": lambda: case.write({"phone": "+2"}),
        }
        free = [self._count(gesture) for gesture in gestures.values()][-1]
        self._no_match()
        case.phone = "+3"
        self.assertEqual(self._count(gestures["another"]), free)

    def test_a_move_that_no_rule_waits_for_costs_no_query(self):
        first, second, third, last = (
            self._new_case(state="open") for _index in range(4)
        )
        self._count(lambda: first.write({"state": "pending"}))
        free = self._count(lambda: second.write({"state": "pending"}))
        self._no_match()
        # new rules empty the caches
        self._count(lambda: last.write({"state": "pending"}))
        self.assertEqual(self._count(lambda: third.write({"state": "pending"})), free)

    def test_new_case_with_twenty_rules_by_time_costs_two_queries_more(self):
        self._new_case()
        free = self._count(self._new_case)
        for index in range(20):
            self._new_rule(date_type="create", delay=index + 1)
        self._new_case()
        self.assertLessEqual(self._count(self._new_case), free + 2)

    @warmup
    def test_idle_tick(self):
        self._new_rule(date_type="create", delay=5)
        self._new_case()
        self._tick()
        # savepoints of the test's cursor count as queries too
        with self.assertQueryCount(6):
            self._tick()

    def test_tick_costs_as_many_queries_for_one_case_as_for_many(self):
        costs = {}
        for count in (3, 2, 60):  # the first one fills the caches
            rule = self._new_rule(
                date_type="create",
                delay=-1,
                set_priority=HIGH,
                mail_to="x@mail.example",
                subject_pattern=f"^{count} cases",
            )
            cases = self.env["crm.case"].create(
                [
                    {"name": f"{count} cases", "section_id": self.quality.id}
                    for _index in range(count)
                ]
            )
            self.env.cr.flush()
            before = self.env.cr.sql_log_count
            self._tick()
            costs[count] = self.env.cr.sql_log_count - before
            self.assertEqual(len(self._runs(rule)), len(cases))
        self.assertLessEqual(costs[60], costs[2])

    @users("expert")
    @warmup
    def test_list_of_rules(self):
        rules = self.env["crm.case.rule"].sudo()
        for index in range(10):
            rules.create(
                {
                    "name": f"{index}",
                    "date_type": "create",
                    "delay": 2,
                    "section_id": self.support1.id,
                    "set_user_id": self.agent.id,
                }
            )
        names = ["name", "summary", "run_count", "failure_count", "next_firing"]
        costs = []
        for limit in (1, 10):
            self.env.cr.flush()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.env["crm.case.rule"].search([], limit=limit).read(names)
            costs.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(costs[1], costs[0] + 1)
