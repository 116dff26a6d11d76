from contextlib import closing
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..tools.local_period import get_first_day, move
from .indicator_common import ONLY_RULE_1, TODAY, IndicatorCommon

_STEADY = [5, 7, 6, 4, 6, 5, 7, 5, 6, 4, 5, 6]
_WEEK = get_first_day("week", TODAY)
_LAST = move("week", _WEEK, -1)


@tagged("crm_relations_indicator")
class TestIndicatorSignal(IndicatorCommon):
    """A signal is kept, told once, and opens one case."""

    def _new_indicator(self, **values):
        return super()._new_indicator(
            **{"owner_id": self.susan.id, "chart": "xmr", "direction": "lower"} | values
        )

    def _next_week(self, count=0, week=1):
        """Let a week pass in which so many cases came."""
        first = move("week", _WEEK, week - 1)
        self._new_cases([count], first=first)
        self._set_today(move("week", first, 1) + timedelta(days=1))
        self._run_night()

    # ------------------------------------------------------------
    # ONCE
    # ------------------------------------------------------------

    def test_new_point_out_of_control_is_told_once(self):
        self._new_cases(_STEADY)
        indicator = self._new_indicator()
        self.assertFalse(indicator.signal_ids)
        self._next_week(40)
        self.assertEqual(self._broken(indicator), {_WEEK: [1]})
        signal = indicator.signal_ids
        self.assertEqual(signal.state, "new")
        self.assertEqual(signal.mood, "worse")
        self.assertEqual(signal.value, 40)
        self.assertEqual(signal.upper_limit, indicator.upper_limit)
        self.assertEqual(indicator.state, "signal")
        activity = indicator.activity_ids
        self.assertEqual(activity.user_id, self.susan)
        self.assertIn("beyond the limits", activity.note)
        for _again in range(3):
            indicator.action_compute()
        self._run_night()
        self.assertEqual(indicator.signal_ids, signal)
        self.assertEqual(indicator.activity_ids, activity)

    def test_what_was_there_before_the_indicator_is_no_news(self):
        self._new_cases([*_STEADY[:6], 40, *_STEADY, 41])
        indicator = self._new_indicator(**ONLY_RULE_1)
        old, latest = indicator.signal_ids.sorted("date")
        self.assertEqual(old.state, "seen")
        self.assertFalse(old.date_told)
        self.assertEqual(latest.date, _LAST)
        self.assertEqual(latest.state, "new")
        self.assertEqual(len(indicator.activity_ids), 1)

    def test_signal_that_goes_on_is_marked_but_not_told_again(self):
        self._new_cases(_STEADY)
        indicator = self._new_indicator(baseline="frozen", baseline_points=12)
        self._next_week(40)
        self._next_week(41, week=2)
        first, second = indicator.signal_ids.filtered(
            lambda signal: signal.rule == "1"
        ).sorted("date")
        self.assertFalse(first.is_continued)
        self.assertTrue(second.is_continued)
        self.assertEqual(second.state, "seen")
        self.assertEqual(first.date_told.date(), _WEEK + timedelta(days=8))
        self.assertFalse(second.date_told)

    def test_limits_then_stay_whatever_they_become(self):
        self._new_cases(_STEADY)
        indicator = self._new_indicator()
        self._next_week(40)
        signal = indicator.signal_ids
        then = signal.upper_limit
        self._next_week(30, week=2)
        self._next_week(35, week=3)
        self.assertGreater(indicator.upper_limit, then)
        self.assertEqual(signal.exists().upper_limit, then)

    def test_running_period_signals_only_what_cannot_go_away(self):
        self._new_cases(_STEADY)
        self._new_cases([40], first=_WEEK)
        indicator = self._new_indicator()
        self.assertEqual(self._broken(indicator), {_WEEK: [1]})
        self.assertEqual(len(indicator.activity_ids), 1)
        # too few would be a signal in the end, but the week has just begun
        quiet = self._new_indicator(measure="created", section_id=self.quality.id)
        self._new_cases([30] * 12, section_id=self.quality.id)
        quiet.action_compute()
        self.assertFalse(quiet.signal_ids)
        self.assertEqual(quiet.point_ids.sorted("date")[-1].value, 0)
        # nor is a share of the first days told
        shares = self._new_indicator(measure="sla_missed_share")
        self.assertFalse(shares.signal_ids)

    def test_running_period_is_not_told_again_when_it_ends(self):
        self._new_cases(_STEADY)
        self._new_cases([40], first=_WEEK)
        indicator = self._new_indicator()
        self._next_week(1)
        self.assertEqual(self._broken(indicator), {_WEEK: [1]})
        self.assertEqual(len(indicator.activity_ids), 1)

    def test_correction_takes_a_signal_back_and_keeps_it(self):
        self._new_cases(_STEADY)
        indicator = self._new_indicator()
        self._next_week(40)
        signal = indicator.signal_ids
        cases = self.env["crm.case"].search(
            indicator.action_view_cases(_WEEK)["domain"]
        )
        self.assertEqual(len(cases), 40)
        cases[:35].section_id = self.quality
        indicator.action_compute()
        self.assertEqual(signal.state, "explained")
        self.assertIn("no signal", signal.note)
        self.assertEqual(indicator.state, "in_control")

    def test_late_correction_makes_a_signal(self):
        self._new_cases(_STEADY)
        indicator = self._new_indicator()
        self._new_cases([60], first=move("week", _WEEK, -3))
        self._set_today(TODAY + timedelta(days=1))
        self._run_night()
        self.assertEqual(self._broken(indicator), {move("week", _WEEK, -3): [1]})
        self.assertEqual(len(indicator.activity_ids), 1)

    def test_rules_are_switched_one_by_one(self):
        self._new_cases([*_STEADY, 9, 9, 9, 9, 9, 9, 9, 9, 9])
        switched = {f"rule_{number}": False for number in range(1, 9)}
        silent = self._new_indicator(**switched)
        self.assertFalse(silent.signal_ids)
        second = self._new_indicator(**switched | {"rule_2": True})
        self.assertEqual(self._broken(second), {_LAST: [2]})
        silent.rule_2 = True
        self.assertEqual(self._broken(silent), {_LAST: [2]})

    def test_another_figure_takes_its_news_along(self):
        self._new_cases([*_STEADY, 40])
        indicator = self._new_indicator()
        mine = indicator.activity_schedule(
            "mail.mail_activity_data_todo", user_id=self.susan.id
        )
        self.assertEqual(len(indicator.activity_ids), 2)
        indicator.measure = "closed"
        self.assertEqual(indicator.activity_ids, mine)

    def test_owner_without_access_stops_nothing(self):
        self._new_cases(_STEADY)
        indicator = self._new_indicator(owner_id=self.user_employee.id)
        self._next_week(40)
        self.assertEqual(self._broken(indicator), {_WEEK: [1]})
        self.assertFalse(indicator.error)
        self.assertFalse(indicator.activity_ids)

    # ------------------------------------------------------------
    # CASES
    # ------------------------------------------------------------

    def _opened(self):
        return self.env["crm.case"].search([("name", "=like", "Signal: %")])

    def test_signal_opens_one_case_for_a_point(self):
        self._new_cases(_STEADY)
        indicator = self._new_indicator(
            case_section_id=self.quality.id, case_user_id=self.quality_user.id
        )
        self._next_week(40)
        case = self._opened()
        self.assertEqual(case.section_id, self.quality)
        self.assertEqual(case.user_id, self.quality_user)
        self.assertEqual(case.reference, indicator)
        self.assertIn("beyond the limits", case.description)
        self.assertEqual(indicator.signal_ids.case_id, case)
        indicator.action_compute()
        self.assertEqual(self._opened(), case)

    def test_several_rules_on_a_point_are_one_case(self):
        self._new_cases([*_STEADY, 9, 10])
        indicator = self._new_indicator(
            baseline="frozen", baseline_points=12, case_section_id=self.quality.id
        )
        self._opened().unlink()
        indicator.signal_ids.unlink()
        self._next_week(40)
        self.assertGreater(len(indicator.signal_ids), 1)
        self.assertEqual(len(self._opened()), 1)
        told = indicator.signal_ids.filtered("date_told")
        self.assertEqual(told.case_id, self._opened())

    def test_change_for_the_better_opens_none(self):
        self._new_cases(_STEADY)
        indicator = self._new_indicator(
            case_section_id=self.quality.id, direction="higher"
        )
        self._next_week(40)
        self.assertEqual(indicator.signal_ids.mood, "better")
        self.assertTrue(indicator.activity_ids)
        self.assertFalse(self._opened())

    # ------------------------------------------------------------
    # NIGHT
    # ------------------------------------------------------------

    def test_night_goes_on_where_it_stopped(self):
        self._new_cases(_STEADY)
        indicators = self.env["crm.quality.indicator"].union(
            *(self._new_indicator() for _n in range(4))
        )
        self._set_today(TODAY + timedelta(days=1))
        self._run_night(rounds=3)
        now = fields.Datetime.now()
        done = indicators.filtered(lambda one: one.date_computed == now)
        self.assertEqual(len(done), 3)
        with patch.object(
            self.env.registry["crm.quality.indicator"],
            "_compute_chart",
            autospec=True,
            side_effect=lambda one: one.write({"date_due": one._get_next_due()}),
        ) as computed:
            self._run_night()
        self.assertEqual(
            [call.args[0] for call in computed.call_args_list], list(indicators - done)
        )

    def test_nothing_is_due_twice_a_day(self):
        self._new_cases(_STEADY)
        self._new_indicator()
        with patch.object(
            self.env.registry["crm.quality.indicator"], "_compute_chart"
        ) as computed:
            self._run_night()
        computed.assert_not_called()

    def test_one_broken_indicator_stops_no_other(self):
        self._new_cases(_STEADY)
        broken, whole = self._new_indicator(), self._new_indicator()
        self.env.flush_all()
        # as after a field is gone with its addon
        self.env.cr.execute(
            "UPDATE crm_quality_indicator SET filter_domain = %s WHERE id = %s",
            ["[('gone', '=', 1)]", broken.id],
        )
        self.env.invalidate_all()
        self._set_today(TODAY + timedelta(days=1))
        with self.assertLogs("odoo.addons.crm_relations", "ERROR") as logs:
            self._run_night()
        self.assertEqual(len(logs.output), 1)
        self.assertIn("gone", broken.error)
        self.assertEqual(whole.date_computed, fields.Datetime.now())
        self._run_night()

    # ------------------------------------------------------------
    # ACCESS
    # ------------------------------------------------------------

    def test_each_sees_the_totals_he_may_know(self):
        self._new_cases([*_STEADY, 40])
        own = self._new_indicator(name="Own")
        quality = self._new_indicator(name="Quality", section_id=self.quality.id)
        everything = self._new_indicator(name="All", section_id=False)
        private = self._new_indicator(
            name="Private", section_id=False, owner_id=self.agent.id
        )
        foreign = self._new_indicator(
            name="Foreign",
            section_id=self.foreign.id,
            company_id=self.company_2.id,
            owner_id=self.foreigner.id,
        )
        note = self.env["crm.quality.annotation"].create(
            [{"indicator_id": one.id, "name": "x"} for one in (own, foreign)]
        )
        seen = {
            self.user_employee: None,
            self.agent: own | private,
            self.senior: own,
            self.quality_user: quality,
            self.boss: own | quality | everything | private,
            self.foreigner: foreign,
        }
        for user, expected in seen.items():
            with self.subTest(user=user.login):
                Indicator = self.env["crm.quality.indicator"].with_user(user)
                if expected is None:
                    with self.assertRaises(AccessError):
                        Indicator.search([])
                    continue
                self.assertEqual(set(Indicator.search([]).ids), set(expected.ids))
                for model in ("point", "signal"):
                    rows = self.env[f"crm.quality.{model}"].with_user(user).search([])
                    self.assertLessEqual(set(rows.indicator_id.ids), set(expected.ids))
                notes = note.with_user(user).search([("id", "in", note.ids)])
                self.assertLessEqual(set(notes.indicator_id.ids), set(expected.ids))
        with self.assertRaises(AccessError):
            quality.with_user(self.agent).get_chart()
        with self.assertRaises(AccessError):
            quality.with_user(self.agent).action_view_cases(_LAST)

    def test_click_shows_the_cases_one_may_see(self):
        cases = self._new_cases(_STEADY)
        cases[-1][:2].user_id = self.agent
        cases[-1][2:4].user_id = self.colleague
        indicator = self._new_indicator()
        for user, count in ((self.boss, 6), (self.senior, 6), (self.agent, 4)):
            with self.subTest(user=user.login):
                self.assertEqual(
                    indicator.with_user(user).get_chart()["points"][-2]["n"], 6
                )
                action = indicator.with_user(user).action_view_cases(_LAST)
                found = self.env["crm.case"].with_user(user).search(action["domain"])
                self.assertEqual(len(found), count)

    def test_who_may_change_what(self):
        self._new_cases([*_STEADY, 40])
        indicator = self._new_indicator()
        signal = indicator.signal_ids
        note = {"indicator_id": indicator.id, "name": "x"}
        gestures = {
            "change": lambda env: indicator.with_env(env).write({"name": "Other"}),
            "compute": lambda env: indicator.with_env(env).action_compute(),
            "explain": lambda env: signal.with_env(env).write(
                {"state": "explained", "note": "Storm"}
            ),
            "forge": lambda env: signal.with_env(env).write({"value": 1}),
            "pin": lambda env: env["crm.quality.annotation"].create(
                note | {"is_baseline": True}
            ),
            "erase": lambda env: signal.with_env(env).unlink(),
            "point": lambda env: indicator.point_ids[0].with_env(env).write({"n": 1}),
        }
        allowed = {
            self.agent: {"explain"},
            self.senior: {"explain", "pin"},
            self.boss: {"change", "compute", "explain", "pin"},
            self.quality_user: set(),
        }
        for user, expected in allowed.items():
            for name, gesture in gestures.items():
                with self.subTest(user=user.login, gesture=name):
                    done = self._attempt(gesture, self.env(user=user))
                    self.assertEqual(done, name in expected)

    def _attempt(self, gesture, env):
        try:
            with closing(self.env.cr.savepoint(flush=False)):
                gesture(env)
                self.env.flush_all()
        except AccessError:
            return False
        finally:
            self.env.invalidate_all()
        return True

    def test_recent_changes_for_a_digest(self):
        self._new_cases(_STEADY)
        mine = self._new_indicator()
        self._new_indicator(section_id=self.quality.id)
        since = fields.Datetime.now()
        self._next_week(40)
        recent = self.env["crm.quality.signal"]._get_recent(since, self.susan)
        self.assertEqual(recent.ids, mine.signal_ids.ids)
        self.assertEqual(recent.env.user, self.susan)
        self.assertFalse(
            self.env["crm.quality.signal"]._get_recent(since, self.quality_user)
        )
        later = fields.Datetime.now() + timedelta(hours=1)
        self.assertFalse(self.env["crm.quality.signal"]._get_recent(later, self.susan))
