"""Segments over many partners, beside the best plain SQL that does the same.

    DB=my_database scripts/bench bench/scenario_segments.py
    DB=my_database PARTNERS=20000 scripts/bench bench/scenario_segments.py

PARTNERS (1,000,000) with six answers each, 50 segments of answers, figures and filters,
in one transaction that is rolled back. The plain SQL inserts the same memberships and
categories into tables with the same keys. Six answers saved, with all these segments,
beside Odoo's `survey` if it is installed. Then a category onto four fifths of CONTACTS
(100,000), beside one ORM write. `target` is the ratio or time that is to be reached.
"""

import os
import resource
import time
from contextlib import contextmanager

from common import Meter, boot, emit, emit_machine, environment, vacuum

PARTNERS = int(os.environ.get("PARTNERS", "1000000"))
CONTACTS = int(os.environ.get("CONTACTS", "100000"))
QUESTIONS, ANSWERS, SEGMENTS = 6, 4, 50
SAVED = 300  # questionnaires


def main():
    emit_machine()
    registry = boot(os.environ["BENCH_DB"])
    with environment(registry) as env:
        time_night(env)
    vacuum(os.environ["BENCH_DB"])
    with environment(registry) as env:
        time_category(env)


# ------------------------------------------------------------
# ROWS
# ------------------------------------------------------------


def fill_partners(env, count, ref):
    """Insert partners by SQL; the ORM takes hours for so many."""
    env.cr.execute(
        """INSERT INTO res_partner (name, complete_name, ref, active, type, lang,
            autopost_bills, create_date, write_date)
        SELECT 'Bench ' || n, 'Bench ' || n, %s, TRUE, 'contact', 'en_US', 'ask',
            now(), now() FROM generate_series(1, %s) n"""
        if "autopost_bills" in env["res.partner"]._fields
        else """INSERT INTO res_partner (name, complete_name, ref, active, type, lang,
            create_date, write_date)
        SELECT 'Bench ' || n, 'Bench ' || n, %s, TRUE, 'contact', 'en_US',
            now(), now() FROM generate_series(1, %s) n""",
        [ref, count],
    )
    env.cr.execute(
        "UPDATE res_partner SET commercial_partner_id = id "
        "WHERE commercial_partner_id IS NULL"
    )


def fill_answers(env):
    """Give each partner one answer to each question, spread evenly."""
    questions = env["crm.profiling.question"].create(
        [
            {
                "name": f"Question {q}?",
                "answer_ids": [
                    (0, 0, {"name": f"Answer {a}", "points": a}) for a in range(ANSWERS)
                ],
            }
            for q in range(QUESTIONS)
        ]
    )
    env.flush_all()
    for shift, question in enumerate(questions):
        env.cr.execute(
            """INSERT INTO crm_profiling_response
                (partner_id, question_id, answer_id, kind, date, active)
            SELECT p.id, %s, (%s::int[])[1 + (p.id / (%s + 1) + p.id) %% %s], 'single',
                now(), TRUE FROM res_partner p WHERE p.ref = 'bench'""",
            [question.id, question.answer_ids.ids, shift, ANSWERS],
        )
    env.cr.execute("ANALYZE res_partner, crm_profiling_response")
    return questions


def make_segments(env, questions):
    """Make segments of two answers to each of two questions, with a category each.

    Every fifth asks for points, every seventh has a filter.
    """
    env["crm.segment"].search([]).active = False
    segments = env["crm.segment"]
    for index in range(SEGMENTS):
        first, second = (questions[(index + step) % QUESTIONS] for step in (0, 1))
        start = index % (ANSWERS - 1)
        values = {
            "name": f"Bench {index}",
            "category_id": env["res.partner.category"].create({"name": "Bench"}).id,
            "answer_yes_ids": [
                (4, answer.id)
                for question in (first, second)
                for answer in question.answer_ids[start : start + 1]
            ],
        }
        if index % 5 == 0:
            line = {"measure": "profiling_score", "operator": ">", "value": 9}
            values["line_ids"] = [(0, 0, line)]
        if index % 7 == 0:
            values["filter_domain"] = "[('ref', '=', 'bench')]"
        segments |= segments.create(values)
    env.flush_all()
    return segments


# ------------------------------------------------------------
# NIGHT
# ------------------------------------------------------------


