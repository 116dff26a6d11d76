"""The memory of partners: a page of a timeline, and the night pass over sentiments.

    scripts/bench bench/scenario_memory.py
    LINES=1000000 EVENTS=500000 scripts/bench bench/scenario_memory.py

10,000,000 lines in all sources, one company with 10,000 of them; 5,000,000 events with
marks of 1,000,000 partners. The night pass is compared with the same formula as plain
SQL over the one table of events (`ratio`: ours divided by it; at most 5 is wanted).
The database is one of its own, made once: events and mails by the million are no good
neighbours of the other scenarios.
"""

import os
import time

from common import boot, emit, environment, measure, vacuum

LINES = int(os.environ.get("LINES", "10000000"))
EVENTS = int(os.environ.get("EVENTS", "5000000"))
PARTNERS = EVENTS // 5
CASES = LINES // 10
BUSY = 10_000  # lines of the busiest company

_EVENTS = """
INSERT INTO crm_partner_event (name, partner_id, commercial_partner_id, kind_id, date,
                               direction, sentiment, company_id, currency_id, user_id,
                               is_on_timeline, create_date)
SELECT 'Call ' || g, p.id, p.commercial_partner_id, %(kind)s,
       now() at time zone 'utc' - random() * 600 * interval '1 day',
       CASE WHEN g %% 2 = 0 THEN 'in' ELSE 'out' END, floor(random() * 11)::int,
       1, %(currency)s, %(user)s, true, now()
  FROM generate_series(1, %(events)s) g
  JOIN memory_partner p ON p.number = g %% %(partners)s
"""
_CASES = """
INSERT INTO crm_case (number, name, active, section_id, stage_id, state, partner_id,
                      commercial_partner_id, priority, company_id, currency_id,
                      user_id, create_date)
SELECT 'M' || g, 'Request ' || g, true, %(section)s, %(stage)s, 'open', p.id,
       p.commercial_partner_id, '1', 1, %(currency)s, %(user)s, now()
  FROM generate_series(1, %(cases)s) g
  JOIN memory_partner p ON p.number = CASE WHEN g <= %(busy)s THEN 0
                                           ELSE g %% %(partners)s END
"""
_MOVES = """
INSERT INTO crm_case_move (case_id, date, state_from, state, section_id, company_id)
SELECT id, now() at time zone 'utc' - random() * 600 * interval '1 day', 'draft',
       'open', section_id, 1
  FROM crm_case WHERE number LIKE 'M%%'
"""
_MAILS = """
INSERT INTO mail_message (model, res_id, date, message_type, subtype_id, subject, body,
                          author_id, is_internal, create_date)
SELECT 'crm.case', c.id, now() at time zone 'utc' - random() * 600 * interval '1 day',
       'email', %(comment)s, c.name, '<p>Dear all, this is about ' || c.name || '</p>',
       c.partner_id, false, now()
  FROM crm_case c, generate_series(1, %(mails)s) WHERE c.number LIKE 'M%%'
"""
# the same formula over one table, without companies of contacts, rights or rows kept
_PLAIN = """
WITH by_period AS (
    SELECT partner_id, AVG(sentiment) AS mean,
           FLOOR(EXTRACT(EPOCH FROM now() at time zone 'utc' - date)
                 / (90 * 86400)) AS period
      FROM crm_partner_event
     WHERE sentiment IS NOT NULL AND date <= now() at time zone 'utc'
       AND date > now() at time zone 'utc' - interval '270 day'
     GROUP BY partner_id, period
), ranked AS (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY partner_id ORDER BY period) - 1 AS later
      FROM by_period
)
SELECT COUNT(*) FROM (
    SELECT partner_id, SUM(mean * 0.8 * 0.2 ^ later) + 5 * 0.2 ^ COUNT(*) AS value
      FROM ranked GROUP BY partner_id) x
"""


