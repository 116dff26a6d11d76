from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, date_utils, format_amount, format_date
from odoo.tools.misc import formatLang

from ..tools import transitions

PERIODS = [
    ("week", "Week"),
    ("month", "Month"),
    ("quarter", "Quarter"),
    ("year", "Year"),
]


# there is one target at most for each
_KEY = ["measure", "period", "date_from", "company_id", "user_id", "section_id"]
_CLOSED = ("state", "=", transitions.DONE)


class Measure(NamedTuple):
    """A figure that a target can be set for; see `crm.case.target._get_measures`."""

    label: str
    value: object  # SQL of an aggregate over crm_case, or (targets) -> {id: value}
    unit: str = "count"  # "count", "hours", "percent" or "amount"
    grows: bool = True  # adds up over the period, otherwise a mean or a share
    lower_is_better: bool = False
    domain: tuple = (_CLOSED,)  # the cases that count
    day: str = "day_closed"  # field of crm.case that is to lie in the period


class CrmCaseTarget(models.Model):
    """What a person or a section is to reach within a week, month, quarter or year.

    How far they are is computed from the cases each time it is asked for, so that a
    case that is opened again counts no longer.
    """

    _name = "crm.case.target"
    _description = "Target"
    _order = "date_from desc, section_id, user_id, measure, id"
    _check_company_auto = True

    measure = fields.Selection(
        selection="_selection_measure", required=True, default="closed"
    )
    user_id = fields.Many2one(
        "res.users",
        "Person",
        index="btree_not_null",
        domain="[('share', '=', False)]",
        check_company=True,
        default=lambda self: self.env.user,
        help="Empty: everybody's cases in the section.",
    )
    section_id = fields.Many2one(
        "crm.case.section",
        index="btree_not_null",
        ondelete="cascade",
        check_company=True,
        help="With the sections below. Empty: the person's cases in all sections.",
    )
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    period = fields.Selection(PERIODS, required=True, default="month")
    date_from = fields.Date(
        "From",
        required=True,
        default=fields.Date.context_today,
        help="Moved to the first day of the period.",
    )
    date_to = fields.Date("To", compute="_compute_date_to", store=True, precompute=True)
    value = fields.Float("Target", required=True, aggregator=None)
    is_repeated = fields.Boolean(
        "Every Period",
        default=True,
        help="When the next period begins, it gets the same target.",
    )
    active = fields.Boolean(default=True)

    # How far they are
    has_actual = fields.Boolean(compute="_compute_actual")
    actual = fields.Float(compute="_compute_actual", aggregator=None)
    progress = fields.Float(
        "Progress (%)",
        compute="_compute_actual",
        aggregator=None,
        help="Of what is better when it is less (hours): 100 % as long as it is kept.",
    )
    expected = fields.Float(
        "Expected by Today",
        compute="_compute_actual",
        aggregator=None,
        help="The share of the target that falls to the days that have passed.",
    )
    state = fields.Selection(
        [
            ("upcoming", "Not Begun"),
            ("unknown", "No Cases yet"),
            ("on_track", "On Track"),
            ("behind", "Behind"),
            ("reached", "Reached"),
            ("missed", "Missed"),
        ],
        compute="_compute_actual",
    )
    value_text = fields.Char("Target in Words", compute="_compute_texts")
    actual_text = fields.Char("So Far", compute="_compute_texts")
    period_text = fields.Char("Time", compute="_compute_texts")
    unit_text = fields.Char("Unit", compute="_compute_texts")

    _uniq = models.UniqueIndex(
        "(measure, period, date_from, company_id, COALESCE(user_id, 0), "
        "COALESCE(section_id, 0)) WHERE active",
        "Target: there is one already for this figure, person, section and period.",
    )
    _value_positive = models.Constraint(
        "CHECK(value > 0)", "Target: give more than zero."
    )
    _whose = models.Constraint(
        "CHECK(user_id IS NOT NULL OR section_id IS NOT NULL)",
        "Person, Section: choose one of them, or both.",
    )

    # ------------------------------------------------------------
    # MEASURES
    # ------------------------------------------------------------

    @api.model
    def _get_measures(self):
        """Give the figures there are; addons that know more extend this.

        :return: {name: `Measure`}
        """
        _ = self.env._
        return {
            "closed": Measure(_("Cases closed"), SQL("count(*)")),
            "hours_close": Measure(
                _("Hours to close, on average"),
                SQL("avg(crm_case.hours_close)"),
                unit="hours",
                grows=False,
                lower_is_better=True,
            ),
            "hours_first_response": Measure(
                _("Hours to the first answer, on average"),
                SQL("avg(crm_case.hours_first_response)"),
                unit="hours",
                grows=False,
                lower_is_better=True,
                # a case that nobody has answered yet has no such hours
                domain=(("date_first_response", "!=", False),),
                day="day_created",
            ),
            "sla_share": Measure(
                _("Service levels met"),
                SQL(
                    "100.0 * count(*) FILTER (WHERE crm_case.sla_state = 'met')"
                    " / count(*)"
                ),
                unit="percent",
                grows=False,
                domain=(_CLOSED, ("sla_state", "in", ("met", "missed"))),
            ),
            "weighted_revenue": Measure(
                _("Weighted revenue of cases opened"),
                SQL("sum(crm_case.weighted_revenue)"),
                unit="amount",
                domain=(),
                day="day_created",
            ),
            "revenue_closed": Measure(
                _("Planned revenue of cases closed"),
                SQL("sum(crm_case.planned_revenue)"),
                unit="amount",
            ),
        }

    @api.model
    def _selection_measure(self):
        return [(name, measure.label) for name, measure in self._get_measures().items()]

    def _get_measure(self):
        return self._get_measures()[self.measure]

    def _read_cases(self, measure):
        """Reckon a figure over the cases of each target, in one query for all.

        :return: {id of target: value}; targets without such cases are left out
        """
        cases = self.env["crm.case"]._search(list(measure.domain))
        self.env["crm.case.section"].flush_model(["parent_path"])
        self.env["crm.case"].flush_model()
        self.flush_model()
        # raw SQL: each target has a period, a person and a tree of its own
        return dict(
            self.env.execute_query(
                SQL(
                    """
                SELECT t.id, %(value)s
                  FROM crm_case_target t
                  LEFT JOIN crm_case_section s ON s.id = t.section_id
                  JOIN crm_case ON crm_case.company_id = t.company_id
                   AND %(day)s BETWEEN t.date_from AND t.date_to
                   AND (t.user_id IS NULL OR crm_case.user_id = t.user_id)
                   AND (t.section_id IS NULL OR crm_case.section_id IN (
                           SELECT id FROM crm_case_section
                            WHERE parent_path LIKE s.parent_path || '%%'))
                 WHERE t.id = ANY(%(ids)s) AND %(cases)s
                 GROUP BY t.id
                    """,
                    value=measure.value,
                    day=SQL.identifier("crm_case", measure.day),
                    ids=self.ids,
                    cases=cases.where_clause,
                )
            )
        )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("period", "date_from")
    def _compute_date_to(self):
        for target in self:
            target.date_to = target.date_from and date_utils.end_of(
                target.date_from, target.period or "month"
            )

    @api.depends("measure", "user_id.name", "section_id.complete_name", "period_text")
    @api.depends_context("lang")
    def _compute_display_name(self):
        labels = dict(self._fields["measure"]._description_selection(self.env))
        for target in self:
            # sudo: the name of a colleague or section whose target one may read
            whose = target.user_id.sudo().name or target.section_id.sudo().display_name
            target.display_name = self.env._(
                "%(figure)s: %(whose)s, %(time)s",
                figure=labels.get(target.measure, ""),
                whose=whose or "",
                time=target.period_text,
            )

    # not on cases: they are read anew whenever a screen asks
    @api.depends("measure", "user_id", "section_id", "company_id", "value", "date_to")
    def _compute_actual(self):
        today = fields.Date.context_today(self)
        found = self._origin._read_actuals()
        for target in self:
            measure = target._get_measure() if target.measure else None
            actual = found.get(target._origin.id)
            target.has_actual = actual is not None
            target.actual = actual or 0.0
            target.expected = target._get_expected(measure, today)
            target.progress = target._get_progress(measure)
            target.state = target._get_state(measure, today)

    def _read_actuals(self):
        """Give {id: value} of these targets; one query per figure."""
        found = {}
        for name, targets in self.grouped("measure").items():
            measure = self._get_measures().get(name)
            if measure:
                # sudo: it counts all cases of its company, whoever reads it; who may
                # read a target is decided by the rules on targets
                found |= targets.sudo()._read_values(measure)
        return {key: float(value) for key, value in found.items() if value is not None}

    def _read_values(self, measure):
        if callable(measure.value):
            return measure.value(self)
        return self._read_cases(measure)

    def _get_expected(self, measure, today):
        if not measure or not measure.grows or not self.date_to:
            return self.value
        days = (self.date_to - self.date_from).days + 1
        passed = min(max((today - self.date_from).days + 1, 0), days)
        return self.value * passed / days

    def _get_progress(self, measure):
        if not measure or not self.has_actual or not self.value:
            return 0.0
        if not measure.lower_is_better:
            return 100.0 * self.actual / self.value
        return 100.0 * min(self.value / self.actual, 1.0) if self.actual else 100.0

    def _get_state(self, measure, today):
        if not measure or not self.date_to or today < self.date_from:
            return "upcoming"
        is_over = today > self.date_to
        if not self.has_actual and not measure.grows:
            return "unknown"
        if self._is_met(measure, self.value) and (is_over or measure.grows):
            return "reached"
        if is_over:
            return "missed"
        return "on_track" if self._is_met(measure, self.expected) else "behind"

    def _is_met(self, measure, value):
        if measure.lower_is_better:
            return self.actual <= value
        return self.actual >= value

    @api.depends("measure", "value", "company_id", "period", "date_from")
    @api.depends_context("lang")
    def _compute_texts(self):
        for target in self:
            target.value_text = target._format(target.value)
            target.actual_text = target._format(target.actual)
            target.period_text = target._get_period_text()
            target.unit_text = target._get_unit_text()

    def _format(self, value):
        """Write a value with its unit, in the reader's language."""
        unit = self._get_measure().unit if self.measure else "count"
        if unit == "amount":
            return format_amount(
                self.env, value, self.currency_id, trailing_zeroes=False
            )
        if unit == "count":
            return formatLang(self.env, value, digits=0)
        number = formatLang(self.env, value, digits=1)
        if unit == "hours":
            return self.env._("%s hours", number)
        return self.env._("%s %%", number)

    def _get_unit_text(self):
        unit = self._get_measure().unit if self.measure else "count"
        return {
            "count": "",
            "hours": self.env._("hours"),
            "percent": "%",
            "amount": self.currency_id.symbol,
        }[unit]

    def _get_period_text(self):
        if not self.date_from:
            return ""
        if self.period == "week":
            return self.env._(
                "week of %s",
                format_date(self.env, self.date_from, date_format="d MMM y"),
            )
        pattern = {"month": "LLLL y", "quarter": "QQQ y", "year": "y"}[self.period]
        return format_date(self.env, self.date_from, date_format=pattern)

    # ------------------------------------------------------------
    # CONSTRAINTS, CRUD
    # ------------------------------------------------------------

    @api.constrains("measure", "value")
    def _check_percent(self):
        for target in self:
            if target._get_measure().unit == "percent" and target.value > 100:
                raise ValidationError(
                    self.env._("Target: a share cannot be above 100 %.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        defaults = self.default_get(["period", "date_from"])
        return super().create(
            [vals | self._get_first_day(defaults | vals) for vals in vals_list]
        )

    def write(self, vals):
        if not {"date_from", "period"} & vals.keys():
            return super().write(vals)
        for target in self:
            former = {"period": target.period, "date_from": target.date_from}
            first = self._get_first_day(former | vals)
            super(CrmCaseTarget, target).write(vals | first)
        return True

    @api.model
    def _get_first_day(self, vals):
        """Give ``date_from`` moved to the first day of the period it lies in."""
        day = fields.Date.to_date(vals["date_from"])
        return {"date_from": day and date_utils.start_of(day, vals["period"])}

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_records(self):
        """Open the cases that count, of those the reader may see."""
        self.ensure_one()
        measure = self._get_measure()
        domain = [
            *measure.domain,
            (measure.day, ">=", self.date_from),
            (measure.day, "<=", self.date_to),
            ("company_id", "=", self.company_id.id),
        ]
        if self.user_id:
            domain.append(("user_id", "=", self.user_id.id))
        if self.section_id:
            domain.append(("section_id", "child_of", self.section_id.id))
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_action"
        )
        return action | {
            "display_name": self.display_name,
            "domain": domain,
            "context": {"create": False},
            "views": [(False, mode) for mode in ("list", "kanban", "form", "pivot")],
        }

    def copy_data(self, default=None):
        """A copy is for the period that follows: there can be but one for each."""
        vals_list = super().copy_data(default=default)
        if "date_from" not in (default or {}):
            for target, vals in zip(self, vals_list, strict=True):
                vals["date_from"] = date_utils.add(target.date_to, days=1)
        return vals_list

    @api.model
    def _cron_repeat(self):
        """Give each period that has begun the targets of the one before it.

        A period in which the server was down is made up for. Who has left gets none.
        """
        today = fields.Date.context_today(self)
        ended = Domain("is_repeated", "=", True) & Domain("date_to", "<", today)
        ended &= Domain("user_id", "=", False) | Domain("user_id.active", "=", True)
        while targets := self.search(ended):
            staying = targets.filtered(
                lambda one: not one.user_id or one.company_id in one.user_id.company_ids
            )
            values = staying.copy_data()
            dates = [vals["date_from"] for vals in values]
            existing = self.search_read([("date_from", "in", dates)], _KEY, load=None)
            taken = {_get_key(vals) for vals in existing}
            # each has one follower: the mark goes on with it
            targets.is_repeated = False
            self.create([vals for vals in values if _get_key(vals) not in taken])


def _get_key(vals):
    return tuple(vals[name] for name in _KEY)
