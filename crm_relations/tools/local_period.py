"""Days, weeks and months as people count them, and the moments they begin at."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from .local_day import get_day_start

DAY, WEEK, MONTH = "day", "week", "month"


class Period(NamedTuple):
    """From ``date_from`` to before ``date_to``, and the same in naive UTC moments."""

    date_from: date
    date_to: date
    start: datetime
    end: datetime


def get_first_day(kind: str, day: date) -> date:
    """Give the first day of the period that ``day`` is in; weeks are those of ISO 8601.

    >>> get_first_day(WEEK, date(2027, 1, 1))  # a Friday, week 53 of 2026
    datetime.date(2026, 12, 28)
    >>> get_first_day(MONTH, date(2026, 2, 28)), get_first_day(DAY, date(2026, 2, 28))
    (datetime.date(2026, 2, 1), datetime.date(2026, 2, 28))
    """
    if kind == WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if kind == MONTH else day


def move(kind: str, first: date, count: int) -> date:
    """Give the first day of the period ``count`` periods later.

    >>> move(MONTH, date(2026, 11, 1), 3), move(MONTH, date(2026, 1, 1), -1)
    (datetime.date(2027, 2, 1), datetime.date(2025, 12, 1))
    >>> move(WEEK, date(2026, 12, 28), 1)
    datetime.date(2027, 1, 4)
    """
    if kind != MONTH:
        return first + timedelta(days=count * (7 if kind == WEEK else 1))
    years, month = divmod(first.month - 1 + count, 12)
    return first.replace(year=first.year + years, month=month + 1)


def get_periods(kind: str, first: date, last: date, zone: str) -> list[Period]:
    """Give the periods that the days from ``first`` to ``last`` are in.

    A night with a change of the clock is as long as it is:

    >>> [one] = get_periods(DAY, date(2026, 3, 29), date(2026, 3, 29), "Europe/Berlin")
    >>> one.end - one.start
    datetime.timedelta(seconds=82800)
    >>> len(get_periods(WEEK, date(2026, 12, 31), date(2027, 1, 4), "UTC"))
    2
    """
    periods, begin = [], get_first_day(kind, first)
    while begin <= last:
        end = move(kind, begin, 1)
        bounds = (get_day_start(begin, zone), get_day_start(end, zone))
        periods.append(Period(begin, end, *bounds))
        begin = end
    return periods
