from collections import defaultdict
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..fields import OptionalInteger
from .crm_partner_event import DIRECTIONS
from .crm_partner_history_source_mixin import (
    HistorySource,  # noqa: F401 bridges import it from here
)

STEP = 1000  # a line's id is its source row's id x this + the source's number

# the columns of every source, in order, with their types: what a source leaves out is
# NULL of that type, so that all sources can stand in one UNION
_COLUMNS = {
    "date": "timestamp",
    "partner_id": "int4",
    "commercial_partner_id": "int4",
    "kind": "varchar",
    "event_kind_id": "int4",
    "channel_id": "int4",
    "direction": "varchar",
    "name": "varchar",
    "model": "varchar",
    "res_id": "int4",
    "company_id": "int4",
    "user_id": "int4",
    "author_id": "int4",
    "sentiment": "int4",
    "amount": "numeric",
    "currency_id": "int4",
}


class CrmPartnerHistory(models.Model):
    """One line of a partner's timeline: a query over what exists, which nobody writes.

    Each source is read with the rights of the reader at the source, so that the
    timeline shows nobody more than he may see there. A line's id is that of the
    source's row and the source's number, which makes it stable: a bookmark stays right.
    """

    _name = "crm.partner.history"
    _description = "Partner History"
    _inherit = ["crm.partner.history.source.mixin"]
    _auto = False
    _order = "date desc, id desc"
    _log_access = False
    _depends = {
        "crm.case": [
            "active",
            "channel_id",
            "commercial_partner_id",
            "company_id",
            "date_sentiment",
            "name",
            "number",
            "partner_id",
            "sentiment",
            "user_id",
        ],
        "crm.case.move": [
            "author_id",
            "case_id",
            "date",
            "is_escalation",
            "state",
            "state_from",
        ],
        "crm.partner.event": [
            "channel_id",
            "commercial_partner_id",
            "company_id",
            "date",
            "direction",
            "is_on_timeline",
            "kind_id",
            "name",
            "partner_id",
            "planned_cost",
            "planned_revenue",
            "sentiment",
            "user_id",
        ],
        "mail.message": [
            "author_id",
            "date",
            "is_internal",
            "message_type",
            "model",
            "res_id",
            "subject",
            "subtype_id",
        ],
        "rating.rating": [
            "consumed",
            "partner_id",
            "rated_on",
            "rating",
            "res_id",
            "res_model",
        ],
        "res.partner": ["commercial_partner_id", "company_id", "name", "partner_share"],
    }

    date = fields.Datetime(readonly=True)
    partner_id = fields.Many2one("res.partner", readonly=True)
    commercial_partner_id = fields.Many2one(
        "res.partner", "Company of the Partner", readonly=True
    )
    kind = fields.Selection(
        [
            ("event", "Event"),
            ("mail", "Mail"),
            ("move", "Case"),
            ("mark", "Sentiment"),
            ("rating", "Rating"),
        ],
        readonly=True,
    )
    event_kind_id = fields.Many2one(
        "crm.partner.event.kind", "Kind of Event", readonly=True
    )
    channel_id = fields.Many2one("crm.case.channel", readonly=True)
    direction = fields.Selection(DIRECTIONS, readonly=True)
    name = fields.Char("Subject", readonly=True)
    summary = fields.Char(compute="_compute_summary")
    model = fields.Char("Document's Model", readonly=True)
    res_id = fields.Many2oneReference("Document", model_field="model", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    user_id = fields.Many2one("res.users", "By", readonly=True)
    author_id = fields.Many2one("res.partner", readonly=True)
    sentiment = OptionalInteger(readonly=True, aggregator="avg")
    amount = fields.Monetary(readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)

    @api.depends_context("lang")
    def _compute_summary(self):
        """Give the start of each text; a query per source whatever the lines."""
        methods = {source.number: source.summary for source in self._get_sources()}
        rows = defaultdict(dict)
        for line in self:
            row_id, number = divmod(line.id, STEP)
            rows[number][row_id] = line
        self.summary = False
        for number, lines in rows.items():
            if not methods.get(number):
                continue
            texts = getattr(self, methods[number])(list(lines))
            for row_id, line in lines.items():
                line.summary = texts.get(row_id, False)

    # ------------------------------------------------------------
    # QUERY
    # ------------------------------------------------------------

    @property
    def _table_query(self):
        branches = [
            branch
            for source in self._get_sources()
            if (branch := self._get_branch(source)) is not None
        ]
        return SQL(" UNION ALL ").join(branches or [self._get_empty_branch()])

    @api.model
    def _get_branch(self, source):
        """Give the SQL of one source as the reader may see it, or None if not at all.

        The source's own `_search` adds the reader's record rules. The partner of the
        timeline is a plain column of each branch, so that PostgreSQL looks for it in
        the branch's index instead of reading all lines.
        """
        Model = self.env[source.model].with_context(active_test=False)
        if not Model.has_access("read"):
            return None
        query = Model._search(source.domain)
        columns, join = self._complete_source(source)
        where = SQL("%s AND %s", query.where_clause or SQL("TRUE"), source.where)
        wanted = self.env.context.get("crm_history_ids")
        if wanted is not None:
            row_ids = [one // STEP for one in wanted if one % STEP == source.number]
            if not row_ids:
                return None
            where = SQL("%s AND %s IN %s", where, columns["id"], tuple(row_ids))
        if query.is_empty():
            return None
        return SQL(
            "SELECT %s::int8 * %s + %s AS id, %s FROM %s %s WHERE %s",
            columns["id"],
            STEP,
            source.number,
            self._get_columns_sql(columns),
            query.from_clause,
            join,
            where,
        )

    @api.model
    def _complete_source(self, source):
        """Add what a source leaves out.

        :return: (columns, join)
        """
        table = SQL.identifier(self.env[source.model]._table)
        columns = {
            "id": SQL("%s.id", table),
            "kind": SQL("%s", source.kind),
            "model": SQL("%s", source.model),
            "res_id": SQL("%s.id", table),
        } | source.columns
        if "commercial_partner_id" in columns:
            return columns, source.join
        columns["commercial_partner_id"] = SQL("history_partner.commercial_partner_id")
        return columns, SQL(
            "%s JOIN res_partner history_partner ON history_partner.id = %s",
            source.join,
            columns["partner_id"],
        )

    @api.model
    def _get_columns_sql(self, columns):
        return SQL(", ").join(
            SQL(
                "(%s)::%s AS %s",
                columns.get(name, SQL("NULL")),
                SQL(kind),
                SQL.identifier(name),
            )
            for name, kind in _COLUMNS.items()
        )

    @api.model
    def _get_empty_branch(self):
        return SQL("SELECT 0::int8 AS id, %s WHERE FALSE", self._get_columns_sql({}))

    # ------------------------------------------------------------
    # LINES BY ID
    # ------------------------------------------------------------

    # An id is made in the query, so that no index knows it: whoever asks for lines by
    # id is led to the rows of the sources.

    def _with_lines(self, ids):
        return self.with_context(crm_history_ids=tuple(ids))

    @api.model
    def _search(self, domain, *args, **kwargs):
        model = self
        conditions = list(Domain(domain).iter_conditions())
        if len(conditions) == 1 and conditions[0].field_expr == "id":
            condition = conditions[0]
            value = condition.value
            ids = [value] if isinstance(value, int) else value
            plain = Domain("id", condition.operator, value) == Domain(domain)
            if plain and condition.operator in ("in", "=") and _are_numbers(ids):
                model = self._with_lines(ids)
        return super(CrmPartnerHistory, model)._search(domain, *args, **kwargs)

    def exists(self):
        """Give the lines that the reader still has."""
        found = super(CrmPartnerHistory, self._with_lines(self.ids)).exists()
        return found.with_env(self.env)

    def _check_access(self, operation):
        """Refuse lines whose source the reader may not see, also those in the cache."""
        refused = super()._check_access(operation)
        if refused or self.env.su or not any(self._ids):
            return refused
        hidden = self - self.browse(self._search([("id", "in", self.ids)]))
        if not hidden:
            return None
        make_error = self.env["ir.rule"]._make_access_error
        return hidden, partial(make_error, operation, hidden)

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_open_source(self):
        """Open the document that the line is about.

        :raise UserError: it is not there any more
        """
        self.ensure_one()
        self.check_access("read")
        if not self.model or not self.env[self.model].browse(self.res_id).exists():
            raise UserError(self.env._("Document: it does not exist any more."))
        return {
            "type": "ir.actions.act_window",
            "res_model": self.model,
            "res_id": self.res_id,
            "views": [(False, "form")],
        }


def _are_numbers(ids):
    # a query or SQL is passed on as it is
    return isinstance(ids, list | tuple | set | frozenset) and all(
        isinstance(one, int) for one in ids
    )
