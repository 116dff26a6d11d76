from datetime import timedelta
from functools import lru_cache

from dateutil.relativedelta import relativedelta
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..fields import OptionalFloat
from ..tools.case_figures import EXPRESSIONS

# figures that have a median and a 90th percentile beside their mean
_SPREAD = (
    "hours_first_response",
    "hours_close",
    "hours_working_first_response",
    "hours_working_close",
)
_PERCENTILES = {
    f"{name}_{suffix}": (name, share)
    for name in _SPREAD
    for suffix, share in (("median", 0.5), ("p90", 0.9))
}
# what is compared with what: the length of a period and of the way back
_COMPARED = {
    "compared_month": (relativedelta(day=1), relativedelta(months=1)),
    "compared_year": (relativedelta(day=1, month=1), relativedelta(years=1)),
}
_NOW, _FORMER = "now", "former"
# in the context while the web client asks for figures
_QUICK = "crm_case_quick_figures"


def _spread_field(string):
    return OptionalFloat(string, compute="_compute_spread", aggregator="avg")


class CrmCaseAnalysisMixin(models.AbstractModel):
    """What cases are analysed by: measures that are no columns, and quick sums.

    Sums, numbers and means come from `crm.case.figure` where that can answer, always
    with the same result; all else from the cases themselves.
    """

    _name = "crm.case.analysis.mixin"
    _description = "Analysis of Cases"

    hours_first_response_median = _spread_field("Hours to First Response (median)")
    hours_first_response_p90 = _spread_field(
        "Hours to First Response (90 % are faster)"
    )
    hours_close_median = _spread_field("Hours to Close (median)")
    hours_close_p90 = _spread_field("Hours to Close (90 % are faster)")
    hours_working_first_response_median = _spread_field(
        "Working Hours to First Response (median)"
    )
    hours_working_first_response_p90 = _spread_field(
        "Working Hours to First Response (90 % are faster)"
    )
    hours_working_close_median = _spread_field("Working Hours to Close (median)")
    hours_working_close_p90 = _spread_field("Working Hours to Close (90 % are faster)")
    reopened = fields.Integer(
        "Cases Reopened", compute="_compute_marks", aggregator="sum"
    )
    escalated = fields.Integer(
        "Cases Escalated", compute="_compute_marks", aggregator="sum"
    )
    sla_met_share = OptionalFloat(
        "Promises Kept",
        compute="_compute_marks",
        aggregator="avg",
        help="Of the cases whose service level was met or missed.",
    )
    top_section_id = fields.Many2one(
        "crm.case.section",
        compute="_compute_top_section_id",
        search="_search_top_section_id",
        help="The section at the top of the tree, with all below it.",
    )
    compared_month = fields.Selection(
        [(_FORMER, "Last Month"), (_NOW, "This Month")],
        "This Month and the Last",
        compute="_compute_compared",
        search="_search_compared_month",
        help="By creation, each month up to the day of today.",
    )
    compared_year = fields.Selection(
        [(_FORMER, "Last Year"), (_NOW, "This Year")],
        "This Year and the Last",
        compute="_compute_compared",
        search="_search_compared_year",
        help="By creation, each year up to the day of today.",
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends(*_SPREAD)
    def _compute_spread(self):
        for case in self:
            for name, (source, _share) in _PERCENTILES.items():
                case[name] = case[source]

    @api.depends("reopen_count", "escalation_level", "sla_state")
    def _compute_marks(self):
        shares = {"met": 1.0, "missed": 0.0}
        for case in self:
            case.reopened = int(case.reopen_count > 0)
            case.escalated = int(case.escalation_level > 0)
            case.sla_met_share = shares.get(case.sla_state, False)

    @api.depends("section_id.parent_path")
    def _compute_top_section_id(self):
        # sudo: a section shows its whole path to all who see it
        for case in self:
            path = case.section_id.sudo().parent_path or ""
            top = path.split("/")[0]
            case.top_section_id = int(top) if top else case.section_id

    def _search_top_section_id(self, operator, value):
        if operator != "in":
            return NotImplemented
        sections = self.env["crm.case.section"].sudo().browse(filter(None, value))
        return Domain("section_id", "child_of", sections.exists().ids)

    @api.depends("day_created")
    def _compute_compared(self):
        for case in self:
            for name in _COMPARED:
                case[name] = next(
                    (
                        key
                        for key, (first, last) in self._get_compared_days(name).items()
                        if case.day_created and first <= case.day_created <= last
                    ),
                    False,
                )

    def _search_compared_month(self, operator, value):
        return self._search_compared("compared_month", operator, value)

    def _search_compared_year(self, operator, value):
        return self._search_compared("compared_year", operator, value)

    @api.model
    def _search_compared(self, name, operator, value):
        if operator != "in":
            return NotImplemented
        domains = {
            key: Domain("day_created", ">=", first) & Domain("day_created", "<=", last)
            for key, (first, last) in self._get_compared_days(name).items()
        }
        domains[False] = ~Domain.OR(domains.values())
        return Domain.OR(domains[key] for key in value if key in domains)

    @api.model
    def _get_compared_days(self, name):
        """Give the two periods that are compared, like with like.

        :return: {"now" or "former": (first day, last day)}
        """
        begin, back = _COMPARED[name]
        today = fields.Date.context_today(self)
        first = today + begin
        return {
            _FORMER: (first - back, min(today - back, first - timedelta(days=1))),
            _NOW: (first, today),
        }

    # ------------------------------------------------------------
    # GROUPING
    # ------------------------------------------------------------

    def _read_group_select(self, aggregate_spec, query):
        """Aggregate what is no column."""
        name, _colon, function = aggregate_spec.partition(":")
        if name in _PERCENTILES and function == "avg":
            source, share = _PERCENTILES[name]
            return SQL(
                "percentile_cont(%s) WITHIN GROUP (ORDER BY %s)",
                share,
                self._field_to_sql(self._table, source, query),
            )
        if name in EXPRESSIONS and function in ("sum", "avg"):
            # text of this program's own
            value = EXPRESSIONS[name].format(r=f'"{self._table}"')
            return SQL("%s(%s)", SQL(function.upper()), SQL(value))
        return super()._read_group_select(aggregate_spec, query)

    def _field_to_sql(self, alias, field_expr, query=None):
        """Group and sort by what is no column."""
        if field_expr == "top_section_id":
            return SQL(
                """(SELECT split_part(parent_path, '/', 1)::int
                FROM crm_case_section WHERE id = %s)""",
                super()._field_to_sql(alias, "section_id", query),
            )
        if field_expr in _COMPARED:
            day = super()._field_to_sql(alias, "day_created", query)
            periods = self._get_compared_days(field_expr)
            return SQL(
                "(CASE %s END)",
                SQL(" ").join(
                    SQL("WHEN %s BETWEEN %s AND %s THEN %s", day, *days, key)
                    for key, days in periods.items()
                ),
            )
        return super()._field_to_sql(alias, field_expr, query)

    # ------------------------------------------------------------
    # QUICK SUMS
    # ------------------------------------------------------------

    @api.model
    def formatted_read_grouping_sets(self, domain, grouping_sets, *args, **kwargs):
        """Answer a pivot from kept sums where they can; see `_get_figures`."""
        if not self.env.context.get(_QUICK):
            quick = self.with_context(**{_QUICK: True})
            return quick.formatted_read_grouping_sets(
                domain, grouping_sets, *args, **kwargs
            )
        return super().formatted_read_grouping_sets(
            domain, grouping_sets, *args, **kwargs
        )

    @api.model
    def formatted_read_group(self, domain, *args, **kwargs):
        """Answer a graph from kept sums where they can; see `_get_figures`."""
        if not self.env.context.get(_QUICK):
            quick = self.with_context(**{_QUICK: True})
            return quick.formatted_read_group(domain, *args, **kwargs)
        return super().formatted_read_group(domain, *args, **kwargs)

    def _web_read_group_groupby_formatter(self, groupby_spec, values):
        """Name each value once, not in each cell: that took most of a pivot's time."""
        formatter = super()._web_read_group_groupby_formatter(groupby_spec, values)
        # typed: 0 and False are two groups
        return lru_cache(maxsize=None, typed=True)(formatter)

    @api.model
    def _read_grouping_sets(self, domain, grouping_sets, aggregates=(), order=None):
        groupby = [spec for specs in grouping_sets for spec in specs]
        figures, kept_domain = self._get_figures(domain, groupby, aggregates, order)
        if figures is None:
            return super()._read_grouping_sets(domain, grouping_sets, aggregates, order)
        return figures._read_grouping_sets(
            kept_domain, grouping_sets, aggregates, order
        )

    @api.model
    def _read_group(self, domain, groupby=(), aggregates=(), *args, **kwargs):
        figures, kept_domain = None, None
        if not (args or kwargs.get("having")):
            figures, kept_domain = self._get_figures(
                domain, groupby, aggregates, kwargs.get("order")
            )
        if figures is None:
            return super()._read_group(domain, groupby, aggregates, *args, **kwargs)
        return figures._read_group(kept_domain, groupby, aggregates, **kwargs)

    @api.model
    def _get_figures(self, domain, groupby, aggregates, order):
        """Find kept sums that answer a question, the same as the cases would.

        :return: (crm.case.figure, domain for it); (None, None) if only cases can answer
        """
        if not self.env.context.get(_QUICK):
            return None, None
        domain = Domain(domain)
        # as for cases: archived ones only if somebody asks for them
        asked = any(leaf.field_expr == "active" for leaf in domain.iter_conditions())
        if self.env.context.get("active_test", True) and not asked:
            domain &= Domain("active", "=", True)
        domain = domain.optimize_full(self)
        Figure = self.env["crm.case.figure"]
        rules = Figure._get_case_rules().optimize_full(self.sudo())
        ordered = [part.split()[0] for part in (order or "").split(",") if part.strip()]
        aggregates = [*aggregates, *(name for name in ordered if name not in groupby)]
        level = Figure._find_level(domain & rules, groupby, aggregates)
        if level is None or domain.is_false() or rules.is_false():
            return None, None
        self.flush_model()
        # conditions that know no more that they were about cases
        domain = domain.map_conditions(
            lambda leaf: Domain(leaf.field_expr, leaf.operator, leaf.value)
        )
        return Figure.with_context(crm_case_figure_level=level), domain
