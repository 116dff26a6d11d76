"""Working time of the example company: when cases begin and how time passes.

All moments are naive and local (`TIMEZONE`), so that office hours stay office hours
in summer and winter; `to_utc` makes them what the database holds.
"""

from bisect import bisect_left
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

TIMEZONE = ZoneInfo("Europe/Brussels")
DAYS = 365  # how far back the example company's memory goes

_OPENS, _CLOSES = time(8), time(17, 30)
_SATURDAY = 5
# share of new cases per hour of the day, from 7 to 20 o'clock
_HOURS = (1, 6, 11, 12, 9, 4, 6, 11, 10, 7, 4, 2, 1, 1)
_FIRST_HOUR = 7


def to_utc(moment: datetime) -> datetime:
    """Give the naive UTC moment of a naive local one."""
    aware = moment.replace(tzinfo=TIMEZONE).astimezone(ZoneInfo("UTC"))
    return aware.replace(tzinfo=None)


def to_local(moment: datetime) -> datetime:
    """Give the naive local moment of a naive UTC one."""
    aware = moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(TIMEZONE)
    return aware.replace(tzinfo=None)


def add_working_hours(moment: datetime, hours: float) -> datetime:
    """Give the moment when ``hours`` of office time have passed.

    >>> add_working_hours(datetime(2026, 5, 1, 16, 30), 2.0)  # a Friday
    datetime.datetime(2026, 5, 4, 9, 0)
    """
    left = timedelta(hours=hours)
    while True:
        moment = _next_office_moment(moment)
        until_close = datetime.combine(moment, _CLOSES) - moment
        if left <= until_close:
            return moment + left
        left -= until_close
        moment = datetime.combine(moment + timedelta(days=1), _OPENS)


def previous_working_day(moment: datetime) -> datetime:
    """Give the same time of the working day before."""
    moment -= timedelta(days=1)
    while moment.weekday() >= _SATURDAY:
        moment -= timedelta(days=1)
    return moment


def _next_office_moment(moment: datetime) -> datetime:
    if moment.time() >= _CLOSES:
        moment = datetime.combine(moment + timedelta(days=1), _OPENS)
    while moment.weekday() >= _SATURDAY:
        moment = datetime.combine(moment + timedelta(days=1), _OPENS)
    return max(moment, datetime.combine(moment, _OPENS))


class Timeline:
    """The year of one section as a curve of how much work arrives on which day.

    A case is given its place on the curve (0.0 is a year ago, 1.0 is today), not its
    date: so the cases stay the same whenever the example is loaded, and still the
    weekends are quiet and the seasons are where they belong.
    """

    def __init__(self, last_day: date, weekdays, months, growth=1.0):
        """Draw the curve.

        :param weekdays: seven weights, Monday first
        :param months: twelve weights, January first
        :param growth: weight of the last day, when the first one weighs 1
        """
        self.days = [last_day - timedelta(days=DAYS - 1 - n) for n in range(DAYS)]
        weights = (
            weekdays[day.weekday()]
            * months[day.month - 1]
            * (1 + (growth - 1) * index / DAYS)
            for index, day in enumerate(self.days)
        )
        self.curve = list(accumulate(weights))

    def pick(self, place: float, random) -> datetime:
        """Give a moment at ``place`` on the curve, at a time when people write."""
        index = bisect_left(self.curve, place * self.curve[-1])
        day = self.days[min(index, DAYS - 1)]
        hours = range(_FIRST_HOUR, _FIRST_HOUR + len(_HOURS))
        (hour,) = random.choices(hours, _HOURS)
        return datetime.combine(day, time(hour, random.randrange(60)))
