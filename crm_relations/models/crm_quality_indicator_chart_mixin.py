from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.misc import format_date

from ..tools import control_chart
from ..tools.local_period import DAY, WEEK, get_first_day, get_periods

# criteria whose conditions are SQL, or more than a reader could ask for himself
_BEYOND_CLIENT = (
    "partner_category_id",
    "min_messages",
    "subject_pattern",
    "body_pattern",
    "filter_domain",
)
SPARK_POINTS = 24  # points of the small chart in lists


class CrmQualityIndicatorChartMixin(models.AbstractModel):
    """What the chart of an indicator shows, and the cases behind its points."""

    _name = "crm.quality.indicator.chart.mixin"
    _description = "Chart of Indicators"

    spark = fields.Json("Trend", compute="_compute_spark")

    def _compute_spark(self):
        """Give the latest points for a small chart; one query for all indicators."""
        self.env["crm.quality.point"].flush_model()
        # SQL: the latest of each, however many there are; whoever reads an indicator
        # may read its points
        rows = self.env.execute_query(
            SQL(
                """SELECT i.id, json_agg(json_build_object('value', p.value,
                    'lower', p.lower_limit, 'upper', p.upper_limit) ORDER BY p.date)
                FROM crm_quality_indicator i CROSS JOIN LATERAL (
                    SELECT * FROM crm_quality_point WHERE indicator_id = i.id
                    AND is_finished ORDER BY date DESC LIMIT %s) p
                WHERE i.id = ANY(%s) GROUP BY i.id""",
                SPARK_POINTS,
                list(self.ids),
            )
        )
        points = dict(rows)
        for indicator in self:
            indicator.spark = points.get(indicator.id, [])

    # ------------------------------------------------------------
    # CHART
    # ------------------------------------------------------------

    @api.readonly
    def get_chart(self):
        """Give what the chart of an indicator is drawn from (static/src/control_chart).

        Points are those that were last reckoned. Whoever may read the indicator may
        see its figures, and nothing of the cases.

        :return: dict of the form that the example in tests/test_indicator_chart.py has
        """
        self.ensure_one()
        self.check_access("read")
        points = self.env["crm.quality.point"].search(
            [("indicator_id", "=", self.id)],
            order="date desc, id",
            limit=self.point_count + 1,
        )[::-1]
        signals = self._get_chart_signals(points)
        kind = self._get_chart_kind()
        return {
            "kind": kind,
            "measure": self._get_measure().label,
            "unit": self._get_measure().unit,
            "state": self.state,
            "minimum": control_chart.MINIMUM_POINTS,
            "target": self._get_target(),
            "points": [
                self._get_chart_point(point, signals.get(point.date))
                for point in points
            ],
            "ranges": self._get_chart_ranges(points)
            if kind == control_chart.XMR
            else [],
            "notes": self._get_chart_notes(points),
            "can_pin": self.env["crm.quality.annotation"].has_access("create")
            and self.has_access("read"),
        }

    def _get_chart_signals(self, points):
        found = {}
        labels = dict(
            self.env["crm.quality.signal"]
            ._fields["rule"]
            ._description_selection(self.env)
        )
        signals = self.signal_ids.filtered(
            lambda one: one.date in set(points.mapped("date"))
        )
        for signal in signals.sorted("rule"):
            found.setdefault(signal.date, []).append(
                {
                    "rule": signal.rule,
                    "text": labels[signal.rule],
                    "state": signal.state,
                    "mood": signal.mood,
                    "note": signal.note or "",
                }
            )
        return found

    def _get_chart_point(self, point, signals):
        value = _get(point.value)
        text, usual = self._format_value(value), ""
        if self._get_measure().kind in ("share", "rate", "mean") and value is not None:
            text = self.env._("%(value)s (cases: %(count)s)", value=text, count=point.n)
        if point.upper_limit is not False:
            usual = self._format_limits(point.lower_limit, point.upper_limit)
        return {
            "date": fields.Date.to_string(point.date),
            "label": self._get_period_label(point.date),
            "value": value,
            "text": text,
            "usual": usual,
            "n": point.n,
            "is_finished": point.is_finished,
            "centre": _get(point.centre),
            "sigma": _get(point.sigma),
            "lower": _get(point.lower_limit),
            "upper": _get(point.upper_limit),
            "signals": signals or [],
        }

    def _get_chart_ranges(self, points):
        """Give the moving ranges, with the limits that belong to those of the points.

        They follow from sigma: both are the mean moving range times a constant.
        """
        values = [_get(point.value) if point.is_finished else None for point in points]
        ranges = control_chart.moving_ranges(values)
        result = []
        for point, moving in zip(points, ranges, strict=True):
            sigma = _get(point.sigma)
            mean = None if sigma is None else sigma * 3 / control_chart.RANGE_TO_LIMIT
            result.append(
                {
                    "value": moving,
                    "centre": mean,
                    "upper": None if mean is None else mean * control_chart.RANGE_UPPER,
                }
            )
        return result

    def _get_chart_notes(self, points):
        first = points[:1].date
        return [
            {
                "id": note.id,
                "date": fields.Date.to_string(get_first_day(self.period, note.date)),
                "day": format_date(self.env, note.date),
                "name": note.name,
                "user": note.user_id.name or "",
                "is_baseline": note.is_baseline,
            }
            for note in self.annotation_ids.sorted("date")
            if first and note.date >= first
        ]

    def _get_target(self):
        if not self.has_target:
            return None
        return (
            self.target / 100 if self._get_measure().unit == "percent" else self.target
        )

    def _get_period_label(self, date):
        """Name a period as people do: a day, a week of ISO 8601, a month."""
        if self.period == DAY:
            return format_date(self.env, date, date_format="d MMM yyyy")
        if self.period == WEEK:
            year, week, _day = date.isocalendar()
            return self.env._("W%(week)02d %(year)s", week=week, year=year)
        return format_date(self.env, date, date_format="MMM yyyy")

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_cases(self, date):
        """Open the cases behind the point that begins at ``date``.

        As many as the point's number of cases, of those that the reader may see.
        """
        self.ensure_one()
        self.check_access("read")
        date = fields.Date.to_date(date)
        zone = self.company_id._get_time_zone()
        [period] = get_periods(self.period, date, date, zone)
        # sudo: what is measured, and where; the cases are searched as the reader
        domain = self.sudo()._get_case_list_domain(period)
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_action"
        )
        return action | {
            "display_name": f"{self.name}, {self._get_period_label(date)}",
            "domain": domain,
            "context": {"active_test": False},
            "view_mode": "list,form,pivot,graph",
            "views": [(False, kind) for kind in ("list", "form", "pivot", "graph")],
        }

    def _get_case_list_domain(self, period):
        """Give the domain of a point's cases in a form that the web client can have."""
        domain = self._get_cases_domain(period)
        measure = self._get_measure()
        has_sql = any(self[name] for name in _BEYOND_CLIENT)
        if measure.get_cases or measure.move is not None or has_sql:
            return [("id", "in", list(self.env["crm.case"]._search(domain)))]
        return list(domain)


def _get(value):
    """Read an optional number: it is False where there is none."""
    return None if value is False else value
