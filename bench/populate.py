"""Volume for the benchmarks: contacts, cases and, for the peer, leads, by SQL.

50 agents in 5 sections (a tree), three years, 35 % unclosed, 30 % without a partner,
10 % without a responsible, the busiest agent has 14 % of the rows. The same rows are
written to `crm_lead`: both models answer the same questions about the same work.
"""

_ROWS = """
    SELECT g, random() < 0.35 AS unclosed, random() AS r_user, random() AS r_agent,
           random() AS r_section, random() AS r_stage, random() AS r_partner,
           random() AS r_priority, random() AS r_value,
           date_trunc('second', now() AT TIME ZONE 'UTC')
               - random() * 1085 * interval '1 day' AS at,
           1 + floor(random() * %(partners)s)::int AS partner
      FROM generate_series(1, %(rows)s) g
"""


def agents(env, count=50):
    """Give ``count`` users who may work on cases and on leads."""
    users = env["res.users"].search([("login", "like", "bench%")])
    groups = env.ref("crm_relations.crm_relations_group_section")
    groups |= env.ref("sales_team.group_sale_salesman_all_leads")
    missing = [
        {
            "name": f"Agent {index}",
            "login": f"bench{index}",
            "group_ids": [(6, 0, groups.ids)],
        }
        for index in range(len(users), count)
    ]
    created = users.with_context(no_reset_password=True).create(missing)
    return (users | created).sorted("id")


def sections(env, users):
    """Give five sections in a tree, the agents spread over them; and five teams."""
    Section = env["crm.case.section"]
    found = Section.search([("code", "like", "bench%")], order="id")
    for index in range(len(found), 5):
        found |= Section.create(
            {
                "name": f"Bench {index}",
                "code": f"bench{index}",
                "parent_id": found[:1].id if index > 2 else False,
                "member_ids": [(6, 0, users.ids[index::5])],
            }
        )
    teams = env["crm.team"].search([("name", "like", "Bench %")], order="id")
    for index in range(len(teams), 5):
        teams |= teams.create({"name": f"Bench {index}"})
    return found, teams


def fill(env, rows, partners):
    """Write ``partners`` contacts and as many cases and leads as ``rows`` says.

    The caller commits and then vacuums: without a visibility map no index answers
    alone, which a database in use has from autovacuum.
    """
    cr = env.cr
    users = agents(env)
    found, teams = sections(env, users)
    env.flush_all()
    stages = env["crm.case.stage"].search([("section_ids", "=", False)])
    lead_stages = env["crm.stage"].search([])
    # rows of an earlier run with another volume
    cr.execute("DELETE FROM crm_case WHERE number LIKE 'B%'")
    cr.execute("DELETE FROM crm_lead WHERE name LIKE 'Request %'")
    cr.execute("DELETE FROM res_partner WHERE email LIKE '%@bench.example'")
    fill_contacts(cr, partners)
    cr.execute("DROP TABLE IF EXISTS bench_rows")
    cr.execute(
        f"CREATE UNLOGGED TABLE bench_rows AS {_ROWS}",
        {"rows": rows, "partners": partners},
    )
    values = {
        "users": users.ids,
        "sections": found.ids,
        "teams": teams.ids,
        "unclosed": stages.filtered(
            lambda s: s.state in ("draft", "open", "pending")
        ).ids,
        "closed": stages.filtered(lambda s: s.state in ("done", "cancel")).ids,
        "stages": lead_stages.filtered(lambda s: not s.is_won).ids,
        "won": lead_stages.filtered("is_won").ids,
        "currency": env.company.currency_id.id,
    }
    _fill_cases(cr, values)
    _fill_leads(cr, values)
    cr.execute("DROP TABLE bench_rows")
    cr.execute("ANALYZE res_partner, crm_case, crm_lead")


def fill_contacts(cr, count):
    """Write ``count`` contacts p<number>@bench.example, one in five a company."""
    cr.execute(
        """
        INSERT INTO res_partner (name, complete_name, email, email_normalized, active,
                                 type, is_company, create_date, write_date)
        SELECT name, name, email, email, true, 'contact', i %% 5 = 0, now(), now()
          FROM (SELECT i, 'Bench ' || md5(i::text) AS name,
                       'p' || i || '@bench.example' AS email
                  FROM generate_series(1, %s) i) x
        """,
        (count,),
    )
    # the plan of a foreign key check, made while the table was small, is a scan per row
    cr.execute("ANALYZE res_partner")
    cr.execute(
        """UPDATE res_partner SET commercial_partner_id = id
            WHERE commercial_partner_id IS NULL"""
    )
    cr.execute(
        """CREATE TEMP TABLE bench_partner ON COMMIT DROP AS
           SELECT row_number() OVER (ORDER BY id) AS partner, id, name, email
             FROM res_partner WHERE email LIKE '%%@bench.example'"""
    )
    cr.execute("CREATE UNIQUE INDEX ON bench_partner (partner)")


