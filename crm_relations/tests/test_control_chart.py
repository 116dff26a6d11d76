import math

from odoo.addons.crm_relations.tools import control_chart
from odoo.addons.crm_relations.tools.control_chart import (
    TooFewPointsError,
    find_signals,
    fit,
    individuals,
    ranges,
)
from odoo.tests import BaseCase, tagged

# NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2: flowrate of ten batches
FLOWRATE = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
# the same, 6.3.3.1: defects on 25 wafers
WAFER_DEFECTS = [
    *(16, 14, 28, 16, 12, 20, 10, 12, 10, 17, 19, 17, 14),
    *(16, 15, 13, 14, 16, 11, 20, 11, 19, 16, 31, 13),
]
# the same, 6.3.3.2: share of the 50 chips of a wafer that are off, 30 wafers
CHIPS_OFF = [
    *(0.24, 0.30, 0.16, 0.20, 0.08, 0.14, 0.32, 0.18, 0.28, 0.20),
    *(0.10, 0.12, 0.34, 0.24, 0.44, 0.16, 0.20, 0.10, 0.26, 0.22),
    *(0.40, 0.36, 0.48, 0.30, 0.18, 0.24, 0.14, 0.26, 0.18, 0.12),
]
# D. C. Montgomery, Introduction to Statistical Quality Control, u chart with varying
# size: defects on rolls of dyed cloth, and how many inspection units each roll is
CLOTH_DEFECTS = [14, 12, 20, 11, 7, 10, 21, 16, 19, 23]
CLOTH_UNITS = [10, 8, 13, 10, 9.5, 10, 12, 10.5, 12, 12.5]

# one pattern for each test of L. S. Nelson (1984), drawn by us in the zones that its
# figure shows: where the points lie, in standard deviations, and which completes it
NELSON = {
    1: ([0.4, -0.8, 1.1, 3.3], 3),
    2: ([-0.4, 0.3, 1.2, 0.5, 1.6, 0.2, 0.9, 1.4, 0.3, 0.8], 9),
    3: ([0.8, -1.6, -1.1, -0.4, 0.2, 0.9, 1.7], 6),
    4: (
        [0.1, *(0.9, -0.4, 1.2, -0.9, 0.5, -0.2, 0.6)]
        + [-1.1, 0.3, -0.6, 0.8, -0.3, 1.1],
        13,
    ),
    5: ([0.2, 2.3, 1.2, 2.6], 3),
    6: ([-0.3, 1.4, 1.2, 0.5, 1.7, 1.3], 5),
    7: (
        [1.3]
        + [0.3, -0.6, 0.5, 0.8, -0.2, -0.7, 0.1, 0.4, 0.6]
        + [0.2, -0.5, 0.7, -0.1, 0.3, -0.8],
        15,
    ),
    8: ([0.6, 1.3, -1.5, 1.1, -1.8, -1.2, 1.6, 1.4, -1.3], 8),
}


