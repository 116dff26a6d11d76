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

        1. ``clock``: the clocks, and when the case brought them to an end
        2. ``stay``: the times in which they ran, each with what had run before
        3. ``due``, ``warn``: the end of the promise and of its calm part. Both lie in
           the last stay before which they were not over; later ones do not count.
        4. The promise is broken if its end came before that of the stay, or came just
           now while the stay lasts. Answered at the very end is in time.
        """
        Calendar = self.env["resource.calendar"]
        now = fields.Datetime.now()

        def reach(name, goal):
            # pylint: disable=sql-injection
            return SQL(
                """%(name)s AS (
                    SELECT DISTINCT ON (stay.id) stay.id, stay.until,
                        date_trunc('second', %(due)s) AS at
                    FROM stay JOIN work
                        ON COALESCE(work.calendar_id, 0) = stay.calendar_id
                    WHERE stay.before < stay.%(goal)s
                    ORDER BY stay.id, stay.since DESC
                )""",
                name=SQL.identifier(name),
                goal=SQL.identifier(goal),
                due=Calendar._get_working_due_sql(
                    SQL("stay.since"),
                    SQL("(stay.%s - stay.before)", SQL.identifier(goal)),
                ),
            )

        return SQL(
            """WITH clock AS MATERIALIZED (
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
                    m.date AS since, LEAST(m.date_end, clock.end_at) AS until
                FROM clock JOIN crm_case_move m ON m.case_id = clock.case_id
                WHERE m.state NOT IN %(closed)s
                AND (clock.pauses IS NULL OR m.state <> ALL(clock.pauses))
                AND (clock.end_at IS NULL OR m.date < clock.end_at)
            ), stay AS MATERIALIZED (
                SELECT timed.*, COALESCE(sum(timed.seconds) OVER (
                    PARTITION BY timed.id ORDER BY timed.since, timed.until
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
                FROM (
                    SELECT run.*, CASE WHEN run.until IS NOT NULL
                        THEN %(between)s END AS seconds
                    FROM run JOIN work
                        ON COALESCE(work.calendar_id, 0) = run.calendar_id
                ) AS timed
            ),
            %(due)s,
            %(warn)s,
            spent AS (
                SELECT id, sum(seconds) / 3600 AS hours, bool_or(until IS NULL) AS runs
                FROM stay GROUP BY id
            ), fate AS (
                SELECT clock.id, clock.end_at, due.at AS due_at, warn.at AS warn_at,
                    clock.calendar_id, COALESCE(spent.hours, 0) AS hours_used,
                    clock.is_cancelled, COALESCE(spent.runs, FALSE) AS runs,
                    CASE WHEN due.until IS NULL AND due.at <= %(now)s
                        OR due.at < due.until THEN due.at END AS missed_at
                FROM clock
                LEFT JOIN due ON due.id = clock.id
                LEFT JOIN warn ON warn.id = clock.id AND clock.calm < clock.goal
                LEFT JOIN spent ON spent.id = clock.id
            ), verdict AS (
                SELECT fate.*, CASE
                    WHEN COALESCE(s.date_missed, fate.missed_at) IS NOT NULL
                        THEN 'missed'
                    WHEN fate.end_at IS NOT NULL THEN 'met'
                    WHEN fate.is_cancelled THEN 'stopped'
                    WHEN NOT fate.runs THEN 'paused'
                    WHEN fate.warn_at <= %(now)s THEN 'at_risk'
                    ELSE 'on_track'
                END AS state, s.state AS old_state,
                COALESCE(s.date_missed, fate.missed_at) AS date_missed,
                s.date_missed IS NOT NULL AS was_missed, s.deadline AS old_deadline
                FROM fate JOIN crm_sla_status s ON s.id = fate.id
                WHERE s.state != 'met' OR s.date_met IS DISTINCT FROM fate.end_at
            )
            UPDATE crm_sla_status s
            SET state = v.state, date_met = v.end_at, date_missed = v.date_missed,
                calendar_id = NULLIF(v.calendar_id, 0), hours_used = v.hours_used,
                date_at_risk = CASE WHEN v.was_missed
                    THEN s.date_at_risk ELSE v.warn_at END,
                deadline = CASE WHEN v.was_missed THEN s.deadline
                    WHEN v.state IN ('paused', 'stopped') THEN NULL
                    ELSE v.due_at END
            FROM verdict v WHERE s.id = v.id
            RETURNING s.id, s.case_id, s.state, v.old_state""",
            calendar=_CALENDAR,
            tables=_TABLES,
            where=where,
            work=work,
            closed=transitions.CLOSED,
            between=Calendar._get_working_between_sql(
                SQL("run.since"), SQL("run.until")
            ),
            due=reach("due", "goal"),
            warn=reach("warn", "calm"),
            now=now,
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