def time_night(env):
    fill_partners(env, PARTNERS, "bench")
    questions = fill_answers(env)
    segments = make_segments(env, questions)
    before = memory()
    with no_commit(env):
        first = timed(env, env["crm.segment"]._cron_compute)
        members = segments.mapped("member_count")
        again = timed(env, env["crm.segment"]._cron_compute)
    plain = time_plain(env, segments)
    emit(
        bench="segments night",
        partners=PARTNERS,
        segments=SEGMENTS,
        members=sum(members),
        ours_s=round(first.wall, 2),
        statements=first.queries,
        plain_sql_s=round(plain, 2),
        times_plain=round(first.wall / plain, 2),
        target="at most 3 times",
        memory_mb=memory() - before,
    )
    emit(
        bench="segments night, nothing changed",
        ours_s=round(again.wall, 2),
        share_of_run=round(again.wall / first.wall, 3),
        statements=again.queries,
    )
    partner = env["res.partner"].search([("ref", "=", "bench")], limit=1)
    one = timed(env, partner._on_responses_changed)
    emit(
        bench="segments of one partner",
        ours_ms=round(1000 * one.wall, 1),
        statements=one.queries,
        target="under 30 statements",
    )
    time_saving(env, questions)


def time_plain(env, segments):
    """Insert the same memberships and categories, with the least that can be done."""
    env.cr.execute(
        """CREATE TEMP TABLE plain_member (LIKE crm_segment_membership INCLUDING ALL);
        CREATE TEMP TABLE plain_category
            (LIKE res_partner_res_partner_category_rel INCLUDING ALL)"""
    )
    start = time.perf_counter()
    for segment in segments:
        env.execute_query(plain_query(env, segment))
    wall = time.perf_counter() - start
    [(count,)] = env.execute_query(sql("SELECT count(*) FROM plain_member"))
    if count != sum(segments.mapped("member_count")):
        raise SystemExit("the plain SQL found other members")
    return wall


def sql(*args, **kwargs):
    from odoo.tools import SQL

    return SQL(*args, **kwargs)


def plain_query(env, segment):
    groups = segment.answer_yes_ids.grouped("question_id").values()
    conditions = [sql("active")]
    conditions += [
        sql(
            "id IN (SELECT partner_id FROM crm_profiling_response "
            "WHERE active AND answer_id = ANY(%s))",
            answers.ids,
        )
        for answers in groups
    ]
    if segment.filter_domain:
        conditions.append(sql("ref = 'bench'"))
    if segment.line_ids:
        conditions.append(
            sql(
                "id IN (SELECT partner_id FROM crm_profiling_response r "
                "JOIN crm_profiling_answer a ON a.id = r.answer_id WHERE r.active "
                "GROUP BY partner_id HAVING sum(points) > 9)"
            )
        )
    return sql(
        """WITH member AS (
            INSERT INTO plain_member (segment_id, partner_id, date)
            SELECT %s, id, now() FROM res_partner WHERE %s RETURNING partner_id),
        category AS (
            INSERT INTO plain_category (category_id, partner_id)
            SELECT %s, partner_id FROM member)
        SELECT count(*) FROM member""",
        segment.id,
        sql(" AND ").join(conditions),
        segment.category_id.id,
    )


# ------------------------------------------------------------
# SAVING
# ------------------------------------------------------------


def time_saving(env, questions):
    """Save six answers, each other than before, so that segments change as well."""
    partners = env["res.partner"].search([("ref", "=", "bench")], limit=2 * SAVED + 10)
    questionnaire = env["crm.profiling.questionnaire"].create({"name": "Bench"})
    questions.answer_ids.mapped("name")

    def give(partner):
        answers = env["crm.profiling.response"].search(
            [("partner_id", "=", partner.id)]
        )
        return {
            one.question_id: all_of[(all_of.ids.index(one.answer_id.id) + 1) % ANSWERS]
            for one in answers
            for all_of in [one.question_id.answer_ids]
        }

    def save(some):
        for partner in some:
            save_answers({partner: given[partner]}, questionnaire)
            end_request(env)

    save_answers = env["crm.profiling.response"]._save_answers
    given = {partner: give(partner) for partner in partners}
    save(partners[:10])  # what is remembered
    with Meter() as meter:
        save(partners[10 : SAVED + 10])
    many = {partner: given[partner] for partner in partners[SAVED + 10 :]}
    with Meter() as together:
        save_answers(many, questionnaire)
        env.flush_all()
    figures = {"per_s": round(SAVED / meter.wall, 1)}
    if "survey.survey" in env:
        peer = time_survey(env, partners[:SAVED])
        figures |= {
            "survey_per_s": round(SAVED / peer.wall, 1),
            "survey_statements": round(peer.queries / SAVED, 1),
            "ratio": round(peer.wall / meter.wall, 1),
        }
    emit(
        bench="six answers saved",
        segments=SEGMENTS,
        statements=round(meter.queries / SAVED, 1),
        **figures,
        target="ratio 4",
    )
    emit(
        bench="six answers each, saved together",
        partners=SAVED,
        per_s=round(SAVED / together.wall, 1),
        statements=together.queries,
    )