@tagged("post_install", "-at_install", "crm_relations")
class TestControlChart(BaseCase):
    """Limits and signals against what has been published, and where there are few."""

    def assertLimits(self, limits, lower, centre, upper, delta=0.005):
        for found, expected in zip(limits, (lower, centre, upper), strict=True):
            self.assertAlmostEqual(found, expected, delta=delta)

    # ------------------------------------------------------------
    # PUBLISHED EXAMPLES
    # ------------------------------------------------------------

    def test_individuals_of_the_handbook(self):
        # 3 / 1.128 is 2.6596 there; the contract's 2.66 differs by 0.001
        self.assertLimits(individuals(FLOWRATE), 45.8159, 50.81, 55.8041)
        self.assertAlmostEqual(ranges(FLOWRATE).centre, 1.8778, delta=0.0001)
        self.assertAlmostEqual(ranges(FLOWRATE).upper, 3.267 * 1.8778, delta=0.001)

    def test_individuals_are_exactly_the_formula(self):
        moving = [abs(b - a) for a, b in zip(FLOWRATE, FLOWRATE[1:], strict=False)]
        mean, mean_range = sum(FLOWRATE) / 10, sum(moving) / 9
        lower, centre, upper = individuals(FLOWRATE)
        self.assertAlmostEqual(lower, mean - 2.66 * mean_range, places=10)
        self.assertAlmostEqual(centre, mean, places=10)
        self.assertAlmostEqual(upper, mean + 2.66 * mean_range, places=10)

    def test_counts_of_the_handbook(self):
        self.assertEqual(control_chart.counts(WAFER_DEFECTS), (4.0, 16.0, 28.0))
        baseline = fit("c", WAFER_DEFECTS)
        z_values = [baseline.get_z(value) for value in WAFER_DEFECTS]
        # wafer 24; the third, which lies on the limit, is not beyond it
        self.assertEqual(find_signals(z_values, [1]), {23: [1]})

    def test_shares_of_the_handbook(self):
        off = [round(share * 50) for share in CHIPS_OFF]
        limits = control_chart.shares(off, [50] * 30)
        for one in limits:
            self.assertLimits(one, 0.0524, 0.2313, 0.4102, delta=0.0001)
        baseline = fit("p", off, [50] * 30)
        z_values = [baseline.get_z(share, 50) for share in CHIPS_OFF]
        # wafers 15 and 23
        self.assertEqual(find_signals(z_values, [1]), {14: [1], 22: [1]})

    def test_rates_with_varying_size(self):
        limits = control_chart.rates(CLOTH_DEFECTS, CLOTH_UNITS)
        published = {0: (0.29, 2.55), 1: (0.16, 2.68), 2: (0.43, 2.41), 9: (0.41, 2.43)}
        for index, (lower, upper) in published.items():
            with self.subTest(roll=index + 1):
                self.assertLimits(limits[index], lower, 1.42, upper, delta=0.01)
        baseline = fit("u", CLOTH_DEFECTS, CLOTH_UNITS)
        z_values = [
            baseline.get_z(defects / units, units)
            for defects, units in zip(CLOTH_DEFECTS, CLOTH_UNITS, strict=True)
        ]
        self.assertEqual(find_signals(z_values), {})

    # ------------------------------------------------------------
    # RULES
    # ------------------------------------------------------------

    def test_each_rule_of_nelson_signals_at_the_point_that_completes_it(self):
        for rule, (z_values, index) in NELSON.items():
            with self.subTest(rule=rule):
                self.assertEqual(find_signals(z_values, [rule]), {index: [rule]})

    def test_each_rule_holds_below_the_line_as_above(self):
        for rule, (z_values, index) in NELSON.items():
            with self.subTest(rule=rule):
                mirrored = [-z for z in z_values]
                self.assertEqual(find_signals(mirrored, [rule]), {index: [rule]})

    def test_one_point_less_is_no_pattern(self):
        for rule, (z_values, _index) in NELSON.items():
            with self.subTest(rule=rule):
                self.assertEqual(find_signals(z_values[:-1], [rule]), {})

    def test_a_point_on_the_border_is_not_beyond_it(self):
        self.assertEqual(find_signals([0.1, 3.0, -3.0], [1]), {})
        self.assertEqual(find_signals([2.0, 2.0, 2.0], [5]), {})
        self.assertEqual(find_signals([1.0] * 5, [6]), {})
        self.assertEqual(find_signals([0.5, -1.0] * 8, [7]), {})
        self.assertEqual(find_signals([0.5] * 8 + [0] + [0.5] * 8, [2]), {})

    def test_two_of_three_are_on_the_same_side(self):
        self.assertEqual(find_signals([2.5, 0, -2.5], [5]), {})
        self.assertEqual(find_signals([2.5, -2.5, 2.5], [5]), {2: [5]})
        # the third does not complete what the first two have
        self.assertEqual(find_signals([2.5, 2.5, 0], [5]), {})

    def test_rules_that_are_switched_off_are_silent(self):
        z_values = [3.5] * 9
        self.assertEqual(find_signals(z_values, []), {})
        self.assertEqual(set(find_signals(z_values, [1])), set(range(9)))
        self.assertEqual(find_signals(z_values, [2]), {8: [2]})

    def test_all_rules_by_a_slow_oracle(self):
        # reckons each rule from its words, on a series with something of everything
        z_values = [
            math.sin(n * n) * 1.8 + (n % 23 == 0) * 2.1 + (40 <= n < 55) * 0.9
            for n in range(400)
        ]
        z_values[100] = z_values[200] = None
        expected = {}
        for index in range(len(z_values)):
            for rule, holds in _ORACLE.items():
                if holds(z_values[: index + 1]):
                    expected.setdefault(index, []).append(rule)
        self.assertEqual(find_signals(z_values), expected)
        self.assertGreater(len({r for rules in expected.values() for r in rules}), 4)

    # ------------------------------------------------------------
    # LITTLE AND NOTHING
    # ------------------------------------------------------------

    def test_zero_and_constant_series_have_no_signals(self):
        for value in (0, 7, 0.1, 1 / 3):
            with self.subTest(value=value):
                values = [value] * 40
                limits = individuals(values)
                self.assertLimits(limits, value, value, value, delta=1e-12)
                baseline = fit("xmr", values)
                z_values = [baseline.get_z(one) for one in values]
                self.assertEqual(find_signals(z_values), {})
        self.assertEqual(control_chart.counts([0] * 20), (0, 0, 0))
        self.assertEqual(set(control_chart.shares([0, 0], [5, 9])), {(0, 0, 0)})
        self.assertEqual(set(control_chart.shares([5, 9], [5, 9])), {(1, 1, 1)})

    def test_what_differs_from_a_constant_is_a_signal(self):
        baseline = fit("c", [0] * 10)
        z_values = [baseline.get_z(value) for value in [0, 0, 1, 0]]
        self.assertEqual(find_signals(z_values), {2: [1]})

    def test_missing_periods_break_ranges_and_runs(self):
        values = [4, 6, None, 20, 22, float("nan"), 1]
        self.assertEqual(
            control_chart.moving_ranges(values), [None, 2, None, None, 2, None, None]
        )
        limits = individuals(values)
        self.assertLimits(limits, 10.6 - 5.32, 10.6, 10.6 + 5.32, delta=1e-9)
        self.assertEqual(find_signals([1] * 5 + [None] + [1] * 8, [2]), {})
        self.assertIsNone(fit("c", values, minimum=1).get_z(None))

    def test_too_few_points_are_stated(self):
        for values in ([], [5], [None, None], [3, None, 3]):
            with self.subTest(values=values), self.assertRaises(TooFewPointsError):
                individuals(values)
        for kind in control_chart.KINDS:
            with self.subTest(kind=kind), self.assertRaises(TooFewPointsError):
                fit(kind, [1, 0, 1, 0, 1, 0, 1], [2] * 7)
            self.assertTrue(fit(kind, [1, 0, 1, 0, 1, 0, 1, 0], [2] * 8))
        with self.assertRaises(TooFewPointsError):
            control_chart.shares([], [])
        with self.assertRaises(TooFewPointsError):
            control_chart.shares([0], [0])

    def test_a_period_without_cases_has_no_share(self):
        limits = control_chart.shares([5, 0, 5], [10, 0, 10])
        self.assertEqual(limits[0].centre, 0.5)
        self.assertEqual(fit("p", [5, 0, 5], [10, 0, 10], 1).centre, 0.5)


