"""From the figures of a supplier to a score, a class and a sentence."""

from typing import NamedTuple

MILLION = 1_000_000
CLASSES = ("a", "b", "c")  # the best first


class Line(NamedTuple):
    """What one criterion adds to a score."""

    measure: str
    value: float | None  # None: not known, the criterion drops out
    best: float  # the value that earns 100 points
    worst: float  # the value that earns none
    weight: float

    @property
    def points(self) -> float | None:
        """Points from 0 to 100, None if the value is not known."""
        return get_points(self.value, self.best, self.worst)


def get_ppm(defective: float, received: float) -> float | None:
    """Give defective parts per million parts received; None if none were received.

    The worked examples are those of mfgcalcs.com, *Supplier Defect PPM*.

    >>> get_ppm(45, 120_000)
    375.0
    >>> round(get_ppm(110, 120_000))
    917
    >>> get_ppm(0, 10), get_ppm(3, 0)
    (0.0, None)
    """
    return defective / received * MILLION if received else None


def get_share(part: float, whole: float) -> float | None:
    """Give a share in per cent; None of nothing.

    >>> get_share(1, 4), get_share(0, 0)
    (25.0, None)
    """
    return part / whole * 100 if whole else None


def get_points(value: float | None, best: float, worst: float) -> float | None:
    """Give 0 to 100 points for a value, linear between ``worst`` and ``best``.

    It does not matter which of the two is the larger one.

    >>> [get_points(value, best=0, worst=10) for value in (-1, 0, 2.5, 10, 11)]
    [100.0, 100.0, 75.0, 0.0, 0.0]
    >>> [get_points(value, best=100, worst=80) for value in (70, 95, 100)]
    [0.0, 75.0, 100.0]
    >>> get_points(None, 0, 10)
    """
    if value is None:
        return None
    share = (value - worst) / (best - worst)
    return min(max(share, 0.0), 1.0) * 100 + 0.0  # -0.0 is shown with its sign


def get_score(lines: list[Line]) -> float | None:
    """Give the mean of the points by weight, over the criteria whose value is known.

    >>> cases = Line("cases", 2.5, best=0, worst=10, weight=30)
    >>> on_time = Line("on_time", 95, best=100, worst=80, weight=10)
    >>> ppm = Line("ppm", None, best=0, worst=1000, weight=60)
    >>> get_score([cases, on_time, ppm])
    75.0
    >>> get_score([cases._replace(value=10), on_time, ppm])
    18.75
    >>> get_score([ppm]), get_score([])
    (None, None)
    """
    known = [line for line in lines if line.points is not None and line.weight]
    weight = sum(line.weight for line in known)
    if not weight:
        return None
    return sum(line.points * line.weight for line in known) / weight


def get_class(score: float | None, bound_a: float, bound_b: float) -> str | None:
    """Give the class of a score; a bound belongs to the better class.

    >>> [get_class(score, 90, 70) for score in (90, 89.9, 70, 69.9, None)]
    ['a', 'b', 'b', 'c', None]
    """
    if score is None:
        return None
    return "a" if score >= bound_a else "b" if score >= bound_b else "c"


def has_fallen(before: str | None, now: str | None) -> bool:
    """Tell whether a class is worse than the one before.

    >>> has_fallen("a", "b"), has_fallen("c", "b"), has_fallen("b", "b")
    (True, False, False)
    >>> has_fallen(None, "c"), has_fallen("a", None)
    (False, False)
    """
    if not before or not now:
        return False
    return CLASSES.index(now) > CLASSES.index(before)
