import hashlib
import logging

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS

_logger = logging.getLogger(__name__)

# What a figure may be grouped and filtered by: the column's type and its value in a row
# of `crm_case`. Days are kept as the first of their month.
_MONTH = "date_trunc('month', {r}.%s::timestamp)::date"
_DIMENSIONS = {
    "active": ("bool", "COALESCE({r}.active, FALSE)"),
    "company_id": ("int4", "{r}.company_id"),
    "currency_id": ("int4", "{r}.currency_id"),
    "section_id": ("int4", "{r}.section_id"),
    "user_id": ("int4", "{r}.user_id"),
    "day_created": ("date", _MONTH % "day_created"),
    "day_closed": ("date", _MONTH % "day_closed"),
    "stage_id": ("int4", "{r}.stage_id"),
    "state": ("varchar", "{r}.state"),
    "category_id": ("int4", "{r}.category_id"),
    "channel_id": ("int4", "{r}.channel_id"),
    "priority": ("varchar", "{r}.priority"),
    "sla_state": ("varchar", "{r}.sla_state"),
}
# record rules and currencies need these, so that all levels have them
_BASE = ("active", "company_id", "currency_id", "section_id", "user_id")
# What is kept besides, smallest first: sums by few things are few rows, and one level
# by everything would have as many rows as there are cases. Three years of a million
# cases of fifty people are 9,000 rows on the first, see bench/results/analysis.json.
LEVELS = (
    ("day_created",),
    ("day_closed",),
    ("day_created", "channel_id"),
    ("day_created", "priority"),
    ("day_created", "sla_state"),
    ("day_created", "stage_id", "state"),
    ("day_closed", "stage_id", "state"),
    ("day_created", "category_id"),
    ("day_closed", "category_id"),
    ("day_created", "stage_id", "state", "category_id"),
)
# measures that are no columns of `crm_case`
EXPRESSIONS = {
    "reopened": "({r}.reopen_count > 0)::int",
    "escalated": "({r}.escalation_level > 0)::int",
    "sla_met_share": "CASE {r}.sla_state WHEN 'met' THEN 1 WHEN 'missed' THEN 0 END",
}
_SUMS = {
    "planned_revenue": "numeric",
    "planned_cost": "numeric",
    "weighted_revenue": "numeric",
    "duration": "float8",
    "reopen_count": "int4",
    "reopened": "int4",
    "escalated": "int4",
}
_MEANS = {
    "hours_first_response": "float8",
    "hours_close": "float8",
    "hours_working_first_response": "float8",
    "hours_working_close": "float8",
    "message_count": "int4",
    "rating_value": "float8",
    "sentiment": "int4",
    "probability": "float8",
    "sla_met_share": "float8",
}
_WHOLE_MONTHS = ("month", "quarter", "year")
# changes that wait: reading them costs about a millisecond a thousand
_FOLD_FROM = 2000
# sums of floats are compared with this tolerance, in hours or in the currency
_TOLERANCE = 0.01
_LOCK = 0x43_52_4D_46  # any number that nobody else uses as an advisory lock


def _columns():
    """Name the columns of the kept sums after ``n``, the number of cases."""
    counts = [f"{name}_n" for name in _MEANS]
    return [*_DIMENSIONS, *_SUMS, *_MEANS, *counts]


def _values(row, sign=1):
    """Give what one case adds, in the order of `_columns`.

    :param str row: the alias of a row of `crm_case`
    """
    values = [expression.format(r=row) for _type, expression in _DIMENSIONS.values()]
    measures = [
        EXPRESSIONS.get(name, "{r}." + name).format(r=row) for name in (*_SUMS, *_MEANS)
    ]
    values += [f"{sign} * COALESCE({measure}, 0)" for measure in measures]
    means = measures[len(_SUMS) :]
    return values + [f"{sign} * ({measure} IS NOT NULL)::int" for measure in means]


