"""Rules and timers beside Odoo's own `base_automation`, on the same rows in one run.

What is compared: a tick when nothing is due, with 20 rules; a tick with 1,000 and
10,000 due cases, writing a field, and escalating with a note; one plain SQL update of
the same cases; ten rules that match nothing on each write; switching a rule on over
all cases; and opening a case with 20 rules by time and with none.
"""

import contextlib
import os
import resource
import statistics
import time
from datetime import timedelta

from common import boot, emit, environment, vacuum
from odoo import fields
from populate import fill

DUE = (1000, 10_000)
PEER_DUE = 1000  # 10,000 take Odoo's rules a quarter of an hour
REPEAT = 3
CODE = (
    "record.write({'priority': '3', 'user_id': %d})\n"
    "record.message_post(body='Escalated by rule', message_type='notification', "
    "subtype_xmlid='mail.mt_note')"
)


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def median(calls):
    return statistics.median(calls)


def rss():
    """Give the most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def figure(name, rows, seconds, **more):
    emit(bench="rules", call=name, rows=rows, ms=round(1000 * seconds, 2), **more)


# --- ours --------------------------------------------------------------------------


def new_rule(env, index, **values):
    """Add a rule of which no case is due: its delay lies years ahead."""
    return env["crm.case.rule"].create(
        {
            "name": f"bench {index}",
            "date_type": ("create", "last_action", "deadline", "date")[index % 4],
            "delay": 4000 + index,
            "delay_unit": "days",
            **values,
        }
    )


def twenty_rules(env):
    """Give 20 rules by time, a quarter in working time, for parts of the cases."""
    sections = env["crm.case.section"].search([("code", "like", "bench%")])
    for index in range(20):
        new_rule(
            env,
            index,
            working_time=index % 4 == 3,
            delay=300 + index if index % 4 == 3 else 4000 + index,
            delay_unit="days",
            section_id=sections[index % 5].id,
            priority_min=str(index % 3 + 1),
            state_to=("open", "pending", "draft")[index % 3],
        )


def drop_rules(env):
    cr = env.cr
    cr.execute("SELECT id FROM crm_case_rule WHERE name->>'en_US' LIKE 'bench%'")
    ids = [row[0] for row in cr.fetchall()]
    if ids:
        cr.execute("DELETE FROM crm_case_timer WHERE rule_id = ANY(%s)", (ids,))
        cr.execute("DELETE FROM crm_case_rule_run WHERE rule_id = ANY(%s)", (ids,))
        cr.execute("DELETE FROM crm_case_rule WHERE id = ANY(%s)", (ids,))
    env.registry.clear_cache()
    env.cr.commit()
    env.invalidate_all()


def tick(env):
    env["crm.case.timer"]._cron_fire()


def make_due(env, rule, count):
    """Let ``count`` random cases be due for a rule; give their ids."""
    cr = env.cr
    cr.execute("DELETE FROM crm_case_rule_run WHERE rule_id = %s", (rule.id,))
    cr.execute("DELETE FROM crm_case_timer WHERE rule_id = %s", (rule.id,))
    now = fields.Datetime.now()
    cr.execute(
        """WITH chosen AS (
            SELECT crm_case.id FROM crm_case
              JOIN crm_case_section s ON s.id = crm_case.section_id
             WHERE crm_case.number LIKE 'B%%' AND s.parent_id IS NOT NULL
               AND state IN ('draft', 'open', 'pending')
             ORDER BY md5(crm_case.id::text || %(salt)s) LIMIT %(count)s)
        INSERT INTO crm_case_timer (rule_id, case_id, due_at, occasion_at, number,
                                    attempts)
        SELECT %(rule)s, id, %(now)s, %(now)s, 0, 0 FROM chosen RETURNING case_id""",
        {"rule": rule.id, "count": count, "now": now, "salt": str(rule.id)},
    )
    ids = [row[0] for row in cr.fetchall()]
    env.cr.commit()
    env.invalidate_all()
    return ids


def restore(env, ids):
    env.cr.execute(
        "UPDATE crm_case SET priority = '0' WHERE id = ANY(%s) AND priority != '0'",
        (ids,),
    )
    env.cr.execute("ANALYZE crm_case_timer, crm_case_rule_run")
    env.cr.commit()
    env.invalidate_all()


def plain_update(env, ids):
    """Write the field as SQL does: the floor of what is possible."""
    env.cr.execute(
        """UPDATE crm_case SET priority = '3', write_date = now() AT TIME ZONE 'UTC',
              write_uid = 1 WHERE id = ANY(%s)""",
        (ids,),
    )
    env.cr.commit()


def plain_ledger(env, rule, ids):
    """Write one row of the ledger per case, in bulk, and take it back."""
    start = time.perf_counter()
    env.cr.execute(
        """INSERT INTO crm_case_rule_run (rule_id, case_id, occasion, date, result)
        SELECT %s, id, 'floor', now() AT TIME ZONE 'UTC', 'done'
          FROM unnest(%s) AS id""",
        (rule.id, ids),
    )
    env.cr.commit()
    wall = time.perf_counter() - start
    env.cr.execute("DELETE FROM crm_case_rule_run WHERE occasion = 'floor'")
    env.cr.commit()
    return wall


def due(env, name, count, rows, **actions):
    """Time a tick with ``count`` due, beside plain SQL on the same cases."""
    rule = new_rule(env, 99, delay=9000, **actions)
    env.cr.commit()
    walls, floors, ledgers, queries = [], [], [], 0
    import threading

    thread = threading.current_thread()
    for _index in range(REPEAT):
        ids = make_due(env, rule, count)
        restore(env, ids)
        floors.append(timed(lambda ids=ids: plain_update(env, ids)))
        ledgers.append(plain_ledger(env, rule, ids))
        restore(env, ids)
        thread.query_count = 0
        walls.append(timed(lambda: tick(env)))
        queries = thread.query_count
        env.cr.rollback()
        env.cr.execute(
            """SELECT count(*) FROM crm_case_rule_run
                WHERE rule_id = %s AND result = 'done'""",
            (rule.id,),
        )
        assert env.cr.fetchone()[0] == count, "not all of them fired"
    wall, floor, ledger = median(walls), median(floors), median(ledgers)
    figure(
        f"due {count}, {name}",
        rows,
        wall,
        queries=queries,
        sql_ms=round(1000 * floor, 1),
        ledger_ms=round(1000 * ledger, 1),
        times_sql=round(wall / floor, 2),
        times_sql_and_ledger=round((wall - ledger) / floor, 2),
        rss_mb=rss(),
    )
    env.cr.execute(
        "UPDATE crm_case SET escalation_level = 0 WHERE escalation_level > 0"
    )
    env.cr.commit()
    drop_timers(env, rule)
    return wall


def drop_timers(env, rule):
    env.cr.execute("DELETE FROM crm_case_timer WHERE rule_id = %s", (rule.id,))
    env.cr.execute("DELETE FROM crm_case_rule_run WHERE rule_id = %s", (rule.id,))
    env.cr.execute("DELETE FROM crm_case_rule WHERE id = %s", (rule.id,))
    env.registry.clear_cache()
    env.cr.commit()
    env.invalidate_all()


# --- the peer ----------------------------------------------------------------------


def peer_rule(env, index, code=None):
    """Add a rule of `base_automation` as much like ours as it can be."""
    model = env["ir.model"]._get("crm.lead")
    date = env["ir.model.fields"]._get("crm.lead", "date_last_stage_update")
    action = {
        "name": f"bench {index}",
        "model_id": model.id,
        "state": "code" if code else "object_write",
    }
    if code:
        action["code"] = code
    else:
        high = env["ir.model.fields.selection"].search(
            [
                (
                    "field_id",
                    "=",
                    env["ir.model.fields"]._get("crm.lead", "priority").id,
                ),
                ("value", "=", "3"),
            ]
        )
        action |= {
            "update_path": "priority",
            "evaluation_type": "value",
            "selection_value": high.id,
        }
    return env["base.automation"].create(
        {
            "name": f"bench {index}",
            "model_id": model.id,
            "trigger": "on_time",
            "trg_date_id": date.id,
            "trg_date_range": 2,
            "trg_date_range_type": "day",
            "trg_date_range_mode": "after",
            "filter_domain": "[('type', '=', 'opportunity'), "
            "('probability', '<', 100)]",
            "action_server_ids": [(0, 0, action)],
        }
    )


def peer_due(env, name, count, rows, ours, code=None):
    now = fields.Datetime.now()
    env["base.automation"].search([("name", "like", "bench")]).unlink()
    rule = peer_rule(env, 99, code)
    env.cr.commit()
    env.cr.execute(
        """WITH chosen AS (
            SELECT id FROM crm_lead WHERE active AND probability < 100
               AND date_last_stage_update < %(now)s - interval '40 day'
             ORDER BY md5(id::text) LIMIT %(count)s)
        UPDATE crm_lead SET date_last_stage_update = %(now)s - interval '48.5 hour',
               priority = '0' WHERE id IN (SELECT id FROM chosen)""",
        {"now": now, "count": count},
    )
    env.cr.execute(
        "UPDATE base_automation SET last_run = %s WHERE id = %s",
        (now - timedelta(hours=1), rule.id),
    )
    env.cr.commit()
    env.invalidate_all()

    def run():
        env["base.automation"]._cron_process_time_based_actions()
        env.cr.commit()

    wall = timed(run)
    env.cr.execute(
        """UPDATE crm_lead SET date_last_stage_update = %s
            WHERE date_last_stage_update > %s""",
        (now - timedelta(days=60), now - timedelta(hours=49)),
    )
    rule.unlink()
    env.cr.commit()
    figure(
        f"base_automation: due {count}, {name}",
        rows,
        wall,
        ratio=round(wall / ours, 1),
    )


# --- the run -----------------------------------------------------------------------


def idle(env, rows):
    env.cr.execute("ANALYZE crm_case_timer")
    env.cr.commit()
    before = rss()
    tick(env)
    walls = [timed(lambda: tick(env)) for _index in range(15)]
    env.cr.execute("SELECT count(*) FROM crm_case_timer")
    waiting = env.cr.fetchone()[0]
    figure(
        "idle tick, 20 rules",
        rows,
        median(walls),
        waiting=waiting,
        more_mb=rss() - before,
    )


def switch_on(env, rows):
    """Time the timers of one new rule over all cases, beside an insert of as many."""
    for working_time in (False, True):
        rule = new_rule(env, 77, active=False, working_time=working_time)
        if working_time:
            rule.delay = 5
        env.flush_all()
        env.cr.commit()

        def on(rule=rule):
            rule.active = True
            env["crm.case.rule"]._settle()
            env.cr.commit()

        wall = timed(on)
        drop_timers(env, rule)

        def plain(rule_id=rule.id):
            env.cr.execute(
                "CREATE TABLE bench_timer (LIKE crm_case_timer INCLUDING ALL)"
            )
            env.cr.execute(
                """INSERT INTO bench_timer (rule_id, case_id, due_at, occasion_at)
                SELECT %s, id, create_date + interval '4077 day',
                       create_date + interval '4077 day'
                  FROM crm_case WHERE active""",
                (rule_id,),
            )
            env.cr.commit()

        floor = timed(plain)
        env.cr.execute("DROP TABLE bench_timer")
        env.cr.commit()
        figure(
            "rule switched on over all cases"
            + (", working time" if working_time else ""),
            rows,
            wall,
            sql_ms=round(1000 * floor, 1),
            times_sql=round(wall / floor, 2),
        )


def creation(env, rows, name):
    section = env["crm.case.section"].search([("code", "=", "bench0")])

    def one(index):
        env["crm.case"].create(
            {"name": f"Made {index}", "section_id": section.id, "user_id": False}
        )
        env.cr.flush()

    for index in range(20):
        one(index)
    walls = [timed(lambda index=index: one(index)) for index in range(200)]
    env.cr.rollback()
    figure(f"case created, {name}", rows, median(walls))
    return median(walls)


def writes(env, rows, name):
    cases = env["crm.case"].search([("number", "=like", "B%")], limit=1000)
    cases.mapped("phone")

    def all_of_them():
        for index, case in enumerate(cases):
            case.phone = f"{index}{time.perf_counter()}"
            env.flush_all()

    all_of_them()
    walls = [timed(all_of_them) / len(cases) for _index in range(5)]
    env.cr.rollback()
    figure(f"case written, {name}", rows, median(walls))
    return median(walls)


def moves(env, rows, name):
    cases = env["crm.case"].search(
        [("number", "=like", "B%"), ("state", "=", "draft")], limit=300
    )
    cases.mapped("phone")
    env["crm.case.timer"].search([], limit=1)

    def all_of_them():
        for case in cases:
            case.state = "open"
            env.flush_all()

    wall = timed(all_of_them) / len(cases)
    env.cr.rollback()
    figure(f"case opened, {name}", rows, wall)
    return wall


@contextlib.contextmanager
def no_match(env):
    """Have ten rules that no write of the benchmark concerns, and by time ten more."""
    for index in range(10):
        new_rule(env, index, subject_pattern=f"^never {index}$")
        new_rule(
            env,
            index,
            date_type="none",
            state_to="cancel",
            subject_pattern=f"^never {index}$",
        )
    env.cr.flush()
    yield
    drop_rules(env)


def small_costs(env, rows):
    drop_rules(env)
    free = [writes(env, rows, "no rule"), moves(env, rows, "no rule")]
    with no_match(env):
        env.cr.commit()
        ruled = [
            writes(env, rows, "20 rules that match nothing"),
            moves(env, rows, "20 rules that match nothing"),
        ]
    for name, before, after in zip(("written", "opened"), free, ruled, strict=True):
        emit(
            bench="rules",
            call=f"case {name}, cost of 20 rules that match nothing",
            rows=rows,
            percent=round(100 * (after / before - 1), 1),
        )


def main():
    database = os.environ["BENCH_DB"]
    registry = boot(database)
    rows = int(os.environ.get("ROWS", "1000000"))
    with environment(registry, commit=True) as env:
        env.cr.execute("SELECT count(*) FROM crm_case WHERE number LIKE 'B%%'")
        if env.cr.fetchone()[0] != rows:
            fill(env, rows, max(rows // 10, 100))
        env["crm.case.rule"].search([]).action_archive()
        peer = "base.automation" in env
    vacuum(database)
    with environment(registry) as env:
        drop_rules(env)
        small_costs(env, rows)
        without = creation(env, rows, "no rule")
        switch_on(env, rows)
        twenty_rules(env)
        env.cr.commit()
    vacuum(database)
    with environment(registry) as env:
        with_rules = creation(env, rows, "20 rules by time")
        emit(
            bench="rules",
            call="case created, cost of 20 rules by time",
            rows=rows,
            percent=round(100 * (with_rules / without - 1), 1),
        )
        # what is due already fires now, and leaves dead rows that autovacuum sweeps
        tick(env)
    vacuum(database)
    with environment(registry) as env:
        idle(env, rows)
        user = env["res.users"].search([("login", "=", "bench7")])
        walls = {}
        for count in DUE:
            walls["write", count] = due(
                env, "field written", count, rows, set_priority="3"
            )
        for count in DUE:
            walls["escalate", count] = due(
                env,
                "escalated with a note",
                count,
                rows,
                set_priority="3",
                escalate=True,
            )
        for kind in ("write", "escalate"):
            emit(
                bench="rules",
                call=f"{kind}: time(10,000) / time(1,000)",
                rows=rows,
                ratio=round(walls[kind, 10_000] / walls[kind, 1000], 1),
            )
        if peer:
            code = CODE % user.id
            ours = walls["write", PEER_DUE]
            peer_due(env, "field written", PEER_DUE, rows, ours)
            ours = walls["escalate", PEER_DUE]
            peer_due(env, "escalated with a note", PEER_DUE, rows, ours, code)
        drop_rules(env)


if __name__ == "__main__":
    main()
