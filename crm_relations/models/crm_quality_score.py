from typing import NamedTuple

from markupsafe import Markup
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools.misc import format_date, formatLang

from ..fields import OptionalFloat
from ..tools.quality_score import CLASSES, Line
from ..tools.score_chart import draw_scores

CHART_MONTHS = 12
_CLASS_NAMES = [(name, name.upper()) for name in CLASSES]


class QualityMeasure(NamedTuple):
    """A figure that criteria can judge suppliers by."""

    label: str
    unit: str = ""  # "%", "h", "money", or nothing
    digits: int = 0


class CrmQualityScore(models.Model):
    """What a supplier was worth to a company at the end of a month, and why.

    Written by the nightly run, in bulk, and never changed once its month is over. The
    latest month of each supplier, brought up to date every night, is the current one.
    The figures are over the months that the company's settings say, up to `date_until`.
    """

    _name = "crm.quality.score"
    _description = "Supplier's Score"
    _inherit = ["crm.quality.score.figures.mixin", "crm.quality.score.run.mixin"]
    _order = "date desc, score, id"
    _rec_name = "partner_id"
    _log_access = False

    partner_id = fields.Many2one(
        "res.partner", "Supplier", required=True, readonly=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, ondelete="cascade"
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    date = fields.Date("Month", required=True, readonly=True)
    date_from = fields.Datetime("Counted from", readonly=True)
    date_until = fields.Datetime("As of", readonly=True)
    is_current = fields.Boolean("Latest Month", readonly=True)
    score = OptionalFloat(
        readonly=True,
        digits=(5, 1),
        help="0 to 100, the mean of the criteria's points.",
    )
    quality_class = fields.Selection(
        _CLASS_NAMES, "Class", readonly=True, group_expand=True
    )
    trend = OptionalFloat(
        readonly=True,
        digits=(5, 1),
        help="Against the same number of months before; empty if the supplier was not "
        "known then.",
    )
    details = fields.Json(readonly=True)

    # The figures; what is not known is empty
    case_count = fields.Integer("Quality Cases", readonly=True)
    cost = fields.Monetary("Cost of Cases", readonly=True)
    defective_quantity = fields.Float("Defective Units", readonly=True, digits=(16, 2))
    received_quantity = OptionalFloat(
        "Received Units", readonly=True, digits=(16, 2), aggregator="sum"
    )
    ppm = OptionalFloat(
        "Defective ppm",
        readonly=True,
        digits=(16, 0),
        help="Defective units per million units received.",
    )
    order_count = fields.Integer("Orders", readonly=True)
    case_rate = OptionalFloat("Cases per 100 Orders", readonly=True, digits=(16, 1))
    response_hours = OptionalFloat(
        "Hours Waited For",
        readonly=True,
        digits=(16, 1),
        help="Mean time that cases were pending.",
    )
    resolution_hours = OptionalFloat("Hours to Close", readonly=True, digits=(16, 1))
    repeat_count = fields.Integer("Repeated Faults", readonly=True)
    repeat_rate = OptionalFloat("Repeated Faults (%)", readonly=True, digits=(5, 1))
    action_count = fields.Integer("Actions Due", readonly=True)
    overdue_rate = OptionalFloat("Actions Late (%)", readonly=True, digits=(5, 1))
    effective_rate = OptionalFloat(
        "Actions Effective (%)", readonly=True, digits=(5, 1)
    )
    on_time_rate = OptionalFloat("Receipts on Time (%)", readonly=True, digits=(5, 1))

    explanation = fields.Html(
        "How It Arises", compute="_compute_explanation", sanitize=False
    )
    chart = fields.Html("Over Time", compute="_compute_chart", sanitize=False)

    _month_uniq = models.UniqueIndex("(partner_id, company_id, date)")
    _current_uniq = models.UniqueIndex("(partner_id, company_id) WHERE is_current")
    _class_idx = models.Index(
        "(company_id, quality_class, partner_id) WHERE is_current"
    )

    @api.depends("partner_id", "date")
    def _compute_display_name(self):
        for row in self:
            month = format_date(self.env, row.date, date_format="MMM y")
            row.display_name = f"{row.partner_id.display_name}, {month}"

    # ------------------------------------------------------------
    # MEASURES
    # ------------------------------------------------------------

    @api.model
    def _get_measures(self):
        """Give what criteria can judge by; addons that know more extend this.

        Each name is a key of the rows that `_get_figures` gives.

        :return: {name: `QualityMeasure`}
        """
        _ = self.env._
        return {
            "case_count": QualityMeasure(_("Quality cases")),
            "cost": QualityMeasure(_("Cost of cases"), "money"),
            "ppm": QualityMeasure(_("Defective parts per million")),
            "case_rate": QualityMeasure(_("Cases per 100 orders"), "", 1),
            "response_hours": QualityMeasure(_("Time we waited for answers"), "h", 1),
            "resolution_hours": QualityMeasure(_("Time to close a case"), "h", 1),
            "repeat_rate": QualityMeasure(_("Repeated faults"), "%", 1),
            "overdue_rate": QualityMeasure(_("Actions done late or overdue"), "%", 1),
            "effective_rate": QualityMeasure(_("Actions that were effective"), "%", 1),
            "on_time_rate": QualityMeasure(_("Receipts on time"), "%", 1),
        }

    def _format_value(self, measure, value):
        if value is None:
            return self.env._("not known")
        if measure.unit == "money":
            return formatLang(self.env, value, currency_obj=self.currency_id)
        digits = measure.digits if value % 1 else 0
        text = formatLang(self.env, value, digits=digits)
        return f"{text} {measure.unit}".strip()

    def _get_lines(self):
        """Give the criteria of this score, in words of the reader's language.

        :return: list of {"label", "value", "points", "weight", "share", "scale"}; what
            is not known has no points and no share
        """
        self.ensure_one()
        lines = [Line(**line) for line in self.details or []]
        known = sum(line.weight for line in lines if line.points is not None)
        measures = self._get_measures()
        return [
            self._prepare_line(line, measures[line.measure], known)
            for line in lines
            if line.measure in measures  # an addon that is gone took its words along
        ]

    def _prepare_line(self, line, measure, known):
        is_known = line.points is not None
        number = self._format_number
        return {
            "label": measure.label,
            "value": self._format_value(measure, line.value),
            "points": number(line.points) if is_known else "–",
            "weight": number(line.weight),
            "share": f"{number(line.weight / known * 100)} %" if is_known else "–",
            "scale": self.env._(
                "100 for %(best)s, 0 for %(worst)s",
                best=self._format_value(measure, line.best),
                worst=self._format_value(measure, line.worst),
            ),
        }

    def _format_number(self, value):
        return formatLang(self.env, value, digits=1)

    def _format_trend(self):
        """Give the trend with its sign; empty if there is none."""
        if self.trend is False:
            return ""
        return ("+" if self.trend >= 0 else "") + self._format_number(self.trend)

    def _get_bounds(self):
        """Give the scores from which on a supplier is of class A and B, as text."""
        # sudo: what the classes mean is no secret
        company = self.company_id.sudo()
        bounds = (company.quality_bound_a, company.quality_bound_b)
        return [formatLang(self.env, bound, digits=0) for bound in bounds]

    # ------------------------------------------------------------
    # EXPLANATION
    # ------------------------------------------------------------

    @api.depends("details")
    @api.depends_context("lang")
    def _compute_explanation(self):
        for row in self:
            row.explanation = self.env["ir.qweb"]._render(
                "crm_relations.crm_quality_score_lines", row._get_explanation_values()
            )

    def _get_explanation_values(self):
        lines = self._get_lines()
        return {
            "lines": lines,
            "score": self._format_number(self.score),
            "has_unknown": any(line["points"] == "–" for line in lines),
        }

    def explain(self):
        """Say how the score arises.

        :return: text, the score, then a line per criterion
        """
        self.ensure_one()
        self.check_access("read")
        text = [
            self.env._(
                "%(partner)s: %(score)s points, class %(class)s",
                partner=self.partner_id.display_name,
                score=self._format_number(self.score),
                **{"class": (self.quality_class or "").upper()},
            )
        ]
        text += [
            self.env._(
                "%(label)s: %(value)s, %(points)s points, "
                "weight %(weight)s (%(share)s)",
                **line,
            )
            for line in self._get_lines()
        ]
        if {line["measure"] for line in self.details or []} - {*self._get_measures()}:
            text.append(self.env._("Some criteria belong to an addon that is gone."))
        return "\n".join(text)

    # ------------------------------------------------------------
    # OVER TIME
    # ------------------------------------------------------------

    def _compute_chart(self):
        """Draw the last months of each; one query for all of them."""
        history = self._get_history()
        for row in self:
            row.chart = row._draw(history[row.partner_id.id, row.company_id.id])

    def _get_history(self):
        """Give the months of these suppliers, the oldest first.

        :return: {(partner id, company id): records}
        """
        found = self.search(
            [
                ("partner_id", "in", self.partner_id.ids),
                ("company_id", "in", self.company_id.ids),
            ],
            order="date, id",
        )
        groups = found.grouped(lambda row: (row.partner_id.id, row.company_id.id))
        return {
            (row.partner_id.id, row.company_id.id): groups.get(
                (row.partner_id.id, row.company_id.id), row
            )
            for row in self
        }

    def _draw(self, history):
        months = history.filtered(lambda row: row.date <= self.date)[-CHART_MONTHS:]
        points = [
            (format_date(self.env, row.date, date_format="MMM yy"), row.score or 0.0)
            for row in months
        ]
        company = self.company_id.sudo()  # the bounds of the classes are no secret
        bounds = {"A": company.quality_bound_a, "B": company.quality_bound_b}
        # the chart escapes what is written into it
        return Markup(draw_scores(points, bounds))

    # ------------------------------------------------------------
    # THE CURRENT MONTH
    # ------------------------------------------------------------

    @api.model
    def _get_current(self, partner_ids):
        """Give the current rows of the user's company, by partner id; 1 query."""
        rows = self.search_fetch(
            [
                ("partner_id", "in", partner_ids),
                ("company_id", "=", self.env.company.id),
                ("is_current", "=", True),
            ],
            ["partner_id", "score", "quality_class", "trend"],
        )
        return {row.partner_id.id: row for row in rows}

    @api.model
    def _get_current_domain(self, field, domain, company):
        """Give the domain of what points to a partner whose current row is such."""
        query = self._search(
            Domain("is_current", "=", True)
            & Domain("company_id", "=", company.id)
            & domain
        )
        return Domain(field, "in", query.subselect("partner_id"))

    @api.model
    def _get_class_domain(self, field, classes, company):
        """Give the domain of what points to a partner of these classes; False: none."""
        named = Domain("quality_class", "in", [name for name in classes if name])
        found = self._get_current_domain(field, named, company)
        if False in classes:
            found |= ~self._get_current_domain(field, Domain.TRUE, company)
        return found

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_update(self):
        """Compute these suppliers anew, or all of the user's companies if none."""
        self.browse().check_access("read")
        if not self:
            for company in self.env.companies:
                self._compute_company(company)
        for company, rows in self.grouped("company_id").items():
            self._compute_company(company, rows.partner_id.ids)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def action_print(self):
        """Print the scorecards of these suppliers."""
        return self.env.ref("crm_relations.res_partner_report_scorecard").report_action(
            self.partner_id
        )

    def action_send(self):
        """Open the composer with the scorecards of these suppliers attached."""
        return self.partner_id.action_send_scorecard()

    def action_view_cases(self):
        """Open the cases behind the figures that the reader may see."""
        self.ensure_one()
        action = self.partner_id.action_view_cases()
        return action | {
            "display_name": self.env._("Quality Cases of %s", self.partner_id.name),
            "domain": list(self._get_case_domain()),
        }

    def _get_case_domain(self):
        return Domain(
            [
                ("commercial_partner_id", "=", self.partner_id.id),
                ("company_id", "=", self.company_id.id),
                ("is_quality", "=", True),
                ("state", "!=", "cancel"),
                ("create_date", ">=", self.date_from),
                ("create_date", "<", self.date_until),
            ]
        )

    def action_view_actions(self):
        """Open the corrective and preventive actions of this supplier."""
        self.ensure_one()
        return self.partner_id.action_view_quality_actions()

    def action_view_history(self):
        """Open the months of these suppliers as a graph."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_quality_score_action"
        )
        graph = self.env.ref("crm_relations.crm_quality_score_view_graph_history")
        return action | {
            "display_name": self.env._("Scores over Time"),
            "view_mode": "graph,list,pivot",
            "views": [(graph.id, "graph"), (False, "list"), (False, "pivot")],
            "domain": [("partner_id", "in", self.partner_id.ids)],
            "context": {},
        }
