from odoo.tools import SQL

from .sla_common import SlaCommon


class TestSlaTimer(SlaCommon):
    """At risk and missed: at the right instant, once, and told to the rules."""

    def _timers(self, case):
        return self.env["crm.case.timer"].search(
            [("case_id", "=", case.id), ("sla_status_id", "!=", False)]
        )

    def _due(self, case):
        return {timer.sla_target: timer.due_at for timer in self._timers(case)}

    def _tick(self):
        """Fire what is due, on the cursor of the test."""
        timers = self.env["crm.case.timer"].search(
            [
                ("sla_status_id", "!=", False),
                ("due_at", "<=", self.env["crm.case"]._fields["date"].now()),
            ]
        )
        self.env["crm.case"]._fire_sla_timers(timers)
        return len(timers)

    def test_a_promise_has_one_timer_first_for_the_warning(self):
        case = self._new_case()
        # a quarter of 4 hours, and of 16, is left
        self.assertEqual(
            self._due(case),
            {"first_response": self._at(0, 11), "resolution": self._at(1, 12)},
        )
        self.assertEqual(self._timers(case).sla_policy_id, self.standard)
        self._set_clock(self._at(0, 11))
        self._tick()
        self.assertEqual(case.sla_state, "at_risk")
        self.assertEqual(self._due(case)["first_response"], self._at(0, 12))
        self._set_clock(self._at(0, 12))
        self._tick()
        self.assertEqual(case.sla_state, "missed")
        self.assertEqual(self._due(case), {"resolution": self._at(1, 12)})
        self.assertEqual(self._status(case).date_missed, self._at(0, 12))

    def test_server_that_was_down_tells_the_same_dates(self):
        case = self._new_case()
        self._set_clock(self._at(9, 9))
        self.assertEqual(self._tick(), 2)
        self.assertEqual(self._tick(), 0)
        self.assertEqual(self._status(case).date_missed, self._at(0, 12))
        solution = self._status(case, "resolution")
        self.assertEqual(solution.date_missed, self._at(1, 17))
        self.assertFalse(self._timers(case))

    def test_firing_early_changes_nothing(self):
        case = self._new_case()
        timers = self._timers(case)
        self.env["crm.case"]._fire_sla_timers(timers)
        self.assertEqual(case.sla_state, "on_track")
        self.assertEqual(self._timers(case), timers)

    def test_paused_closed_and_archived_cases_have_no_timer(self):
        for gesture in (
            lambda case: case.action_pending(),
            lambda case: case.action_close(),
            lambda case: case.action_cancel(),
            lambda case: case.action_archive(),
        ):
            case = self._new_case()
            self.assertEqual(len(self._timers(case)), 2)
            gesture(case)
            self.assertFalse(self._timers(case))

    def test_timers_follow_the_clock(self):
        case = self._new_case(state="open")
        self._pass_hours(1)
        case.action_pending()
        self._set_clock(self._at(1, 8))
        case.action_open()
        self.assertEqual(self._due(case)["first_response"], self._at(1, 10))
        self.office.attendance_ids.filtered(
            lambda line: line.dayofweek == "1" and line.hour_from == 8
        ).hour_from = 9
        self.assertEqual(self._due(case)["first_response"], self._at(1, 11))

    def test_no_warning_when_the_policy_wants_none(self):
        self.standard.at_risk_percent = 0
        case = self._new_case()
        self.assertEqual(self._due(case)["first_response"], self._at(0, 12))
        self.standard.at_risk_percent = 99
        self._pass_hours(1)
        self._tick()
        self.assertEqual(case.sla_state, "at_risk")

    def test_cron_fires_them_with_the_others(self):
        case = self._new_case()
        rule_timer = self._timers(case)[0]
        self._set_clock(self._at(0, 11))
        rule_timer._fire_locked()
        self.assertEqual(case.sla_state, "at_risk")

    def test_many_clocks_are_reckoned_with_as_many_queries_as_one(self):
        cases = self.env["crm.case"].create(
            [{"name": "Case", "section_id": self.support1.id} for _index in range(60)]
        )
        self._set_clock(self._at(0, 12))
        timers = self.env["crm.case.timer"].search(
            [("case_id", "in", cases.ids), ("sla_target", "=", "first_response")]
        )
        costs = []
        for some in (timers[:1], timers[1:10], timers[10:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.env["crm.case"]._fire_sla_timers(some)
            self.env.flush_all()
            costs.append(self.env.cr.sql_log_count - before)
        self.assertEqual(cases.mapped("sla_state"), ["missed"] * 60)
        self.assertEqual(costs[1], costs[2])

    def test_clock_that_fails_holds_no_other_up(self):
        cases = [self._new_case() for _index in range(5)]
        bad = cases[2]
        Case = self.env.registry["crm.case"]
        show = Case._show_sla

        def fail(model, case_ids):
            if bad.id in case_ids:
                raise ValueError("no ink left")
            return show(model, case_ids)

        self.patch(Case, "_show_sla", fail)
        self._set_clock(self._at(0, 12))
        self._tick()
        states = [case.sla_state for case in cases]
        self.assertEqual(states, [*["missed"] * 2, "on_track", *["missed"] * 2])
        timer = self._timers(bad).filtered(lambda one: one.attempts)
        self.assertEqual((timer.attempts, timer.error), (1, "no ink left"))
        self.patch(Case, "_show_sla", show)
        self._set_clock(self._at(0, 13))
        self._tick()
        self.assertEqual(bad.sla_state, "missed")
        self.assertEqual(self._status(bad).date_missed, self._at(0, 12))

    # ------------------------------------------------------------
    # RULES
    # ------------------------------------------------------------

    def _new_rule(self, **values):
        return self.env["crm.case.rule"].create({"name": "Watch", **values})

    def _runs(self, rule):
        return self.env["crm.case.rule.run"].search([("rule_id", "=", rule.id)])

    def test_rules_hear_of_each_promise_once(self):
        risk = self._new_rule(sla_event="at_risk", set_priority="2")
        missed = self._new_rule(sla_event="missed", set_priority="3")
        case = self._new_case()
        self._set_clock(self._at(0, 11))
        self._tick()
        self.assertEqual(case.priority, "2")
        self._set_clock(self._at(0, 12))
        self._tick()
        self.assertEqual(case.priority, "3")
        status = self._status(case)
        self.assertEqual(self._runs(risk).occasion, f"sla:{status.id}:at_risk")
        self.assertEqual(self._runs(missed).occasion, f"sla:{status.id}:missed")
        # a clock that is reckoned again tells nothing new
        self.env["crm.case"]._refresh_sla(SQL("TRUE"))
        self.assertEqual(len(self._runs(missed)), 1)
        self._set_clock(self._at(9, 9))
        self._tick()
        self.assertEqual(len(self._runs(missed)), 2)

    def test_rules_without_service_level_do_not_hear_of_it(self):
        moved = self._new_rule(set_priority="3")
        case = self._new_case()
        before = len(self._runs(moved))
        case.priority = "1"
        self._set_clock(self._at(0, 12))
        self._tick()
        self.assertEqual(len(self._runs(moved)), before)
        self.assertEqual(case.priority, "1")

    def test_criteria_of_the_rule_hold_for_promises_too(self):
        rule = self._new_rule(sla_event="missed", priority_min="3", state_to="open")
        draft, normal, urgent = (
            self._new_case(),
            self._new_case(state="open"),
            self._new_case(state="open", priority="3"),
        )
        draft.priority = "3"
        self._set_clock(self._at(0, 12))
        self._tick()
        self.assertEqual((draft | normal | urgent).mapped("sla_state"), ["missed"] * 3)
        self.assertEqual(self._runs(rule).case_id, urgent)

    def test_policy_made_today_tells_nothing_of_the_past(self):
        rule = self._new_rule(sla_event="missed", set_priority="3")
        case = self._new_case(section=self.quality)
        self._set_clock(self._at(9, 9))
        self._new_policy("Quality", section_id=self.quality.id)
        self.assertEqual(case.sla_state, "missed")
        self.assertFalse(self._runs(rule))
