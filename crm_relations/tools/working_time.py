"""Working time as a function one can add to, subtract from and turn round.

A calendar is a `Schedule`: hours of the wall clock per weekday, a time zone and days
off. `WorkingTime` counts the working seconds up to any instant; "two working days
after" is that count plus so much, turned round. An instant is working time if, and
only if, the clock on the wall says so and no leave covers it: that settles both nights
on which the clocks change. Instants are naive UTC datetimes, exact to the microsecond.
"""

from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1)
MICRO = timedelta(microseconds=1)
SECOND = 1_000_000  # in microseconds, the unit of all counts here
MINUTE, DAY = 60 * SECOND, 86_400 * SECOND
MAX_YEARS = 40  # searched for working time before giving up: leaves may cover it all


class NoWorkingTimeError(Exception):
    """The schedule has no working time where it was looked for."""


class Schedule(NamedTuple):
    """What decides working time. A plain value: equal schedules share their results.

    ``weeks``: one week, or two that alternate, of seven tuples of (from, to) in
    minutes of the local day. ``leaves``: (start, end) naive UTC datetimes.
    """

    tz: str
    weeks: tuple
    leaves: tuple = ()


class Horizon(NamedTuple):
    """The count of working time over some years, by the points where it bends.

    At ``starts[i]`` (microseconds since 1970) a stretch of work begins, before which
    ``totals[i]`` microseconds were worked; the last of both is the horizon's end.
    Both rise strictly but for the last total, so that either can be searched.
    """

    first: int
    last: int
    starts: tuple
    totals: tuple

    def count(self, instant: int) -> int:
        """Give the microseconds worked from the horizon's begin to ``instant``."""
        index = bisect_right(self.starts, instant) - 1
        if index < 0:
            return 0
        if index + 1 == len(self.starts):
            return self.totals[-1]
        worked = self.totals[index] + instant - self.starts[index]
        return min(worked, self.totals[index + 1])


