"""The calls the web client makes on a large database: cases beside Odoo's leads.

    make bench            1,000,000 cases and leads, 100,000 contacts (a few minutes)
    make bench ROWS=100000

As an agent who may see the cases of his sections (the peer: all leads, which is cheaper
to check). Prints a JSON line per call: milliseconds and statements of both, and the
ratio of the peer's time to ours (above 1: we are faster).
"""

import os

from common import boot, emit, environment, measure, vacuum
from lxml import etree
from populate import fill

OURS = {
    "model": "crm.case",
    "list": "crm_relations.crm_case_view_list",
    "form": "crm_relations.crm_case_view_form",
    "kanban": "crm_relations.crm_case_view_kanban",
    "unclosed": [("state", "in", ["draft", "open", "pending"])],
    "sum": "planned_revenue:sum",
}
PEER = {
    "model": "crm.lead",
    "list": "crm.crm_case_tree_view_oppor",
    "form": "crm.crm_lead_view_form",
    "kanban": "crm.crm_case_kanban_view_leads",
    "unclosed": [("stage_id.is_won", "=", False)],
    "sum": "expected_revenue:sum",
}
BAR = {
    "field": "activity_state",
    "colors": {"planned": "success", "today": "warning", "overdue": "danger"},
}


def specification(env, side, kind):
    """Give what the web client asks for: the fields a view shows."""
    Model = env[side["model"]]
    arch = etree.fromstring(Model.get_view(env.ref(side[kind]).id, kind)["arch"])
    spec = {}
    for node in arch.iter("field"):
        if any(parent.tag == "field" for parent in node.iterancestors()):
            continue
        field = Model._fields[node.get("name")]
        spec[field.name] = {"fields": {"display_name": {}}} if field.relational else {}
    return spec


def calls(env, side):
    """Give {name: function without arguments} for one of the two models."""
    Model = env[side["model"]]
    mine = [("user_id", "=", env.uid)]
    unclosed = side["unclosed"]
    nobody = [("user_id", "=", False)]
    rows = specification(env, side, "list")
    cards = specification(env, side, "kanban")
    form = specification(env, side, "form")
    one = Model.search(mine, limit=1)
    word = "Request 4711"

    def listing(domain, **options):
        return lambda: Model.web_search_read(
            domain, rows, limit=80, count_limit=10001, **options
        )

    def board(domain):
        return lambda: Model.web_read_group(
            domain,
            ["stage_id"],
            ["__count"],
            auto_unfold=True,
            unfold_read_specification=cards,
            unfold_read_default_limit=20,
        )

    return {
        "list, all": listing([]),
        "list, my unclosed": listing(mine + unclosed),
        "list, unassigned unclosed": listing(nobody + unclosed),
        "list, page at 8000": listing([], offset=8000),
        "search, subject": listing([("name", "ilike", word)]),
        "count, unclosed": lambda: Model.search_count(unclosed),
        "board, mine": board(mine),
        "board, all": board([]),
        "board, progress bar": lambda: Model.read_progress_bar([], "stage_id", BAR),
        "graph, by stage": lambda: Model.formatted_read_group(
            [], ["stage_id"], ["__count"]
        ),
        "pivot, month x user": lambda: Model.formatted_read_group(
            [], ["create_date:month", "user_id"], ["__count", side["sum"]]
        ),
        "form": lambda: one.web_read(form),
    }


def main():
    registry = boot(os.environ["BENCH_DB"])
    rows = int(os.environ.get("ROWS", "1000000"))
    with environment(registry, commit=True) as env:
        env.cr.execute("SELECT count(*) FROM crm_case WHERE number LIKE 'B%%'")
        if env.cr.fetchone()[0] != rows:
            fill(env, rows, max(rows // 10, 100))
    vacuum(os.environ["BENCH_DB"])
    with environment(registry) as env:
        agent = env["res.users"].search([("login", "=", "bench0")]).id
    with environment(registry, uid=agent) as env:
        peer = calls(env, PEER)
        for name, call in calls(env, OURS).items():
            ours_ms, ours_queries = measure(env, call)
            peer_ms, peer_queries = measure(env, peer[name])
            emit(
                bench="views",
                call=name,
                rows=rows,
                ms=round(ours_ms, 1),
                queries=ours_queries,
                peer_ms=round(peer_ms, 1),
                peer_queries=peer_queries,
                ratio=round(peer_ms / ours_ms, 2),
            )
        overview = env["crm.case.section"].search([("code", "like", "bench%")])
        counts = ["open_count", "unassigned_count", "late_count", "my_count"]
        wall, queries = measure(env, lambda: overview.read(counts))
        emit(
            bench="views",
            call="section overview",
            rows=rows,
            ms=round(wall, 1),
            queries=queries,
        )


if __name__ == "__main__":
    main()
