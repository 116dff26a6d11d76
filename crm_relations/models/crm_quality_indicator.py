from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import formatLang

from ..fields import OptionalFloat
from ..tools.control_chart import MINIMUM_POINTS, RULES, XMR, C, P, U
from ..tools.local_period import DAY, MONTH, WEEK
from .crm_quality_indicator_measure_mixin import (
    CHARTS,
    COUNT,
    HOURS,
    LEVEL,
    MONEY,
    PERCENT,
)

PERIODS = [(DAY, "Day"), (WEEK, "Week"), (MONTH, "Month")]
AUTO, FROZEN, ROLLING = "auto", "frozen", "rolling"
IN_CONTROL, SIGNAL, TOO_FEW = "in_control", "signal", "too_few"
HIGHER, LOWER, NEITHER = "higher", "lower", "neither"
MOST_POINTS = 400  # more cannot be told apart on a screen

RULE_FIELDS = {number: f"rule_{number}" for number in RULES}
# a change of these makes it another figure
_DEFINITION = {"measure", "period", "chart"}
# a change of these moves the limits, or what is a signal
_LIMITS = {
    "baseline",
    "baseline_points",
    "baseline_from",
    "baseline_to",
    "point_count",
    *RULE_FIELDS.values(),
}


class CrmQualityIndicator(models.Model):
    """One figure followed over time on a control chart.

    Managers say what is measured, where, and who is told; points, limits and signals
    are reckoned every night, see `_compute_chart`.
    """

    _name = "crm.quality.indicator"
    _description = "Indicator"
    _inherit = [
        "crm.quality.indicator.measure.mixin",
        "crm.quality.indicator.run.mixin",
        "crm.quality.indicator.chart.mixin",
        "crm.case.criteria.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _order = "sequence, name, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    owner_id = fields.Many2one(
        "res.users",
        default=lambda self: self.env.user,
        domain="[('share', '=', False)]",
        check_company=True,
        ondelete="restrict",
        tracking=True,
        help="Is told of each signal, once.",
    )
    # a sum over companies would tell each of them about the others
    company_id = fields.Many2one(required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="company_id.currency_id")

    # What is followed
    measure = fields.Selection(
        selection="_selection_measure", required=True, default="created"
    )
    period = fields.Selection(PERIODS, required=True, default=WEEK)
    chart = fields.Selection(
        [
            (AUTO, "As the measure asks for"),
            (XMR, "Individuals and moving range"),
            (P, "Shares (p)"),
            (C, "Counts (c)"),
            (U, "Rates (u)"),
        ],
        required=True,
        default=AUTO,
        help="Individuals where the standard chart signals too often: cases that come "
        "in bunches vary more than pure chance does.",
    )
    direction = fields.Selection(
        [
            (LOWER, "Lower is better"),
            (HIGHER, "Higher is better"),
            (NEITHER, "Neither"),
        ],
        required=True,
        default=NEITHER,
        help="A change for the better is a signal too, but opens no case.",
    )
    has_target = fields.Boolean("Target Line")
    target = fields.Float(help="As the chart shows it: percent for shares.")
    point_count = fields.Integer(
        "Periods Shown",
        required=True,
        default=60,
        help="Figures of so many periods are reckoned anew every night, so that late "
        "corrections are followed; older ones are kept as they are.",
    )

    # Limits
    baseline = fields.Selection(
        [(ROLLING, "The latest periods"), (FROZEN, "Fixed periods")],
        required=True,
        default=ROLLING,
        help="What limits are reckoned from. A note that starts a new baseline begins "
        "them anew.",
    )
    baseline_points = fields.Integer(
        "Periods of the Baseline",
        required=True,
        default=30,
        help="The latest ones, or with fixed periods the first ones.",
    )
    baseline_from = fields.Date("Baseline from")
    baseline_to = fields.Date("Baseline to")
    rule_1 = fields.Boolean("One point beyond the limits", default=True)
    rule_2 = fields.Boolean("Nine in a row on one side of the centre", default=True)
    rule_3 = fields.Boolean("Six in a row rising or falling", default=True)
    rule_4 = fields.Boolean("Fourteen in a row going up and down in turn")
    rule_5 = fields.Boolean("Two of three in the outer third", default=True)
    rule_6 = fields.Boolean("Four of five beyond the inner third", default=True)
    rule_7 = fields.Boolean("Fifteen in a row in the inner third")
    rule_8 = fields.Boolean("Eight in a row outside the inner third")

    # On a signal
    case_section_id = fields.Many2one(
        "crm.case.section",
        "Open a Case in",
        check_company=True,
        ondelete="restrict",
        help="A case for each point out of control, unless it is for the better.",
    )
    case_category_id = fields.Many2one(
        "crm.case.category",
        "Category of the Case",
        ondelete="restrict",
        domain="""[
            '|', ('section_id', '=', False),
            ('section_id', 'parent_of', case_section_id)
        ]""",
    )
    case_user_id = fields.Many2one(
        "res.users",
        "Responsible for the Case",
        check_company=True,
        ondelete="restrict",
        domain="[('share', '=', False)]",
    )

    # Result
    state = fields.Selection(
        [
            (IN_CONTROL, "In control"),
            (SIGNAL, "Signal"),
            (TOO_FEW, "Too few points"),
        ],
        readonly=True,
        copy=False,
        default=TOO_FEW,
        help="Of the latest point.",
    )
    centre = OptionalFloat(readonly=True, copy=False)
    lower_limit = OptionalFloat(readonly=True, copy=False)
    upper_limit = OptionalFloat(readonly=True, copy=False)
    last_value = OptionalFloat(
        readonly=True, copy=False, help="Of the latest finished period."
    )
    last_value_text = fields.Char("Latest Value", compute="_compute_last_value_text")
    last_date = fields.Date("Last Period from", readonly=True, copy=False)
    point_ids = fields.One2many("crm.quality.point", "indicator_id", "Points")
    signal_ids = fields.One2many("crm.quality.signal", "indicator_id", "Signals")
    annotation_ids = fields.One2many("crm.quality.annotation", "indicator_id", "Notes")
    signal_count = fields.Integer("New Signals", compute="_compute_signal_count")
    date_computed = fields.Datetime("Last Computed", readonly=True, copy=False)
    date_due = fields.Datetime(
        "Next Computation", readonly=True, copy=False, index=True
    )
    error = fields.Char(readonly=True, copy=False)

    _points_range = models.Constraint(
        f"CHECK(point_count BETWEEN {MINIMUM_POINTS} AND {MOST_POINTS})",
        f"Periods shown: give a number from {MINIMUM_POINTS} to {MOST_POINTS}.",
    )
    _baseline_points_range = models.Constraint(
        f"CHECK(baseline_points >= {MINIMUM_POINTS})",
        f"Periods of the baseline: limits need {MINIMUM_POINTS} at the least.",
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("last_value", "measure")
    @api.depends_context("lang")
    def _compute_last_value_text(self):
        for indicator in self:
            value = indicator.last_value
            indicator.last_value_text = value is not False and indicator._format_value(
                value
            )

    def _compute_signal_count(self):
        counts = dict(
            self.env["crm.quality.signal"]._read_group(
                [("indicator_id", "in", self.ids), ("state", "=", "new")],
                ["indicator_id"],
                ["__count"],
            )
        )
        for indicator in self:
            indicator.signal_count = counts.get(indicator, 0)

    def _get_chart_kind(self):
        """Give the chart that is drawn: one of tools.control_chart.KINDS."""
        return CHARTS[self._get_measure().kind] if self.chart == AUTO else self.chart

    def _format_value(self, value):
        """Write a value as people read it, with its unit."""
        if value is None:
            return self.env._("none")
        measure = self._get_measure()
        if measure.unit == PERCENT:
            return self.env._("%s %%", formatLang(self.env, value * 100, digits=1))
        if measure.unit == HOURS:
            return self.env._("%s h", formatLang(self.env, value, digits=1))
        if measure.unit == MONEY:
            return formatLang(self.env, value, currency_obj=self.currency_id)
        whole = measure.kind in (COUNT, LEVEL) and float(value).is_integer()
        return formatLang(self.env, value, digits=0 if whole else 2)

    def _format_limits(self, lower, upper):
        """Say between which values chance alone stays."""
        if not self._get_measure().is_signed:
            lower = max(lower, 0)
        return self.env._(
            "usually %(lower)s to %(upper)s",
            lower=self._format_value(lower),
            upper=self._format_value(upper),
        )

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("measure", "chart")
    def _check_chart(self):
        labels = dict(self._fields["chart"]._description_selection(self.env))
        for indicator in self:
            proper = CHARTS[indicator._get_measure().kind]
            if indicator.chart not in (AUTO, XMR, proper):
                raise ValidationError(
                    self.env._(
                        "Chart: “%(chart)s” does not fit this measure; it can be drawn "
                        "as “%(proper)s” or “%(individuals)s”.",
                        chart=labels[indicator.chart],
                        proper=labels[proper],
                        individuals=labels[XMR],
                    )
                )

    @api.constrains("baseline_from", "baseline_to")
    def _check_baseline(self):
        for indicator in self:
            first, last = indicator.baseline_from, indicator.baseline_to
            if first and last and first > last:
                raise ValidationError(self.env._("Baseline: it ends before it begins."))

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        indicators = super().create(vals_list)
        indicators._compute_anew()
        return indicators

    def write(self, vals):
        result = super().write(vals)
        if not vals.keys().isdisjoint(self._get_definition_fields()):
            self._forget_points()
            self._compute_anew()
        elif not vals.keys().isdisjoint(_LIMITS) or vals.get("active"):
            self._compute_anew()
        return result

    @api.model
    def _get_definition_fields(self):
        return _DEFINITION | self._get_criterion_builders().keys()

    def copy_data(self, default=None):
        vals_list = super().copy_data(default=default)
        if "name" not in (default or {}):
            for one, vals in zip(self, vals_list, strict=True):
                vals["name"] = self.env._("%s (copy)", one.name)
        return vals_list

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_compute(self):
        """Reckon points, limits and signals now."""
        self.check_access("write")
        # sudo: points and signals are written by the computation only
        for indicator in self.sudo():
            if not indicator.try_lock_for_update(allow_referencing=True):
                raise UserError(
                    self.env._(
                        "“%s” is being computed just now; look again in a moment.",
                        indicator.name,
                    )
                )
            indicator._compute_chart()
        return True

    def action_view_signals(self):
        """Open the signals."""
        return self._open("crm_quality_signal_action", self.env._("Signals"))

    def action_view_points(self):
        """Open the points, which can be exported from there."""
        return self._open("crm_quality_point_action", self.env._("Points"))

    def _open(self, action, name):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            f"crm_relations.{action}"
        )
        return action | {
            "display_name": f"{self.name}: {name}",
            "domain": [("indicator_id", "=", self.id)],
            "context": {"default_indicator_id": self.id},
        }

    def action_pin_note(self):
        """Open the dialog that pins a note to the chart."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Pin a Note"),
            "res_model": "crm.quality.annotation",
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_indicator_id": self.id,
                "default_date": self.env.context.get("note_date"),
            },
        }
