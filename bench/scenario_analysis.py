"""The pivot of the case analysis as the web client asks for it, beside leads.

    make bench            1,000,000 cases and leads (a few minutes)
    make bench ROWS=100000

As an agent who may see the cases of his sections, and as a manager; the peer's agent
sees all leads. `ratio` is the peer's time divided by ours. Then what keeping the sums
costs: those who open, answer and close a case (beside the same without anything kept),
folding, and the nightly check.
"""

import contextlib
import datetime
import os
import statistics
from unittest.mock import patch

from common import Meter, boot, emit, emit_machine, environment, measure, vacuum
from populate import fill

OURS = {
    "model": "crm.case",
    "day": "day_created",
    "month": "day_created:month",
    "sum": "planned_revenue",
    "currency": "currency_id",
    "mean": "hours_close:avg",
    "stage": "stage_id",
    "closed": "day_closed:month",
}
PEER = {
    "model": "crm.lead",
    "day": "create_date",
    "month": "create_date:month",
    "sum": "expected_revenue",
    "currency": "company_currency",
    "mean": "day_close:avg",
    "stage": "stage_id",
    "closed": "date_closed:month",
}


def pivots(env, side):
    """Give {name: function} for what the pivot view of one side asks."""
    money = [f"{side['sum']}:sum", f"{side['sum']}:sum_currency"]
    # the peer's currency is no column, so that its pivot does without
    money = money if side is OURS else money[:1]
    aggregates = ["__count", *money, side["mean"]]
    if side is OURS:
        aggregates.append(f"{side['currency']}:array_agg_distinct")

    def pivot(rows, columns, domain=()):
        sets = [[], [rows], [columns], [rows, columns]]
        return lambda: env[side["model"]].formatted_read_grouping_sets(
            list(domain), sets, aggregates
        )

    since = [(side["day"], ">=", f"{datetime.date.today().year}-01-01")]
    return {
        "month x user": pivot(side["month"], "user_id"),
        "month x user, this year": pivot(side["month"], "user_id", since),
        "month x stage": pivot(side["month"], side["stage"]),
        "month of closing x user": pivot(side["closed"], "user_id"),
        "graph by stage": lambda: env[side["model"]].formatted_read_group(
            [], [side["stage"]], ["__count"]
        ),
    }


def compare(registry, rows, login):
    with environment(registry) as env:
        uid = env["res.users"].search([("login", "=", login)]).id
    with environment(registry, uid=uid) as env:
        peer = pivots(env, PEER)
        for name, call in pivots(env, OURS).items():
            ours_ms, ours_queries = measure(env, call)
            peer_ms, peer_queries = measure(env, peer[name])
            emit(
                bench="analysis",
                call=name,
                who=login,
                rows=rows,
                ms=round(ours_ms, 1),
                queries=ours_queries,
                peer_ms=round(peer_ms, 1),
                peer_queries=peer_queries,
                ratio=round(peer_ms / ours_ms, 2),
            )


def emit_fold(env, rows):
    """Time folding the changes of a busy day, and the nightly check of everything."""
    env.cr.execute(
        """UPDATE crm_case SET planned_revenue = planned_revenue + 1
            WHERE id IN (SELECT id FROM crm_case ORDER BY id DESC LIMIT 10000)"""
    )
    for name, call in (
        ("fold 10,000 changes", env["crm.case.figure"]._fold),
        ("nightly check", env["crm.case.figure"]._check),
        ("nightly compacting", env["crm.case.figure"]._compact),
    ):
        with Meter() as meter:
            call()
        emit(bench="analysis", call=name, rows=rows, s=round(meter.wall, 2))


def work(env, section, count):
    """Open, answer and close cases, with the discussion that goes with it."""
    cases = env["crm.case"].create(
        [{"name": f"Cost {index}", "section_id": section.id} for index in range(count)]
    )
    for case in cases:
        case.action_open()
        case.message_post(
            body="Answer", message_type="comment", subtype_xmlid="mail.mt_comment"
        )
        case.action_close()
    # up to a commit: tracking, and mail to followers
    env.cr.flush()


@contextlib.contextmanager
def nothing_kept(env):
    """Let cases keep nothing for statistics, until the transaction is rolled back."""
    env.cr.execute("ALTER TABLE crm_case DISABLE TRIGGER USER")
    case, message = type(env["crm.case"]), type(env["mail.message"])
    with (
        patch.object(case, "_get_day", lambda *_: False),
        patch.object(case, "_get_working_hours_until", lambda *_: None),
        patch.object(message, "_is_exchanged", lambda *_: False),
    ):
        yield


def emit_cost(registry, uid):
    """Time writers who keep figures and others who do not, in turns."""
    walls = {True: [], False: []}
    for turn in range(120):
        is_kept = bool(turn % 2)
        with environment(registry, uid=uid) as env, contextlib.ExitStack() as stack:
            section = env["crm.case.section"].search([("code", "=", "bench0")])
            if not is_kept:
                stack.enter_context(nothing_kept(env))
            work(env, section, 1)
            with Meter() as meter:
                work(env, section, 5)
            walls[is_kept].append(meter.wall)
    # the quicker quarter: what else the machine does only ever adds
    kept, bare = (
        statistics.quantiles(walls[is_kept], n=4)[0] for is_kept in (True, False)
    )
    emit(
        bench="analysis",
        call="open, answer and close a case",
        ms=round(1000 * kept / 5, 2),
        ms_keeping_nothing=round(1000 * bare / 5, 2),
        extra_percent=round(100 * (kept / bare - 1), 1),
    )


def main():
    emit_machine()
    registry = boot(os.environ["BENCH_DB"])
    rows = int(os.environ.get("ROWS", "1000000"))
    with environment(registry, commit=True) as env:
        env.cr.execute("SELECT count(*) FROM crm_case WHERE number LIKE 'B%%'")
        if env.cr.fetchone()[0] != rows:
            fill(env, rows, max(rows // 10, 100))
    with environment(registry, commit=True) as env:
        emit_fold(env, rows)
    vacuum(os.environ["BENCH_DB"])
    for login in ("bench0", "admin"):
        compare(registry, rows, login)
    with environment(registry) as env:
        agent = env["res.users"].search([("login", "=", "bench0")]).id
    emit_cost(registry, agent)


if __name__ == "__main__":
    main()
