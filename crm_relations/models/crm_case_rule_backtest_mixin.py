import psycopg2
from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, Query

from ..tools import transitions
from .crm_case_mail_recipients_mixin import EXCHANGE_TYPES
from .crm_case_rule_trigger_mixin import ESCALATE

TIME_LIMIT = 30  # seconds that a look at the past may take
SAMPLES = 50


class CrmCaseRuleBacktestMixin(models.AbstractModel):
    """What a rule would have done in a period of the past, counted by the database.

    Nothing is changed, and no case is read but the samples. What is known of the past
    is used: dates, moves and messages. All else (responsible, priority, partner's
    category…) is as it is today.
    """

    _name = "crm.case.rule.backtest.mixin"
    _description = "Rule on the Past"

    def _backtest(self, start, end):
        """Tell what the rule would have done from ``start`` to ``end``.

        Two statements whatever the number of cases; given up after `TIME_LIMIT`.

        :param start: naive UTC datetime; ``end`` is not in the period
        :return: {"hours": list of (hour, firings, responsibles, partners, watchers),
            "cases": number of different cases, "samples": list of (case id, instant)}
        :raise UserError: it takes too long
        """
        self.ensure_one()
        self.env.flush_all()
        fired = self._get_past_sql(start, end)
        limit = SQL("SET LOCAL statement_timeout = %s", TIME_LIMIT * 1000)
        try:
            # the savepoint takes the time limit back when it is undone
            with self.env.cr.savepoint(flush=False):
                self.env.cr.execute(limit)
                hours = self._read(self._get_hours_sql(fired))
                rows = self._read(self._get_samples_sql(fired))
                self.env.cr.execute("SET LOCAL statement_timeout = DEFAULT")
        except psycopg2.errors.QueryCanceled:
            raise UserError(
                self.env._("Period: this takes too long. Choose a shorter one.")
            ) from None
        cases = rows[0][2] if rows else 0
        return {
            "hours": [row for row in hours if row[0]],
            "cases": cases,
            "samples": [row[:2] for row in rows],
        }

    def _read(self, query):
        # taking too long is an answer, not an error for the log
        self.env.cr.execute(query, log_exceptions=False)
        return self.env.cr.fetchall()

    def _get_hours_sql(self, fired):
        return SQL(
            """SELECT date_trunc('hour', fired.at), count(*),
                      count(*) FILTER (WHERE c.user_id IS NOT NULL),
                      count(*) FILTER (WHERE COALESCE(p.email, c.email_from) != ''),
                      count(*) FILTER (WHERE c.email_cc != '')
                 FROM (%s) fired
                 JOIN crm_case c ON c.id = fired.case_id
                 LEFT JOIN res_partner p ON p.id = c.partner_id
                GROUP BY 1 ORDER BY 1""",
            fired,
        )

    def _get_samples_sql(self, fired):
        return SQL(
            """WITH fired AS MATERIALIZED (%s)
               SELECT case_id, at, (SELECT count(DISTINCT case_id) FROM fired)
                 FROM fired ORDER BY at DESC, case_id LIMIT %s""",
            fired,
            SAMPLES,
        )

    # ------------------------------------------------------------
    # OCCASIONS OF THE PAST
    # ------------------------------------------------------------

    def _get_past_sql(self, start, end):
        """Give, as SQL, the occasions (case_id, at) of a period."""
        tables, criteria = self._get_past_cases_sql()
        if self._is_timed():
            sources = [self._get_past_dates_sql()]
        else:
            sources = self._get_past_events_sql()
        return SQL(" UNION ALL ").join(
            SQL(
                """SELECT crm_case.id AS case_id, past.at AS at
                     FROM %(tables)s %(source)s
                    WHERE %(criteria)s AND past.at >= %(start)s AND past.at < %(end)s
                      AND past.at <= %(now)s %(state)s""",
                tables=tables,
                source=source,
                criteria=criteria,
                start=start,
                end=end,
                now=fields.Datetime.now(),
                state=self._get_past_state_sql(),
            )
            for source in sources
        )

    def _get_past_cases_sql(self):
        """Give the criteria without the state, which is looked up in the past."""
        # sudo: whoever sets up rules is told how many cases, whosever they are
        Case = self.env["crm.case"].sudo()
        domain = Domain.AND(one.domain for one in self._get_lasting_criteria())
        query = Query(self.env, Case._table, Case._table_sql)
        where = self._domain_to_sql(Case, domain & Domain("active", "=", True), query)
        return query.from_clause, where

    def _get_past_state_sql(self):
        """Ask for the state that a case was in at the instant, from its stays."""
        state = self.state_to or self.state_from
        if state not in dict(transitions.STATES) or not (
            self._is_timed() or self.on_message
        ):
            return SQL()
        return SQL(
            """AND EXISTS (SELECT FROM crm_case_move stay
                WHERE stay.case_id = crm_case.id AND stay.state = %s
                  AND stay.date <= past.at
                  AND (stay.date_end IS NULL OR stay.date_end > past.at))""",
            state,
        )

    def _get_past_dates_sql(self):
        at = self._get_due_sql(self._get_base_sql(), self.delay, self.delay_unit)
        return SQL(
            "%s CROSS JOIN LATERAL (SELECT date_trunc('second', %s) AS at) past",
            self._get_calendar_sql(),
            at,
        )

    def _get_past_events_sql(self):
        """Give the joins to the events that the rule hears."""
        listener = self._get_listener()
        any_event = listener.any_event and not self.sla_event
        sources = []
        if self.sla_event:
            sources.append(self._get_past_promises_sql())
        elif self.on_create or any_event:
            sources.append(self._get_past_creations_sql())
        if self.on_message or any_event:
            sources.append(
                SQL(
                    """JOIN (SELECT res_id, date AS at FROM mail_message
                        WHERE model = 'crm.case' AND message_type IN %s
                    ) past ON past.res_id = crm_case.id""",
                    EXCHANGE_TYPES,
                )
            )
        bound = self.on_create or self.on_message or self.sla_event
        if any_event or (not bound and (self.state_from or self.state_to)):
            sources.append(self._get_past_moves_sql())
        return sources

    def _get_past_creations_sql(self):
        return SQL(
            "CROSS JOIN LATERAL (SELECT date_trunc('second', crm_case.create_date) "
            "AS at) past"
        )

    def _get_past_promises_sql(self):
        """Take promises by their deadlines; when they were at risk is not kept."""
        return SQL(
            """JOIN (SELECT case_id, deadline AS at FROM crm_sla_status
                WHERE deadline IS NOT NULL AND %s) past
                ON past.case_id = crm_case.id""",
            SQL("state = 'missed'") if self.sla_event == "missed" else SQL("TRUE"),
        )

    def _get_past_moves_sql(self):
        where = [SQL("(is_escalation OR state_from IS DISTINCT FROM state)")]
        if self.state_from and self.state_from != ESCALATE:
            where.append(SQL("state_from = %s", self.state_from))
        if self.state_to == ESCALATE:
            where.append(SQL("is_escalation"))
        elif self.state_to:
            where.append(SQL("NOT is_escalation AND state = %s", self.state_to))
        if not self.state_to and not self.state_from:
            where.append(SQL("state_from IS NOT NULL"))
        return SQL(
            """JOIN (SELECT case_id, date AS at FROM crm_case_move WHERE %s) past
                ON past.case_id = crm_case.id""",
            SQL(" AND ").join(where),
        )