def time_survey(env, partners):
    """Have Odoo's survey create, save and finish answers to six questions."""
    choices = [(0, 0, {"value": str(n), "answer_score": n}) for n in range(ANSWERS)]
    kinds = ["simple_choice"] * 3 + ["multiple_choice", "char_box", "numerical_box"]
    questions = [
        {
            "title": f"Question {n}",
            "question_type": kind,
            "suggested_answer_ids": choices if "choice" in kind else [],
        }
        for n, kind in enumerate(kinds)
    ]
    survey = env["survey.survey"].create(
        {
            "title": "Bench",
            "access_mode": "public",
            "users_can_go_back": True,
            "scoring_type": "scoring_without_answers",
            "question_and_page_ids": [(0, 0, values) for values in questions],
        }
    )

    def answer_of(question, partner):
        chosen = question.suggested_answer_ids
        return {
            "simple_choice": str(chosen[:1].id),
            "multiple_choice": [str(one.id) for one in chosen[:2]],
            "char_box": f"text {partner.id}",
            "numerical_box": float(partner.id),
        }[question.question_type]

    def fill(partner):
        answer = survey._create_answer(partner=partner, check_attempts=False)
        for question in survey.question_ids:
            answer._save_lines(question, answer_of(question, partner))
        answer._mark_done()
        end_request(env)

    fill(partners[0])
    with Meter() as meter:
        for partner in partners:
            fill(partner)
    return meter


# ------------------------------------------------------------
# CATEGORY
# ------------------------------------------------------------


def time_category(env):
    env["crm.segment"].search([]).active = False
    fill_partners(env, CONTACTS, "other")
    env.cr.execute(
        "UPDATE res_partner SET ref = 'bench' WHERE id IN "
        "(SELECT id FROM res_partner WHERE ref = 'other' ORDER BY id LIMIT %s)",
        [CONTACTS * 4 // 5],
    )
    env.cr.execute("ANALYZE res_partner")
    env.invalidate_all()
    ours, theirs = env["res.partner.category"].create([{"name": "A"}, {"name": "B"}])
    segment = env["crm.segment"].create(
        {
            "name": "Bench",
            "category_id": ours.id,
            "filter_domain": "[('ref', '=', 'bench')]",
        }
    )
    env.flush_all()
    first = timed(env, segment.action_compute)
    again = timed(env, segment.action_compute)
    partners = env["res.partner"].search([("ref", "=", "bench")])
    peer = timed(env, lambda: partners.write({"category_id": [(4, theirs.id)]}))
    emit(
        bench="category onto contacts",
        members=segment.member_count,
        ours_s=round(first.wall, 2),
        nothing_changed_s=round(again.wall, 2),
        orm_write_s=round(peer.wall, 2),
        ratio=round(peer.wall / first.wall, 1),
        target="2 s, 0.3 s",
    )


def end_request(env):
    """Write all, and know nothing of it afterwards, as a commit does."""
    env.flush_all()
    env.invalidate_all()


def timed(env, call):
    end_request(env)
    with Meter() as meter:
        call()
        env.flush_all()
    return meter


@contextmanager
def no_commit(env):
    """Keep the run in this transaction, which is rolled back."""
    from unittest.mock import patch

    with patch.object(
        env.registry["ir.cron"], "_commit_progress", lambda *_args, **_values: 60.0
    ):
        yield


def memory():
    """Give the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
