from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import transitions
from ..tools.control_chart import XMR, C, P, U

# kinds of figures; each has the chart that its chance follows
COUNT, SHARE, RATE, MEAN, SUM, LEVEL = "count", "share", "rate", "mean", "sum", "level"
CHARTS = {COUNT: C, SHARE: P, RATE: U, MEAN: XMR, SUM: XMR, LEVEL: XMR}
# kinds that are of something: without a case there is no value, not 0
_RATIOS = (SHARE, RATE, MEAN)

NUMBER, PERCENT, HOURS, MONEY = "number", "percent", "hours", "money"


class Total(NamedTuple):
    """What a period adds up to: ``n`` cases, and the ``numerator`` over them."""

    n: int = 0
    numerator: float = 0.0


@dataclass(frozen=True)
class Measure:
    """A figure that indicators can follow; see `_get_measures`.

    :param label: how people read it
    :param kind: COUNT of cases; SHARE of them that are ``part``; RATE and MEAN of
        ``field`` per case (a RATE counts happenings), SUM of it, LEVEL at the end
    :param domain: which cases have a part in it
    :param date: the datetime of a case that says which period it belongs to
    :param move: instead of ``date``: cases of which such a stay began in the period
    :param part: SHARE: the domain of the cases that are counted
    :param field: RATE, MEAN, SUM: the stored number of a case; of several names, the
        first that is not 0 counts
    :param unit: NUMBER, PERCENT, HOURS or MONEY
    :param is_signed: there may be less than nothing, as of a margin
    :param get_totals: instead of all that, (indicator, periods) -> list of `Total`
    :param get_cases: with ``get_totals``, (indicator, period) -> Domain of the cases
        behind a point, as many as its ``n``
    """

    label: str
    kind: str = COUNT
    domain: Domain = Domain.TRUE
    date: str = "create_date"
    move: Domain | None = None
    part: Domain | None = None
    field: str | tuple[str, ...] | None = None
    unit: str = NUMBER
    is_signed: bool = False
    get_totals: Callable | None = None
    get_cases: Callable | None = None

    def get_value(self, total):
        """Give a period's value; None if there is nothing that it could be of."""
        if self.kind in _RATIOS:
            return total.numerator / total.n if total.n else None
        return total.numerator if self.kind == SUM else total.n


