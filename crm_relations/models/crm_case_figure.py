from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools.case_figures import BASE, DIMENSIONS, LEVELS, MEANS, SUMS, columns, listed

_WHOLE_MONTHS = ("month", "quarter", "year")


class CrmCaseFigure(models.AbstractModel):
    """The figures of cases, summed up by month, section, person and a few things more.

    They are always right, to the last change of the reader's own transaction, because
    they are sums of what each change of a case has added and taken away:

    1. A trigger of the database notes each change that matters in
       ``crm_case_figure_change``: the case as it was with a minus, as it is with a
       plus. It cannot be passed by, and what is rolled back leaves no trace.
    2. From time to time changes are folded into ``crm_case_figure``, once per level.
       A transaction that commits late is no problem: its rows are not seen before.
    3. Who reads adds both. There is nothing to refresh, and no figure has an age.

    A model for `crm.case` to group by, see `crm.case.analysis.mixin`; it has no records
    and no access rights of its own, those of cases apply.
    """

    _name = "crm.case.figure"
    _description = "Kept Figures of Cases"
    _inherit = ["crm.case.figure.keeping.mixin"]

    active = fields.Boolean()
    company_id = fields.Many2one("res.company")
    currency_id = fields.Many2one("res.currency")
    section_id = fields.Many2one("crm.case.section")
    user_id = fields.Many2one("res.users")
    day_created = fields.Date()
    day_closed = fields.Date()
    stage_id = fields.Many2one("crm.case.stage")
    state = fields.Char()
    category_id = fields.Many2one("crm.case.category")
    channel_id = fields.Many2one("crm.case.channel")
    priority = fields.Char()
    sla_state = fields.Char()
    planned_revenue = fields.Monetary()
    planned_cost = fields.Monetary()
    weighted_revenue = fields.Monetary()

    # ------------------------------------------------------------
    # READING
    # ------------------------------------------------------------

    @api.model
    def _find_level(self, domain, groupby, aggregates):
        """Give the smallest level that answers a question about cases.

        :param Domain domain: over `crm.case`, optimized, its rules included
        :param groupby: specifications as for `_read_group`; so are ``aggregates``
        :return: number of the level; None if only the cases themselves can answer
        """
        names = set()
        for condition in domain.iter_conditions():
            if not self._covers_condition(condition):
                return None
            names.add(condition.field_expr)
        for spec in groupby:
            if not self._covers_groupby(spec):
                return None
            names.add(spec.partition(":")[0].partition(".")[0])
        if not all(map(self._covers_aggregate, aggregates)):
            return None
        names.difference_update(BASE)
        levels = enumerate(LEVELS, 1)
        return next((level for level, kept in levels if names.issubset(kept)), None)

    @api.model
    def _covers_condition(self, condition):
        """Tell whether a condition can be met or not by what is kept.

        Of days those are known that begin or end a month.
        """
        name, value = condition.field_expr, condition.value
        if name not in DIMENSIONS:
            return False
        if self._fields[name].type != "date":
            return True
        if condition.operator in ("in", "not in"):
            return not any(value)
        if not hasattr(value, "day"):
            return False
        is_start = condition.operator in (">=", "<")
        day = value if is_start else fields.Date.add(value, days=1)
        return day.day == 1

    @api.model
    def _covers_groupby(self, spec):
        path, _colon, granularity = spec.partition(":")
        name, _dot, rest = path.partition(".")
        if name not in DIMENSIONS:
            return False
        kind = self._fields[name].type
        if kind == "date":
            return granularity.removesuffix("_number") in _WHOLE_MONTHS
        return not rest or kind == "many2one"

    @api.model
    def _covers_aggregate(self, spec):
        name, _colon, function = spec.partition(":")
        return (
            spec in ("__count", "currency_id:array_agg_distinct")
            or (function in ("sum", "sum_currency") and name in SUMS)
            or (function == "avg" and name in MEANS)
        )

    @property
    def _table_query(self):
        kept = SQL("n, %s", SQL(listed(columns())))
        return SQL(
            """SELECT %(columns)s FROM crm_case_figure WHERE level = %(level)s
            UNION ALL SELECT %(columns)s FROM crm_case_figure_change""",
            columns=kept,
            level=self.env.context["crm_case_figure_level"],
        )

    @api.model
    def _search(self, domain, *args, **kwargs):
        """Choose figures of the cases that the reader may see, archived ones as asked.

        What the domain says of archived cases was completed for cases already.
        """
        kwargs |= {"active_test": False, "bypass_access": True}
        query = super()._search(domain, *args, **kwargs)
        if self.env.su or query.is_empty():
            return query
        self.env["crm.case"].browse().check_access("read")
        # sudo: as Odoo does, a rule may look where its reader may not
        sudo = self.sudo().with_context(active_test=False)
        rules = self._get_case_rules().optimize_full(sudo)
        if rules.is_false():
            return self.browse()._as_query()
        if not rules.is_true():
            query.add_where(rules._to_sql(sudo, self._table, query))
        return query

    @api.model
    def _get_case_rules(self):
        """Give the domain that record rules lay on cases, for the current user."""
        if self.env.su:
            return Domain.TRUE
        return self.env["ir.rule"]._compute_domain("crm.case", "read")

    def check_access(self, operation):
        """Check access to cases; there are no records here."""
        self.env["crm.case"].browse().check_access(operation)

    @api.model
    def _read_group(self, domain, groupby=(), aggregates=(), *args, **kwargs):
        found = super()._read_group(domain, groupby, aggregates, *args, **kwargs)
        return found if found or groupby else [self._get_empty_total(aggregates)]

    @api.model
    def _read_grouping_sets(self, domain, grouping_sets, aggregates=(), order=None):
        found = super()._read_grouping_sets(domain, grouping_sets, aggregates, order)
        return [
            rows if rows or groupby else [self._get_empty_total(aggregates)]
            for rows, groupby in zip(found, grouping_sets, strict=True)
        ]

    @api.model
    def _get_empty_total(self, aggregates):
        """Give the total over no case, which is a row as well."""
        # the fields of cases know what their empty values are
        empty_value = self.env["crm.case"]._read_group_empty_value
        return tuple(map(empty_value, aggregates))

    @api.model
    def _read_group_empty_value(self, spec):
        return self.env["crm.case"]._read_group_empty_value(spec)

    def _read_group_having(self, having_domain, query):
        """Leave out groups whose cases have all gone elsewhere."""
        return SQL("SUM(n) > 0")

    def _read_group_select(self, aggregate_spec, query):
        query.having = self._read_group_having((), query)
        name, _colon, function = aggregate_spec.partition(":")
        if aggregate_spec == "__count":
            return SQL("COALESCE(SUM(n), 0)")
        if function == "sum":
            return SQL("SUM(%s)", SQL.identifier(name))
        if function == "avg":
            return SQL(
                "SUM(%s) * 1.0 / NULLIF(SUM(%s), 0)",
                SQL.identifier(name),
                SQL.identifier(f"{name}_n"),
            )
        return super()._read_group_select(aggregate_spec, query)