def fill(env):
    """Write partners, events, cases, moves and mails, as INSERT … SELECT."""
    cr = env.cr
    cr.execute(
        """INSERT INTO res_partner (name, complete_name, email, active, type,
                                    is_company, create_date)
           SELECT 'Memory ' || i, 'Memory ' || i, 'm' || i || '@memory.example', true,
                  'contact', true, now() FROM generate_series(0, %s) i""",
        (PARTNERS - 1,),
    )
    cr.execute("ANALYZE res_partner")
    cr.execute(
        """UPDATE res_partner SET commercial_partner_id = id
            WHERE commercial_partner_id IS NULL"""
    )
    cr.execute(
        """CREATE TEMP TABLE memory_partner AS
           SELECT substr(name, 8)::int AS number, id, commercial_partner_id
             FROM res_partner WHERE email LIKE '%@memory.example'"""
    )
    cr.execute("ANALYZE memory_partner")
    section = env["crm.case.section"].create({"name": "Memory", "code": "memory"})
    agent = env["res.users"].create(
        {
            "name": "Memory",
            "login": "memory",
            "group_ids": [(4, env.ref("crm_relations.crm_relations_group_section").id)],
        }
    )
    section.member_ids = agent
    env.flush_all()
    stage = env["crm.case.stage"].search([("state", "=", "open")], limit=1)
    # a company in a corner has 1 in 1,000 lines, the busy one BUSY of them
    mails = max((LINES - EVENTS - 2 * CASES) // CASES, 1)
    values = {
        "kind": env.ref("crm_relations.crm_partner_event_kind_call").id,
        "currency": env.company.currency_id.id,
        "user": agent.id,
        "events": EVENTS,
        "partners": PARTNERS,
        "cases": CASES,
        "busy": BUSY // (1 + mails),
        "section": section.id,
        "stage": stage.id,
        "comment": env.ref("mail.mt_comment").id,
        "mails": mails,
    }
    for statement in (_EVENTS, _CASES, _MOVES, _MAILS):
        cr.execute(statement, values)
    cr.execute("ANALYZE crm_partner_event, crm_case, crm_case_move, mail_message")


def pages(env):
    """Time what the web client asks for on the busiest company's timeline."""
    partner = env["res.partner"].search([("email", "=", "m0@memory.example")])
    quiet = env["res.partner"].search([("email", "=", "m4711@memory.example")])
    History = env["crm.partner.history"]
    columns = ["date", "kind", "direction", "name", "summary", "sentiment", "amount"]
    people = ["event_kind_id", "partner_id", "user_id"]
    rows = {name: {} for name in columns} | {
        name: {"fields": {"display_name": {}}} for name in people
    }
    busy = partner.action_view_history()["domain"]
    calm = quiet.action_view_history()["domain"]

    def page(domain, **options):
        return lambda: History.web_search_read(
            domain, rows, limit=80, count_limit=10001, **options
        )

    month = [("date", ">=", "now -30d"), ("date", "<", "now")]
    line = History.search(busy, limit=1)
    return {
        "timeline, first page": page(busy),
        "timeline, page at 8000": page(busy, offset=8000),
        "timeline, only mails": page([*busy, ("kind", "=", "mail")]),
        "timeline, a month (calendar)": page([*busy, *month]),
        "timeline, graph": lambda: History.formatted_read_group(
            busy, ["date:month", "kind"], ["__count"]
        ),
        "timeline, quiet partner": page(calm),
        "timeline, one line": lambda: line.web_read(rows),
        "partner, card": lambda: partner.read(["relation_figures"]),
        "partners, 80 with sentiment and contact": lambda: (
            env["res.partner"]
            .search([("email", "like", "@memory.example")], limit=80)
            .read(["sentiment_score", "date_last_contact", "open_case_count"])
        ),
        "partners, dissatisfied": lambda: env["res.partner"].search(
            [("sentiment_score", "<", 4)], limit=80
        ),
        "partners, worst first": lambda: env["res.partner"].search(
            [], order="sentiment_score", limit=80
        ),
        "partners, silent for 90 days": lambda: env["res.partner"].search(
            [("date_last_contact", "<", "now -90d")], limit=80
        ),
    }


def seconds(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def night(env):
    """Time the night pass: the first, one that changes nothing, and plain SQL."""
    Sentiment = env["crm.partner.sentiment"]
    first = seconds(Sentiment._cron_compute)
    again = seconds(Sentiment._cron_compute)
    plain = min(seconds(lambda: env.cr.execute(_PLAIN)) for _turn in range(2))
    emit(
        bench="memory",
        call="night pass",
        partners=PARTNERS,
        events=EVENTS,
        first_s=round(first, 1),
        again_s=round(again, 1),
        plain_s=round(plain, 1),
        ratio=round(again / plain, 2),
    )
    partner = env["res.partner"].search([("email", "=", "m0@memory.example")])
    wall, queries = measure(env, lambda: Sentiment._update_partners(partner))
    emit(bench="memory", call="one partner", ms=round(wall, 1), queries=queries)


def main():
    database = os.environ["BENCH_DB"]
    registry = boot(database)
    with environment(registry, commit=True) as env:
        env.cr.execute(
            "SELECT count(*) FROM res_partner WHERE email LIKE '%@memory.example'"
        )
        if env.cr.fetchone()[0] != PARTNERS:
            fill(env)
    vacuum(database)
    with environment(registry, commit=True) as env:
        night(env)
    vacuum(database)
    with environment(registry) as env:
        agent = env["res.users"].search([("login", "=", "memory")]).id
    with environment(registry, uid=agent) as env:
        for name, call in pages(env).items():
            wall, queries = measure(env, call)
            emit(
                bench="memory",
                call=name,
                lines=LINES,
                ms=round(wall, 1),
                queries=queries,
            )


if __name__ == "__main__":
    main()
