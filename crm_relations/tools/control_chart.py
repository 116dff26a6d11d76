"""Control charts: what a figure does by itself, and when something has changed.

A series varies by chance; limits say how far. Sources:

* W. A. Shewhart, *Economic Control of Quality of Manufactured Product*, 1931: limits
  three standard deviations from the centre.
* D. J. Wheeler, *Understanding Variation*, 1993: individual values and moving ranges.
* L. S. Nelson, "The Shewhart Control Chart: Tests for Special Causes", Journal of
  Quality Technology 16 (4), 1984: the eight rules.
* *NIST/SEMATECH e-Handbook of Statistical Methods*, 6.3.2.2 (individuals), 6.3.3.1
  (counts), 6.3.3.2 (shares).

A value that is unknown is ``None`` (or NaN): it has no part in any figure and breaks
whatever runs over it. 0 is a value.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

XMR, P, C, U = "xmr", "p", "c", "u"
KINDS = (XMR, P, C, U)

# 3 / d2 and D4 for moving ranges of two values (d2 = 1.128); rounded as Wheeler and
# the tables of the standards have them
RANGE_TO_LIMIT = 2.66
RANGE_UPPER = 3.267
# known values that limits need at the least: with fewer the limits themselves are
# mostly chance
MINIMUM_POINTS = 8
# differences below this share of the centre are the dust of floating point
_DUST = 1e-9

Values = Sequence[float | None]


class TooFewPointsError(ValueError):
    """There are not enough values to reckon limits from."""


class Limits(NamedTuple):
    """The three lines of a chart, of one point where they vary."""

    lower: float
    centre: float
    upper: float


@dataclass(frozen=True)
class Baseline:
    """What a series does by itself: what limits are drawn from.

    ``sigma`` is the standard deviation of a point, by a size of one for shares and
    rates.
    """

    kind: str
    centre: float
    sigma: float

    def get_sigma(self, size: float = 1) -> float:
        """Give the standard deviation of a point made of ``size`` cases.

        >>> Baseline(P, 0.5, 0.5).get_sigma(25)
        0.1
        """
        varies = self.kind in (P, U)
        return self.sigma / math.sqrt(size) if varies and size else self.sigma

    def get_limits(self, size: float = 1) -> Limits:
        """Give the limits of a point; shares stay in 0..1, counts do not go below 0.

        >>> Baseline(P, 0.5, 0.5).get_limits(4)
        Limits(lower=0.0, centre=0.5, upper=1.0)
        >>> Baseline(C, 16.0, 4.0).get_limits()
        Limits(lower=4.0, centre=16.0, upper=28.0)
        """
        reach = 3 * self.get_sigma(size)
        lower, upper = self.centre - reach, self.centre + reach
        if self.kind != XMR:
            lower = max(lower, 0.0)
        if self.kind == P:
            upper = min(upper, 1.0)
        return Limits(lower, self.centre, upper)

    def get_z(self, value: float | None, size: float = 1) -> float | None:
        """Tell by how many standard deviations a value is off the centre.

        >>> Baseline(C, 16.0, 4.0).get_z(31)
        3.75

        Where nothing varies, whatever differs is infinitely far off:

        >>> Baseline(C, 0.0, 0.0).get_z(1), Baseline(C, 0.0, 0.0).get_z(0)
        (inf, 0.0)
        """
        if not is_known(value):
            return None
        off, sigma = value - self.centre, self.get_sigma(size)
        dust = _DUST * max(1.0, abs(self.centre))
        if abs(off) <= dust:
            return 0.0
        return off / sigma if sigma > dust else math.copysign(math.inf, off)


# ------------------------------------------------------------
# LIMITS
# ------------------------------------------------------------


def is_known(value: float | None) -> bool:
    """Tell whether there is a value at all.

    >>> [is_known(value) for value in (0, 1.5, None, float("nan"))]
    [True, True, False, False]
    """
    return value is not None and not math.isnan(value)


def moving_ranges(values: Values) -> list[float | None]:
    """Give the distance of each value from the one before, if both are known.

    >>> moving_ranges([5, 7, None, 4, 3])
    [None, 2, None, None, 1]
    >>> moving_ranges([])
    []
    """
    ranges = [
        abs(value - before) if is_known(value) and is_known(before) else None
        for before, value in zip(values, values[1:], strict=False)
    ]
    return [None, *ranges] if values else []


def individuals(values: Values) -> Limits:
    """Give (lower, centre, upper) of individual values: mean ± 2.66 mean moving range.

    The mean moving range estimates the spread from one period to the next, so that a
    trend or a jump does not widen the limits that are to show it.

    >>> individuals([10, 12, 10, 12])
    Limits(lower=5.68, centre=11.0, upper=16.32)
    >>> individuals([3, 3, 3])
    Limits(lower=3.0, centre=3.0, upper=3.0)
    >>> individuals([3, None])  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    TooFewPointsError: no two values stand beside each other

    :raise TooFewPointsError: no two values stand beside each other
    """
    centre, mean_range = _get_mean(values), _get_mean(moving_ranges(values))
    reach = RANGE_TO_LIMIT * mean_range
    return Limits(centre - reach, centre, centre + reach)


def ranges(values: Values) -> Limits:
    """Give (lower, centre, upper) of the moving ranges of values: 0 and 3.267 x mean.

    >>> ranges([10, 12, 10, 12])
    Limits(lower=0.0, centre=2.0, upper=6.534)

    :raise TooFewPointsError: as `individuals`
    """
    mean_range = _get_mean(moving_ranges(values))
    return Limits(0.0, mean_range, RANGE_UPPER * mean_range)


def shares(numerators: Values, sizes: Values) -> list[Limits]:
    """Give the limits of each point of a p chart: numerators out of sizes.

    >>> [round(limits.upper, 3) for limits in shares([10, 4], [40, 10])]
    [0.493, 0.706]

    :raise TooFewPointsError: there is nothing to take a share of
    """
    baseline = fit(P, numerators, sizes, minimum=1)
    return [baseline.get_limits(size or 0) for size in sizes]


def counts(values: Values) -> Limits:
    """Give the limits of a c chart: counts over equal stretches.

    >>> counts([16, 16])
    Limits(lower=4.0, centre=16.0, upper=28.0)
    >>> counts([0, 0])
    Limits(lower=0.0, centre=0.0, upper=0.0)

    :raise TooFewPointsError: no count is known
    """
    return fit(C, values, minimum=1).get_limits()


def rates(numerators: Values, sizes: Values) -> list[Limits]:
    """Give the limits of each point of a u chart: so many per unit, of so many units.

    >>> rates([9, 16], [9, 16])[1]
    Limits(lower=0.25, centre=1.0, upper=1.75)

    :raise TooFewPointsError: there are no units
    """
    baseline = fit(U, numerators, sizes, minimum=1)
    return [baseline.get_limits(size or 0) for size in sizes]


def fit(
    kind: str,
    numerators: Values,
    sizes: Values | None = None,
    minimum: int = MINIMUM_POINTS,
) -> Baseline:
    """Reckon what a series does by itself, from all of it.

    >>> fit(C, [0] * 8)
    Baseline(kind='c', centre=0.0, sigma=0.0)
    >>> fit(P, [1, 3], [4, 4], minimum=2)
    Baseline(kind='p', centre=0.5, sigma=0.5)
    >>> fit(C, [1, 2, None])  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    TooFewPointsError: 2 values; 8 are needed

    :param kind: one of `KINDS`
    :param numerators: values of an individuals or c chart; else what is counted
    :param sizes: what shares and rates are of
    :param minimum: known values that are enough
    :raise TooFewPointsError: there are fewer
    """
    pairs = [
        (value, size)
        for value, size in zip(numerators, sizes or [1] * len(numerators), strict=True)
        if is_known(value) and size
    ]
    if len(pairs) < minimum or not pairs:
        message = f"{len(pairs)} values; {max(minimum, 1)} are needed"
        raise TooFewPointsError(message)
    if kind == XMR:
        limits = individuals(numerators)
        return Baseline(XMR, limits.centre, (limits.upper - limits.centre) / 3)
    centre = math.fsum(value for value, _size in pairs) / math.fsum(
        size for _value, size in pairs
    )
    # of a share above 1, which only wrong figures give, no spread is known
    variance = max(centre * (1 - centre), 0.0) if kind == P else centre
    return Baseline(kind, centre, math.sqrt(variance))


def _get_mean(values: Values) -> float:
    known = [value for value in values if is_known(value)]
    if not known:
        message = "no two values stand beside each other"
        raise TooFewPointsError(message)
    return math.fsum(known) / len(known)


# ------------------------------------------------------------
# RULES
# ------------------------------------------------------------


def _is_beyond(z: float, side: int, reach: float) -> bool:
    # tolerance: a count of 28 with a limit of 28 is on it, whatever the root says
    return z * side > reach + _DUST


def _count_beyond(window: Values, side: int, reach: float) -> int:
    return sum(_is_beyond(z, side, reach) for z in window)


def _most_on_one_side(window: Values, needed: int, reach: float) -> bool:
    """Tell whether the newest is one of ``needed`` beyond ``reach`` on its side."""
    side = 1 if window[-1] > 0 else -1
    return (
        _is_beyond(window[-1], side, reach)
        and _count_beyond(window, side, reach) >= needed
    )


def _steps(window: Values) -> list[int]:
    return [
        (after > before) - (after < before)
        for before, after in zip(window, window[1:], strict=False)
    ]


def _alternates(window: Values) -> bool:
    steps = _steps(window)
    return all(step * after < 0 for step, after in zip(steps, steps[1:], strict=False))


def _has_both_sides(window: Values) -> bool:
    return min(window) < 0 < max(window)


class Rule(NamedTuple):
    """One of Nelson's tests: the newest of ``length`` points in a row completes it."""

    length: int
    holds: Callable[[Values], bool]


