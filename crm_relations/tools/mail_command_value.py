"""Numbers and dates as people write them in a command, by their own language."""

import re
from datetime import datetime, time, timedelta

NUMBER_LIMIT = 10**12  # above this a figure is a slip of the finger
YEARS = range(2000, 2101)

_BLANKS = re.compile(r"[\s\u00a0\u202f]+")
_OFFSET = re.compile(r"\+(\d{1,4})\s*([hdw])", re.IGNORECASE | re.ASCII)
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_ISO_DATE = "%Y-%m-%d"
_TIMES = ("%H:%M", "%H:%M:%S")


def parse_number(text: str, decimal: str = ".", thousands: str = ",") -> float:
    """Read a number; separators of thousands must stand where they belong.

    >>> parse_number("1,234.50"), parse_number("-3")
    (1234.5, -3.0)
    >>> parse_number("1.234,5", ",", "."), parse_number("1 234,5", ",", "\u202f")
    (1234.5, 1234.5)
    >>> parse_number("1.5", ",", ".")
    Traceback (most recent call last):
    ValueError: 1.5

    :raise ValueError: it is none, or greater than `NUMBER_LIMIT`
    """
    bare = _BLANKS.sub("", text)
    mark = _BLANKS.sub("", thousands)
    groups = rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+|" if mark else ""
    point = re.escape(decimal)
    number = re.compile(rf"[+-]?(?:{groups}\d{{1,20}})(?:{point}\d{{1,10}})?", re.A)
    if len(bare) > 40 or not number.fullmatch(bare):
        raise ValueError(text)
    value = float((bare.replace(mark, "") if mark else bare).replace(decimal, "."))
    if abs(value) > NUMBER_LIMIT:
        raise ValueError(text)
    return value


def parse_moment(
    text: str, now: datetime, date_format: str = _ISO_DATE, time_format: str = "%H:%M"
) -> datetime:
    """Read an instant; a day alone means its end.

    >>> now = datetime(2026, 3, 2, 10, 0)
    >>> parse_moment("+3d", now), parse_moment("+2 H", now)
    (datetime.datetime(2026, 3, 5, 10, 0), datetime.datetime(2026, 3, 2, 12, 0))
    >>> parse_moment("30.11.2026 14:00", now, "%d.%m.%Y")
    datetime.datetime(2026, 11, 30, 14, 0)
    >>> parse_moment("2026-11-30", now, "%d.%m.%Y")
    datetime.datetime(2026, 11, 30, 23, 59, 59)
    >>> parse_moment("soon", now)
    Traceback (most recent call last):
    ValueError: soon

    :param now: the sender's wall clock, naive, as the result
    :raise ValueError: it is none, or outside `YEARS`
    """
    text = " ".join(text.split())
    match = _OFFSET.fullmatch(text)
    if match:
        found = now + timedelta(**{_UNITS[match[2].lower()]: int(match[1])})
    else:
        found = _parse_date(text, (_ISO_DATE, date_format), (*_TIMES, time_format))
    if found.year not in YEARS:
        raise ValueError(text)
    return found


def _parse_date(text: str, dates: tuple[str, ...], times: tuple[str, ...]) -> datetime:
    for date in dates:
        for joint in (f"{date} {{}}", f"{date}T{{}}"):
            for clock in times:
                if found := _try(text, joint.format(clock)):
                    return found
        if found := _try(text, date):
            return datetime.combine(found, time(23, 59, 59))
    raise ValueError(text)


def _try(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)
    except ValueError:
        return None
