import itertools
from datetime import datetime, timedelta
from random import Random

from odoo.addons.mail.tests.common import freeze_all_time
from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger
from psycopg2.errors import CheckViolation

from ..tools.local_day import get_local_day
from ..tools.local_period import get_first_day, move
from .indicator_common import ONLY_RULE_1, TODAY, ZONE, IndicatorCommon

_CLOSED = ("done", "cancel")
_PERIODS = ("day", "week", "month")


def _is_reopening(stay):
    return stay.state_from in _CLOSED and stay.state not in _CLOSED


class Reading:
    """What happened to cases in a period, found by looking at each of them.

    :param is_in: tells whether a moment is in the period
    """

    def __init__(self, cases, is_in):
        self.cases = cases
        self.created = cases.filtered(lambda one: is_in(one.create_date))
        self.closed = cases.filtered(lambda one: is_in(one.date_closed))
        self.answered = cases.filtered(lambda one: is_in(one.date_first_response))
        self.promised = self.closed.filtered(
            lambda one: one.sla_state in ("met", "missed")
        )
        self.reopened = cases.filtered(
            lambda one: any(_is_reopening(s) and is_in(s.date) for s in one.move_ids)
        )
        self.escalated = cases.filtered(
            lambda one: any(s.is_escalation and is_in(s.date) for s in one.move_ids)
        )

    def get_open_at(self, day):
        """Give the cases that were in the backlog when a day began."""

        def is_open(one):
            stays = [s for s in one.move_ids if get_local_day(s.date, ZONE) < day]
            return stays and max(stays, key=lambda s: s.id).state not in _CLOSED

        return self.cases.filtered(is_open)

    def get_share(self, cases, holds):
        return cases, len(cases.filtered(holds)) / len(cases) if cases else None

    def get_mean(self, cases, field):
        known = cases.filtered(lambda one: one[field] is not False)
        return known, sum(known.mapped(field)) / len(known) if known else None


