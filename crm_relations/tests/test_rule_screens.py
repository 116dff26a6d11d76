from datetime import date, datetime, timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged, users

from ..models import crm_case_rule_backtest_mixin as backtest
from .rule_common import RuleCommon

HIGH = "2"
MONDAY = datetime(2026, 1, 5, 9, 30, 0)


@tagged("crm_relations_rules")
class TestRuleScreens(RuleCommon):
    """What people are told of rules: in words, before, after, and why not."""

    # ------------------------------------------------------------
    # IN WORDS
    # ------------------------------------------------------------

    def test_rule_says_itself_in_one_sentence(self):
        table = {
            "When a case is created, then Set Priority: High": {"on_create": True},
            "On each new message, then Set Priority: High": {"on_message": True},
            "When a case becomes Closed, then Set Priority: High": {"state_to": "done"},
            "When a case leaves Draft, then Set Priority: High": {
                "state_from": "draft"
            },
            "When a case goes from Open to Pending, then Set Priority: High": {
                "state_from": "open",
                "state_to": "pending",
            },
            "When a case is escalated, then Set Priority: High": {
                "state_to": "escalate"
            },
            "Whenever something happens to a case, then Set Priority: High": {},
            "2 days after the creation, if State: Open, then Set Priority: High": {
                "date_type": "create",
                "delay": 2,
                "state_to": "open",
            },
            "3 hours before the deadline, in working time, then every 1 days, "
            "5 times at most, then Set Priority: High": {
                "date_type": "deadline",
                "delay": -3,
                "delay_unit": "hours",
                "working_time": True,
                "repeat_delay": 1,
                "repeat_count": 5,
            },
        }
        for expected, values in table.items():
            with self.subTest(expected):
                rule = self._new_rule(set_priority=HIGH, **values)
                self.assertEqual(rule.summary, expected)

    def test_figures_of_a_rule(self):
        rule = self._new_rule(
            date_type="create", delay=2, section_id=self.quality.id, set_priority=HIGH
        )
        first, second = (
            self._new_case(section=self.quality),
            self._new_case(section=self.quality),
        )
        self._age(first, days=3)
        self._tick()
        self.assertEqual((rule.run_count, rule.failure_count), (1, 0))
        self.assertEqual(rule.timer_count, 1)
        self.assertEqual(rule.next_firing, self._timers(rule, second).due_at)
        for button in ("runs", "failures", "timers"):
            action = getattr(rule, f"action_view_{button}")()
            found = self.env[action["res_model"]].search(action["domain"])
            self.assertEqual(
                len(found), {"runs": 1, "failures": 0, "timers": 1}[button]
            )

    # ------------------------------------------------------------
    # SWITCHING ON
    # ------------------------------------------------------------

    def test_switching_on_asks_about_cases_that_are_due(self):
        case = self._new_case(section=self.quality)
        self._age(case, days=9)
        for past, fires in (("skip", False), ("fire", True)):
            with self.subTest(past):
                rule = self._new_rule(
                    active=False,
                    section_id=self.quality.id,
                    date_type="create",
                    delay=2,
                    add_watchers=f"{past}@watch.example",
                )
                action = rule.action_switch_on()
                wizard = Form(
                    self.env[action["res_model"]].with_context(**action["context"])
                )
                self.assertEqual(wizard.overdue_count, 1)
                self.assertEqual(wizard.past, "skip")
                self.assertFalse(rule.active, "not before it was answered")
                wizard.past = past
                wizard.save().action_switch_on()
                self._tick()
                self.assertTrue(rule.active)
                self.assertEqual(bool(self._runs(rule, case)), fires)
                later = self._new_case(section=self.quality)
                self.assertTrue(self._timers(rule, later))

    def test_switching_on_asks_nothing_when_nothing_is_due(self):
        rule = self._new_rule(active=False, date_type="create", delay=2000)
        self.assertIs(rule.action_switch_on(), True)
        self.assertTrue(rule.active)
        rule.action_switch_off()
        self.assertFalse(rule.active)
        self.assertFalse(self._timers(rule))

    def test_rule_written_on_the_screen_is_off_at_first(self):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_rule_action"
        )
        self.assertIn("crm_case_rule_draft", action["context"])
        form = Form(self.env["crm.case.rule"].with_context(crm_case_rule_draft=True))
        form.name = "By hand"
        self.assertFalse(form.save().active)

    # ------------------------------------------------------------
    # THE PAST
    # ------------------------------------------------------------

    def _make_past(self):
        """Write three cases of a Monday and what happened to them."""
        cases = self._new_case(section=self.quality, partner_id=self.jane.id)
        cases |= self._new_case(section=self.quality, user_id=self.agent.id)
        cases |= self._new_case(section=self.quality, email_cc="w@watch.example")
        cases[:2].state = "open"
        cases[0].message_post(body="Hello", message_type="comment")
        cases[0].action_close()
        self.env.flush_all()
        cr = self.env.cr
        cr.execute(
            """UPDATE crm_case SET create_date =
                %s + (array_position(%s, id) - 1) * interval '1 hour'
                WHERE id = ANY(%s)""",
            (MONDAY, cases.ids, cases.ids),
        )
        # open one hour later, closed three hours later
        cr.execute(
            """UPDATE crm_case_move SET
                date = %(day)s + CASE state WHEN 'draft' THEN interval '0 hour'
                    WHEN 'open' THEN interval '1 hour' ELSE interval '3 hour' END,
                date_end = CASE WHEN date_end IS NULL THEN NULL
                    WHEN state = 'draft' THEN %(day)s + interval '1 hour'
                    ELSE %(day)s + interval '3 hour' END
              WHERE case_id = ANY(%(ids)s)""",
            {"day": MONDAY, "ids": cases.ids},
        )
        cr.execute(
            "UPDATE mail_message SET date = %s WHERE model = 'crm.case' "
            "AND message_type = 'comment' AND res_id = ANY(%s)",
            (MONDAY + timedelta(hours=2), cases.ids),
        )
        self.env.invalidate_all()
        return cases

    def test_each_trigger_on_the_past(self):
        cases = self._make_past()
        table = {
            "creation": ({"on_create": True}, cases),
            "message": ({"on_message": True}, cases[:1]),
            "message, open": ({"on_message": True, "state_to": "open"}, cases[:1]),
            "message, draft": ({"on_message": True, "state_to": "draft"}, []),
            "opened": ({"state_to": "open"}, cases[:2]),
            "closed": ({"state_from": "open", "state_to": "done"}, cases[:1]),
            "escalated": ({"state_to": "escalate"}, []),
            "by time": ({"date_type": "create", "delay": 1}, cases),
            "by time, other day": ({"date_type": "create", "delay": 9}, []),
            "by time, still open": (
                {"date_type": "create", "delay": 1, "state_to": "open"},
                cases[1:2],
            ),
            "by time, still draft": (
                {
                    "date_type": "create",
                    "delay": 30,
                    "delay_unit": "minutes",
                    "state_to": "draft",
                },
                cases[0] | cases[2],
            ),
        }
        for name, (values, expected) in table.items():
            with self.subTest(name):
                rule = self._new_rule(section_id=self.quality.id, **values)
                found = rule._backtest(
                    MONDAY.replace(hour=0), MONDAY + timedelta(days=2)
                )
                self.assertEqual(sum(row[1] for row in found["hours"]), len(expected))
                sampled = {case_id for case_id, _at in found["samples"]}
                self.assertLessEqual({case.id for case in expected} - sampled, set())

    def test_past_is_told_by_day_hour_and_mails_and_nothing_changes(self):
        cases = self._make_past()
        rule = self._new_rule(
            active=False,
            section_id=self.quality.id,
            date_type="create",
            delay=1,
            mail_to_user=True,
            mail_to_watchers=True,
            remind_partner=True,
            set_priority=HIGH,
        )
        action = rule.action_backtest()
        wizard = (
            self.env[action["res_model"]]
            .with_context(**action["context"])
            .create({"date_from": date(2026, 1, 1), "date_to": date(2026, 1, 31)})
        )
        before = self.env["mail.mail"].search_count([])
        wizard.action_run()
        self.assertEqual((wizard.firing_count, wizard.case_count), (3, 3))
        self.assertEqual(wizard.user_mail_count, 1)
        self.assertEqual(wizard.partner_mail_count, 1)
        self.assertEqual(wizard.watcher_mail_count, 1)
        self.assertEqual(wizard.other_mail_count, 0)
        self.assertEqual(wizard.busiest_day, date(2026, 1, 6))
        self.assertEqual(wizard.busiest_count, 3)
        hours = {line.date.hour for line in wizard.line_ids}
        self.assertEqual(hours, {9, 10, 11})
        self.assertEqual(wizard.sample_ids.case_id, cases)
        self.assertEqual(set(cases.mapped("priority")), {"1"})
        self.assertFalse(self._runs(rule))
        self.assertFalse(self._timers(rule))
        self.assertEqual(self.env["mail.mail"].search_count([]), before)
        wizard.action_reset()
        self.assertFalse(wizard.is_done)
        graph = wizard.action_view_hours()
        self.assertEqual(self.env[graph["res_model"]].search_count(graph["domain"]), 3)

    def test_past_that_is_too_long_or_too_slow_is_refused(self):
        rule = self._new_rule(on_create=True)
        wizard = self.env["crm.case.rule.backtest"].create({"rule_id": rule.id})
        wizard.date_to = wizard.date_from - timedelta(days=1)
        with self.assertRaisesRegex(UserError, "^To: it lies before"):
            wizard.action_run()
        wizard.date_to = wizard.date_from + timedelta(days=400)
        with self.assertRaisesRegex(UserError, "^To: give a period"):
            wizard.action_run()
        slow = backtest.SQL(
            "SELECT crm_case.id AS case_id, now() AS at FROM crm_case, pg_sleep(5)"
        )
        self.patch(type(rule), "_get_past_sql", lambda *_args: slow)
        self.patch(backtest, "TIME_LIMIT", 0.05)
        with self.assertRaisesRegex(UserError, "^Period: this takes too long"):
            rule._backtest(MONDAY, MONDAY)
        # the limit ends with the question
        self.env.cr.execute("SELECT pg_sleep(0.2)")

    # ------------------------------------------------------------
    # WHY, AND WHY NOT
    # ------------------------------------------------------------

    def _ask(self, rule, case):
        action = case.action_explain_rule()
        form = Form(self.env[action["res_model"]].with_context(**action["context"]))
        form.rule_id = rule
        return form.save()

    def test_why_not_names_the_condition_the_timer_and_the_runs(self):
        rule = self._new_rule(
            "Expert", date_type="create", delay=2, priority_min=HIGH, state_to="open"
        )
        case = self._new_case(state="open")
        asked = self._ask(rule, case)
        self.assertIn("Priority at Least", asked.verdict)
        self.assertIn("✗", asked.criteria)
        self.assertIn("Normal", asked.criteria)
        self.assertIn("No firing is planned", asked.verdict)
        case.priority = HIGH
        asked = self._ask(rule, case)
        self.assertIn("every condition is fulfilled", asked.verdict)
        self.assertIn("It is due on", asked.verdict)
        self.assertNotIn("✗", asked.criteria)
        self._age(case, days=3)
        self._tick()
        self.assertIn("Done", self._ask(rule, case).runs)

    def test_why_not_knows_the_other_reasons(self):
        case = self._new_case()
        table = {
            "switched off": {"active": False, "date_type": "create"},
            "no such date: deadline": {"date_type": "deadline"},
            "before the rule was switched on": {
                "date_type": "create",
                "date_from": self._now(days=1),
            },
            "waits for an event": {"on_create": True},
        }
        for words, values in table.items():
            with self.subTest(words):
                rule = self._new_rule(words, **values)
                self.assertIn(words, self._ask(rule, case).verdict)
        rule = self._new_rule(on_create=True, mail_to="x@mail.example")
        self.patch(type(rule), "_apply_mail", lambda *_args: 1 // 0)
        case = self._new_case()
        self.assertIn("failed 1 times", self._ask(rule, case).verdict)

    def test_case_shows_what_rules_did_with_it(self):
        rule = self._new_rule(on_create=True)
        case = self._new_case()
        self.assertEqual(case.rule_run_count, 1)
        action = case.action_view_rule_runs()
        found = self.env[action["res_model"]].search(action["domain"])
        self.assertEqual(found, self._runs(rule, case))

    @users("agent")
    def test_user_asks_about_his_own_cases_only(self):
        rule = self._new_rule(on_create=True).sudo(False)
        mine = self._new_case(user_id=self.agent.id)
        other = self._new_case(section=self.quality, user_id=self.quality_user.id)
        rule = rule.with_env(self.env)
        self.assertTrue(rule.explain(mine.with_env(self.env)))
        with self.assertRaises(AccessError):
            rule.explain(other.id)
