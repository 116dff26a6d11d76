from odoo import api, fields, models
from odoo.tools import SQL

from ..fields import OptionalFloat

_FIGURES = ("n", "numerator", "value", "is_finished")
_LINES = ("centre", "sigma", "lower_limit", "upper_limit")


class CrmQualityPoint(models.Model):
    """The figure of one period of an indicator, with the limits it is held against.

    Written by the indicator's computation only. Those of its window are reckoned anew
    every night; older ones stay as they were last.
    """

    _name = "crm.quality.point"
    _description = "Point of an Indicator"
    _order = "indicator_id, date desc, id desc"
    _rec_name = "date"
    _log_access = False

    indicator_id = fields.Many2one(
        "crm.quality.indicator",
        required=True,
        index=True,
        ondelete="cascade",
        readonly=True,
    )
    date = fields.Date("From", required=True, readonly=True)
    date_end = fields.Date("To before", required=True, readonly=True)
    n = fields.Integer("Cases", readonly=True)
    numerator = OptionalFloat(
        readonly=True,
        aggregator="sum",
        help="What is counted or added up over the cases.",
    )
    value = OptionalFloat(readonly=True, help="Empty: there was no case to measure.")
    is_finished = fields.Boolean("Finished", readonly=True)
    centre = OptionalFloat(readonly=True)
    sigma = OptionalFloat("Standard Deviation", readonly=True)
    lower_limit = OptionalFloat(readonly=True)
    upper_limit = OptionalFloat(readonly=True)

    _period_uniq = models.UniqueIndex("(indicator_id, date)")

    @api.model
    def _store(self, indicator, figures, spans):
        """Keep the points of an indicator as they are now; 3 queries.

        :param figures: list of crm_quality_indicator_run_mixin.Figure
        :param spans: list of crm_quality_indicator_run_mixin.Span
        :return: set of first days of the periods that are new or have changed
        """
        self.flush_model()
        # SQL: NULL is not 0 here, and hundreds of rows go in one statement; only the
        # computation of the indicator comes here
        former = {
            row[0]: row[1:]
            for row in self.env.execute_query(
                SQL(
                    """SELECT date, n, numerator, value, is_finished
                    FROM crm_quality_point WHERE indicator_id = %s AND date >= %s""",
                    indicator.id,
                    indicator._get_window_start(),
                )
            )
        }
        gone = former.keys() - {one.period.date_from for one in figures}
        if gone:
            # the first cases were handed over, or deleted
            self.search(
                [("indicator_id", "=", indicator.id), ("date", "in", list(gone))]
            ).unlink()
        if figures:
            self.env.execute_query(self._get_store_sql(indicator, figures, spans))
        self.invalidate_model(flush=False)
        indicator.invalidate_recordset(["point_ids"], flush=False)
        return {
            one.period.date_from
            for one in figures
            if former.get(one.period.date_from) != tuple(one[1:])
        }

    @api.model
    def _get_store_sql(self, indicator, figures, spans):
        columns = ("indicator_id", "date", "date_end", *_FIGURES, *_LINES)
        types = ("int", "date", "date", "int", "float8", "float8", "bool")
        types += ("float8",) * len(_LINES)
        rows = [
            (
                indicator.id,
                one.period.date_from,
                one.period.date_to,
                *one[1:],
                *self._get_lines(span.baseline, one),
            )
            for span in spans
            for one in figures[span.start : span.end]
        ]
        names = SQL(", ").join(map(SQL.identifier, columns))
        kept = columns[2:]
        return SQL(
            """INSERT INTO crm_quality_point (%(names)s)
            SELECT * FROM unnest(%(values)s) ON CONFLICT (indicator_id, date)
            DO UPDATE SET %(updates)s WHERE (%(old)s) IS DISTINCT FROM (%(new)s)
            RETURNING id""",
            names=names,
            values=SQL(", ").join(
                # the types are written above
                SQL("%s::" + column_type + "[]", list(values))
                for column_type, values in zip(
                    types, zip(*rows, strict=True), strict=True
                )
            ),
            updates=SQL(", ").join(
                SQL("%s = EXCLUDED.%s", SQL.identifier(name), SQL.identifier(name))
                for name in kept
            ),
            old=SQL(", ").join(
                SQL.identifier("crm_quality_point", name) for name in kept
            ),
            new=SQL(", ").join(SQL("EXCLUDED.%s", SQL.identifier(n)) for n in kept),
        )

    @api.model
    def _get_lines(self, baseline, figure):
        """Give (centre, sigma, lower, upper) of a point."""
        if baseline is None:
            return (None,) * len(_LINES)
        limits = baseline.get_limits(figure.n)
        return limits.centre, baseline.get_sigma(figure.n), limits.lower, limits.upper

    def action_view_cases(self):
        """Open the cases behind a point, those that the reader may see."""
        self.ensure_one()
        return self.indicator_id.action_view_cases(self.date)
