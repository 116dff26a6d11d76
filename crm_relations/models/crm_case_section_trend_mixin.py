from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools.local_day import get_day_start, get_days
from .crm_case_backlog_mixin import get_condition_sql

_CHART_DAYS = 30


class CrmCaseSectionTrendMixin(models.AbstractModel):
    """How a section does: this week against last, and the backlog of the last days.

    Its parts are shown on the team's page.
    """

    _name = "crm.case.section.trend.mixin"
    _description = "Section's Trend"

    # ------------------------------------------------------------
    # THIS WEEK AGAINST LAST
    # ------------------------------------------------------------

    def _get_team_spans(self):
        """Give this week so far, and last week up to the same moment of it.

        :return: ((begin, end), (begin, end)), naive UTC
        """
        company = self.company_id or self.env.company
        zone, today = company._get_time_zone(), company._get_today()
        monday = today - timedelta(days=today.weekday())
        now = fields.Datetime.now()
        since_midnight = now - get_day_start(today, zone)
        before = get_day_start(today - timedelta(days=7), zone) + since_midnight
        return (
            (get_day_start(monday, zone), now),
            (get_day_start(monday - timedelta(days=7), zone), before),
        )

    def _get_team_weeks(self, scope):
        """Compare this week with last; 3 queries.

        :return: list of {"key", "label", "unit": "count", "hours" or "percent",
            "value", "former", "better": "more", "less" or False}
        """
        spans = self._get_team_spans()
        opened, closed = self._count_team_flows(spans, scope)
        answer = self._measure_team_span("date_first_response", spans, scope)
        close = self._measure_team_span("date_closed", spans, scope)
        table = (
            ("opened", self.env._("Opened"), "count", False, opened),
            ("closed", self.env._("Closed"), "count", "more", closed),
            ("answer", self.env._("First answer"), "hours", "less", answer["median"]),
            ("close", self.env._("Time to close"), "hours", "less", close["median"]),
            ("promise", self.env._("Promises kept"), "percent", "more", close["kept"]),
        )
        return [
            {
                "key": key,
                "label": label,
                "unit": unit,
                "better": better,
                "value": value,
                "former": former,
            }
            for key, label, unit, better, (value, former) in table
        ]

    def _count_team_flows(self, spans, scope):
        """Count what was opened and closed in each span; one query.

        :return: ([opened], [closed])
        """
        Move = self.env["crm.case.move"]
        first = min(begin for begin, _end in spans)
        # the index is on days, wherever the companies' days begin
        query = Move._search(
            self._get_turns(first.date() - timedelta(days=1)), order=""
        )
        columns = [
            SQL(
                "count(*) FILTER (WHERE %s)",
                get_condition_sql(
                    Move,
                    scope
                    & Move._get_flow_domain(is_opened)
                    & self._get_span_domain("date", span),
                ),
            )
            for is_opened in (True, False)
            for span in spans
        ]
        # SQL: as in `_count_team_now`
        [row] = self.env.execute_query(query.select(*columns))
        return row[: len(spans)], row[len(spans) :]

    @api.model
    def _get_turns(self, first):
        Move = self.env["crm.case.move"]
        return Domain("day", ">=", first) & Move._get_turn_domain()

    @api.model
    def _get_span_domain(self, name, span):
        return Domain(name, ">=", span[0]) & Domain(name, "<", span[1])

    def _measure_team_span(self, date_name, spans, scope):
        """Measure the cases answered, or closed, in each span; one query.

        :param str date_name: "date_first_response" or "date_closed"
        :return: {"median": [hours or None], "kept": [percent or None]}
        """
        Case = self.env["crm.case"]
        hours = {
            "date_first_response": "hours_first_response",
            "date_closed": "hours_close",
        }[date_name]
        first = min(begin for begin, _end in spans)
        within = [
            get_condition_sql(Case, self._get_span_domain(date_name, span))
            for span in spans
        ]
        query = Case._search(
            scope
            & Domain(date_name, ">=", first)
            & Domain.OR(self._get_span_domain(date_name, span) for span in spans),
            order="",
        )
        column = SQL.identifier(Case._table, hours)
        state = SQL.identifier(Case._table, "sla_state")
        # SQL: as in `_count_team_now`; Odoo knows no median
        [row] = self.env.execute_query(
            query.select(
                *[
                    SQL(
                        """percentile_cont(0.5) WITHIN GROUP (ORDER BY %s)
                        FILTER (WHERE %s)""",
                        column,
                        span,
                    )
                    for span in within
                ],
                *[
                    SQL(
                        """100.0 * count(*) FILTER (WHERE %(state)s = 'met' AND %(in)s)
                        / NULLIF(count(*) FILTER (
                            WHERE %(state)s IN ('met', 'missed') AND %(in)s), 0)""",
                        **{"state": state, "in": span},
                    )
                    for span in within
                ],
            )
        )
        count = len(spans)
        kept = [share if share is None else float(share) for share in row[count:]]
        return {"median": row[:count], "kept": kept}

    # ------------------------------------------------------------
    # CHART
    # ------------------------------------------------------------

    def _get_team_chart(self, scope, by_state):
        """Give the backlog of the last days, back from what is open now; one query."""
        today = (self.company_id or self.env.company)._get_today()
        days = get_days(today - timedelta(days=_CHART_DAYS - 1), today)
        turns = {
            day: numbers for day, *numbers in self._count_team_turns(days[0], scope)
        }
        rest, rows = sum(by_state.values()), []
        for day in reversed(days):
            change, opened, closed = turns.get(day, (0, 0, 0))
            rows.append((rest, opened, closed))
            rest -= change
        opened_closed = [list(column) for column in zip(*reversed(rows), strict=True)]
        return {
            "days": [fields.Date.to_string(day) for day in days],
            **dict(zip(("open", "opened", "closed"), opened_closed, strict=True)),
        }

    def _count_team_turns(self, first, scope):
        """Sum what came and went on each day.

        What is open here now and was not open here before has come; the other way
        round it has gone, be it closed or handed over.

        :return: [(day, change, opened, closed)]
        """
        Move = self.env["crm.case.move"]
        query = Move._search(self._get_turns(first), order="")
        day = SQL.identifier(Move._table, "day")
        query.groupby = day
        before = scope.map_conditions(
            lambda leaf: Domain("section_from_id", leaf.operator, leaf.value)
        )
        here = get_condition_sql(Move, scope & Domain("is_open", "=", True))
        gone = get_condition_sql(Move, before & Domain("was_open", "=", True))
        opened, closed = (
            get_condition_sql(Move, scope & Move._get_flow_domain(is_opened))
            for is_opened in (True, False)
        )
        # SQL: as in `_count_team_now`
        return self.env.execute_query(
            query.select(
                day,
                SQL(
                    "count(*) FILTER (WHERE %s) - count(*) FILTER (WHERE %s)",
                    here,
                    gone,
                ),
                SQL("count(*) FILTER (WHERE %s)", opened),
                SQL("count(*) FILTER (WHERE %s)", closed),
            )
        )