@tagged("crm_relations_indicator")
class TestIndicatorOracle(IndicatorCommon):
    """Every measure and period, against a slow reading of generated cases.

    The cases live from September to November, over a change of the clock, at hours
    where UTC, New York and Brussels are not on the same day.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.sla.policy"].create(
            {"name": "Promise", "hours_first_response": 30, "hours_resolution": 60}
        )
        cls.cases = cls.env["crm.case"]
        random, now = Random(7), datetime(2026, 8, 30, 21, 30)
        while now < datetime(2026, 11, 3, 9):
            with freeze_all_time(now):
                cls._happen(random)
                cls.env.flush_all()
            now += timedelta(minutes=random.randrange(30, 1300))

    @classmethod
    def _happen(cls, random):
        """Let something happen: a new case, an answer, or a move of an old one."""
        if len(cls.cases) < 5 or random.random() < 0.4:
            section = random.choice([cls.support1, cls.support2, cls.quality])
            cls.cases |= cls._new_case(
                section=section,
                partner_id=random.choice([cls.jane, cls.walter]).id,
                planned_cost=random.randrange(100),
            )
            return
        case = random.choice(cls.cases[-12:])
        if case.state in _CLOSED:
            if random.random() < 0.5:
                case._reopen()
        elif random.random() < 0.3:
            case.with_user(cls.boss).message_post(
                body="Answer", message_type="comment", subtype_xmlid="mail.mt_comment"
            )
        elif random.random() < 0.15 and case.section_id.parent_id:
            case.action_escalate()
        else:
            case.state = random.choice(["open", "pending", "done", "done", "cancel"])
        if case.state in _CLOSED and random.random() < 0.4:
            case.rating_value = random.randrange(1, 6)

    # ------------------------------------------------------------
    # ORACLE
    # ------------------------------------------------------------

    def _is_in(self, moment, first, period):
        if not moment:
            return False
        day = get_local_day(moment, ZONE)
        return first <= day < move(period, first, 1)

    def _read(self, measure, cases, first, period):
        """Give (cases behind the point, value) as somebody would by hand."""
        by_hand = Reading(cases, lambda moment: self._is_in(moment, first, period))
        if measure in ("created", "closed", "reopened", "escalated"):
            found = getattr(by_hand, measure)
            return found, len(found)
        if measure == "backlog":
            found = by_hand.get_open_at(move(period, first, 1))
            return found, len(found)
        if measure == "cost":
            return by_hand.closed, sum(by_hand.closed.mapped("planned_cost"))
        if measure.startswith("sla_"):
            state = measure.split("_")[1]
            return by_hand.get_share(
                by_hand.promised, lambda one: one.sla_state == state
            )
        if measure == "reopened_share":
            return by_hand.get_share(
                by_hand.closed, lambda one: any(map(_is_reopening, one.move_ids))
            )
        field = {"rating": "rating_value", "messages": "message_count"}
        when = "answered" if measure.endswith("response") else "closed"
        return by_hand.get_mean(getattr(by_hand, when), field.get(measure, measure))

    def _check(self, indicator, cases):
        first_day = get_first_day(
            indicator.period, get_local_day(min(cases.mapped("create_date")), ZONE)
        )
        points = indicator.point_ids.sorted("date")
        self.assertEqual(points[0].date, first_day)
        self.assertEqual(points[-1].date, get_first_day(indicator.period, TODAY))
        for before, after in itertools.pairwise(points):
            self.assertEqual(move(indicator.period, before.date, 1), after.date)
        for point in points:
            found, value = self._read(
                indicator.measure, cases, point.date, indicator.period
            )
            self.assertEqual(point.n, len(found), point.date)
            if value is None:
                self.assertIs(point.value, False)
            else:
                self.assertIsNot(point.value, False)
                self.assertAlmostEqual(point.value, value, places=6, msg=point.date)
            action = point.action_view_cases()
            behind = self.env["crm.case"].search(action["domain"])
            self.assertEqual(behind, found.sorted(), point.date)

    # ------------------------------------------------------------
    # TESTS
    # ------------------------------------------------------------

    def test_every_measure_by_week(self):
        cases = self.cases.filtered(lambda one: one.section_id != self.quality)
        seen = set()
        for measure in self.env["crm.quality.indicator"]._get_measures():
            with self.subTest(measure=measure):
                indicator = self._new_indicator(
                    measure=measure, section_id=self.support2.id
                )
                if measure in _OF_CORE:
                    self._check(indicator, cases)
                    seen |= {measure} if any(self._values(indicator)) else set()
        self.assertEqual(seen, _OF_CORE, "what never happens shows nothing")

    def test_every_period_and_scope(self):
        scopes = {
            "all": ({"section_id": False}, lambda one: True),
            "section": (
                {"section_id": self.quality.id},
                lambda one: one.section_id == self.quality,
            ),
            "partner": (
                {"section_id": False, "partner_id": self.acme.id},
                lambda one: one.partner_id == self.jane,
            ),
            "filter": (
                {"section_id": False, "filter_domain": "[('planned_cost', '>', 50)]"},
                lambda one: one.planned_cost > 50,
            ),
        }
        for (name, (scope, holds)), period in itertools.product(
            scopes.items(), _PERIODS
        ):
            for measure in ("closed", "backlog"):
                with self.subTest(scope=name, period=period, measure=measure):
                    indicator = self._new_indicator(
                        measure=measure, period=period, point_count=100, **scope
                    )
                    self._check(indicator, self.cases.filtered(holds))

    def test_who_looks_changes_no_figure(self):
        before = self._values(self._new_indicator(measure="closed", period="day"))
        self.env.user.tz = "Pacific/Auckland"
        self.env["res.lang"]._activate_lang("fr_FR")
        Indicator = self.env["crm.quality.indicator"].with_context(
            lang="fr_FR", tz="America/Los_Angeles"
        )
        other = Indicator.create(
            {
                "name": "Autre",
                "measure": "closed",
                "period": "day",
                "section_id": self.support1.id,
            }
        )
        self.assertEqual(self._values(other), before)
        self.assertTrue(any(before))

    def test_figures_are_of_one_company(self):
        self._new_case(section=self.foreign)
        indicator = self._new_indicator(section_id=False)
        with self.subTest("this company"):
            self._check(indicator, self.cases)
        self.assertEqual(
            sum(indicator.point_ids.mapped("n")), len(self.cases), "not the foreign one"
        )

    def test_late_corrections_are_followed(self):
        indicator = self._new_indicator(measure="closed")
        late = self.cases.filtered(
            lambda one: one.date_closed and one.section_id == self.support1
        ).sorted("date_closed")[0]
        late.section_id = self.quality
        self._set_today(TODAY + timedelta(days=1))
        self._run_night()
        cases = self.cases.filtered(lambda one: one.section_id == self.support1)
        self.assertNotIn(late, cases)
        self._check_values(indicator, cases)

    def _check_values(self, indicator, cases):
        for point in indicator.point_ids:
            found, _value = self._read("closed", cases, point.date, "week")
            self.assertEqual(point.n, len(found), point.date)


_OF_CORE = {
    *("created", "closed", "reopened", "escalated", "backlog", "sla_met_share"),
    *("sla_missed_share", "reopened_share", "hours_first_response", "hours_close"),
    *("hours_working_first_response", "hours_working_close", "messages", "rating"),
    "cost",
}


@tagged("crm_relations_indicator")
class TestIndicator(IndicatorCommon):
    """What an indicator is, and what it refuses."""

    def test_limits_are_those_of_the_tool(self):
        counts = [5, 7, 6, 9, 4, 6, 8, 5, 7, 6]
        self._new_cases(counts)
        indicator = self._new_indicator(chart="xmr")
        self.assertEqual(self._values(indicator), counts)
        ranges = [abs(b - a) for a, b in itertools.pairwise(counts)]
        mean, reach = sum(counts) / 10, 2.66 * sum(ranges) / 9
        self.assertAlmostEqual(indicator.centre, mean)
        self.assertAlmostEqual(indicator.lower_limit, mean - reach)
        self.assertAlmostEqual(indicator.upper_limit, mean + reach)
        self.assertEqual(indicator.state, "in_control")
        self.assertEqual(indicator.last_value, 6)
        counted = self._new_indicator()
        self.assertAlmostEqual(counted.upper_limit, mean + 3 * mean**0.5)

    def test_chart_follows_the_measure(self):
        kinds = {
            "created": "c",
            "sla_missed_share": "p",
            "messages": "u",
            "hours_close": "xmr",
            "backlog": "xmr",
            "cost": "xmr",
        }
        for measure, kind in kinds.items():
            with self.subTest(measure=measure):
                indicator = self._new_indicator(measure=measure)
                self.assertEqual(indicator._get_chart_kind(), kind)
                indicator.chart = "xmr"
                self.assertEqual(indicator._get_chart_kind(), "xmr")

    def test_chart_that_does_not_fit_is_refused(self):
        indicator = self._new_indicator()
        with self.assertRaisesRegex(ValidationError, "Chart: “Shares"):
            indicator.chart = "p"

    def test_bounds_are_refused_by_name(self):
        indicator = self._new_indicator()
        for values, error, message in (
            ({"point_count": 3}, CheckViolation, "points_range"),
            ({"baseline_points": 2}, CheckViolation, "baseline_points_range"),
            (
                {"baseline_from": "2026-05-01", "baseline_to": "2026-04-01"},
                ValidationError,
                "Baseline",
            ),
            (
                {"filter_domain": "[('gone', '=', 1)]"},
                ValidationError,
                "Other Conditions",
            ),
        ):
            with (
                self.subTest(values=values),
                mute_logger("odoo.sql_db"),
                self.assertRaisesRegex(error, message),
                self.env.cr.savepoint(),
            ):
                indicator.write(values)
                self.env.flush_all()

    def test_too_few_points_draw_no_limits(self):
        self._new_cases([5, 7, 6, 50, 4])
        indicator = self._new_indicator()
        self.assertEqual(indicator.state, "too_few")
        self.assertIs(indicator.centre, False)
        self.assertFalse(indicator.signal_ids)
        self.assertEqual(self._values(indicator), [5, 7, 6, 50, 4])

    def test_nothing_at_all(self):
        indicator = self._new_indicator(section_id=self.support2.id)
        self.assertEqual(indicator.state, "too_few")
        self.assertFalse(indicator.point_ids)
        self.assertEqual(indicator.get_chart()["points"], [])

    def test_periods_without_cases_count(self):
        self._new_cases([2, 0, 3, 0, 0, 2, 1, 0, 2])
        self.assertEqual(
            self._values(self._new_indicator()), [2, 0, 3, 0, 0, 2, 1, 0, 2]
        )
        closing = self._new_indicator(measure="hours_close")
        self.assertEqual(self._values(closing), [None] * 9)
        self.assertEqual(closing.state, "too_few")

    def test_constant_series_is_in_control(self):
        self._new_cases([4] * 20)
        for chart in ("auto", "xmr"):
            with self.subTest(chart=chart):
                indicator = self._new_indicator(
                    chart=chart, **{f"rule_{number}": True for number in (4, 8)}
                )
                self.assertEqual(indicator.state, "in_control")
                self.assertFalse(indicator.signal_ids)

    def test_running_period_is_in_no_limit(self):
        counts = [5, 7, 6, 9, 4, 6, 8, 5]
        self._new_cases(counts)
        before = self._new_indicator()
        self._new_cases([9], first=get_first_day("week", TODAY))
        after = self._new_indicator()
        self.assertEqual(before.centre, after.centre)
        running = after.point_ids.filtered(lambda point: not point.is_finished)
        self.assertEqual(running.n, 9)
        self.assertEqual(after.last_value, 5)

    def test_frozen_baseline_stays(self):
        self._new_cases([4] * 5 + [6] * 5 + [9] * 8)
        rolling = self._new_indicator(baseline_points=8)
        self.assertEqual(rolling.centre, 9)
        first = self._new_indicator(baseline="frozen", baseline_points=10)
        self.assertEqual(first.centre, 5)
        start = move("week", get_first_day("week", TODAY), -18)
        dated = self._new_indicator(
            baseline="frozen",
            baseline_from=start + timedelta(days=2),
            baseline_to=move("week", start, 7),
        )
        self.assertEqual(dated.centre, 4.75)

    def test_note_starts_a_new_baseline(self):
        self._new_cases([4] * 10 + [9] * 10)
        indicator = self._new_indicator()
        self.assertEqual(indicator.centre, 6.5)
        note = self.env["crm.quality.annotation"].create(
            {
                "indicator_id": indicator.id,
                "name": "New procedure from here",
                "date": move("week", get_first_day("week", TODAY), -10)
                + timedelta(days=3),
                "is_baseline": True,
            }
        )
        self.assertEqual(indicator.centre, 9)
        centres = indicator.point_ids.sorted("date").mapped("centre")
        self.assertEqual(centres, [4] * 10 + [9] * 11)
        # the latest point was told, and is none any more
        self.assertEqual(indicator.signal_ids.mapped("state"), ["explained"])
        self.assertEqual(indicator.state, "in_control")
        note.is_baseline = False
        self.assertEqual(indicator.centre, 6.5)
        note.is_baseline = True
        note.unlink()
        self.assertEqual(indicator.centre, 6.5)

    def test_another_measure_is_another_figure(self):
        self._new_cases([4] * 9 + [30])
        indicator = self._new_indicator(**ONLY_RULE_1)
        signal = indicator.signal_ids
        self.assertEqual(signal.value, 30)
        indicator.measure = "closed"
        self.assertEqual(set(self._values(indicator)), {0})
        self.assertFalse(signal.exists())

    def test_chart_tells_all_that_is_drawn(self):
        self._new_cases([4, 6, 5, 7, 5, 6, 4, 5, 40])
        indicator = self._new_indicator(chart="xmr", has_target=True, target=5)
        note = self.env["crm.quality.annotation"].create(
            {"indicator_id": indicator.id, "name": "Fair", "date": TODAY}
        )
        chart = indicator.get_chart()
        self.assertEqual(chart["kind"], "xmr")
        self.assertEqual(chart["target"], 5)
        self.assertEqual(len(chart["points"]), 10)
        peak = chart["points"][8]
        self.assertEqual(peak["label"], "W44 2026")
        self.assertEqual(peak["text"], "40")
        self.assertEqual(peak["usual"], f"usually 0 to {indicator.upper_limit:.2f}")
        self.assertEqual([signal["rule"] for signal in peak["signals"]], ["1"])
        self.assertFalse(chart["points"][9]["is_finished"])
        self.assertEqual(chart["ranges"][8]["value"], 35)
        self.assertAlmostEqual(
            chart["ranges"][8]["upper"], 3.267 * chart["ranges"][8]["centre"]
        )
        ranges = [one["value"] for one in chart["ranges"][1:9]]
        self.assertAlmostEqual(chart["ranges"][8]["centre"], sum(ranges) / 8)
        self.assertEqual(chart["notes"][0]["id"], note.id)

    def test_queries_do_not_grow_with_cases_or_points(self):
        self._new_cases([3] * 10)
        few = self._new_indicator().sudo()
        self._new_cases([5] * 50, section_id=self.quality.id)
        many = self._new_indicator(section_id=self.quality.id).sudo()
        counts = []
        for indicator in (few, many, few, many):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            indicator._compute_chart()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        # the first round fills caches
        self.assertEqual(counts[2], counts[3])
        self.assertLess(counts[3], 20)