class WorkingTime:
    """Count along one schedule.

    >>> office = WorkingTime(Schedule("UTC", (((((540, 1020),),) * 5) + ((), ()),)))
    >>> friday = datetime(2026, 1, 2, 16, 0)
    >>> office.add(friday, 2 * 3600)
    datetime.datetime(2026, 1, 5, 10, 0)
    >>> office.add(friday, 3600), office.add(datetime(2026, 1, 5, 9), -8 * 3600)
    (datetime.datetime(2026, 1, 2, 17, 0), datetime.datetime(2026, 1, 2, 9, 0))
    >>> office.between(friday, datetime(2026, 1, 5, 10, 0))
    7200.0

    No delay is the instant itself, by day and by night:

    >>> office.add(datetime(2026, 1, 3, 3, 0), 0)
    datetime.datetime(2026, 1, 3, 3, 0)

    The night on which an hour is missing, worked from 0 to 6:

    >>> night = WorkingTime(Schedule("Europe/Paris", ((((0, 360),),) * 7,)))
    >>> night.add(datetime(2026, 3, 28, 23, 0), 5 * 3600)
    datetime.datetime(2026, 3, 29, 4, 0)
    """

    def __init__(self, schedule: Schedule):
        if not any(day for week in schedule.weeks for day in week):
            raise NoWorkingTimeError
        self.schedule = schedule

    def add(self, instant: datetime, seconds: float) -> datetime:
        """Give the instant at which ``seconds`` of work lie between it and ``instant``.

        Where a whole night or weekend would do, it is the end of work on the way
        forward, and the begin of work on the way back (negative ``seconds``).

        :raise NoWorkingTimeError: not so much is worked within `MAX_YEARS`
        """
        delay = round(seconds * SECOND)
        if not delay:
            return instant
        start = (instant - EPOCH) // MICRO
        horizon = self._find_horizon(instant.year, start, delay)
        wanted = horizon.count(start) + delay
        if delay > 0:
            index = bisect_left(horizon.totals, wanted) - 1
        else:
            index = bisect_right(horizon.totals, wanted) - 1
        found = horizon.starts[index] + wanted - horizon.totals[index]
        return EPOCH + found * MICRO

    def between(self, start: datetime, end: datetime) -> float:
        """Give the working seconds from ``start`` to ``end``; negative if it is before.

        >>> always = WorkingTime(Schedule("UTC", ((((0, 1440),),) * 7,)))
        >>> always.between(datetime(2026, 1, 2), datetime(2026, 1, 1))
        -86400.0
        """
        horizon = self.horizon(min(start, end).year, max(start, end).year)
        counts = [horizon.count((at - EPOCH) // MICRO) for at in (start, end)]
        return (counts[1] - counts[0]) / SECOND

    def next_start(self, instant: datetime) -> datetime:
        """Give the first instant of work at or after ``instant``.

        >>> office = WorkingTime(Schedule("UTC", (((((540, 1020),),) * 5) + ((), ()),)))
        >>> office.next_start(datetime(2026, 1, 2, 17, 0))
        datetime.datetime(2026, 1, 5, 9, 0)
        >>> office.next_start(datetime(2026, 1, 2, 16, 59))
        datetime.datetime(2026, 1, 2, 16, 59)
        """
        after = self.add(instant, 1 / SECOND)
        return after - MICRO

    def horizon(self, first: int, last: int) -> Horizon:
        """Give the count over the years ``first`` to ``last``, both included."""
        return _horizon(self.schedule, first, last)

    def reach(self, first: datetime, last: datetime, seconds: float) -> Horizon:
        """Give a horizon that holds ``seconds`` from every instant of a range on.

        :raise NoWorkingTimeError: see `add`
        """
        start = first if seconds < 0 else last
        farthest = self.add(start, seconds)
        years = [at.year for at in (first, last, farthest)]
        return self.horizon(min(years), max(years))

    def arrays(self, horizon: Horizon) -> tuple[str, str]:
        """Give a horizon of this schedule as two array literals of PostgreSQL.

        One more point stands before the others: the horizon's begin, with no work.
        """
        return _arrays(self.schedule, horizon.first, horizon.last)

    def _find_horizon(self, year, start, delay):
        """Give a horizon that holds ``delay`` from ``start`` on, not much larger."""
        years = 0
        while years <= MAX_YEARS:
            first, last = (year, year + years) if delay > 0 else (year - years, year)
            # the years 1 and 9999 are where Python's calendar ends
            horizon = self.horizon(max(first, 1), min(last, 9998))
            wanted = horizon.count(start) + delay
            if 0 <= wanted <= horizon.totals[-1]:
                return horizon
            years = 2 * years + 1
        raise NoWorkingTimeError


def flexible_week(hours_per_day: float, hours_per_week: float) -> tuple:
    """Give the week of people who choose their hours: around noon, from Monday on.

    >>> flexible_week(8, 20)[:4]
    (((480, 960),), ((480, 960),), ((600, 840),), ())
    """
    week, left = [], round(hours_per_week * 60)
    for _day in range(7):
        minutes = max(min(round(hours_per_day * 60), left, 1440), 0)
        left -= minutes
        start = 720 - minutes // 2
        week.append(((start, start + minutes),) if minutes else ())
    return tuple(week)


def clock_minutes(hour: float) -> int:
    """Give the minute of the day that a calendar's hour, a float, stands for.

    >>> clock_minutes(8.3333), clock_minutes(24.0), clock_minutes(23.99)
    (500, 1440, 1439)
    """
    return min(max(round(hour * 60), 0), 1440)


@lru_cache(maxsize=256)
def _horizon(schedule, first, last):
    starts, totals, total, end = [], [], 0, None
    for year in range(first, last + 1):
        for start, stop in _year_spans(schedule, year):
            if start != end:  # work that goes on over New Year does not begin anew
                starts.append(start)
                totals.append(total)
            total += stop - start
            end = stop
    starts.append(_instant(datetime(last + 1, 1, 1)))
    totals.append(total)
    return Horizon(first, last, tuple(starts), tuple(totals))


@lru_cache(maxsize=64)
def _arrays(schedule, first, last):
    horizon = _horizon(schedule, first, last)
    starts = [datetime(first, 1, 1)]
    starts += [EPOCH + start * MICRO for start in horizon.starts]
    return (
        "{" + ",".join(start.isoformat() for start in starts) + "}",
        "{" + ",".join(map(str, (0, *horizon.totals))) + "}",
    )


@lru_cache(maxsize=1024)
def _year_spans(schedule, year):
    """Give the stretches of work of a year in UTC, apart from each other, in order."""
    begin, end = _instant(datetime(year, 1, 1)), _instant(datetime(year + 1, 1, 1))
    spans = []
    for start, stop, offset in _constant_offsets(ZoneInfo(schedule.tz), begin, end):
        spans += _clip(_local_spans(schedule.weeks, start, stop, offset), start, stop)
    leaves = [(_instant(a), _instant(b)) for a, b in schedule.leaves]
    return tuple(_subtract(_merge(spans), _merge(_clip(leaves, begin, end))))


def _constant_offsets(zone, begin, end):
    """Cut a stretch of UTC where the zone's clocks change.

    :return: (start, end, microseconds that local time is ahead) each
    """

    def offset_at(instant):
        at = EPOCH + instant * MICRO
        local = at.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
        return local.utcoffset() // MICRO

    start, offset, day = begin, offset_at(begin), begin
    while day < end:
        following = min(day + DAY, end)
        if offset_at(following) != offset:
            low, high = day, following
            while high - low > SECOND:
                middle = (low + high) // 2 // SECOND * SECOND
                if offset_at(middle) == offset:
                    low = middle
                else:
                    high = middle
            yield start, high, offset
            start, offset = high, offset_at(high)
        day = following
    if start < end:
        yield start, end, offset


def _local_spans(weeks, start, stop, offset):
    """Give the working hours of every local day that meets a stretch of UTC."""
    midnight = (start + offset) // DAY * DAY
    while midnight < stop + offset:
        ordinal = (EPOCH + midnight * MICRO).toordinal()
        week = weeks[(ordinal - 1) // 7 % len(weeks)]
        for minute, until in week[date.fromordinal(ordinal).weekday()]:
            yield (
                midnight - offset + minute * MINUTE,
                midnight - offset + until * MINUTE,
            )
        midnight += DAY


def _clip(spans, begin, end):
    clipped = ((max(start, begin), min(stop, end)) for start, stop in spans)
    return [(start, stop) for start, stop in clipped if start < stop]


def _merge(spans):
    merged = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _subtract(spans, holes):
    """Take ``holes`` out of ``spans``; both merged and in order."""
    index = 0
    for begin, stop in spans:
        start = begin
        while index < len(holes) and holes[index][1] <= start:
            index += 1
        for hole_start, hole_stop in holes[index:]:
            if hole_start >= stop:
                break
            if start < hole_start:
                yield start, hole_start
            start = max(start, hole_stop)
        if start < stop:
            yield start, stop


def _instant(at):
    return (at - EPOCH) // MICRO
