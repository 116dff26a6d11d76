import hashlib
import logging

from odoo import api, models
from odoo.tools import SQL

from ..tools.case_figures import (
    BASE,
    DIMENSIONS,
    LEVELS,
    MEANS,
    SUMS,
    columns,
    listed,
    sources,
    values_of,
)
from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS

_logger = logging.getLogger(__name__)

# changes that wait: reading them costs about a millisecond a thousand
_FOLD_FROM = 2000
# sums of floats are compared with this tolerance, in hours or in the currency
_TOLERANCE = 0.01
_LOCK = 0x43_52_4D_46  # any number that nobody else uses as an advisory lock


class CrmCaseFigureKeepingMixin(models.AbstractModel):
    """The tables of `crm.case.figure`: what fills them, folds them and checks them."""

    _name = "crm.case.figure.keeping.mixin"
    _description = "Keeping Figures of Cases"

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
        names = [*BASE, *LEVELS[level - 1]]
        kept = [
            name if name in names else f"NULL::{kind}"
            for name, (kind, _expression) in DIMENSIONS.items()
        ]
        sums = [f"SUM({name})" for name in ("n", *columns()[len(DIMENSIONS) :])]
        return SQL(
            "SELECT %s, %s, %s, %s FROM %s GROUP BY %s HAVING %s",
            level,
            SQL(sums[0]),
            SQL(listed(kept)),
            SQL(listed(sums[1:])),
            source,
            SQL(listed(names)),
            SQL(" OR ".join(f"ABS({part}) > {tolerance}" for part in sums)),
        )

    @api.model
    def _check(self):
        """Compare what is kept with the cases and put right what differs.

        :return: how many sums were wrong
        """
        self.env["crm.case"].flush_model()
        names = ("n", *columns()[len(DIMENSIONS) :])
        less = SQL(listed([*DIMENSIONS, *(f"-{name}" for name in names[1:])]))
        wrong = 0
        for level in range(1, len(LEVELS) + 1):
            source = SQL(
                """(SELECT 1 AS n, x.* FROM crm_case r CROSS JOIN LATERAL (
                    SELECT %s) AS x (%s)
                UNION ALL SELECT -n, %s FROM crm_case_figure WHERE level = %s
                UNION ALL SELECT -n, %s FROM crm_case_figure_change) AS difference""",
                SQL(listed(values_of("r"))),
                SQL(listed(columns())),
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
        kept = SQL(listed(columns()))
        return SQL("INSERT INTO crm_case_figure (level, n, %s) %s", kept, rows)

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
        kinds = {name: kind for name, (kind, _expression) in DIMENSIONS.items()}
        kinds |= {**SUMS, **MEANS}
        names = ("n", *columns())
        typed = listed(f"{name} {kinds.get(name, 'int4')}" for name in names)
        into = f"INSERT INTO crm_case_figure_change ({listed(names)}) VALUES"
        less = f"(-1, {listed(values_of('OLD', -1))})"
        more = f"(1, {listed(values_of('NEW'))})"
        old, new = (
            listed(f"{row}.{name}" for name in sources()) for row in ("OLD", "NEW")
        )
        return (
            "DROP TABLE IF EXISTS crm_case_figure, crm_case_figure_change",
            f"CREATE TABLE crm_case_figure_change ({typed})",
            f"CREATE TABLE crm_case_figure (level int2 NOT NULL, {typed})",
            "CREATE INDEX ON crm_case_figure (level)",
            # a fifth of a small table that is emptied all day is no reason to wait
            """ALTER TABLE crm_case_figure_change SET (
                autovacuum_vacuum_scale_factor = 0,
                autovacuum_vacuum_threshold = 2000)""",
            f"""CREATE OR REPLACE FUNCTION crm_case_figure_note() RETURNS trigger
            LANGUAGE plpgsql AS $$ BEGIN
                IF TG_OP = 'INSERT' THEN
                    {into} {more};
                ELSIF TG_OP = 'DELETE' THEN
                    {into} {less};
                ELSIF ({old}) IS DISTINCT FROM ({new}) THEN
                    {into} {less}, {more};
                END IF;
                RETURN NULL;
            END $$""",
            "DROP TRIGGER IF EXISTS crm_case_figure_note ON crm_case",
            """CREATE TRIGGER crm_case_figure_note
            AFTER INSERT OR UPDATE OR DELETE ON crm_case
            FOR EACH ROW EXECUTE FUNCTION crm_case_figure_note()""",
        )
