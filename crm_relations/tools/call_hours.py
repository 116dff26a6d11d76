"""Where in the world it is the time of day at which people may be called."""

from datetime import datetime, timezone
from typing import NamedTuple

import pytz

_SATURDAY = 5


class CallHours(NamedTuple):
    """From when to when, in hours of the day, and whether at weekends as well."""

    start: float = 0.0
    end: float = 24.0
    on_weekends: bool = True

    @property
    def is_always(self) -> bool:
        """Tell whether there is nothing to heed.

        >>> CallHours().is_always, CallHours(9.0, 18.0).is_always
        (True, False)
        """
        return self.start <= 0 and self.end >= 24 and self.on_weekends


def is_open(hours: CallHours, local: datetime) -> bool:
    """Tell whether one may call, the start included and the end not.

    >>> office = CallHours(9.0, 17.5, on_weekends=False)
    >>> times = (8, 59), (9, 0), (17, 29), (17, 30)
    >>> [is_open(office, datetime(2026, 11, 23, *time)) for time in times]
    [False, True, True, False]
    >>> is_open(office, datetime(2026, 11, 22, 12, 0))  # a Sunday
    False
    """
    hour = local.hour + local.minute / 60
    if local.weekday() >= _SATURDAY and not hours.on_weekends:
        return False
    return hours.start <= hour < hours.end


def find_open_zones(hours: CallHours, moment: datetime) -> list[str]:
    """Find the time zones in which one may call at a moment.

    :param moment: naive, UTC
    :return: names as partners have them

    >>> zones = find_open_zones(CallHours(9.0, 18.0), datetime(2026, 11, 23, 9, 0))
    >>> [zone in zones for zone in ("Europe/Brussels", "Europe/London", "Asia/Tokyo")]
    [True, True, False]
    >>> zones = find_open_zones(CallHours(9.0, 18.0), datetime(2026, 11, 23, 8, 59))
    >>> "Europe/London" in zones
    False
    """
    aware = moment.replace(tzinfo=timezone.utc)
    return [
        name
        for name in pytz.all_timezones
        if is_open(hours, aware.astimezone(pytz.timezone(name)))
    ]
