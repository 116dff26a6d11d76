"""Days as people in one place count them; the database holds naive UTC moments."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_zone = lru_cache(ZoneInfo)


def get_local_day(moment: datetime, zone: str) -> date:
    """Give the day that a naive UTC ``moment`` belongs to in a time zone.

    >>> get_local_day(datetime(2026, 3, 28, 22, 59), "Europe/Brussels")
    datetime.date(2026, 3, 28)
    >>> get_local_day(datetime(2026, 3, 28, 23, 0), "Europe/Brussels")
    datetime.date(2026, 3, 29)
    >>> get_local_day(datetime(2026, 3, 29, 22, 0), "Europe/Brussels")  # summer now
    datetime.date(2026, 3, 30)
    """
    return moment.replace(tzinfo=UTC).astimezone(_zone(zone)).date()


def get_day_start(day: date, zone: str) -> datetime:
    """Give the naive UTC moment at which ``day`` begins in a time zone.

    >>> get_day_start(date(2026, 3, 29), "Europe/Brussels")
    datetime.datetime(2026, 3, 28, 23, 0)
    >>> get_day_start(date(2026, 3, 30), "Europe/Brussels")
    datetime.datetime(2026, 3, 29, 22, 0)
    >>> get_day_start(date(2026, 3, 29), "Asia/Beirut")  # there is no midnight
    datetime.datetime(2026, 3, 28, 22, 0)
    """
    local = datetime.combine(day, time(), tzinfo=_zone(zone))
    return local.astimezone(UTC).replace(tzinfo=None)


def get_days(first: date, last: date) -> list[date]:
    """Give the days from ``first`` to ``last``, both included.

    >>> len(get_days(date(2026, 2, 27), date(2026, 3, 1)))
    3
    """
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