class CrmQualityIndicatorMeasureMixin(models.AbstractModel):
    """What indicators can measure, period by period, and the cases behind it."""

    _name = "crm.quality.indicator.measure.mixin"
    _description = "Measures of Indicators"

    @api.model
    def _get_measures(self):
        """Give the figures there are; addons that know more extend this.

        A case belongs where it is now: one that was handed to another section takes
        its past with it.

        :return: {name: `Measure`}
        """
        _ = self.env._
        closed = {"date": "date_closed"}
        promised = Domain("sla_state", "in", ("met", "missed"))
        return {
            "created": Measure(_("Cases created")),
            "closed": Measure(_("Cases closed or cancelled"), **closed),
            "reopened": Measure(_("Cases reopened"), move=self._get_reopening()),
            "escalated": Measure(
                _("Cases escalated"), move=Domain("is_escalation", "=", True)
            ),
            "backlog": Measure(
                _("Backlog at the end"),
                LEVEL,
                get_totals=type(self)._get_backlog_totals,
                get_cases=type(self)._get_backlog_cases,
            ),
            "sla_met_share": Measure(
                _("Share of closed cases with the service level met"),
                SHARE,
                promised,
                part=Domain("sla_state", "=", "met"),
                unit=PERCENT,
                **closed,
            ),
            "sla_missed_share": Measure(
                _("Share of closed cases with the service level missed"),
                SHARE,
                promised,
                part=Domain("sla_state", "=", "missed"),
                unit=PERCENT,
                **closed,
            ),
            "reopened_share": Measure(
                _("Share of closed cases that had been reopened"),
                SHARE,
                part=Domain("reopen_count", ">", 0),
                unit=PERCENT,
                **closed,
            ),
            "hours_first_response": Measure(
                _("Hours to first response"),
                MEAN,
                date="date_first_response",
                field="hours_first_response",
                unit=HOURS,
            ),
            "hours_working_first_response": Measure(
                _("Working hours to first response"),
                MEAN,
                # unknown where the calendar has no working time
                Domain("hours_working_first_response", "!=", False),
                date="date_first_response",
                field="hours_working_first_response",
                unit=HOURS,
            ),
            "hours_close": Measure(
                _("Hours to close"), MEAN, field="hours_close", unit=HOURS, **closed
            ),
            "hours_working_close": Measure(
                _("Working hours to close"),
                MEAN,
                Domain("hours_working_close", "!=", False),
                field="hours_working_close",
                unit=HOURS,
                **closed,
            ),
            "messages": Measure(
                _("Messages per closed case"), RATE, field="message_count", **closed
            ),
            "rating": Measure(
                _("Rating of closed cases"),
                MEAN,
                Domain("rating_value", "!=", False),
                field="rating_value",
                **closed,
            ),
            "cost": Measure(
                _("Cost of closed cases"),
                SUM,
                field=("actual_cost", "planned_cost"),
                unit=MONEY,
                **closed,
            ),
            "quality_cases": Measure(
                _("Cases created about suppliers' quality"),
                domain=Domain("is_quality", "=", True),
            ),
            "defective_quantity": Measure(
                _("Defective quantity of cases created"),
                SUM,
                field="defective_quantity",
            ),
        }

    @api.model
    def _selection_measure(self):
        return [(name, measure.label) for name, measure in self._get_measures().items()]

    @api.model
    def _get_reopening(self):
        return Domain("state_from", "in", transitions.CLOSED) & Domain(
            "state", "in", transitions.UNCLOSED
        )

    def _get_measure(self):
        return self._get_measures()[self.measure]

    # ------------------------------------------------------------
    # CASES
    # ------------------------------------------------------------

    def _get_cases_domain(self, period):
        """Give the cases behind a point: as many as its ``n``.

        :param period: tools.local_period.Period
        :return: Domain over crm.case
        """
        measure = self._get_measure()
        if measure.get_cases:
            return measure.get_cases(self, period)
        domain = self._get_criteria_domain() & measure.domain
        if measure.move is None:
            return domain & self._get_range(measure.date, period.start, period.end)
        within = measure.move & self._get_range("date", period.start, period.end)
        return domain & Domain("move_ids", "any", within)

    @api.model
    def _get_range(self, field, start, end):
        return Domain(field, ">=", start) & Domain(field, "<", end)

    # ------------------------------------------------------------
    # TOTALS
    # ------------------------------------------------------------

    def _get_totals(self, periods):
        """Give what each period adds up to; one query for any number of them.

        :param periods: list of tools.local_period.Period, one after the other
        :return: list of `Total`
        """
        measure = self._get_measure()
        if measure.get_totals:
            return measure.get_totals(self, periods)
        domain = self._get_criteria_domain() & measure.domain
        if measure.move is None:
            start, end = periods[0].start, periods[-1].end
            domain &= self._get_range(measure.date, start, end)
        # sudo: an indicator is about all cases of its scope and company, whoever looks
        # at it; nothing but sums leaves here, see security/
        Case = self.env["crm.case"].sudo()
        self.env.flush_all()
        query = Case._search(domain)
        table = query.table
        if measure.move is None:
            moment = SQL.identifier(table, measure.date)
            count = SQL("count(*)")
        else:
            self._join_moves(query, measure.move, periods[0].start, periods[-1].end)
            moment = SQL("stay.date")
            # a case that was reopened twice is one case to look at
            count = SQL("count(DISTINCT %s)", SQL.identifier(table, "id"))
        return self._read_totals(
            query, moment, periods, [count, self._get_numerator(Case, query, measure)]
        )

    @api.model
    def _join_moves(self, query, domain, start, end):
        Move = self.env["crm.case.move"].sudo()
        domain = domain & self._get_range("date", start, end)
        domain = domain.optimize_full(Move)
        query.add_join(
            "JOIN",
            "stay",
            SQL.identifier(Move._table),
            SQL(
                "stay.case_id = %s AND %s",
                SQL.identifier(query.table, "id"),
                domain._to_sql(Move, "stay", query),
            ),
        )

    @api.model
    def _get_numerator(self, Case, query, measure):
        if measure.part is not None:
            part = self._domain_to_sql(Case, measure.part, query)
            return SQL("count(*) FILTER (WHERE %s)", part)
        if measure.field:
            names = measure.field
            names = (names,) if isinstance(names, str) else names
            values = SQL(", ").join(
                SQL("NULLIF(%s, 0)", SQL.identifier(query.table, name))
                for name in names
            )
            return SQL("COALESCE(sum(COALESCE(%s)), 0)", values)
        return SQL("0")

    @api.model
    def _read_totals(self, query, moment, periods, columns):
        """Run a query over cases that is grouped by the period of a moment."""
        starts = [period.start for period in periods]
        bucket = SQL("width_bucket(%s, %s::timestamp[])", moment, starts)
        query.groupby = SQL("1")
        # SQL: periods of people's days, and numerators, are beyond `_read_group`
        rows = self.env.execute_query(query.select(bucket, *columns))
        found = {index: Total(n, float(numerator)) for index, n, numerator in rows}
        return [found.get(index, Total()) for index in range(1, len(periods) + 1)]

    # ------------------------------------------------------------
    # BACKLOG
    # ------------------------------------------------------------

    def _get_backlog_totals(self, periods):
        """Give how many cases were in the backlog when each period ended.

        From all that came and went ever, and not from a count kept each night, which
        would have holes.
        """
        # sudo: see `_get_totals`
        Case = self.env["crm.case"].sudo()
        self.env.flush_all()
        query = Case._search(self._get_criteria_domain())
        tide = SQL(
            """(SELECT case_id, date AS moment, 1 AS step FROM crm_case_move
                WHERE is_open AND date < %(end)s
            UNION ALL SELECT case_id, date_end, -1 FROM crm_case_move
                WHERE is_open AND date_end < %(end)s)""",
            end=periods[-1].end,
        )
        case_id = SQL.identifier(query.table, "id")
        query.add_join("JOIN", "tide", tide, SQL("tide.case_id = %s", case_id))
        starts = [period.start for period in periods]
        bucket = SQL("width_bucket(tide.moment, %s::timestamp[])", starts)
        query.groupby = SQL("1")
        rows = self.env.execute_query(query.select(bucket, SQL("sum(tide.step)")))
        steps = dict(rows)
        levels = accumulate(steps.get(n, 0) for n in range(len(periods) + 1))
        return [Total(int(level)) for level in list(levels)[1:]]

    def _get_backlog_cases(self, period):
        stays = Domain("is_open", "=", True) & Domain("date", "<", period.end)
        lasting = Domain("date_end", "=", False) | Domain("date_end", ">=", period.end)
        return self._get_criteria_domain() & Domain("move_ids", "any", stays & lasting)
