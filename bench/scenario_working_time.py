"""Working time and service levels: a million instants at once, and one case at a time.

What is compared: timers of all cases in working time with the same insert in elapsed
time (plain SQL); Odoo's own `plan_hours` for one instant with ours; opening a case with
three service levels and with none; and policies applied to many cases.
"""

import os
import statistics
import time
from datetime import datetime, timedelta

from common import boot, emit, environment, vacuum
from odoo.tools import SQL
from populate import fill

REPEAT = 3
ONE_BY_ONE = 300
BATCHES = 4  # of the scheduled action that applies policies


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def figure(name, rows, seconds, **more):
    emit(
        bench="working_time", call=name, rows=rows, ms=round(1000 * seconds, 2), **more
    )


def insert_timers(env, due, tables):
    """Write one timer per case into a table with the indexes of the real one."""
    env.cr.execute("DROP TABLE IF EXISTS bench_timer")
    env.cr.execute(
        """CREATE TABLE bench_timer
            (id serial PRIMARY KEY, case_id int, due_at timestamp);
        CREATE INDEX ON bench_timer (due_at, id);
        CREATE UNIQUE INDEX ON bench_timer (case_id)"""
    )
    statement = SQL(
        "INSERT INTO bench_timer (case_id, due_at) SELECT c.id, %s FROM %s", due, tables
    )
    return timed(lambda: env.cr.execute(statement))


def timers(registry, rows):
    with environment(registry) as env:
        Calendar = env["resource.calendar"]
        calendar = env.company.resource_calendar_id
        base = SQL("c.create_date")
        plain_due = SQL("%s + interval '2 days'", base)
        tables = SQL(
            "crm_case c CROSS JOIN %s WHERE work.calendar_id = %s",
            calendar._get_working_from_sql(seconds=2 * 86400),
            calendar.id,
        )
        due = Calendar._get_working_delay_sql(base, 2, "days")
        alone = SQL("SELECT max(%s) FROM %s", due, tables)
        walls = {"plain": [], "ours": [], "alone": []}
        for _index in range(REPEAT):
            walls["plain"].append(insert_timers(env, plain_due, SQL("crm_case c")))
            walls["ours"].append(insert_timers(env, due, tables))
            walls["alone"].append(timed(lambda: env.cr.execute(alone)))
        plain, ours, alone = (statistics.median(walls[name]) for name in walls)
        figure("timers in elapsed time, plain SQL", rows, plain)
        figure("timers in working time", rows, ours, times_plain=round(ours / plain, 2))
        figure("working time alone", rows, alone)


def one_by_one(registry):
    """Compare one instant: ours, cold and warm, with Odoo's `plan_hours`."""
    with environment(registry) as env:
        calendar = env.company.resource_calendar_id
        start = datetime(2026, 3, 2, 8)
        instants = [start + timedelta(hours=7 * n) for n in range(ONE_BY_ONE)]
        cold = timed(lambda: calendar._add_working(start, 16))
        ours = timed(lambda: [calendar._add_working(at, 16) for at in instants])
        odoo = timed(
            lambda: [
                calendar.plan_hours(16, at, compute_leaves=True) for at in instants[:30]
            ]
        )
        figure("first instant of a transaction", 1, cold)
        figure(
            "add 16 hours",
            1,
            ours / ONE_BY_ONE,
            odoo_ms=round(1000 * odoo / 30, 2),
            ratio=round(odoo / 30 / (ours / ONE_BY_ONE), 1),
        )


def policies(env, count=3):
    sections = env["crm.case.section"].search([("code", "like", "bench%")])
    values = [{}, {"section_id": sections[0].id}, {"priority_min": "3"}]
    return env["crm.sla.policy"].create(
        [
            {
                "name": f"Bench {index}",
                "hours_first_response": 4 + index,
                "hours_resolution": 16 + index,
                "company_id": False,
                **one,
            }
            for index, one in enumerate(values[:count])
        ]
    )


def create_cases(env, count=100):
    section = env["crm.case.section"].search([("code", "=", "bench0")], limit=1)

    def call():
        for _index in range(count):
            env["crm.case"].create({"name": "Bench", "section_id": section.id})
            env.cr.flush()

    call()
    return min(timed(call) for _index in range(REPEAT)) / count


def service_levels(registry, rows):
    with environment(registry) as env:
        bare = create_cases(env)
        figure("open a case without service level", 1, bare)
        figure("switch three service levels on", rows, timed(lambda: policies(env)))
        apply = env["crm.sla.policy"]._apply_batch
        seconds = timed(lambda: [apply() for _index in range(BATCHES)])
        done = env["crm.sla.status"].search_count([]) // 2
        figure("apply service levels, per 1,000 cases", done, 1000 * seconds / done)
        with_levels = create_cases(env)
        figure(
            "open a case with three service levels",
            1,
            with_levels,
            times_bare=round(with_levels / bare, 2),
        )
        tick(env)


def tick(env):
    """Time what a tick does with clocks that come to an end, apart from any rule."""
    timers = env["crm.case.timer"].search([("sla_status_id", "!=", False)], limit=1000)
    case_ids = timers.case_id.ids
    env.cr.execute(
        """UPDATE crm_sla_status SET deadline = now() AT TIME ZONE 'UTC',
            date_start = now() AT TIME ZONE 'UTC' - interval '300 days'
        WHERE case_id = ANY(%s)""",
        [case_ids],
    )
    env.invalidate_all()
    seconds = timed(lambda: env["crm.case"]._fire_sla_timers(timers))
    figure("1,000 timers of promises", len(timers), seconds)


def fill_moves(env):
    """Give each unclosed case the stay that its clock is reckoned from."""
    env.cr.execute(
        """INSERT INTO crm_case_move
            (case_id, date, state, stage_id, section_id, user_id, company_id)
        SELECT c.id, c.create_date, c.state, c.stage_id, c.section_id, c.user_id,
            c.company_id
        FROM crm_case c
        WHERE c.state IN ('draft', 'open', 'pending')
        AND NOT EXISTS (SELECT FROM crm_case_move m WHERE m.case_id = c.id)"""
    )


def main():
    registry = boot(os.environ["BENCH_DB"])
    rows = int(os.environ.get("ROWS", "1000000"))
    with environment(registry, commit=True) as env:
        if env["crm.case"].search_count([("number", "like", "B%")]) != rows:
            fill(env, rows, max(rows // 10, 100))
        fill_moves(env)
    vacuum(os.environ["BENCH_DB"])
    timers(registry, rows)
    one_by_one(registry)
    service_levels(registry, rows)


if __name__ == "__main__":
    main()