RULES = {
    1: Rule(1, lambda z: abs(z[0]) > 3 + _DUST),
    2: Rule(9, lambda z: min(z) > 0 or max(z) < 0),
    3: Rule(6, lambda z: abs(sum(_steps(z))) == len(z) - 1),
    4: Rule(14, _alternates),
    5: Rule(3, lambda z: _most_on_one_side(z, 2, 2)),
    6: Rule(5, lambda z: _most_on_one_side(z, 4, 1)),
    7: Rule(15, lambda z: max(map(abs, z)) < 1),
    8: Rule(8, lambda z: min(map(abs, z)) > 1 + _DUST and _has_both_sides(z)),
}


def find_signals(
    z_values: Values, rules: Sequence[int] = tuple(RULES)
) -> dict[int, list[int]]:
    """Tell which points break which of Nelson's rules.

    >>> find_signals([0.5, -3.2, 0.1])
    {1: [1]}
    >>> find_signals([1.2, 2.1, 0.3, 2.5], rules=[5])
    {3: [5]}
    >>> find_signals([0.2] * 8 + [None] + [0.2] * 8, rules=[2])
    {}
    >>> find_signals([0] * 30)
    {}

    :param z_values: how far off the centre each point is, in standard deviations of
        its own, as `Baseline.get_z` tells: that makes points comparable whose limits
        differ, and changes nothing where they do not
    :param rules: numbers of those that are switched on
    :return: {index of the point that completes a pattern: numbers of the rules}. A
        pattern that goes on is completed again by each further point.
    """
    # where nothing varies, nothing can be told from it
    varies = any(is_known(z) and z and math.isfinite(z) for z in z_values)
    signals = {}
    for index in range(len(z_values)):
        found = [
            number
            for number in sorted(rules)
            if (varies or number == 1) and _is_completed(RULES[number], z_values, index)
        ]
        if found:
            signals[index] = found
    return signals


def _is_completed(rule: Rule, z_values: Values, index: int) -> bool:
    start = index + 1 - rule.length
    window = z_values[start : index + 1] if start >= 0 else ()
    return bool(window) and all(map(is_known, window)) and rule.holds(window)


def get_side(rule: int, z_values: Values, index: int) -> int:
    """Tell to which side a signal points: 1 above, -1 below, 0 neither.

    >>> get_side(1, [0, 3.5], 1), get_side(2, [-1] * 9, 8), get_side(7, [0.5], 0)
    (1, -1, 0)
    >>> get_side(3, [-2, -1.5, -1, -0.5, 0, 0.4], 5)  # rising
    1
    """
    if rule in (4, 7, 8):
        return 0
    step = z_values[index] - (z_values[index - 1] if rule == 3 else 0)
    return (step > 0) - (step < 0)