def _fill_cases(cr, values):
    cr.execute(
        """
        INSERT INTO crm_case (number, name, active, section_id, stage_id, state,
                              user_id, partner_id, commercial_partner_id, email_from,
                              email_normalized, priority, company_id, currency_id,
                              planned_revenue, probability, weighted_revenue, date,
                              duration, date_deadline, date_last_action, date_closed,
                              hours_close, hours_working_close, day_created,
                              day_closed, message_count, reopen_count, create_date,
                              write_date, create_uid, write_uid, sla_state)
        SELECT 'B' || g, 'Request ' || g || ' ' || md5(g::text), true,
               (%(sections)s::int[])[1 + floor(r_section * 5)::int], s.id, s.state,
               CASE WHEN r_user < 0.9
                    THEN (%(users)s::int[])[1 + floor(r_agent * r_agent * 50)::int] END,
               p.id, p.id, COALESCE(p.email, 's' || g || '@stranger.example'),
               COALESCE(p.email, 's' || g || '@stranger.example'),
               CASE WHEN r_priority < 0.1 THEN '0' WHEN r_priority < 0.8 THEN '1'
                    WHEN r_priority < 0.95 THEN '2' ELSE '3' END,
               1, %(currency)s, exp(5 + 3 * r_value), 50, exp(5 + 3 * r_value) / 2,
               at, 1, at + interval '10 day', at + interval '1 day',
               CASE WHEN NOT unclosed THEN at + interval '3 day' END,
               CASE WHEN NOT unclosed THEN 72 END, CASE WHEN NOT unclosed THEN 24 END,
               at, CASE WHEN NOT unclosed THEN at + interval '3 day' END,
               1 + floor(3 * r_value), floor(1.1 * r_value), at, at, 1, 1, 'none'
          FROM bench_rows
          JOIN crm_case_stage s ON s.id = CASE
               WHEN unclosed
               THEN (%(unclosed)s::int[])[1 + floor(r_stage * r_stage * 3)::int]
               ELSE (%(closed)s::int[])[1 + floor(r_stage * r_stage * 2)::int] END
          LEFT JOIN bench_partner p
            ON p.partner = bench_rows.partner AND r_partner < 0.7
        """,
        values,
    )


def _fill_leads(cr, values):
    cr.execute(
        """
        INSERT INTO crm_lead (name, type, active, team_id, stage_id, user_id,
                              partner_id, contact_name, email_from, email_normalized,
                              priority, company_id, expected_revenue, probability,
                              prorated_revenue, won_status, date_deadline,
                              date_last_stage_update,
                              date_closed, day_close, create_date, write_date,
                              create_uid, write_uid)
        SELECT 'Request ' || g || ' ' || md5(g::text), 'opportunity', true,
               (%(teams)s::int[])[1 + floor(r_section * 5)::int],
               CASE WHEN unclosed
                    THEN (%(stages)s::int[])[1 + floor(
                         r_stage * r_stage * array_length(%(stages)s::int[], 1))::int]
                    ELSE (%(won)s::int[])[1] END,
               CASE WHEN r_user < 0.9
                    THEN (%(users)s::int[])[1 + floor(r_agent * r_agent * 50)::int] END,
               p.id, p.name, COALESCE(p.email, 's' || g || '@stranger.example'),
               COALESCE(p.email, 's' || g || '@stranger.example'),
               CASE WHEN r_priority < 0.1 THEN '0' WHEN r_priority < 0.8 THEN '1'
                    WHEN r_priority < 0.95 THEN '2' ELSE '3' END,
               1, exp(5 + 3 * r_value), CASE WHEN unclosed THEN 50 ELSE 100 END,
               exp(5 + 3 * r_value) / 2,
               CASE WHEN unclosed THEN 'pending' ELSE 'won' END,
               (at + interval '10 day')::date, at, CASE WHEN NOT unclosed
               THEN at + interval '3 day' END, 3, at, at, 1, 1
          FROM bench_rows
          LEFT JOIN bench_partner p
            ON p.partner = bench_rows.partner AND r_partner < 0.7
        """,
        values,
    )
