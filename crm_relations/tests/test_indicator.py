import itertools
from datetime import timedelta

from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger
from psycopg2.errors import CheckViolation

from ..tools.local_period import get_first_day, move
from .indicator_common import ONLY_RULE_1, TODAY, IndicatorCommon


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

    def test_points_go_with_the_cases_that_made_them(self):
        first, *_rest = self._new_cases([3, 0, 2, 4])
        indicator = self._new_indicator()
        self.assertEqual(self._values(indicator), [3, 0, 2, 4])
        self.assertEqual([one["value"] for one in indicator.spark], [3, 0, 2, 4])
        first.section_id = self.quality
        indicator.action_compute()
        self.assertEqual(self._values(indicator), [2, 4])
        self.env["crm.case"].search([]).section_id = self.quality
        indicator.action_compute()
        self.assertFalse(indicator.point_ids)
        self.assertFalse(indicator.last_date)
        self.assertIs(indicator.last_value, False)

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
