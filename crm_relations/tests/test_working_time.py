from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from odoo.addons.crm_relations.tools.working_time import (
    NoWorkingTimeError,
    Schedule,
    WorkingTime,
)
from odoo.tests import BaseCase, tagged

_MINUTE = timedelta(minutes=1)
# where the nights of the clocks fall: spring and autumn of both halves of the earth,
# a zone that moves by half an hour, one that never moves
_NIGHTS = {
    "Europe/Brussels": (datetime(2026, 3, 28), datetime(2026, 10, 24)),
    "America/New_York": (datetime(2026, 3, 7), datetime(2026, 10, 31)),
    "Australia/Lord_Howe": (datetime(2026, 4, 4), datetime(2026, 10, 3)),
    "Asia/Kolkata": (datetime(2026, 12, 31), datetime(2027, 2, 28)),
}


class Oracle:
    """Working time by looking at the wall clock every minute: slow and obvious."""

    def __init__(self, schedule):
        self.schedule = schedule
        self.zone = ZoneInfo(schedule.tz)

    def is_working(self, instant):
        if any(start <= instant < end for start, end in self.schedule.leaves):
            return False
        local = instant.replace(tzinfo=ZoneInfo("UTC")).astimezone(self.zone)
        weeks = self.schedule.weeks
        week = weeks[(local.toordinal() - 1) // 7 % len(weeks)]
        clock = local.hour * 60 + local.minute
        return any(start <= clock < end for start, end in week[local.weekday()])

    def between(self, start, end):
        count = 0
        while start < end:
            count += self.is_working(start)
            start += _MINUTE
        return 60 * count

    def add(self, instant, minutes):
        while minutes > 0:
            minutes -= self.is_working(instant)
            instant += _MINUTE
        while minutes < 0:
            instant -= _MINUTE
            minutes += self.is_working(instant)
        return instant


@st.composite
def days(draw):
    bounds = draw(st.lists(st.integers(0, 96), max_size=4, unique=True).map(sorted))
    return tuple((15 * a, 15 * b) for a, b in zip(bounds[::2], bounds[1::2]))  # noqa: B905 an odd one is left out


@st.composite
def examples(draw):
    """A schedule with work every week, and two instants near a night of the clocks."""
    tz = draw(st.sampled_from(sorted(_NIGHTS)))
    night = draw(st.sampled_from(_NIGHTS[tz]))
    instants = st.integers(-2880, 4320).map(lambda minute: night + minute * _MINUTE)
    week = st.tuples(*[days()] * 7)
    weeks = draw(st.lists(week, min_size=1, max_size=2).map(tuple))
    # work every Wednesday, so that the oracle does not walk for years
    weeks = tuple((*week[:2], ((540, 1020),), *week[3:]) for week in weeks)
    pairs = st.tuples(instants, st.integers(1, 2000)).map(
        lambda pair: (pair[0], pair[0] + pair[1] * _MINUTE)
    )
    leaves = tuple(sorted(draw(st.lists(pairs, max_size=3))))
    return Schedule(tz, weeks, leaves), draw(instants), draw(instants)


@tagged("post_install", "-at_install", "crm_relations")
class TestWorkingTime(BaseCase):
    """The count of working time against one that looks at every minute."""

    @settings(max_examples=120, deadline=None, derandomize=True, database=None)
    @given(examples())
    def test_between_counts_every_minute(self, example):
        schedule, start, end = example
        start, end = sorted((start, end))
        expected = Oracle(schedule).between(start, end)
        working_time = WorkingTime(schedule)
        self.assertEqual(working_time.between(start, end), expected)
        self.assertEqual(working_time.between(end, start), -expected)

    @settings(max_examples=120, deadline=None, derandomize=True, database=None)
    @given(examples(), st.integers(-2000, 2000))
    def test_add_walks_every_minute(self, example, minutes):
        schedule, start, _end = example
        self.assertEqual(
            WorkingTime(schedule).add(start, 60 * minutes),
            Oracle(schedule).add(start, minutes),
        )

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(examples(), st.integers(1, 10**7))
    def test_add_is_the_inverse_of_between(self, example, seconds):
        schedule, start, _end = example
        working_time = WorkingTime(schedule)
        there = working_time.add(start, seconds)
        self.assertEqual(working_time.between(start, there), seconds)
        # the first such instant: a microsecond before, so much was not worked yet
        before = there - timedelta(microseconds=1)
        self.assertLess(working_time.between(start, before), seconds)

    def test_next_start_is_working_time(self):
        week = ((), ((600, 720),), (), (), (), (), ())
        working_time = WorkingTime(Schedule("Europe/Brussels", (week,)))
        tuesday = datetime(2026, 1, 6, 9)  # ten o'clock in Brussels
        self.assertEqual(working_time.next_start(datetime(2026, 1, 1)), tuesday)
        self.assertEqual(working_time.next_start(tuesday), tuesday)
        late = tuesday + timedelta(hours=2)
        self.assertEqual(working_time.next_start(late), tuesday + timedelta(days=7))

    def test_shift_over_the_long_night_lasts_an_hour_more(self):
        night = WorkingTime(Schedule("Europe/Brussels", ((((0, 360),),) * 7,)))
        for day, hours in ((24, 6), (25, 7), (26, 6)):
            noon = datetime(2026, 10, day, 12)
            with self.subTest(day=day):
                worked = night.between(noon - timedelta(days=1), noon)
                self.assertEqual(worked, hours * 3600)

    def test_schedule_without_hours_is_refused(self):
        for weeks in ((), (((),) * 7,), (((),) * 7, ((),) * 7)):
            with self.subTest(weeks=weeks), self.assertRaises(NoWorkingTimeError):
                WorkingTime(Schedule("UTC", weeks))

    def test_leave_without_end_is_refused_and_does_not_hang(self):
        for_ever = ((datetime(2026, 1, 1), datetime(9000, 1, 1)),)
        always = (((0, 1440),),) * 7
        working_time = WorkingTime(Schedule("UTC", (always,), for_ever))
        start = datetime(2026, 1, 1)
        with self.assertRaises(NoWorkingTimeError):
            working_time.add(start, 1)
        self.assertEqual(working_time.add(start, -60), start - _MINUTE)
        self.assertEqual(working_time.between(start, datetime(2030, 1, 1)), 0)

    def test_work_goes_on_over_new_year(self):
        working_time = WorkingTime(Schedule("UTC", ((((0, 1440),),) * 7,)))
        horizon = working_time.horizon(2024, 2027)
        self.assertEqual(len(horizon.starts), 2)
        self.assertEqual(
            working_time.add(datetime(2026, 12, 31, 23), 3 * 3600),
            datetime(2027, 1, 1, 2),
        )

    def test_long_delays_reach_over_years(self):
        week = ((), (), ((540, 600),), (), (), (), ())
        working_time = WorkingTime(Schedule("UTC", (week,)))
        start = datetime(2026, 1, 7, 9)
        for hours in (1, 60, 400, -60, -400):
            with self.subTest(hours=hours):
                weeks = hours - 1 if hours > 0 else hours
                there = start + timedelta(weeks=weeks, hours=hours > 0)
                self.assertEqual(working_time.add(start, 3600 * hours), there)
