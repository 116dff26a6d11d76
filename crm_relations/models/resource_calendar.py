from datetime import timedelta

from dateutil.relativedelta import relativedelta
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..exceptions import WorkingTimeError
from ..tools.working_time import (
    NoWorkingTimeError,
    Schedule,
    WorkingTime,
    clock_minutes,
    flexible_week,
)

_CACHE = "crm_relations_working_time"
_HOUR = 3600.0
_END_OF_DAY = 59  # Odoo ends a day off at 23:59:59; the last second is off too
# bases of a bulk computation that says nothing about their range, in years
_PAST, _FUTURE = 25, 10


class ResourceCalendar(models.Model):
    """Working time to reckon with: for one instant in Python, for a million in SQL.

    Odoo's `plan_hours` walks through the days and gives up in silence after a
    thousand fortnights without work; ours is a search in a table per year, which is
    made once for equal calendars, and an error that names the calendar.

    For one instant::

        calendar._add_working(instant, 2, "days")
        calendar._get_working_hours_between(start, end)

    For many, in one statement (see `_get_working_from_sql`)::

        SELECT c.id, {due} FROM crm_case c JOIN {work} ON work.calendar_id = …
        work = calendars._get_working_from_sql(seconds=2 * 86400)
        due = calendars._get_working_delay_sql(SQL("c.create_date"), 2, "days")

    Whoever keeps instants that follow from a calendar extends
    `_on_working_time_change`.
    """

    _inherit = "resource.calendar"

    # ------------------------------------------------------------
    # ONE INSTANT
    # ------------------------------------------------------------

    def _add_working(self, instant, delay, unit="hours"):
        """Give the instant that lies ``delay`` of working time after ``instant``.

        A working day is as long as the calendar's average day. Months are those of
        the calendar on the wall; what then falls on a day off waits for its end.

        :param instant: naive UTC datetime
        :param delay: number, may be negative
        :param str unit: ``seconds``, ``minutes``, ``hours``, ``days`` or ``months``
        :return: naive UTC datetime; without a calendar (empty recordset) elapsed time
        :raise WorkingTimeError: the calendar has not so much working time
        """
        if unit == "months":
            later = instant + relativedelta(months=delay)
            return self._call_working_time("next_start", later) if self else later
        seconds = self._get_working_seconds(delay, unit)
        if not self:
            return instant + timedelta(seconds=seconds)
        return self._call_working_time("add", instant, seconds)

    def _get_working_hours_between(self, start, end):
        """Give the working hours from ``start`` to ``end``; negative if it is before.

        :return: float; without a calendar (empty recordset) elapsed hours
        """
        if not self:
            return (end - start).total_seconds() / _HOUR
        return self._call_working_time("between", start, end) / _HOUR

    def _get_working_seconds(self, delay, unit):
        """Give what ``delay`` is in seconds of work; for any unit but months.

        :raise KeyError: no such unit
        """
        day = (self.hours_per_day if self else 24) * _HOUR
        return delay * {"seconds": 1, "minutes": 60, "hours": _HOUR, "days": day}[unit]

    def _has_working_time(self, seconds, first=None, last=None):
        """Tell whether a calendar has so much working time around some instants.

        For those who must go on without: mail that arrives, a list that is shown.
        """
        now = fields.Datetime.now()
        try:
            self._get_working_time().reach(first or now, last or now, seconds)
        except (WorkingTimeError, NoWorkingTimeError):
            return False
        return True

    def _call_working_time(self, method, *args):
        try:
            return getattr(self._get_working_time(), method)(*args)
        except NoWorkingTimeError:
            raise self._get_working_time_error() from None

    def _get_working_time_error(self):
        return WorkingTimeError(
            self.env._(
                "Working Time: “%(calendar)s” has not enough working hours to reckon "
                "with. Give it some, or choose another.",
                calendar=self.display_name,
            )
        )

    def _get_working_time(self, resource=None):
        """Give the count of working time of a calendar.

        Read once per transaction (3 queries): a transaction sees one state of the
        database, and changes of its own are noticed.

        :param resource: resource.resource whose own leaves count too, in its own zone
        :return: tools.working_time.WorkingTime
        :raise WorkingTimeError: no working hours at all, or an unknown time zone
        """
        self.ensure_one()
        # the cursor's cache lives as long as what it has read: Odoo empties it at the
        # end of the transaction and when a savepoint is rolled back
        cache = self.env.cr.cache.setdefault(_CACHE, {})
        key = self.id, resource.id if resource else 0
        if key not in cache:
            try:
                # sudo: hours and days off decide deadlines of people who may not read
                # why a colleague is away; only the bounds leave this method
                schedule = self.sudo()._get_working_schedule(resource)
                cache[key] = WorkingTime(schedule)
            except NoWorkingTimeError:
                raise self._get_working_time_error() from None
        return cache[key]

    def _get_working_schedule(self, resource=None):
        weeks = self._get_working_weeks()
        leaves = self.env["resource.calendar.leaves"].search_fetch(
            self._get_leave_domain(resource), ["date_from", "date_to"]
        )
        tz = (resource and resource.tz) or self.tz or "UTC"
        return Schedule(tz, weeks, tuple(sorted(map(_leave_bounds, leaves))))

    def _get_working_weeks(self):
        if self.flexible_hours:
            hours = self.full_time_required_hours or self.hours_per_week
            return (flexible_week(self.hours_per_day, hours),)
        weeks = [[[] for _day in range(7)] for _week in range(2)]
        lines = self.env["resource.calendar.attendance"].search_fetch(
            Domain("calendar_id", "=", self.id)
            & Domain("display_type", "=", False)
            & Domain("day_period", "!=", "lunch"),
            ["hour_from", "hour_to", "week_type", "dayofweek"],
        )
        for line in lines:
            span = clock_minutes(line.hour_from), clock_minutes(line.hour_to)
            if span[0] >= span[1]:
                continue
            of_week = [int(line.week_type or 0)] if self.two_weeks_calendar else [0, 1]
            for week in of_week:
                weeks[week][int(line.dayofweek)].append(span)
        return tuple(tuple(tuple(sorted(day)) for day in week) for week in weeks)

    def _get_leave_domain(self, resource):
        """Give the leaves that count: of the calendar and those for all calendars."""
        off = Domain("time_type", "=", "leave")
        of_calendar = Domain("calendar_id", "in", [self.id, False])
        if self.company_id:
            # Odoo's own count takes days off without a calendar from every company
            of_calendar &= Domain("company_id", "in", [self.company_id.id, False])
        shared = of_calendar & Domain("resource_id", "=", False)
        own = Domain("resource_id", "=", resource.id) if resource else Domain.FALSE
        return off & (shared | own)

    # ------------------------------------------------------------
    # MANY INSTANTS, IN SQL
    # ------------------------------------------------------------

    def _get_working_from_sql(self, first=None, last=None, seconds=0.0):
        """Give the calendars' working time as a table to join to.

        ``JOIN <this> ON work.calendar_id = …`` makes `_get_working_due_sql` and
        `_get_working_between_sql` work on the joined rows: each is a binary search in
        an array, about a microsecond, and no row per stretch of work is joined. Rows
        without a calendar reckon with elapsed time: join them by ``LEFT JOIN``, or
        to the row of ``work`` whose ``calendar_id`` is NULL.

        :param self: resource.calendar, any number; pass all that the rows refer to
        :param first: naive UTC datetime, the earliest base of the rows
        :param last: the latest one
        :param seconds: how far from them the results may lie, in seconds of work,
            negative for the past; see `_get_working_reach`
        :return: SQL of a from-item ``work``; rows whose base or result lies outside of
            these bounds get NULL
        :raise WorkingTimeError: one of the calendars has not so much working time
        """
        now = fields.Datetime.now()
        first = first or now - relativedelta(years=_PAST)
        last = last or now + relativedelta(years=_FUTURE)
        # the row of those without a calendar, who reckon with elapsed time
        rows = [SQL("(NULL::int, NULL::timestamp[], NULL::bigint[], 86400::float)")]
        rows += [
            calendar._get_working_row_sql(first, last, seconds) for calendar in self
        ]
        return SQL(
            "(VALUES %s) AS work (calendar_id, starts, totals, day_seconds)",
            SQL(", ").join(rows),
        )

    def _get_working_row_sql(self, first, last, seconds):
        working_time = self._get_working_time()
        try:
            horizon = working_time.reach(first, last, seconds)
        except NoWorkingTimeError:
            raise self._get_working_time_error() from None
        starts, totals = working_time.arrays(horizon)
        return SQL(
            "(%s::int, %s::timestamp[], %s::bigint[], %s::float)",
            self.id,
            starts,
            totals,
            self._get_working_seconds(1, "days"),
        )

    def _get_working_reach(self, delay, unit):
        """Give the most seconds of work that a delay is in any of these calendars."""
        if unit == "months":
            return 1.0
        seconds = [one._get_working_seconds(delay, unit) for one in self] or [0.0]
        return max(seconds, key=abs)

    @api.model
    def _get_working_delay_sql(self, base, delay, unit):
        """Give, as SQL, what `_add_working` gives for the column ``base``.

        :param SQL base: timestamp without time zone, UTC
        :param delay: number; the same for all rows
        :return: SQL of a timestamp
        """
        if unit == "months":
            later = SQL("(%s + make_interval(months => %s))", base, delay)
            # the first instant after which a microsecond is worked
            return SQL(
                "%s - interval '1 microsecond'",
                self._get_working_due_sql(later, SQL("0.000001")),
            )
        if unit == "days":
            seconds = SQL("(%s * COALESCE(work.day_seconds, 86400))", delay)
        else:
            seconds = SQL("%s", self.browse()._get_working_seconds(delay, unit))
        return self._get_working_due_sql(base, seconds)

    @api.model
    def _get_working_due_sql(self, base, seconds):
        """Give, as SQL, the instant ``seconds`` of work after ``base``.

        :param SQL base: timestamp without time zone, UTC
        :param SQL seconds: number, each row's own; may be negative
        :return: SQL of a timestamp, for a statement that joins `_get_working_from_sql`
        """
        # 1. without a calendar, time elapses; no delay is the base itself
        # 2. forward: the first instant with so much work before it, which is an end of
        #    work rather than the next begin; back: the last one
        # 3. what lies outside of the table of work is NULL, never a wrong instant
        # The inner selects name what is used again; OFFSET 0 keeps PostgreSQL from
        # putting their expressions in place of the names, which took twice as long.
        return SQL(
            """(SELECT CASE
                WHEN work.calendar_id IS NULL
                    THEN %(base)s + at.delay * interval '1 microsecond'
                WHEN at.delay = 0 THEN %(base)s
                ELSE (
                    SELECT CASE
                        WHEN work.totals[found.i + 1] IS NOT NULL
                        THEN work.starts[found.i] + interval '1 microsecond'
                            * (at.total + at.delay - work.totals[found.i])
                    END
                    FROM (
                        SELECT width_bucket(
                            at.total + at.delay - (at.delay > 0)::int, work.totals
                        ) AS i OFFSET 0
                    ) AS found
                )
            END
            FROM (
                SELECT round((%(seconds)s)::float * 1000000)::bigint AS delay,
                    %(total)s AS total
                OFFSET 0
            ) AS at)""",
            base=base,
            seconds=seconds,
            total=self._get_working_total_sql(base),
        )

    @api.model
    def _get_working_between_sql(self, start, end):
        """Give, as SQL, the seconds of work from ``start`` to ``end``.

        :param SQL start: timestamp without time zone, UTC; so is ``end``
        :return: SQL of a float, for a statement that joins `_get_working_from_sql`
        """
        return SQL(
            """(CASE
                WHEN work.calendar_id IS NULL
                    THEN date_part('epoch', %(end)s - %(start)s)
                ELSE (%(until)s - %(since)s) / 1000000.0::float
            END)""",
            start=start,
            end=end,
            since=self._get_working_total_sql(start),
            until=self._get_working_total_sql(end),
        )

    @api.model
    def _get_working_total_sql(self, instant):
        """Give, as SQL, the microseconds worked up to ``instant``; NULL if outside."""
        return SQL(
            """(SELECT CASE
                WHEN found.i > 0 AND work.totals[found.i + 1] IS NOT NULL
                THEN LEAST(
                    work.totals[found.i] + round(date_part(
                        'epoch', %(instant)s - work.starts[found.i]
                    ) * 1000000)::bigint,
                    work.totals[found.i + 1]
                )
            END
            FROM (
                SELECT width_bucket(%(instant)s, work.starts) AS i OFFSET 0
            ) AS found)""",
            instant=instant,
        )

    # ------------------------------------------------------------
    # CHANGES
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        calendars = super().create(vals_list)
        calendars._forget_working_time()
        return calendars

    def write(self, vals):
        result = super().write(vals)
        self._forget_working_time()
        if not vals.keys().isdisjoint(self._get_working_time_fields()):
            self._on_working_time_change()
        return result

    @api.model
    def _get_working_time_fields(self):
        """Name the fields of a calendar that decide its working time."""
        return {
            "tz",
            "attendance_ids",
            "attendance_ids_1st_week",
            "attendance_ids_2nd_week",
            "leave_ids",
            "global_leave_ids",
            "two_weeks_calendar",
            "schedule_type",
            "flexible_hours",
            "hours_per_day",
            "hours_per_week",
            "full_time_required_hours",
            "company_id",
        }

    @api.model
    def _forget_working_time(self):
        self.env.cr.cache.pop(_CACHE, None)

    def _tell_working_time_change(self):
        self._forget_working_time()
        if self:
            self._on_working_time_change()

    def _on_working_time_change(self):
        """Hook: the working time of these calendars is another one from now on.

        Called after the change, once per write or create, not per line.
        """


def _leave_bounds(leave):
    end = leave.date_to
    if end.second == _END_OF_DAY:
        end += timedelta(seconds=1)
    return leave.date_from, end
