from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .rule_common import RuleCommon


@tagged("crm_relations_rules")
class TestRuleSecurity(RuleCommon):
    """Who may write rules, who reads what they did, and that nobody rewrites it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user_portal = cls._create_portal_user()
        cls.rule = cls._new_rule(on_create=True)
        cls.timed = cls._new_rule("By time", date_type="create", delay=5)
        cls.mine = cls._new_case(user_id=cls.agent.id)
        cls.theirs = cls._new_case(section=cls.quality, user_id=cls.quality_user.id)

    def _may(self, user, record, verb):
        return record.with_user(user).has_access(verb)

    def test_managers_write_rules_and_users_read_them(self):
        table = {
            self.agent: "read",
            self.senior: "read",
            self.susan: "read",
            self.boss: "read write create unlink",
            self.user_employee: "",
            self.user_portal: "",
        }
        for user, verbs in table.items():
            for verb in ("read", "write", "create", "unlink"):
                with self.subTest(user=user.login, verb=verb):
                    allowed = self._may(user, self.rule, verb)
                    self.assertEqual(allowed, verb in verbs.split())

    def test_companies_are_apart(self):
        foreign = self._new_rule("Foreign", company_id=self.company_2.id)
        self.assertFalse(self._may(self.boss, foreign, "read"))
        self.assertTrue(self._may(self.foreigner, foreign, "read"))
        self.assertFalse(self._may(self.foreigner, self.rule, "read"))
        case = self._new_case(section=self.foreign)
        self.assertFalse(self._runs(self.rule, case))

    def test_runs_and_timers_are_seen_with_their_cases(self):
        runs = self._runs(self.rule)
        timers = self._timers(self.timed)
        for records in (runs, timers):
            seen = {
                user: records.with_user(user)
                .search([("rule_id", "in", (self.rule | self.timed).ids)])
                .case_id
                for user in (self.agent, self.quality_user, self.boss)
            }
            with self.subTest(model=records._name):
                self.assertIn(self.mine, seen[self.agent])
                self.assertNotIn(self.theirs, seen[self.agent])
                self.assertEqual(seen[self.quality_user], self.theirs)
                self.assertLessEqual(self.mine | self.theirs, seen[self.boss])
                for user in (self.user_employee, self.user_portal, self.foreigner):
                    self.assertFalse(self._may(user, records, "read"), user.login)

    def test_nobody_writes_the_ledger(self):
        run = self._runs(self.rule, self.mine)
        for user in (self.agent, self.boss, self.env.ref("base.user_admin")):
            own = run.with_user(user)
            gestures = {
                "write": lambda own=own: own.write({"result": "failed"}),
                "create": lambda own=own: own.create(
                    {
                        "rule_id": self.rule.id,
                        "case_id": self.mine.id,
                        "occasion": "made up",
                        "result": "done",
                        "date": run.date,
                    }
                ),
                "unlink": lambda own=own: own.unlink(),
            }
            for name, gesture in gestures.items():
                with (
                    self.subTest(user=user.login, verb=name),
                    self.assertRaises(UserError),
                ):
                    gesture()
        for gesture in (
            lambda: run.sudo().write({"detail": "nothing happened"}),
            lambda: run.sudo().unlink(),
            lambda: run.sudo().create({}),
        ):
            with self.assertRaisesRegex(UserError, "never change"):
                gesture()

    def test_nobody_writes_timers(self):
        timer = self._timers(self.timed, self.mine)
        for user in (self.agent, self.boss, self.env.ref("base.user_admin")):
            for verb in ("write", "create", "unlink"):
                with self.subTest(user=user.login, verb=verb):
                    self.assertFalse(self._may(user, timer, verb))
        with self.assertRaises(AccessError):
            timer.with_user(self.agent).action_retry()
        timer.with_user(self.boss).action_retry()
        self.assertLessEqual(timer.due_at, self._now())

    def test_rule_that_has_fired_stays(self):
        with self.assertRaisesRegex(UserError, "stays on record"):
            self.rule.with_user(self.boss).unlink()
        fresh = self._new_rule("fresh")
        fresh.with_user(self.boss).unlink()
        self.assertFalse(fresh.exists())

    def test_what_a_rule_names_cannot_be_deleted_under_it(self):
        category = self.env["crm.case.category"].create({"name": "Fault"})
        rule = self._new_rule(category_id=category.id)
        self.assertEqual(rule._fields["category_id"].ondelete, "restrict")

    def test_server_actions_are_chosen_by_administrators_and_run_for_all(self):
        action = self.env["ir.actions.server"].create(
            {
                "name": "Secret",
                "model_id": self.env["ir.model"]._get_id("crm.case"),
                "state": "code",
                "code": "records.write({'phone': '+1'})",
            }
        )
        own = self.rule.with_user(self.boss)
        with self.assertRaisesRegex(UserError, "^Server Action"):
            own.server_action_id = action
        self.rule.with_user(self.env.ref("base.user_admin")).server_action_id = action
        self.env.invalidate_all()
        self.assertIn("Secret", own.summary)
        own.name = "Renamed"
        case = self.env["crm.case"].with_user(self.agent)
        case = case.create({"name": "x", "section_id": self.support1.id})
        self.assertEqual(case.phone, "+1")

    def test_remote_callers_steer_nothing_through_the_context(self):
        cases = self.env["crm.case"].with_user(self.agent)
        for context in (
            {"crm_case_rule_hold": True},
            {"crm_case_rule_cause": {"rule_ids": [self.rule.id]}},
        ):
            with self.subTest(context):
                case = cases.with_context(**context).create(
                    {"name": "x", "section_id": self.support1.id}
                )
                self.assertEqual(self._runs(self.rule, case).result, "done")

    def test_managers_try_rules_on_the_past_and_users_do_not(self):
        for user, allowed in ((self.boss, True), (self.susan, False)):
            with self.subTest(user.login):
                self.assertEqual(
                    self.env["crm.case.rule.backtest"]
                    .with_user(user)
                    .has_access("create"),
                    allowed,
                )
        wizard = (
            self.env["crm.case.rule.backtest"]
            .with_user(self.boss)
            .create({"rule_id": self.rule.id})
        )
        wizard.action_run()
        self.assertGreaterEqual(wizard.firing_count, 2)
