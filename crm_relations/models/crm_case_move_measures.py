from odoo import api, models
from odoo.tools import SQL

from ..fields import OptionalFloat

# what is measured of stays that have ended: the aggregate in SQL
_MEASURES = {
    "hours_mean": SQL("AVG"),
    "hours_median": SQL("percentile_cont(0.5) WITHIN GROUP"),
}


class CrmCaseMove(models.Model):
    """How long stays take, beside how much time they take together."""

    _inherit = "crm.case.move"

    hours_mean = OptionalFloat("Hours per Stay", compute="_compute_hours_per_stay")
    hours_median = OptionalFloat(
        "Hours per Stay (median)", compute="_compute_hours_per_stay"
    )

    @api.depends("hours", "date_end")
    def _compute_hours_per_stay(self):
        for move in self:
            move.hours_mean = move.hours_median = move.hours if move.date_end else None

    def _read_group_select(self, aggregate_spec, query):
        """Leave out stays that last: how long they will take nobody knows."""
        name, _colon, function = aggregate_spec.partition(":")
        if name not in _MEASURES or function != "avg":
            return super()._read_group_select(aggregate_spec, query)
        hours = self._field_to_sql(self._table, "hours", query)
        ended = SQL(
            "%s IS NOT NULL", self._field_to_sql(self._table, "date_end", query)
        )
        over = SQL("(%s)", hours)
        if name == "hours_median":
            over = SQL("(ORDER BY %s)", hours)
        return SQL("%s %s FILTER (WHERE %s)", _MEASURES[name], over, ended)
