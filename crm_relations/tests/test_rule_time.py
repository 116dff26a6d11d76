from datetime import datetime, timedelta

from freezegun import freeze_time
from odoo.tests import tagged

from .rule_common import RuleCommon

HIGH, URGENT = "2", "3"


@tagged("crm_relations_rules")
class TestRuleTime(RuleCommon):
    """When rules by time fire: at the instant, late, after a night without a server."""

    # ------------------------------------------------------------
    # INSTANTS
    # ------------------------------------------------------------

    def test_each_date_and_unit(self):
        start = datetime(2026, 1, 31, 10, 0, 0)
        case = self._new_case()
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE crm_case SET create_date = %s, date_open = %s, date = %s,
               date_last_action = %s, date_deadline = %s WHERE id = %s""",
            [start + timedelta(days=index) for index in range(5)] + [case.id],
        )
        self.env.invalidate_all()
        days = {"create": 0, "open": 1, "date": 2, "last_action": 3, "deadline": 4}
        units = {
            ("minutes", 90): timedelta(minutes=90),
            ("hours", -3): timedelta(hours=-3),
            ("days", 2): timedelta(days=2),
            ("days", 0): timedelta(),
        }
        for date_type, offset in days.items():
            for (unit, delay), shift in units.items():
                with self.subTest(date=date_type, unit=unit, delay=delay):
                    rule = self._new_rule(
                        date_type=date_type, delay=delay, delay_unit=unit
                    )
                    timer = self._timers(rule, case)
                    expected = start + timedelta(days=offset) + shift
                    self.assertEqual(timer.due_at, expected)
                    self.assertEqual(timer.occasion_at, expected)
        with self.subTest("months are those of the calendar"):
            rule = self._new_rule(date_type="create", delay=1, delay_unit="months")
            self.assertEqual(
                self._timers(rule, case).due_at, datetime(2026, 2, 28, 10, 0, 0)
            )

    def test_working_time_of_section_then_company(self):
        monday = datetime(2026, 1, 5, 9, 0, 0)
        mornings = self._new_calendar("Mornings", 8, 12)
        days = self._new_calendar("Days", 8, 16)
        self.env.company.resource_calendar_id = days
        self.support1.resource_calendar_id = mornings
        cases = self._new_case() | self._new_case(section=self.quality)
        cases.date = monday
        rule = self._new_rule(
            date_type="date", delay=5, delay_unit="hours", working_time=True
        )
        by_case = {timer.case_id: timer.due_at for timer in self._timers(rule)}
        self.assertEqual(by_case[cases[0]], datetime(2026, 1, 6, 10, 0, 0))
        self.assertEqual(by_case[cases[1]], datetime(2026, 1, 5, 14, 0, 0))

    def test_change_of_working_time_moves_timers(self):
        calendar = self._new_calendar("Days", 8, 16)
        self.support1.resource_calendar_id = calendar
        self._case_at(datetime(2026, 1, 5, 9, 0, 0))
        rule = self._new_rule(
            date_type="date", delay=8, delay_unit="hours", working_time=True
        )
        self.assertEqual(self._timers(rule).due_at, datetime(2026, 1, 6, 9, 0, 0))
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": calendar.id,
                "date_from": datetime(2026, 1, 6, 0, 0, 0),
                "date_to": datetime(2026, 1, 6, 23, 59, 59),
            }
        )
        self.assertEqual(self._timers(rule).due_at, datetime(2026, 1, 7, 9, 0, 0))
        self.support1.resource_calendar_id = self._new_calendar("All", 0, 24)
        self.assertEqual(self._timers(rule).due_at, datetime(2026, 1, 5, 17, 0, 0))

    def _case_at(self, date):
        case = self._new_case(name="Dated")
        case.date = date
        self.case.date = False
        return case

    def _new_calendar(self, name, start, end):
        return self.env["resource.calendar"].create(
            {
                "name": name,
                "tz": "UTC",
                "attendance_ids": [(5, 0, 0)]
                + [
                    (
                        0,
                        0,
                        {
                            "name": f"{day}",
                            "dayofweek": str(day),
                            "hour_from": start,
                            "hour_to": end,
                            "day_period": "full_day",
                        },
                    )
                    for day in range(7)
                ],
            }
        )

    # ------------------------------------------------------------
    # ONCE
    # ------------------------------------------------------------

    def test_fires_when_due_and_only_then_and_once(self):
        rule = self._new_rule(date_type="create", delay=2, set_priority=HIGH)
        case = self._new_case()
        self._tick()
        self.assertEqual(case.priority, "1")
        with freeze_time(self._now(days=2, minutes=-1)):
            self._tick()
        self.assertEqual(case.priority, "1")
        with freeze_time(self._now(days=2, minutes=1)):
            self._tick()
            self.assertEqual(case.priority, HIGH)
            self.assertFalse(self._timers(rule, case))
            case.priority = "0"
            self._tick()
        self.assertEqual(case.priority, "0")
        run = self._runs(rule, case)
        self.assertEqual(run.result, "done")
        self.assertEqual(
            run.occasion,
            f"due:{case.create_date + timedelta(days=2):%Y-%m-%dT%H:%M:%S}",
        )

    def test_touching_a_case_afterwards_does_not_fire_again(self):
        rule = self._new_rule(date_type="create", delay=2, set_priority=HIGH)
        case = self._new_case()
        self._age(case, days=3)
        self._tick()
        case.write({"name": "Other", "priority": "0", "user_id": self.agent.id})
        case.action_open()
        self._tick()
        self.assertEqual(len(self._runs(rule, case)), 1)

    def test_case_that_becomes_eligible_late_is_taken(self):
        rule = self._new_rule(
            date_type="create", delay=2, priority_min=URGENT, set_user_id=self.susan.id
        )
        case = self._new_case()
        self._age(case, days=30)
        self._tick()
        self.assertFalse(case.user_id)
        case.priority = URGENT
        self._tick()
        self.assertEqual(case.user_id, self.susan)
        self.assertEqual(len(self._runs(rule, case)), 1)

    def test_case_that_no_longer_matches_is_left_alone(self):
        rule = self._new_rule(
            date_type="create", delay=2, state_to="open", set_priority=HIGH
        )
        case = self._new_case(state="open")
        self.assertTrue(self._timers(rule, case))
        case.action_close()
        self.assertFalse(self._timers(rule, case))
        case.action_draft()
        case.action_open()
        self.assertTrue(self._timers(rule, case))

    def test_what_fell_due_while_the_server_was_down_fires_once(self):
        rule = self._new_rule(
            date_type="create",
            delay=1,
            repeat_delay=1,
            repeat_count=3,
            add_watchers="late@watch.example",
        )
        case = self._new_case()
        self._age(case, days=30)
        self._tick()
        self._tick()
        self.assertEqual(len(self._runs(rule, case)), 1)

    def test_repeats_at_most_so_often(self):
        rule = self._new_rule(
            date_type="create",
            delay=1,
            delay_unit="hours",
            repeat_delay=2,
            repeat_unit="hours",
            repeat_count=2,
            set_priority=HIGH,
        )
        case = self._new_case()
        fired = []
        for hours in (1, 2, 3, 4, 5, 6, 7, 9, 12):
            with freeze_time(self._now(hours=hours, minutes=1)):
                self._tick()
                # nothing that happens to the case makes it begin anew
                case.name = f"After {hours}"
                fired.append(len(self._runs(rule, case)))
        self.assertEqual(fired, [1, 1, 2, 2, 3, 3, 3, 3, 3])
        marks = self._runs(rule, case).mapped(lambda run: run.occasion[23:])
        self.assertEqual(marks, ["", ":1", ":2"])

    def test_new_date_is_a_new_occasion(self):
        rule = self._new_rule(
            date_type="deadline", delay=-1, state_to="draft", set_priority=HIGH
        )
        case = self._new_case(date_deadline=self._now(hours=12))
        self._tick()
        self.assertEqual(case.priority, HIGH)
        case.write({"priority": "1", "date_deadline": self._now(days=5)})
        self._tick()
        self.assertEqual(case.priority, "1")
        with freeze_time(self._now(days=4, minutes=1)):
            self._tick()
        self.assertEqual(case.priority, HIGH)
        self.assertEqual(len(self._runs(rule, case)), 2)

    def test_clock_set_back_fires_nothing_twice(self):
        rule = self._new_rule(date_type="create", delay=2, set_priority=HIGH)
        case = self._new_case()
        with freeze_time(self._now(days=3)):
            self._tick()
            self.assertEqual(len(self._runs(rule, case)), 1)
        with freeze_time(self._now(days=-3)):
            case.name = "Touched"
            self._tick()
        case.name = "Touched again"
        self._tick()
        with freeze_time(self._now(days=3)):
            self._tick()
        self.assertEqual(len(self._runs(rule, case)), 1)

    # ------------------------------------------------------------
    # RULES THAT CHANGE
    # ------------------------------------------------------------

    def test_switching_on_takes_the_cases_there_are(self):
        case = self._new_case()
        self._age(case, days=3)
        rule = self._new_rule(
            date_type="create", delay=2, active=False, set_priority=HIGH
        )
        self.assertFalse(self._timers(rule))
        rule.active = True
        self.assertEqual(self._timers(rule).case_id & case, case)
        self._tick()
        self.assertEqual(case.priority, HIGH)
        rule.active = False
        self._new_case()
        self.assertFalse(self._timers(rule))

    def test_changing_a_rule_moves_its_timers(self):
        rule = self._new_rule(date_type="create", delay=2)
        case = self._new_case()
        rule.delay = 4
        created = case.create_date.replace(microsecond=0)
        self.assertEqual(self._timers(rule, case).due_at, created + timedelta(days=4))
        rule.section_id = self.quality
        self.assertFalse(self._timers(rule, case))
        rule.date_type = "none"
        self.assertFalse(self._timers(rule))

    def test_category_of_the_partner_counts(self):
        gold, branch = self.env["res.partner.category"].create(
            [{"name": "Gold"}, {"name": "Branch"}]
        )
        rule = self._new_rule(date_type="create", delay=2, partner_category_id=gold.id)
        self.case.partner_id = self.walter
        case = self._new_case(partner_id=self.jane.id)
        self.assertFalse(self._timers(rule))
        steps = {
            "the contact's": lambda: self.jane.write({"category_id": [(4, branch.id)]}),
            "a category above": lambda: branch.write({"parent_id": gold.id}),
            "none": lambda: self.jane.write({"category_id": [(5, 0, 0)]}),
            "the company's": lambda: self.acme.write({"category_id": [(4, gold.id)]}),
            "none again": lambda: gold.write({"partner_ids": [(5, 0, 0)]}),
            "from the other side": lambda: gold.write(
                {"partner_ids": [(4, self.acme.id)]}
            ),
        }
        for name, step in steps.items():
            with self.subTest(name):
                step()
                expected = self.env["crm.case"] if "none" in name else case
                if name == "the contact's":
                    expected = self.env["crm.case"]
                self.assertEqual(self._timers(rule).case_id, expected)

    def test_section_moved_below_counts(self):
        rule = self._new_rule(date_type="create", delay=2, section_id=self.quality.id)
        case = self._new_case()
        self.assertFalse(self._timers(rule, case))
        self.support1.parent_id = self.quality
        self.assertTrue(self._timers(rule, case))
        self.support1.parent_id = self.support2
        self.assertFalse(self._timers(rule, case))

    def test_messages_count(self):
        rule = self._new_rule(date_type="create", delay=-1, min_messages=2)
        case = self._new_case()
        for count in (1, 2):
            self.assertFalse(self._timers(rule, case))
            case.message_post(body=f"{count}", message_type="comment")
        self.assertTrue(self._timers(rule, case))

    def test_conditions_nobody_notices_are_looked_at_daily(self):
        table = {
            "another record's": ("[('partner_id.name', '=', 'Somebody')]", True),
            "the time of day": ("[('date_deadline', '<', 'today')]", True),
            "not stored": ("[('is_late', '=', True)]", True),
            "the case's own": ("[('user_id', '!=', False)]", False),
        }
        for name, (domain, expected) in table.items():
            with self.subTest(name):
                rule = self._new_rule(date_type="create", delay=2, filter_domain=domain)
                self.assertIs(rule._is_drifting(), expected)
        rule = self._new_rule(
            date_type="create",
            delay=2,
            filter_domain="[('partner_id.name', '=', 'Somebody')]",
        )
        case = self._new_case(partner_id=self.walter.id)
        self.assertFalse(self._timers(rule, case))
        self.walter.name = "Somebody"
        self.assertFalse(self._timers(rule, case))
        cron = self.env.ref("crm_relations.ir_cron_case_rule_sync")
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.assertTrue(self._timers(rule, case))

    # ------------------------------------------------------------
    # CHAINS THROUGH TIME
    # ------------------------------------------------------------

    def test_rules_by_time_do_not_set_each_other_off_for_ever(self):
        rules = self._new_rule(
            "Waits",
            date_type="last_action",
            delay=1,
            delay_unit="minutes",
            state_to="open",
            set_state="pending",
        ) | self._new_rule(
            "Opens",
            date_type="last_action",
            delay=1,
            delay_unit="minutes",
            state_to="pending",
            set_state="open",
        )
        case = self._new_case(state="open")
        for minutes in range(0, 40, 4):
            with freeze_time(self._now(minutes=minutes)):
                self._tick()
        results = self.env["crm.case.rule.run"].search(
            [("case_id", "=", case.id), ("rule_id", "in", rules.ids)], order="id"
        )
        self.assertEqual(
            results.mapped(lambda run: (run.rule_id.name, run.result)),
            [("Waits", "done"), ("Opens", "done"), ("Waits", "skipped")],
        )
        self.assertEqual(results[1].parent_id, results[0])