def _last(series, count):
    window = series[-count:]
    return window if len(window) == count and None not in window else None


def _oracle_1(series):
    return (w := _last(series, 1)) and (w[0] > 3 or w[0] < -3)


def _oracle_2(series):
    w = _last(series, 9)
    return w and (all(z > 0 for z in w) or all(z < 0 for z in w))


def _oracle_3(series):
    w = _last(series, 6)
    return w and (w == sorted(set(w)) or w == sorted(set(w), reverse=True))


def _oracle_4(series):
    w = _last(series, 14)
    if not w:
        return False
    peaks = [w[n] > w[n - 1] and w[n] > w[n + 1] for n in range(1, 13)]
    dips = [w[n] < w[n - 1] and w[n] < w[n + 1] for n in range(1, 13)]
    return all(peak or dip for peak, dip in zip(peaks, dips, strict=True))


def _of_last(series, count, needed, reach):
    w = _last(series, count)
    if not w:
        return False
    above = [z > reach for z in w]
    below = [z < -reach for z in w]
    return (above[-1] and above.count(True) >= needed) or (
        below[-1] and below.count(True) >= needed
    )


def _oracle_7(series):
    w = _last(series, 15)
    return w and all(-1 < z < 1 for z in w)


def _oracle_8(series):
    w = _last(series, 8)
    outside = w and all(z > 1 or z < -1 for z in w)
    return outside and any(z > 0 for z in w) and any(z < 0 for z in w)


_ORACLE = {
    1: _oracle_1,
    2: _oracle_2,
    3: _oracle_3,
    4: _oracle_4,
    5: lambda series: _of_last(series, 3, 2, 2),
    6: lambda series: _of_last(series, 5, 4, 1),
    7: _oracle_7,
    8: _oracle_8,
}
