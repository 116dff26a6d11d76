from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..fields import OptionalInteger
from .crm_partner_event import DIRECTIONS

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


class HistorySource(NamedTuple):
    """One source of the timeline: rows of one model, as its reader may see them.

    `columns` hold SQL over the table of `model` (its alias is its own name) and over
    what `join` adds. Those of `crm.partner.history` may be given; `date`, `partner_id`
    and `name` must be. Left out, `id` and `res_id` are the model's own, `model` is the
    model, and `commercial_partner_id` is looked up from the partner.
    """

    number: int  # unique and for ever: the ids of lines contain it
    kind: str  # one of the history's kinds
    model: str  # whose ACL and record rules decide what the reader sees
    columns: dict[str, SQL]
    domain: Domain = Domain.TRUE
    join: SQL = SQL()
    where: SQL = SQL("TRUE")
    summary: str = ""  # method of the history: `(lines) -> {res of line: text}`


class CrmPartnerHistory(models.Model):
    """One line of a partner's timeline; nobody writes it, it is a query over what exists.

    Each source is read with the rights of the reader at the source, so that the timeline
    shows nobody more than he may see there. A line's id is that of the source's row and
    the source's number, which makes it stable: a bookmark stays right.
    """

    _name = "crm.partner.history"
    _description = "Partner History"
    _auto = False
    _order = "date desc, id desc"
    _log_access = False

    date = fields.Datetime(readonly=True)
    partner_id = fields.Many2one("res.partner", readonly=True)
    commercial_partner_id = fields.Many2one(
        "res.partner", "Company of the Partner", readonly=True
    )
    kind = fields.Selection(
        [
            ("event", "Event"),
            ("mail", "Mail"),
            ("move", "Move of a Case"),
            ("mark", "Sentiment of a Case"),
            ("rating", "Customer Rating"),
        ],
        readonly=True,
    )
    event_kind_id = fields.Many2one(
        "crm.partner.event.kind", "Kind of Event", readonly=True
    )
    channel_id = fields.Many2one("crm.case.channel", readonly=True)
    direction = fields.Selection(DIRECTIONS, readonly=True)
    name = fields.Char("Subject", readonly=True)
    model = fields.Char("Document's Model", readonly=True)
    res_id = fields.Many2oneReference("Document", model_field="model", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    user_id = fields.Many2one("res.users", "By", readonly=True)
    author_id = fields.Many2one("res.partner", "Author", readonly=True)
    sentiment = OptionalInteger(readonly=True, aggregator="avg")
    amount = fields.Monetary(readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)

    # ------------------------------------------------------------
    # SOURCES
    # ------------------------------------------------------------

    @api.model
    def _get_sources(self):
        """Give what the timeline is made of; bridges add theirs.

        Numbers below 20 are the core's; bridges: 20 account, 30 sale, 40 purchase,
        50 stock, and up to nine more each.

        :return: list of `HistorySource`
        """
        return [
            HistorySource(
                number=1,
                kind="event",
                model="crm.partner.event",
                domain=Domain("is_on_timeline", "=", True),
                columns={
                    name: SQL.identifier("crm_partner_event", name)
                    for name in (
                        "date",
                        "partner_id",
                        "commercial_partner_id",
                        "channel_id",
                        "direction",
                        "name",
                        "company_id",
                        "user_id",
                        "sentiment",
                    )
                }
                | {"event_kind_id": SQL("crm_partner_event.kind_id")},
            )
        ]

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
        table = SQL.identifier(Model._table)
        columns = {
            "id": SQL("%s.id", table),
            "kind": SQL("%s", source.kind),
            "model": SQL("%s", source.model),
            "res_id": SQL("%s.id", table),
        } | source.columns
        join = source.join
        if "commercial_partner_id" not in columns:
            columns["commercial_partner_id"] = SQL(
                "history_partner.commercial_partner_id"
            )
            join = SQL(
                "%s JOIN res_partner history_partner ON history_partner.id = %s",
                join,
                columns["partner_id"],
            )
        where = SQL("%s AND %s", query.where_clause or SQL("TRUE"), source.where)
        wanted = self.env.context.get("crm_history_ids")
        if wanted is not None:
            ids = [one // STEP for one in wanted if one % STEP == source.number]
            if not ids:
                return None
            where = SQL("%s AND %s IN %s", where, columns["id"], tuple(ids))
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
    # ACTIONS
    # ------------------------------------------------------------

    def action_open_source(self):
        """Open the document that the line is about.

        :raise UserError: it is not there any more
        """
        self.ensure_one()
        if not self.model or not self.env[self.model].browse(self.res_id).exists():
            raise UserError(self.env._("Document: it does not exist any more."))
        return {
            "type": "ir.actions.act_window",
            "res_model": self.model,
            "res_id": self.res_id,
            "views": [(False, "form")],
        }
