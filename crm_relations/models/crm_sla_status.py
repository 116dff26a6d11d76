from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import transitions

FIRST_RESPONSE, RESOLUTION = "first_response", "resolution"
TARGETS = [(FIRST_RESPONSE, "First Answer"), (RESOLUTION, "Solution")]
AT_RISK, MISSED = "at_risk", "missed"
STATES = [
    ("on_track", "On Track"),
    (AT_RISK, "At Risk"),
    ("paused", "Paused"),
    ("met", "Met"),
    (MISSED, "Missed"),
    ("stopped", "No Longer Counted"),
]
_SECONDS = 3600
# the fields of a case that the clocks are reckoned from
_CASE_FIELDS = ("state", "date_first_response", "date_closed", "section_id")


class CrmSlaStatus(models.Model):
    """What became of one promise: a target of a policy for one case.

    Made when the policy comes to apply to the case, kept when another one does, so
    that a promise once broken stays on record: nothing takes `date_missed` away.

    How much of the time is used follows from the stays in `crm.case.move`, those in
    the policy's pause states and in closed ones left out. They are the record of
    what happened, cannot be changed, and need no second book of pauses that might
    disagree with them; a calendar that changes is applied to the whole of them.
    """

    _name = "crm.sla.status"
    _description = "Service Level of a Case"
    _order = "case_id, target, id"
    _rec_name = "policy_id"
    _log_access = False

    case_id = fields.Many2one(
        "crm.case", required=True, index=True, ondelete="cascade", readonly=True
    )
    policy_id = fields.Many2one(
        "crm.sla.policy", required=True, index=True, ondelete="restrict", readonly=True
    )
    target = fields.Selection(TARGETS, required=True, readonly=True)
    is_current = fields.Boolean(
        "In Force", readonly=True, help="Another policy applies when it is not."
    )
    hours = fields.Float("Within (working hours)", readonly=True, aggregator="avg")
    state = fields.Selection(STATES, readonly=True)
    calendar_id = fields.Many2one(
        "resource.calendar", "Working Time", readonly=True, ondelete="set null"
    )
    date_start = fields.Datetime("Since", readonly=True)
    date_at_risk = fields.Datetime("At Risk from", readonly=True)
    deadline = fields.Datetime(readonly=True, help="Empty while the clock is paused.")
    hours_used = fields.Float(
        "Used (working hours)",
        readonly=True,
        aggregator="avg",
        help="Up to the last time that the clock stopped.",
    )
    date_met = fields.Datetime("Done on", readonly=True)
    date_missed = fields.Datetime("Missed on", readonly=True)

    _case_policy_target_uniq = models.UniqueIndex("(case_id, policy_id, target)")
    _current_uniq = models.UniqueIndex("(case_id, target) WHERE is_current")
    _running_idx = models.Index(
        "(policy_id) WHERE is_current AND state IN ('on_track', 'at_risk', 'paused')"
    )

    # ------------------------------------------------------------
    # WHICH PROMISES
    # ------------------------------------------------------------

    @api.model
    def _sync(self, case_ids):
        """Give cases the promises of the policy that they have now; 2 queries.

        :param case_ids: list of int
        """
        # SQL: one statement for any number of cases; readers get at these rows only
        # by the cases they may see, and only this model writes them
        self.env.execute_query(
            SQL(
                """UPDATE crm_sla_status s
                SET is_current = FALSE, deadline = NULL,
                    state = CASE WHEN s.state IN ('met', 'missed')
                        THEN s.state ELSE 'stopped' END
                FROM crm_case c LEFT JOIN crm_sla_policy p ON p.id = c.sla_policy_id
                WHERE s.case_id = c.id AND s.is_current AND c.id = ANY(%s)
                AND (c.sla_policy_id IS DISTINCT FROM s.policy_id OR 0 = CASE s.target
                    WHEN %s THEN p.hours_first_response ELSE p.hours_resolution END)
                RETURNING s.id""",
                list(case_ids),
                FIRST_RESPONSE,
            )
        )
        self.env.execute_query(
            SQL(
                """INSERT INTO crm_sla_status (
                    case_id, policy_id, target, is_current, hours, state, date_start)
                SELECT c.id, p.id, t.target, TRUE, t.hours, 'on_track',
                    (SELECT min(date) FROM crm_case_move WHERE case_id = c.id)
                FROM crm_case c
                JOIN crm_sla_policy p ON p.id = c.sla_policy_id
                JOIN LATERAL (VALUES
                    (%s, p.hours_first_response), (%s, p.hours_resolution)
                ) AS t (target, hours) ON t.hours > 0
                WHERE c.id = ANY(%s)
                ON CONFLICT (case_id, policy_id, target) DO UPDATE
                SET is_current = TRUE, hours = CASE
                    WHEN crm_sla_status.state IN ('met', 'missed')
                    THEN crm_sla_status.hours ELSE EXCLUDED.hours END
                WHERE NOT crm_sla_status.is_current
                    OR crm_sla_status.hours IS DISTINCT FROM EXCLUDED.hours
                RETURNING id""",
                FIRST_RESPONSE,
                RESOLUTION,
                list(case_ids),
            )
        )

    # ------------------------------------------------------------
    # THE CLOCKS
    # ------------------------------------------------------------

    @api.model
    def _refresh(self, where):
        """Reckon the clocks in force anew; 2 queries for any number of them.

        A clock that was stopped in time, and one that has run out, stay as they are.

        :param SQL where: a condition on ``s`` (crm_sla_status) and ``c`` (crm_case)
        :return: list of (status id, case id, new state, old state) of those changed
        """
        self.flush_model()
        self.env["crm.case"].flush_model(_CASE_FIELDS)
        self.env["crm.case.move"].flush_model()
        work = self._get_work_sql(where)
        if work is None:
            return []
        # SQL: see `_sync`
        changed = self.env.execute_query(self._get_refresh_sql(where, work))
        self.invalidate_model(flush=False)
        return changed

    @api.model
    def _find_running(self, where, limit):
        """Give the ids of clocks that run or are paused, no more than ``limit``."""
        rows = self.env.execute_query(
            SQL(
                """SELECT s.id FROM %s WHERE s.is_current
                AND s.state IN ('on_track', 'at_risk', 'paused') AND (%s) LIMIT %s""",
                _TABLES,
                where,
                limit,
            )
        )
        return [status_id for (status_id,) in rows]

    @api.model
    def _get_work_sql(self, where):
        """Give the calendars that the clocks go by, as a table; None without clocks.

        A calendar that has no working time any more stops nobody's work: its clocks
        stand still until it has some.
        """
        [(calendar_ids, first, hours)] = self.env.execute_query(
            SQL(
                """SELECT array_agg(DISTINCT %s), min(s.date_start), max(s.hours)
                FROM %s WHERE s.is_current AND %s""",
                _CALENDAR,
                _TABLES,
                where,
            )
        )
        if first is None:
            return None
        calendars = self.env["resource.calendar"].browse(filter(None, calendar_ids))
        now = fields.Datetime.now()
        bounds = {"first": min(first, now), "last": max(first, now)}
        usable = calendars.filtered(
            lambda calendar: calendar._has_working_time(hours * _SECONDS, **bounds)
        )
        return usable._get_working_from_sql(seconds=hours * _SECONDS, **bounds)

    @api.model
    def _get_refresh_sql(self, where, work):
        """Give the statement that reckons clocks.

        One pipeline without any join of a step to an earlier one: PostgreSQL takes
        each step for a single row, and would compare all with all.

        1. ``clock``: the clocks, and when the case brought them to an end
        2. ``timed``, ``stay``: the times in which they ran, each with what had run
           before; a calendar without working time lets none run
        3. ``total``: the end of the promise (``due``) and of its calm part (``warn``)
           lie in the last stay before which they were not over
        4. ``fate``: both as instants. OFFSET 0 keeps the calendars' arrays out of
           what PostgreSQL may sort.
        5. The promise is broken if its end came before that of the stay, or came just
           now while the stay lasts. Answered at the very end is in time.
        """
        Calendar = self.env["resource.calendar"]
        return SQL(
            _REFRESH,
            calendar=_CALENDAR,
            tables=_TABLES,
            where=where,
            work=work,
            closed=transitions.CLOSED,
            between=Calendar._get_working_between_sql(
                SQL("run.since"), SQL("run.until")
            ),
            due=Calendar._get_working_due_sql(
                SQL("total.due_since"), SQL("(total.goal - total.due_before)")
            ),
            warn=Calendar._get_working_due_sql(
                SQL("total.warn_since"), SQL("(total.calm - total.warn_before)")
            ),
            now=fields.Datetime.now(),
        )


