"""The team's page and the backlog at 1,000,000 cases with about 4,000,000 stays.

    scripts/bench bench/scenario_team.py

As an agent who may see the cases of his sections (three of five, so three fifths of
all), and as a manager. Beside Odoo's own screen of the sales teams, and the pivot of
leads by month and team, on as many leads.
"""

import os
from datetime import timedelta
from functools import partial

from common import boot, emit, emit_machine, environment, measure, vacuum
from lxml import etree
from populate import fill

# what a case of each state went through, half a day in each stay
_PASTS = {
    "draft": ["draft"],
    "open": ["draft", "open"],
    "pending": ["draft", "open", "pending"],
    "done": ["draft", "open", "pending", "open", "done"],
    "cancel": ["draft", "open", "pending", "open", "cancel"],
}


def fill_moves(env):
    """Give each case of the benchmark the stays that end in its state."""
    cr = env.cr
    cr.execute(
        """DELETE FROM crm_case_move m USING crm_case c
            WHERE c.id = m.case_id AND c.number LIKE 'B%'"""
    )
    values = " UNION ALL ".join(
        f"SELECT '{state}'::varchar AS last, ARRAY{past}::varchar[] AS past"
        for state, past in _PASTS.items()
    )
    cr.execute(
        f"""INSERT INTO crm_case_move (
            case_id, case_section_id, case_user_id, section_id, user_id, company_id,
            state, state_from, date, date_end, day, day_end, hours, is_escalation,
            is_archived, is_open, was_open)
        SELECT id, section_id, user_id, section_id, user_id, company_id, state, former,
            since, until, since::date, until::date,
            COALESCE(extract(epoch FROM until - since) / 3600, 0), FALSE, FALSE,
            state IN ('draft', 'open', 'pending'),
            COALESCE(former IN ('draft', 'open', 'pending'), FALSE)
        FROM (
            SELECT c.id, c.section_id, c.user_id, c.company_id, stay.state,
                lag(stay.state) OVER one AS former,
                c.create_date + (stay.number - 1) * interval '12 hours' AS since,
                CASE WHEN lead(stay.state) OVER one IS NOT NULL
                    THEN c.create_date + stay.number * interval '12 hours' END AS until
            FROM crm_case c JOIN ({values}) kind ON kind.last = c.state
            CROSS JOIN LATERAL unnest(kind.past) WITH ORDINALITY stay (state, number)
            WHERE c.number LIKE 'B%'
            WINDOW one AS (PARTITION BY c.id ORDER BY stay.number)
        ) x"""
    )
    cr.execute(
        """UPDATE crm_case SET date_first_response = create_date + interval '1 hour',
            hours_first_response = id % 40
            WHERE number LIKE 'B%' AND state IN ('done', 'cancel')"""
    )


def team_dashboard(env):
    """Give Odoo's own call for the screen of the sales teams."""
    Team = env["crm.team"]
    view = env.ref("sales_team.crm_team_view_kanban_dashboard")
    arch = etree.fromstring(Team.get_view(view.id, "kanban")["arch"])
    names = {node.get("name") for node in arch.iter("field")} & set(Team._fields)
    spec = {
        name: {"fields": {"display_name": {}}} if Team._fields[name].relational else {}
        for name in names
    }
    return lambda: Team.web_search_read([("name", "like", "Bench %")], spec)


def report(call, who, ours, peer=None, **figures):
    ms, queries = ours
    if peer:
        figures |= {"peer_ms": round(peer[0], 1), "ratio": round(peer[0] / ms, 2)}
    emit(bench="team", call=call, who=who, ms=round(ms, 1), queries=queries, **figures)


def pivot(env, model, date, other, sums, domain):
    """Give what the web client asks for to show a pivot with rows and columns."""
    Model = env[model]
    sets = [[], [f"{date}:month"], [other], [other, f"{date}:month"]]
    return lambda: Model.formatted_read_grouping_sets(domain, sets, ["__count", *sums])


def time_backlog(env, who):
    Backlog = env["crm.case.backlog"]
    today = env.company._get_today()
    for days in (90, 365, 1096):
        first = today - timedelta(days=days)
        wall = measure(env, lambda first=first: Backlog.get_backlog(first, today))
        report(f"backlog screen, {days} days", who, wall)
    sums = ["opened:sum", "closed:sum", "change:sum"]
    year = [("day", ">=", str(today - timedelta(days=365)))]
    leads = [("create_date", ">=", str(today - timedelta(days=365)))]
    for name, ours, theirs in (("year", year, leads), ("everything", [], [])):
        report(
            f"pivot month x section, {name}",
            who,
            measure(env, pivot(env, Backlog._name, "day", "section_id", sums, ours), 3),
            measure(
                env,
                pivot(
                    env,
                    "crm.lead",
                    "create_date",
                    "team_id",
                    ["expected_revenue:sum"],
                    theirs,
                ),
                3,
            ),
        )


def main():
    registry = boot(os.environ["BENCH_DB"])
    emit_machine()
    rows = int(os.environ.get("ROWS", "1000000"))
    with environment(registry, commit=True) as env:
        env.cr.execute("SELECT count(*) FROM crm_case WHERE number LIKE 'B%'")
        if env.cr.fetchone()[0] != rows:
            fill(env, rows, max(rows // 10, 100))
        env.cr.execute("SELECT count(*) FROM crm_case_move WHERE day IS NOT NULL")
        if env.cr.fetchone()[0] < 3 * rows:
            fill_moves(env)
    vacuum(os.environ["BENCH_DB"])
    with environment(registry) as env:
        agent = env["res.users"].search([("login", "=", "bench0")]).id
        manager = env.ref("base.user_admin").id
        sections = env["crm.case.section"].search(
            [("code", "in", ("bench0", "bench3"))], order="code"
        )
        ids = sections.ids
    for who, uid in (("agent", agent), ("manager", manager)):
        with environment(registry, uid=uid) as env:
            peer = measure(env, team_dashboard(env))
            get_page = env["crm.case.section"].get_team_page
            for section_id, size in zip(ids, ("3/5", "1/5"), strict=True):
                wall = measure(env, partial(get_page, section_id))
                report("team page", who, wall, peer, rows=rows, share=size)
            time_backlog(env, who)


if __name__ == "__main__":
    main()
