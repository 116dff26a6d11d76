from datetime import datetime, timedelta
from random import Random

from odoo import Command
from odoo.addons.crm_relations.exceptions import WorkingTimeError
from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

_OFFICE = ((8.0, 12.0), (13.0, 17.0))


@tagged("post_install", "-at_install", "crm_relations")
class TestWorkingTimeSql(TransactionCase):
    """Calendars as Odoo keeps them: leaves, zones, changes, and a million at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env["res.company"].create({"name": "Clockwork"})
        cls.office = cls._new_calendar("Office", _OFFICE)
        cls.monday = datetime(2026, 1, 5, 8)
        cls.friday = datetime(2026, 1, 9, 16)

    @classmethod
    def _new_calendar(cls, name, hours, days=range(5), tz="UTC", **values):
        lines = [
            {"name": "Work", "dayofweek": str(day), "hour_from": a, "hour_to": b}
            for day in days
            for a, b in hours
        ]
        return cls.env["resource.calendar"].create(
            {
                "name": name,
                "tz": tz,
                "company_id": cls.company.id,
                "attendance_ids": [Command.clear()]
                + [Command.create(line) for line in lines],
                **values,
            }
        )

    def _new_leave(self, start, end, **values):
        return self.env["resource.calendar.leaves"].create(
            {"name": "Off", "date_from": start, "date_to": end, **values}
        )

    # ------------------------------------------------------------
    # CALENDARS
    # ------------------------------------------------------------

    def test_units(self):
        table = [
            (90, "seconds", datetime(2026, 1, 9, 16, 1, 30)),
            (90, "minutes", datetime(2026, 1, 12, 8, 30)),
            (3, "hours", datetime(2026, 1, 12, 10)),
            (1, "days", datetime(2026, 1, 12, 16)),
            (-1, "days", datetime(2026, 1, 8, 16)),
            (0, "days", self.friday),
            (1, "months", datetime(2026, 2, 9, 16)),
            # the ninth of May 2026 is a Saturday
            (4, "months", datetime(2026, 5, 11, 8)),
        ]
        for delay, unit, expected in table:
            with self.subTest(delay=delay, unit=unit):
                result = self.office._add_working(self.friday, delay, unit)
                self.assertEqual(result, expected)

    def test_without_calendar_time_elapses(self):
        none = self.office.browse()
        table = [(36, "hours"), (1.5, "days"), (2160, "minutes")]
        for delay, unit in table:
            with self.subTest(unit=unit):
                self.assertEqual(
                    none._add_working(self.friday, delay, unit),
                    self.friday + timedelta(hours=36),
                )
        self.assertEqual(
            none._get_working_hours_between(self.monday, self.friday), 4 * 24 + 8
        )

    def test_flexible_calendar_works_around_noon(self):
        flexible = self._new_calendar(
            "Free", (), schedule_type="flexible", hours_per_day=6
        )
        flexible.full_time_required_hours = 15
        for instant, hours, expected in (
            (datetime(2026, 1, 5), 6, datetime(2026, 1, 5, 15)),
            (datetime(2026, 1, 5), 15, datetime(2026, 1, 7, 13, 30)),
            (datetime(2026, 1, 5), 16, datetime(2026, 1, 12, 10)),
        ):
            with self.subTest(hours=hours):
                self.assertEqual(flexible._add_working(instant, hours), expected)

    def test_two_weeks_that_alternate(self):
        calendar = self._new_calendar("Turns", ())
        calendar.two_weeks_calendar = True
        lines = [
            {
                "name": "Work",
                "dayofweek": "0",
                "week_type": week,
                "hour_from": hour,
                "hour_to": hour + 4,
            }
            for week, hour in (("0", 6), ("1", 18))
        ]
        calendar.attendance_ids = [Command.create(line) for line in lines]
        kind = self.env["resource.calendar.attendance"].get_week_type(self.monday)
        start = self.monday.replace(hour=0)
        this, following = (6, 18) if kind == 0 else (18, 6)
        self.assertEqual(
            calendar._add_working(start, 4), start + timedelta(hours=this + 4)
        )
        self.assertEqual(
            calendar._add_working(start, 5),
            start + timedelta(days=7, hours=following + 1),
        )

    def test_calendar_without_hours_names_itself(self):
        empty = self._new_calendar("Nobody at Work", ())
        for call in (
            lambda: empty._add_working(self.monday, 1),
            lambda: empty._get_working_hours_between(self.monday, self.friday),
            empty._get_working_from_sql,
        ):
            with self.assertRaisesRegex(WorkingTimeError, "Nobody at Work"):
                call()

    # ------------------------------------------------------------
    # LEAVES AND CHANGES
    # ------------------------------------------------------------

    def test_leaves_of_the_calendar_its_company_and_everybody_else(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        second = self._new_calendar("Second", _OFFICE)
        resource = self.env["resource.resource"].create(
            {"name": "Ann", "calendar_id": self.office.id, "tz": "UTC"}
        )
        tuesday = self.monday + timedelta(days=1)
        table = [
            ({"calendar_id": self.office.id}, True),
            ({"calendar_id": False}, True),
            ({"calendar_id": second.id}, False),
            ({"calendar_id": self.office.id, "time_type": "other"}, False),
            ({"resource_id": resource.id}, False),
        ]
        for values, counts in table:
            with self.subTest(**values):
                leave = self._new_leave(self.monday, tuesday, **values)
                if not values.get("calendar_id") and "resource_id" not in values:
                    leave.company_id = self.company
                result = self.office._add_working(self.monday, 1)
                expected = tuesday if counts else self.monday
                self.assertEqual(result, expected + timedelta(hours=1))
                leave.unlink()
        leave = self._new_leave(self.monday, tuesday, calendar_id=False)
        leave.company_id = other
        self.assertEqual(
            self.office._add_working(self.monday, 1), self.monday + timedelta(hours=1)
        )

    def test_own_leaves_of_a_resource_when_asked(self):
        resource = self.env["resource.resource"].create(
            {"name": "Ann", "calendar_id": self.office.id, "tz": "UTC"}
        )
        end = datetime(2026, 1, 5, 23, 59, 59)
        self._new_leave(self.monday, end, resource_id=resource.id)
        own = self.office._get_working_time(resource)
        self.assertEqual(own.add(self.monday, 60), datetime(2026, 1, 6, 8, 1))

    def test_day_off_ends_at_midnight(self):
        always = self._new_calendar("Always", ((0, 24),), range(7))
        self._new_leave(
            datetime(2026, 1, 5),
            datetime(2026, 1, 5, 23, 59, 59),
            calendar_id=always.id,
        )
        self.assertEqual(
            always._get_working_hours_between(
                datetime(2026, 1, 5), datetime(2026, 1, 6)
            ),
            0,
        )

    def test_every_change_is_noticed_in_the_same_transaction(self):
        def hours():
            return self.office._get_working_hours_between(self.monday, self.friday)

        self.assertEqual(hours(), 39)
        leave = self._new_leave(
            self.monday, self.monday + timedelta(hours=2), calendar_id=self.office.id
        )
        self.assertEqual(hours(), 37)
        leave.date_to = self.monday + timedelta(hours=3)
        self.assertEqual(hours(), 36)
        leave.unlink()
        self.assertEqual(hours(), 39)
        self.office.attendance_ids[0].hour_from = 9
        self.assertEqual(hours(), 38)
        self.office.attendance_ids[0].unlink()
        self.assertEqual(hours(), 35)
        self.office.tz = "Asia/Tokyo"
        self.assertNotEqual(hours(), 35)

    def test_change_undone_by_a_savepoint_is_forgotten(self):
        hours = self.office._get_working_hours_between
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            self.office.attendance_ids[0].hour_from = 9
            self.assertEqual(hours(self.monday, self.friday), 38)
            raise ZeroDivisionError
        self.assertEqual(hours(self.monday, self.friday), 39)

    def test_three_queries_per_transaction(self):
        self.env.flush_all()
        self.env.invalidate_all()
        self.office._forget_working_time()
        with self.assertQueryCount(3):
            for day in range(50):
                self.office._add_working(self.monday + timedelta(days=day), 5)

    # ------------------------------------------------------------
    # IN SQL
    # ------------------------------------------------------------

    def _compute(self, calendars, expression, rows, **bounds):
        """Give the expression for each (calendar or none, base, end, seconds)."""
        values = [
            SQL(
                "(%s, %s::int, %s::timestamp, %s::timestamp, %s::float)",
                index,
                calendar.id or None,
                base,
                end,
                seconds,
            )
            for index, (calendar, base, end, seconds) in enumerate(rows)
        ]
        query = SQL(
            """SELECT %s FROM (VALUES %s) AS v (n, calendar_id, base, stop, seconds)
            LEFT JOIN %s ON work.calendar_id = v.calendar_id ORDER BY n""",
            expression,
            SQL(", ").join(values),
            calendars._get_working_from_sql(**bounds),
        )
        return [value for (value,) in self.env.execute_query(query)]

    def _random_rows(self, calendars, count, seed=4):
        random = Random(seed)
        rows = []
        for _index in range(count):
            base = datetime(2026, 1, 1) + timedelta(
                seconds=random.randrange(365 * 86400), microseconds=random.randrange(9)
            )
            end = base + timedelta(seconds=random.randrange(-(10**7), 10**7))
            seconds = random.choice((0, 1, 3600, random.randrange(-(10**6), 10**6)))
            rows.append((random.choice(calendars), base, end, seconds))
        return rows

    def _calendars(self):
        self._new_leave(
            datetime(2026, 5, 1), datetime(2026, 5, 20), calendar_id=self.office.id
        )
        night = self._new_calendar("Night", ((0, 6),), range(7), "Europe/Brussels")
        always = self._new_calendar("Always", ((0, 24),), range(7))
        return self.office | night | always

    def test_sql_gives_what_python_gives(self):
        calendars = self._calendars()
        rows = self._random_rows([*calendars, calendars.browse()], 600)
        due = calendars._get_working_due_sql(SQL("v.base"), SQL("v.seconds"))
        between = calendars._get_working_between_sql(SQL("v.base"), SQL("v.stop"))
        bounds = {"first": datetime(2025, 1, 1), "last": datetime(2027, 1, 1)}
        back = self._compute(calendars, due, rows, seconds=-(10**6), **bounds)
        forth = self._compute(calendars, due, rows, seconds=10**6, **bounds)
        worked = self._compute(calendars, between, rows, **bounds)
        for index, (calendar, base, end, seconds) in enumerate(rows):
            with self.subTest(calendar=calendar.name, base=base, seconds=seconds):
                found = (back if seconds < 0 else forth)[index]
                expected = calendar._add_working(base, seconds, "seconds")
                self.assertEqual(found, expected)
                hours = calendar._get_working_hours_between(base, end)
                self.assertAlmostEqual(worked[index] / 3600, hours, places=6)

    def test_delays_of_a_rule_in_sql(self):
        calendars = self._calendars()
        rows = self._random_rows([*calendars, calendars.browse()], 100)
        for delay, unit in ((2, "days"), (-3, "hours"), (45, "minutes"), (1, "months")):
            sql = calendars._get_working_delay_sql(SQL("v.base"), delay, unit)
            reach = calendars._get_working_reach(delay, unit)
            found = self._compute(
                calendars,
                sql,
                rows,
                first=datetime(2026, 1, 1),
                last=datetime(2027, 2, 1),
                seconds=reach,
            )
            expected = [row[0]._add_working(row[1], delay, unit) for row in rows]
            with self.subTest(delay=delay, unit=unit):
                self.assertEqual(found, expected)

    def test_outside_of_the_table_of_work_there_is_no_answer(self):
        year = {"first": datetime(2026, 6, 1), "last": datetime(2026, 6, 2)}
        rows = [
            (self.office, datetime(2025, 12, 31, 23), self.monday, 3600),
            (self.office, datetime(2027, 1, 1), self.monday, 3600),
            (self.office, datetime(2026, 12, 31, 23), self.monday, 3600),
            (self.office, datetime(2026, 1, 1), self.monday, -3600),
        ]
        due = self.office._get_working_due_sql(SQL("v.base"), SQL("v.seconds"))
        self.assertEqual(self._compute(self.office, due, rows, **year), [None] * 4)