# what a clock needs to know, with the names that conditions on clocks may use
_TABLES = SQL(
    """crm_sla_status s
    JOIN crm_case c ON c.id = s.case_id
    JOIN crm_sla_policy p ON p.id = s.policy_id
    JOIN crm_case_section section ON section.id = c.section_id
    JOIN res_company company ON company.id = c.company_id"""
)
_CALENDAR = SQL(
    """COALESCE(p.resource_calendar_id, section.resource_calendar_id,
    company.resource_calendar_id)"""
)
# see `_get_refresh_sql`
_REFRESH = """WITH clock AS MATERIALIZED (
    SELECT s.id, s.case_id, s.hours * 3600 AS goal,
        s.hours * 36 * (100 - p.at_risk_percent) AS calm,
        COALESCE(%(calendar)s, 0) AS calendar_id,
        string_to_array(p.pause_states, ',') AS pauses,
        c.state = 'cancel' AS is_cancelled,
        CASE
            WHEN s.target = 'first_response'
                AND c.date_first_response IS NOT NULL
            THEN c.date_first_response
            WHEN c.state = 'done' THEN c.date_closed
        END AS end_at
    FROM %(tables)s WHERE s.is_current AND %(where)s
), work AS MATERIALIZED (SELECT * FROM %(work)s),
run AS (
    SELECT clock.id, clock.goal, clock.calm, clock.calendar_id,
        clock.is_cancelled, clock.end_at, m.date AS since,
        CASE WHEN m.id IS NOT NULL
            THEN LEAST(m.date_end, clock.end_at) END AS until
    FROM clock LEFT JOIN crm_case_move m ON m.case_id = clock.case_id
        AND m.state NOT IN %(closed)s
        AND (clock.pauses IS NULL OR m.state <> ALL(clock.pauses))
        AND (clock.end_at IS NULL OR m.date < clock.end_at)
), timed AS (
    SELECT run.id, run.goal, run.calm, run.calendar_id, run.is_cancelled,
        run.end_at, run.until,
        CASE WHEN work.day_seconds IS NOT NULL THEN run.since END AS since,
        CASE WHEN work.day_seconds IS NOT NULL AND run.until IS NOT NULL
            THEN %(between)s END AS seconds
    FROM run LEFT JOIN work
        ON COALESCE(work.calendar_id, 0) = run.calendar_id
    OFFSET 0
), stay AS (
    SELECT timed.*, COALESCE(sum(timed.seconds) OVER (
        PARTITION BY timed.id ORDER BY timed.since, timed.until
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM timed
), total AS (
    SELECT id, goal, calm, calendar_id, is_cancelled, end_at,
        COALESCE(sum(seconds), 0) / 3600 AS hours_used,
        bool_or(since IS NOT NULL AND until IS NULL) AS runs,
        max(since) FILTER (WHERE before < goal) AS due_since,
        max(before) FILTER (WHERE before < goal) AS due_before,
        max(COALESCE(until, 'infinity')) FILTER (WHERE before < goal)
            AS due_until,
        max(since) FILTER (WHERE before < calm) AS warn_since,
        max(before) FILTER (WHERE before < calm) AS warn_before
    FROM stay GROUP BY id, goal, calm, calendar_id, is_cancelled, end_at
), fate AS (
    SELECT total.*, date_trunc('second', %(due)s) AS due_at,
        CASE WHEN total.calm < total.goal
            THEN date_trunc('second', %(warn)s) END AS warn_at
    FROM total LEFT JOIN work
        ON COALESCE(work.calendar_id, 0) = total.calendar_id
    OFFSET 0
), verdict AS (
    SELECT fate.*, s.state AS old_state,
        s.date_missed IS NOT NULL AS was_missed,
        COALESCE(s.date_missed, CASE
            WHEN fate.due_until = 'infinity' AND fate.due_at <= %(now)s
                OR fate.due_until != 'infinity'
                    AND fate.due_at < fate.due_until
            THEN fate.due_at END) AS missed_at
    FROM fate JOIN crm_sla_status s ON s.id = fate.id
    WHERE s.state != 'met' OR s.date_met IS DISTINCT FROM fate.end_at
), result AS (
    SELECT verdict.*, CASE
        WHEN missed_at IS NOT NULL THEN 'missed'
        WHEN end_at IS NOT NULL THEN 'met'
        WHEN is_cancelled THEN 'stopped'
        WHEN NOT runs THEN 'paused'
        WHEN warn_at <= %(now)s THEN 'at_risk'
        ELSE 'on_track'
    END AS state
    FROM verdict
)
UPDATE crm_sla_status s
SET state = v.state, date_met = v.end_at, date_missed = v.missed_at,
    calendar_id = NULLIF(v.calendar_id, 0), hours_used = v.hours_used,
    date_at_risk = CASE WHEN v.was_missed
        THEN s.date_at_risk ELSE v.warn_at END,
    deadline = CASE WHEN v.was_missed THEN s.deadline
        WHEN v.state IN ('paused', 'stopped') THEN NULL
        ELSE v.due_at END
FROM result v WHERE s.id = v.id
RETURNING s.id, s.case_id, s.state, v.old_state
"""
