from collections import defaultdict
from typing import NamedTuple

from dateutil.relativedelta import relativedelta
from odoo import api, models
from odoo.tools import SQL

from ..tools import transitions
from ..tools.local_day import get_local_day
from ..tools.quality_score import get_ppm, get_share


class Window(NamedTuple):
    """Whose figures, and of when."""

    company: models.BaseModel
    since: object  # naive UTC datetime; what happens from then on counts
    until: object  # naive UTC datetime; what happens before counts
    partner_ids: list | None  # commercial partners; None: everybody
    section_ids: list  # whose cases are about quality
    category_ids: list

    def get_days(self):
        """Give the days, as the company counts them, of beginning and end."""
        zone = self.company._get_time_zone()
        return get_local_day(self.since, zone), get_local_day(self.until, zone)

    def before(self):
        """Give the window of the same length that ends where this one begins."""
        since = self.since - relativedelta(months=self.company.quality_months)
        return self._replace(since=since, until=self.since)


class CrmQualityScoreFiguresMixin(models.AbstractModel):
    """The figures of suppliers over a window, each by one statement for all of them.

    Cancelled cases do not count, they were not justified; nor do merged ones. A case
    counts when it was opened; days are those of the company.
    """

    _name = "crm.quality.score.figures.mixin"
    _description = "Figures of Suppliers"

    @api.model
    def _get_window(self, company, at, partner_ids=None):
        """Give the window of a company that ends at a moment."""
        flagged = [
            self.env[model]
            .with_context(active_test=False)
            ._search([("is_quality", "=", True)])
            .get_result_ids()
            for model in ("crm.case.section", "crm.case.category")
        ]
        since = at - relativedelta(months=company.quality_months)
        return Window(company, since, at, partner_ids, *map(list, flagged))

    @api.model
    def _get_figures(self, window):
        """Give what is known of each supplier with cases, orders or receipts.

        Addons that know more add to the rows; what a row lacks is not known.

        :return: {commercial partner id: {figure: number or None}}
        """
        figures = defaultdict(dict)
        for read in (self._read_cases, self._read_bridges):
            for partner_id, row in read(window).items():
                figures[partner_id] |= row
        # who has neither cases nor orders is no supplier, whatever else there is
        for read in (self._read_waiting, self._read_closed, self._read_actions):
            for partner_id, row in read(window).items():
                if partner_id in figures:
                    figures[partner_id] |= row
        for row in figures.values():
            self._add_rates(row)
        return dict(figures)

    def _add_rates(self, row):
        row.setdefault("case_count", 0)
        cases, orders = row["case_count"], row.get("order_count", 0)
        row["cost"] = row.get("cost", 0.0)
        row["ppm"] = get_ppm(
            row.get("defective_quantity", 0.0), row.get("received_quantity", 0.0)
        )
        row["case_rate"] = get_share(cases, orders)
        row["repeat_rate"] = get_share(row.get("repeat_count", 0), cases)

    # ------------------------------------------------------------
    # CASES
    # ------------------------------------------------------------

    def _get_quality_sql(self, window):
        """Give the condition on crm_case c: about the quality of these suppliers."""
        among = SQL("TRUE")
        if window.partner_ids is not None:
            among = SQL("c.commercial_partner_id = ANY(%s)", window.partner_ids)
        return SQL(
            """c.active AND c.company_id = %s AND c.state <> %s
            AND c.commercial_partner_id IS NOT NULL AND %s
            AND (c.section_id = ANY(%s) OR c.category_id = ANY(%s))""",
            window.company.id,
            transitions.CANCEL,
            among,
            window.section_ids,
            window.category_ids,
        )

    def _read_rows(self, query):
        """Run a query whose first column is the partner.

        SQL: sums over all cases of a company, by the superuser; who may read them is
        decided where they are shown.
        """
        return {row[0]: row[1:] for row in self.env.execute_query(query)}

    def _read_cases(self, window):
        """Count cases, their cost, their defective units and those that came again."""
        rows = self._read_rows(
            SQL(
                """
                WITH seen AS (
                    SELECT c.commercial_partner_id AS partner_id, c.create_date,
                           COALESCE(NULLIF(c.actual_cost, 0), c.planned_cost, 0)
                               AS cost,
                           COALESCE(c.defective_quantity, 0) AS defective,
                           c.category_id IS NOT NULL AND lag(c.create_date) OVER (
                               PARTITION BY c.commercial_partner_id, c.category_id
                               ORDER BY c.create_date, c.id
                           ) >= c.create_date - %(days)s * interval '1 day' AS again
                      FROM crm_case c
                     WHERE %(quality)s AND c.create_date < %(until)s
                       AND c.create_date >= %(since)s - %(days)s * interval '1 day'
                )
                SELECT partner_id, count(*), sum(cost), sum(defective),
                       count(*) FILTER (WHERE again)
                  FROM seen WHERE create_date >= %(since)s GROUP BY partner_id
                """,
                quality=self._get_quality_sql(window),
                since=SQL("%s::timestamp", window.since),
                until=window.until,
                days=window.company.quality_repeat_days,
            )
        )
        names = ("case_count", "cost", "defective_quantity", "repeat_count")
        return {
            partner_id: dict(zip(names, map(_number, values), strict=True))
            for partner_id, values in rows.items()
        }

    def _read_waiting(self, window):
        """Reckon how long we waited for them: the mean of the stays in Pending.

        A stay that lasts counts up to the end of the window.
        """
        rows = self._read_rows(
            SQL(
                """SELECT c.commercial_partner_id, avg(extract(epoch FROM
                       LEAST(COALESCE(m.date_end, %(until)s), %(until)s) - m.date
                   ) / 3600)
                  FROM crm_case_move m JOIN crm_case c ON c.id = m.case_id
                 WHERE m.state = %(pending)s AND m.date >= %(since)s
                   AND m.date < %(until)s AND %(quality)s
                 GROUP BY c.commercial_partner_id""",
                quality=self._get_quality_sql(window),
                pending=transitions.PENDING,
                since=window.since,
                until=SQL("%s::timestamp", window.until),
            )
        )
        return {
            partner_id: {"response_hours": float(hours)}
            for partner_id, (hours,) in rows.items()
        }

    def _read_closed(self, window):
        """Reckon how long it took until cases closed in the window were closed."""
        rows = self._read_rows(
            SQL(
                """SELECT c.commercial_partner_id, avg(c.hours_close)
                  FROM crm_case c
                 WHERE %s AND c.state = %s AND c.date_closed >= %s
                   AND c.date_closed < %s
                 GROUP BY c.commercial_partner_id""",
                self._get_quality_sql(window),
                transitions.DONE,
                window.since,
                window.until,
            )
        )
        return {
            partner_id: {"resolution_hours": float(hours)}
            for partner_id, (hours,) in rows.items()
        }

    def _read_actions(self, window):
        """Reckon which share of the actions due was late, and of the checked works."""
        since, until = window.get_days()
        among = SQL("TRUE")
        if window.partner_ids is not None:
            among = SQL("a.commercial_partner_id = ANY(%s)", window.partner_ids)
        rows = self._read_rows(
            SQL(
                """
                SELECT partner_id, count(*) FILTER (WHERE was_due),
                       count(*) FILTER (WHERE was_due AND (
                           date_done IS NULL OR date_done > date_deadline)),
                       count(*) FILTER (WHERE was_checked),
                       count(*) FILTER (
                           WHERE was_checked AND check_result = 'effective')
                  FROM (
                    SELECT a.commercial_partner_id AS partner_id, a.date_done,
                           a.date_deadline, a.check_result,
                           a.date_deadline >= %(since)s AND a.date_deadline < %(until)s
                               AS was_due,
                           a.date_checked > %(since)s AND a.date_checked <= %(until)s
                               AS was_checked
                      FROM crm_quality_action a
                     WHERE a.active AND a.state <> 'cancel' AND a.company_id = %(co)s
                       AND a.commercial_partner_id IS NOT NULL AND %(among)s
                  ) action
                 WHERE was_due OR was_checked GROUP BY partner_id
                """,
                since=since,
                until=until,
                co=window.company.id,
                among=among,
            )
        )
        return {
            partner_id: {
                "action_count": due,
                "overdue_rate": get_share(late, due),
                "effective_rate": get_share(effective, checked),
            }
            for partner_id, (due, late, checked, effective) in rows.items()
        }

    # ------------------------------------------------------------
    # WHAT BRIDGES KNOW
    # ------------------------------------------------------------

    def _read_bridges(self, window):
        Partner = self.env["res.partner"].with_company(window.company)
        if window.partner_ids is not None:
            Partner = Partner.browse(window.partner_ids)
        figures = defaultdict(dict)
        for name, read in (
            ("received_quantity", Partner._get_received_quantities),
            ("order_count", Partner._get_order_counts),
            ("on_time_rate", Partner._get_on_time_rates),
        ):
            for partner_id, value in read(window.since, window.until).items():
                figures[partner_id][name] = value
        return figures


def _number(value):
    # PostgreSQL's numeric comes as a Decimal, which JSON does not know
    return value if isinstance(value, int) else float(value)