def _list(values):
    return ", ".join(values)


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
        names.difference_update(_BASE)
        levels = enumerate(LEVELS, 1)
        return next((level for level, kept in levels if names.issubset(kept)), None)

    @api.model
    def _covers_condition(self, condition):
        """Tell whether a condition can be met or not by what is kept.

        Of days those are known that begin or end a month.
        """
        name, value = condition.field_expr, condition.value
        if name not in _DIMENSIONS:
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
        if name not in _DIMENSIONS:
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
            or (function in ("sum", "sum_currency") and name in _SUMS)
            or (function == "avg" and name in _MEANS)
        )

    @property
    def _table_query(self):
        columns = SQL("n, %s", SQL(_list(_columns())))
        return SQL(
            """SELECT %(columns)s FROM crm_case_figure WHERE level = %(level)s
            UNION ALL SELECT %(columns)s FROM crm_case_figure_change""",
            columns=columns,
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

    # ------------------------------------------------------------
    # KEEPING
    # ------------------------------------------------------------

    @api.model
    def _fold(self):
        """Add the changes that wait to the kept sums, if there are enough of them.

        In one statement, which either happens or does not.

        :return: whether anything was done
        """
        waiting = SQL("SELECT count(*) FROM crm_case_figure_change")
        if self.env.execute_query(waiting)[0][0] < _FOLD_FROM or not self._lock():
            return False
        # SQL: these tables have no records; see the class for what they are
        self.env.cr.execute(
            SQL(
                """WITH change AS (
                    DELETE FROM crm_case_figure_change RETURNING *
                ) %s""",
                self._get_insert_sql(
                    SQL(" UNION ALL ").join(
                        self._get_level_sql(level, SQL("change"))
                        for level in range(1, len(LEVELS) + 1)
                    )
                ),
            )
        )
        return True

    @api.model
    def _get_level_sql(self, level, source, tolerance=0):
        """Give the rows of one level, summed up; those that add nothing are left out.

        :param SQL source: rows like those of the changes
        :param float tolerance: what counts as nothing
        """
        names = [*_BASE, *LEVELS[level - 1]]
        kept = [
            name if name in names else f"NULL::{kind}"
            for name, (kind, _expression) in _DIMENSIONS.items()
        ]
        sums = [f"SUM({name})" for name in ("n", *_columns()[len(_DIMENSIONS) :])]
        return SQL(
            "SELECT %s, %s, %s, %s FROM %s GROUP BY %s HAVING %s",
            level,
            SQL(sums[0]),
            SQL(_list(kept)),
            SQL(_list(sums[1:])),
            source,
            SQL(_list(names)),
            SQL(" OR ".join(f"ABS({part}) > {tolerance}" for part in sums)),
        )

    @api.model
    def _check(self):
        """Compare what is kept with the cases and put right what differs.

        :return: how many sums were wrong
        """
        self.env["crm.case"].flush_model()
        names = ("n", *_columns()[len(_DIMENSIONS) :])
        less = SQL(_list([*_DIMENSIONS, *(f"-{name}" for name in names[1:])]))
        wrong = 0
        for level in range(1, len(LEVELS) + 1):
            source = SQL(
                """(SELECT 1 AS n, x.* FROM crm_case r CROSS JOIN LATERAL (
                    SELECT %s) AS x (%s)
                UNION ALL SELECT -n, %s FROM crm_case_figure WHERE level = %s
                UNION ALL SELECT -n, %s FROM crm_case_figure_change) AS difference""",
                SQL(_list(_values("r"))),
                SQL(_list(_columns())),
                less,
                level,
                less,
            )
            # SQL: see `_fold`
            self.env.cr.execute(
                self._get_insert_sql(self._get_level_sql(level, source, _TOLERANCE))
            )
            wrong += self.env.cr.rowcount
        return wrong

    @api.model
    def _compact(self):
        """Make one row of those that folding has added to the same sum."""
        for level in range(1, len(LEVELS) + 1):
            # SQL: see `_fold`
            old = SQL("old")
            self.env.cr.execute(
                SQL(
                    """WITH old AS (
                        DELETE FROM crm_case_figure WHERE level = %s RETURNING *
                    ) %s""",
                    level,
                    self._get_insert_sql(self._get_level_sql(level, old)),
                )
            )

    @api.model
    def _get_insert_sql(self, rows):
        columns = SQL(_list(_columns()))
        return SQL("INSERT INTO crm_case_figure (level, n, %s) %s", columns, rows)

    @api.model
    def _lock(self):
        """Tell whether nobody else folds; until the end of the transaction."""
        # SQL: the ORM has no lock without a row
        query = SQL("SELECT pg_try_advisory_xact_lock(%s)", _LOCK)
        return self.env.execute_query(query)[0][0]

    # ------------------------------------------------------------
    # SCHEDULED ACTIONS
    # ------------------------------------------------------------

    @api.model
    def _cron_fold(self):
        """Fold what waits; run every few minutes."""
        try:
            # one who folded meanwhile has done this one's work
            with self.env.cr.savepoint():
                self._fold()
        except CONCURRENCY_ERRORS:
            _logger.info("Another process folds the figures of cases")

    @api.model
    def _cron_check(self):
        """Check all kept figures against the cases; run every night."""
        if not self._lock():
            return
        try:
            with self.env.cr.savepoint():
                wrong = self._check()
                self._compact()
        except CONCURRENCY_ERRORS:
            _logger.info("Another process folds the figures of cases")
            return
        if wrong:
            _logger.error("%s kept figures of cases were wrong, corrected", wrong)

    # ------------------------------------------------------------
    # TABLES
    # ------------------------------------------------------------

    def init(self):
        """Have the tables made when `crm_case` has its columns and figures."""
        self.pool.post_init(self._prepare_tables)

    @api.model
    def _prepare_tables(self):
        """Make tables and trigger, and sum up the cases, if that is not done yet."""
        statements = self._get_tables_sql()
        made_of = hashlib.sha256(repr(statements).encode()).hexdigest()
        # SQL: see `_fold`; a comment on the table says what it was made of
        known = SQL(
            "SELECT obj_description(to_regclass('crm_case_figure'), 'pg_class')"
        )
        if self.env.execute_query(known) == [(made_of,)]:
            return
        for statement in statements:
            self.env.cr.execute(SQL(statement))
        self.env.cr.execute(SQL("COMMENT ON TABLE crm_case_figure IS %s", made_of))
        self._check()

    @api.model
    def _drop_tables(self):
        """Take away what `_prepare_tables` made, with the trigger."""
        # SQL: see `_fold`
        self.env.cr.execute("DROP FUNCTION IF EXISTS crm_case_figure_note() CASCADE")
        self.env.cr.execute(
            "DROP TABLE IF EXISTS crm_case_figure, crm_case_figure_change"
        )

    @api.model
    def _get_tables_sql(self):
        """Give the statements that make what this model needs in the database."""
        kinds = {name: kind for name, (kind, _expression) in _DIMENSIONS.items()}
        kinds |= {**_SUMS, **_MEANS}
        names = ("n", *_columns())
        columns = _list(f"{name} {kinds.get(name, 'int4')}" for name in names)
        old, new = (_list(_values(row)) for row in ("OLD", "NEW"))
        into = f"INSERT INTO crm_case_figure_change ({_list(names)}) VALUES"
        return (
            "DROP TABLE IF EXISTS crm_case_figure, crm_case_figure_change",
            f"CREATE TABLE crm_case_figure_change ({columns})",
            f"CREATE TABLE crm_case_figure (level int2 NOT NULL, {columns})",
            "CREATE INDEX ON crm_case_figure (level)",
            # a fifth of a small table that is emptied all day is no reason to wait
            """ALTER TABLE crm_case_figure_change SET (
                autovacuum_vacuum_scale_factor = 0,
                autovacuum_vacuum_threshold = 2000)""",
            f"""CREATE OR REPLACE FUNCTION crm_case_figure_note() RETURNS trigger
            LANGUAGE plpgsql AS $$ BEGIN
                IF TG_OP = 'UPDATE' AND ({old}) IS NOT DISTINCT FROM ({new}) THEN
                    RETURN NULL;
                END IF;
                IF TG_OP <> 'INSERT' THEN
                    {into} (-1, {_list(_values("OLD", -1))});
                END IF;
                IF TG_OP <> 'DELETE' THEN
                    {into} (1, {new});
                END IF;
                RETURN NULL;
            END $$""",
            "DROP TRIGGER IF EXISTS crm_case_figure_note ON crm_case",
            """CREATE TRIGGER crm_case_figure_note
            AFTER INSERT OR UPDATE OR DELETE ON crm_case
            FOR EACH ROW EXECUTE FUNCTION crm_case_figure_note()""",
        )
