import json
from datetime import timedelta

from dateutil.relativedelta import relativedelta
from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.misc import formatLang, split_every

from ..tools.local_day import get_day_start, get_local_day
from ..tools.quality_score import get_class, get_score, has_fallen

BATCH = 5000  # suppliers written by one statement
PAST_MONTHS = 11  # that are reckoned when a company's suppliers are judged first

# what is kept of a supplier's month, beside whose and when
_COLUMNS = {
    "partner_id": "int4",
    "score": "float8",
    "trend": "float8",
    "quality_class": "varchar",
    "details": "jsonb",
    "case_count": "int4",
    "cost": "float8",
    "defective_quantity": "float8",
    "received_quantity": "float8",
    "ppm": "float8",
    "order_count": "int4",
    "case_rate": "float8",
    "response_hours": "float8",
    "resolution_hours": "float8",
    "repeat_count": "int4",
    "repeat_rate": "float8",
    "action_count": "int4",
    "overdue_rate": "float8",
    "effective_rate": "float8",
    "on_time_rate": "float8",
}


class CrmQualityScoreRunMixin(models.AbstractModel):
    """How the scores of suppliers come to be, for all of a company at once.

    Eighteen statements or so for a company, whatever the number of its suppliers and
    of partners who are none; who has neither cases nor orders is not touched.
    """

    _name = "crm.quality.score.run.mixin"
    _description = "Computation of Suppliers' Scores"

    @api.model
    def _cron_compute(self):
        """Bring the scores of all companies up to date, each in its own transaction."""
        companies = self.env["res.company"].search([])  # pylint: disable=no-search-all
        for company in companies:
            self._compute_company(company)
            if not self.env["ir.cron"]._commit_progress(1):
                break

    @api.model
    def _compute_company(self, company, partner_ids=None):
        """Bring the scores of a company's suppliers up to date.

        The first time, the months before are reckoned too, so that there is a trend to
        look at.

        :param partner_ids: ids of commercial partners; None: everybody
        """
        self.env.flush_all()
        # sudo: a score is made of all cases of the company, whoever asks for it
        self.sudo()._compute_all(company, partner_ids)

    def _compute_all(self, company, partner_ids):
        # what was done in this very second counts
        now = fields.Datetime.now() + timedelta(seconds=1)
        is_first = not self.search_count([("company_id", "=", company.id)], limit=1)
        old = self._get_classes(company, partner_ids)
        window = self._get_window(company, now, partner_ids)
        rows = self._prepare_rows(window)
        self._forget_current(window, rows)
        self._store_rows(window, rows, is_current=True)
        if is_first and rows:
            self._compute_past(company, now)
        self.invalidate_model(flush=False)
        self._tell_falls(company, old, rows)

    def _compute_past(self, company, now):
        """Reckon the ends of the months before, with the criteria of today."""
        zone = company._get_time_zone()
        month = get_local_day(now, zone).replace(day=1)
        for ago in range(PAST_MONTHS):
            at = get_day_start(month - relativedelta(months=ago), zone)
            window = self._get_window(company, at, None)
            self._store_rows(window, self._prepare_rows(window), is_current=False)

    # ------------------------------------------------------------
    # FROM FIGURES TO SCORES
    # ------------------------------------------------------------

    def _prepare_rows(self, window):
        """Judge the suppliers of a window; empty without criteria.

        :return: list of {column: value}
        """
        criteria = self.env["crm.quality.score.criterion"]._get_criteria(window.company)
        now, before = self._get_figures(window), self._get_figures(window.before())
        for partner_id in before.keys() - now.keys():
            # he had cases and has none any more: that is worth something
            self._add_rates(now.setdefault(partner_id, {}))
        rows = (
            self._prepare_row(window.company, criteria, partner_id, row, before)
            for partner_id, row in now.items()
        )
        return [row for row in rows if row["score"] is not None]

    def _prepare_row(self, company, criteria, partner_id, figures, before):
        lines = criteria._get_lines(figures)
        score, trend = get_score(lines), None
        if score is not None and partner_id in before:
            former = get_score(criteria._get_lines(before[partner_id]))
            trend = score - former
        return figures | {
            "partner_id": partner_id,
            "score": score,
            "trend": trend,
            "quality_class": get_class(
                score, company.quality_bound_a, company.quality_bound_b
            ),
            "details": [line._asdict() for line in lines],
        }

    # ------------------------------------------------------------
    # STORAGE
    # ------------------------------------------------------------

    def _get_classes(self, company, partner_ids):
        """Give the classes up to now, as {partner id: class}."""
        domain = [("company_id", "=", company.id), ("is_current", "=", True)]
        if partner_ids is not None:
            domain.append(("partner_id", "in", partner_ids))
        rows = self.search_fetch(domain, ["partner_id", "quality_class"])
        return {row.partner_id.id: row.quality_class for row in rows}

    def _get_month(self, window):
        """Give the month that a window ends in; its end is not part of it."""
        last = window.until - timedelta(seconds=1)
        return get_local_day(last, window.company._get_time_zone()).replace(day=1)

    def _forget_current(self, window, rows):
        """Let former months be history, and drop who is no supplier any more.

        SQL: one statement each; nobody but this model writes these rows.
        """
        among = SQL("TRUE")
        if window.partner_ids is not None:
            among = SQL("partner_id = ANY(%s)", window.partner_ids)
        month = self._get_month(window)
        self.env.execute_query(
            SQL(
                """DELETE FROM crm_quality_score WHERE company_id = %s AND date = %s
                AND %s AND NOT partner_id = ANY(%s) RETURNING id""",
                window.company.id,
                month,
                among,
                [row["partner_id"] for row in rows],
            )
        )
        self.env.execute_query(
            SQL(
                """UPDATE crm_quality_score SET is_current = FALSE
                WHERE is_current AND company_id = %s AND date <> %s AND %s
                RETURNING id""",
                window.company.id,
                month,
                among,
            )
        )

    def _store_rows(self, window, rows, is_current):
        """Write a month of these suppliers; one statement for `BATCH` of them.

        SQL: see `_forget_current`. The last one to write a month wins; who began before
        that is refused by PostgreSQL, and Odoo begins again for him.
        """
        columns = [SQL.identifier(name) for name in _COLUMNS]
        for some in split_every(BATCH, rows):
            values = [{name: row.get(name) for name in _COLUMNS} for row in some]
            self.env.execute_query(
                SQL(
                    """
                    INSERT INTO crm_quality_score (
                        company_id, date, date_from, date_until, is_current, %(names)s)
                    SELECT %(company)s, %(month)s, %(since)s, %(until)s, %(now)s, x.*
                      FROM jsonb_to_recordset(%(rows)s::jsonb) AS x (%(types)s)
                        ON CONFLICT (partner_id, company_id, date) DO UPDATE
                       SET (date_from, date_until, is_current, %(names)s) = ROW(
                           EXCLUDED.date_from, EXCLUDED.date_until,
                           EXCLUDED.is_current, %(new)s)
                    RETURNING id
                    """,
                    names=SQL(", ").join(columns),
                    company=window.company.id,
                    month=self._get_month(window),
                    since=window.since,
                    until=window.until,
                    now=is_current,
                    rows=json.dumps(values),
                    types=SQL(", ").join(
                        SQL("%s %s", SQL.identifier(name), SQL(kind))
                        for name, kind in _COLUMNS.items()
                    ),
                    new=SQL(", ").join(SQL("EXCLUDED.%s", name) for name in columns),
                )
            )

    # ------------------------------------------------------------
    # FALLS
    # ------------------------------------------------------------

    def _tell_falls(self, company, old, rows):
        """Open a case for each supplier whose class has just fallen.

        Once per fall: the class and the case are written by one transaction, and what
        a class fell from is the class that the last one wrote.
        """
        section = company.quality_fall_section_id
        fallen = [
            row
            for row in rows
            if has_fallen(old.get(row["partner_id"]), row["quality_class"])
        ]
        if section and fallen:
            self.env["crm.case"].create(
                [
                    self._prepare_fall_case(company, old[row["partner_id"]], row)
                    for row in fallen
                ]
            )

    def _prepare_fall_case(self, company, former, row):
        partner = self.env["res.partner"].browse(row["partner_id"])
        values = {
            "partner": partner.name,
            "before": former.upper(),
            "now": row["quality_class"].upper(),
            "score": formatLang(self.env, row["score"], digits=1),
        }
        return {
            "name": self.env._(
                "%(partner)s fell from class %(before)s to %(now)s", **values
            ),
            "description": self.env._(
                "Supplier quality: %(score)s points, class %(now)s instead of "
                "%(before)s. The scorecard of the supplier says why.",
                **values,
            ),
            "section_id": company.quality_fall_section_id.id,
            "company_id": company.id,
            "partner_id": partner.id,
        }
