from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import transitions
from ..tools.local_day import get_days

_ENTERS, _LEAVES = 0, 1
# what a reader may narrow the figures by: field of the rows, operator
_SCOPE = {"section_id": "child_of", "user_id": "=", "state": "=", "company_id": "="}
# what rows may be summed by before they are read, and what is summed
_DIMENSIONS = frozenset(
    ("day", "section_id", "user_id", "state", "company_id")
    + ("case_section_id", "case_user_id")
)
_SUMS = frozenset(("change:sum", "opened:sum", "closed:sum", "__count"))
_MAX_DAYS = 3660  # ten years; a chart of more is a slip of the keyboard


class CrmCaseBacklog(models.Model):
    """One change of the backlog: a case came to somewhere, or went from there.

    Read from the kept stays (`crm.case.move`), so no day can be missing and nothing
    has to be brought up to date. A stay in the backlog adds one on the day that it
    begins and takes one away on the day that it ends: the sum of `change` up to a day
    is what was open at its end, by section, responsible, state and company alike.
    """

    _name = "crm.case.backlog"
    _description = "Backlog of Cases"
    _order = "day desc, id desc"
    _rec_name = "case_id"
    _auto = False
    _depends = {
        "crm.case.move": [
            "case_id",
            "case_section_id",
            "case_user_id",
            "company_id",
            "date",
            "date_end",
            "day",
            "day_end",
            "is_open",
            "section_id",
            "state",
            "user_id",
            "was_open",
        ]
    }

    date = fields.Datetime("Moment", readonly=True)
    day = fields.Date(readonly=True, help="In the company's time zone.")
    case_id = fields.Many2one("crm.case", readonly=True)
    section_id = fields.Many2one("crm.case.section", readonly=True)
    user_id = fields.Many2one("res.users", "Responsible", readonly=True)
    state = fields.Selection(transitions.STATES, readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    case_section_id = fields.Many2one("crm.case.section", "Section Now", readonly=True)
    case_user_id = fields.Many2one("res.users", "Responsible Now", readonly=True)
    change = fields.Integer(
        "Growth of the Backlog",
        readonly=True,
        aggregator="sum",
        help="Up to a day: what was open at its end. Between two days: by how many the "
        "backlog grew.",
    )
    opened = fields.Integer(
        readonly=True, aggregator="sum", help="New cases, and cases taken up again."
    )
    closed = fields.Integer(
        readonly=True, aggregator="sum", help="Closed, cancelled and archived cases."
    )

    @property
    def _table_query(self):
        """Give both ends of each stay that counts; the days can use an index."""
        names = self.env.context.get("crm_case_backlog_summed_by")
        return self._get_summed_sql(names) if names else self._get_rows_sql()

    @api.model
    def _get_rows_sql(self):
        return SQL(
            """SELECT %(enters)s + 2 * id::bigint AS id, date, day, case_id, section_id,
                user_id, state, company_id, case_section_id, case_user_id,
                is_open::int AS change,
                (is_open AND NOT was_open)::int AS opened,
                (was_open AND NOT is_open)::int AS closed
            FROM crm_case_move WHERE is_open OR was_open
            UNION ALL
            SELECT %(leaves)s + 2 * id::bigint, date_end, day_end, case_id, section_id,
                user_id, state, company_id, case_section_id, case_user_id, -1, 0, 0
            FROM crm_case_move WHERE is_open AND day_end IS NOT NULL""",
            enters=_ENTERS,
            leaves=_LEAVES,
        )

    # ------------------------------------------------------------
    # SUMS
    # ------------------------------------------------------------

    # Odoo sorts the rows for each set of groups of a pivot, which takes longer than
    # to read them: they are summed first by just what is asked for. A single set of
    # groups needs no sorting: it gains only for who sees all cases, whose rows the
    # index gives in order.

    def _read_group(self, domain, groupby=(), aggregates=(), **options):
        is_plain = bool(options.get("having")) or len(self._get_rule_names()) > 1
        summed = self if is_plain else self._sum_by(domain, groupby, aggregates)
        return super(CrmCaseBacklog, summed)._read_group(
            domain, groupby, aggregates, **options
        )

    def _read_grouping_sets(self, domain, grouping_sets, aggregates=(), **options):
        groupby = [spec for groups in grouping_sets for spec in groups]
        summed = self._sum_by(domain, groupby, aggregates)
        return super(CrmCaseBacklog, summed)._read_grouping_sets(
            domain, grouping_sets, aggregates, **options
        )

    def _read_group_select(self, aggregate_spec, query):
        names = self.env.context.get("crm_case_backlog_summed_by")
        if names and aggregate_spec == "__count":
            return SQL("SUM(%s)", SQL.identifier(self._table, "row_count"))
        return super()._read_group_select(aggregate_spec, query)

    def _sum_by(self, domain, groupby, aggregates):
        """Give this model with its rows summed by all that a question mentions.

        As it is when the question is about single rows.
        """
        names = _get_names(Domain(domain)) | self._get_rule_names()
        names |= {spec.split(":")[0] for spec in groupby}
        if not names or not names <= _DIMENSIONS or {*aggregates} - _SUMS:
            return self
        return self.with_context(crm_case_backlog_summed_by=tuple(sorted(names)))

    @api.model
    def _get_rule_names(self):
        """Give the fields that decide which rows the reader sees."""
        if self.env.su:
            return set()
        return _get_names(self.env["ir.rule"]._compute_domain(self._name, "read"))

    @api.model
    def _get_summed_sql(self, names):
        """Give the rows, summed at each end of the stays by the columns ``names``."""
        # a context can come from anywhere
        names = [name for name in names if name in _DIMENSIONS]
        enters = [SQL.identifier(name) for name in names]
        leaves = [
            SQL.identifier("day_end") if name == "day" else SQL.identifier(name)
            for name in names
        ]
        return SQL(
            """SELECT %(enters)s, sum(is_open::int)::int AS change,
                (count(*) FILTER (WHERE is_open AND NOT was_open))::int AS opened,
                (count(*) FILTER (WHERE was_open AND NOT is_open))::int AS closed,
                count(*)::int AS row_count
            FROM crm_case_move WHERE is_open OR was_open GROUP BY %(enters)s
            UNION ALL
            SELECT %(leaves)s, -count(*)::int, 0, 0, count(*)::int
            FROM crm_case_move WHERE is_open AND day_end IS NOT NULL
            GROUP BY %(leaves)s""",
            enters=SQL(", ").join(enters),
            leaves=SQL(", ").join(leaves),
        )

    # ------------------------------------------------------------
    # THE SCREEN
    # ------------------------------------------------------------

    @api.readonly
    @api.model
    def get_backlog(self, date_from, date_to, scope=None):
        """Give what the screen of the backlog shows; 5 queries.

        :param date_from: first day, as text or date
        :param date_to: last day; the company's present day at most
        :param scope: {"section_id", "user_id", "state", "company_id": value}, each
            may be missing; a section stands for its sub-sections too
        :return: {"days": [day], "open", "opened", "closed": [number per day],
            "states": {state: [open per day]}, "ages": [{"label", "count"}]}
        """
        today = self.env.company._get_today()
        last = min(fields.Date.to_date(date_to), today)
        first = max(fields.Date.to_date(date_from), last - timedelta(days=_MAX_DAYS))
        scope = self._get_scope_domain(scope)
        days = get_days(first, last)
        opened, closed, states = self._count_by_day(days, scope)
        return {
            "days": [fields.Date.to_string(day) for day in days],
            "opened": opened,
            "closed": closed,
            "states": states,
            "open": [sum(counts) for counts in zip(*states.values(), strict=True)],
            "ages": self.env["crm.case"]._count_ages(scope),
        }

    @api.model
    def _get_scope_domain(self, scope):
        """Give the condition on rows, which is also one on cases as they are now."""
        return Domain.AND(
            [
                Domain(name, operator, scope[name])
                for name, operator in _SCOPE.items()
                if scope and scope.get(name)
            ]
        )

    @api.model
    def _count_by_day(self, days, scope):
        """Give what happened on each day, and what was open at its end by state.

        Reckoned back from what is open now, which an index knows, so that the cost
        grows with the days that are shown, not with the past. 2 queries.

        :param days: list of date, without gaps
        :param Domain scope: on fields that rows and cases share
        :return: (opened per day, closed per day, {state: open per day})
        """
        flows = self._sum_days(Domain("day", ">=", days[0]) & scope)
        now = self.env["crm.case"]._count_unclosed(scope)
        index = {day: place for place, day in enumerate(days)}
        opened, closed = [0] * len(days), [0] * len(days)
        changes = {state: [0] * len(days) for state in transitions.UNCLOSED}
        for day, state, change, new, done in flows:
            place = index.get(day)
            if place is None:  # after the last day that is shown
                now[state] = now.get(state, 0) - change
                continue
            opened[place] += new
            closed[place] += done
            if change:
                changes[state][place] += change
        states = {}
        for state, per_day in changes.items():
            rest, counts = now.get(state, 0), []
            for change in reversed(per_day):
                counts.append(rest)
                rest -= change
            states[state] = counts[::-1]
        return opened, closed, states

    @api.model
    def _sum_days(self, domain):
        return self._read_group(
            domain, ["day:day", "state"], ["change:sum", "opened:sum", "closed:sum"]
        )

    @api.model
    def action_view_cases(self, kind, date_from, date_to, scope=None):
        """Open the cases behind a figure, archived and merged ones too.

        :param str kind: "open" (at the end of ``date_to``), "opened" or "closed"
        :param scope: as in `get_backlog`
        :return: action over crm.case
        """
        first, last = fields.Date.to_date(date_from), fields.Date.to_date(date_to)
        stays = self._get_scope_domain(scope) & self._get_kind_domain(kind, first, last)
        names = {
            "open": self.env._("Open at the End of %s"),
            "opened": self.env._("Opened %s"),
            "closed": self.env._("Closed %s"),
        }
        period = " – ".join(
            self.env["ir.qweb.field.date"].value_to_html(day, {})
            for day in ([last] if kind == "open" else sorted({first, last}))
        )
        return self.env["crm.case"]._get_figure_action(
            names[kind] % period, Domain("move_ids", "any", stays)
        )

    def action_open_case(self):
        """Open the case behind a change."""
        self.ensure_one()
        return self.case_id.get_formview_action()

    @api.model
    def _get_kind_domain(self, kind, first, last):
        """Give which stays are behind a figure."""
        if kind == "open":
            return self.env["crm.case.move"]._get_open_domain(last)
        Move = self.env["crm.case.move"]
        return (
            Domain("day", ">=", first)
            & Domain("day", "<=", last)
            & Move._get_flow_domain(kind == "opened")
        )


def _get_names(domain):
    """Give the fields that a domain is about."""
    return {one.field_expr.split(".")[0] for one in domain.iter_conditions()}
