from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

LATEST = 20  # cases and events on a partner's tabs; the buttons open all
_USER = "crm_relations.crm_relations_group_user"


class ResPartnerMemoryMixin(models.AbstractModel):
    """What is remembered of a partner: events, the timeline and how he feels."""

    _name = "res.partner.memory.mixin"
    _description = "Memory of a Partner"

    event_ids = fields.One2many(
        "crm.partner.event", "partner_id", "Events", groups=_USER
    )
    latest_case_ids = fields.Many2many(
        "crm.case", compute="_compute_latest", string="Latest Cases", groups=_USER
    )
    latest_event_ids = fields.Many2many(
        "crm.partner.event",
        compute="_compute_latest",
        string="Latest Events",
        groups=_USER,
    )
    sentiment_score = fields.Float(
        "Sentiment",
        compute="_compute_sentiment",
        search="_search_sentiment_score",
        aggregator="avg",
        groups=_USER,
        help="0 very dissatisfied to 10 extremely satisfied, from the marks of the "
        "last periods; a company's counts its contacts. Without marks, the default.",
    )
    sentiment_trend = fields.Float(
        "Change of Sentiment",
        compute="_compute_sentiment",
        groups=_USER,
        help="Against one period ago.",
    )
    sentiment_count = fields.Integer(
        "Marks", compute="_compute_sentiment", groups=_USER
    )
    is_cooling = fields.Boolean(
        "Cools Down",
        compute="_compute_sentiment",
        search="_search_is_cooling",
        groups=_USER,
    )
    date_last_contact = fields.Datetime(
        "Last Contact",
        compute="_compute_date_last_contact",
        search="_search_date_last_contact",
        groups=_USER,
        help="The latest mail, call or visit that you may see; a company's counts its "
        "contacts.",
    )

    # ------------------------------------------------------------
    # SENTIMENT
    # ------------------------------------------------------------

    @api.depends_context("company")
    def _compute_sentiment(self):
        """Read what is computed; one query whatever the number of partners."""
        # sudo: figures of partners whom the reader may read
        Sentiment = self.env["crm.partner.sentiment"].sudo()
        rows = Sentiment.search_fetch(self._get_sentiment_domain(self.ids))
        found = {row.partner_id.id: row for row in rows}
        default = Sentiment._get_settings().default
        for partner in self:
            row = found.get(partner._origin.id)
            partner.sentiment_score = row.score if row else default
            partner.sentiment_trend = row.score - row.score_before if row else 0.0
            partner.sentiment_count = row.mark_count if row else 0
            partner.is_cooling = bool(row) and row.is_cooling

    @api.model
    def _get_sentiment_domain(self, partner_ids=None):
        domain = Domain("company_id", "=", self.env.company.id)
        if partner_ids is not None:
            domain &= Domain("partner_id", "in", partner_ids)
        return domain

    @api.model
    def _find_by_sentiment(self, domain):
        """Give the domain of the partners whose sentiment's row satisfies another."""
        # sudo: as in `_compute_sentiment`
        Sentiment = self.env["crm.partner.sentiment"].sudo()
        query = Sentiment._search(self._get_sentiment_domain() & domain)
        return Domain("id", "in", query.subselect("partner_id"))

    def _search_sentiment_score(self, operator, value):
        if operator not in ("in", "<", "<=", ">", ">="):
            return NotImplemented
        wanted = Domain("score", operator, value)
        found = self._find_by_sentiment(wanted)
        # who has no marks has the default
        Sentiment = self.env["crm.partner.sentiment"]
        default = Sentiment.new({"score": Sentiment._get_settings().default})
        if default.filtered_domain(wanted):
            found |= ~self._find_by_sentiment(Domain.TRUE)
        return found

    def _search_is_cooling(self, operator, value):
        if operator != "in":
            return NotImplemented
        found = self._find_by_sentiment(Domain("is_cooling", "=", True))
        return Domain.OR(found if wanted else ~found for wanted in value)

    def _field_to_sql(self, alias, field_expr, query=None):
        """Let lists sort and average by what another table holds."""
        if field_expr != "sentiment_score" or query is None:
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(self._fields[field_expr], "read")
        joined = query.make_alias(alias, "sentiment")
        condition = SQL(
            "%s = %s AND %s = %s",
            SQL.identifier(joined, "partner_id"),
            SQL.identifier(alias, "id"),
            SQL.identifier(joined, "company_id"),
            self.env.company.id,
        )
        query.add_join("LEFT JOIN", joined, "crm_partner_sentiment", condition)
        default = self.env["crm.partner.sentiment"]._get_settings().default
        return SQL("COALESCE(%s, %s)", SQL.identifier(joined, "score"), default)

    def _on_sentiment_drop(self):
        """Be told that these partners' sentiment fell; for rules to begin with.

        Called once per fall: when the value comes to lie the set number of points below
        that of one period ago. The company is the environment's; `sentiment_score` and
        `sentiment_trend` say more. Runs as superuser, in the transaction that computed
        the values.
        """

    def write(self, vals):
        moves = {"parent_id", "is_company"} & vals.keys()
        before = self.commercial_partner_id if moves else self.browse()
        result = super().write(vals)
        if moves:
            # marks of contacts count for their company
            everybody = self | before | self.commercial_partner_id
            self.env["crm.partner.sentiment"]._update_partners(everybody)
        return result

    # ------------------------------------------------------------
    # CONTACTS
    # ------------------------------------------------------------

    def _get_last_contacts(self):
        """Give when each partner was last in touch, as the reader may see.

        Two queries whatever the number of partners.

        :return: {partner id: {"first": datetime, "in": datetime, "out": datetime}},
            what never was left out
        """
        History = self.env["crm.partner.history"]
        contacts = {partner.id: {} for partner in self}
        for field, partners in self._get_holders():
            domain = Domain(field, "in", partners.ids) & Domain(
                "direction", "!=", False
            )
            rows = History._read_group(
                domain & Domain("date", "<=", fields.Datetime.now()),
                [field, "direction"],
                ["date:min", "date:max"],
            )
            for partner, direction, first, last in rows:
                dates = contacts[partner.id]
                dates["first"] = min(first, dates.get("first", first))
                dates[direction] = last
        return contacts

    def _get_holders(self):
        """Tell by which field of an event, a case or a line these partners are found.

        :return: list of (field, partners): companies with their contacts, then the
            others; none of them empty
        """
        companies = self.filtered(lambda one: one == one.commercial_partner_id)
        both = (
            ("commercial_partner_id", companies),
            ("partner_id", self - companies),
        )
        return [(field, partners) for field, partners in both if partners.ids]

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_latest(self):
        """Give the latest cases and events, with those of a company's contacts.

        Four queries whatever the number of partners.
        """
        for model, name, order in (
            ("crm.case", "latest_case_ids", "id"),
            ("crm.partner.event", "latest_event_ids", "date"),
        ):
            latest = self._origin._get_latest(model, order)
            found = self.env[model].browse(
                {one for ids in latest.values() for one in ids}
            )
            # all at once: Odoo checks what it gives, partner by partner
            found.fetch()
            for partner in self:
                # records, not ids: those would be read again, one partner at a time
                partner[name] = self.env[model].browse(latest[partner._origin.id])

    def _get_latest(self, model, order):
        """Give the `LATEST` records of a model for each partner.

        :return: {partner id: list of ids}
        """
        latest = defaultdict(list)
        for field, partners in self._get_holders():
            rows = self.env[model]._read_group(
                Domain(field, "in", partners.ids),
                [field],
                ["id:array_agg", f"{order}:array_agg"],
            )
            for partner, row_ids, keys in rows:
                pairs = zip(keys, row_ids, strict=True)
                newest = sorted(pairs, reverse=True)[:LATEST]
                latest[partner.id] = [row_id for _key, row_id in newest]
        return latest

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_date_last_contact(self):
        contacts = self._origin._get_last_contacts()
        for partner in self:
            dates = contacts.get(partner._origin.id, {}).values()
            # the first one is never later than the others
            partner.date_last_contact = max(dates, default=False)

    def _search_date_last_contact(self, operator, value):
        """Find partners by their company's last contact."""
        if operator not in ("<", "<=", ">", ">="):
            return NotImplemented
        # who was in touch since then is found by the date alone, which an index knows
        since = {"<": ">=", "<=": ">", ">": ">", ">=": ">="}[operator]
        history = self.env["crm.partner.history"]._search(
            Domain("direction", "!=", False)
            & Domain("date", since, value)
            & Domain("date", "<=", fields.Datetime.now())
        )
        recent = Domain(
            "commercial_partner_id", "in", history.subselect("commercial_partner_id")
        )
        return recent if operator in (">", ">=") else ~recent

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def _get_history_domain(self):
        """Give the domain of these partners' lines, with the contacts of companies."""
        return Domain.OR(
            Domain(field, "in", partners.ids) for field, partners in self._get_holders()
        )

    def action_view_history(self):
        """Open the timeline of these partners and of their contacts."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_partner_history_action"
        )
        one = self if len(self) == 1 else self.browse()
        return action | {
            "display_name": self.env._("History of %s", one.display_name)
            if one
            else self.env._("History of %s partners", len(self)),
            "domain": list(self._get_history_domain()),
            "context": {"default_partner_id": one.id},
        }

    def action_view_sentiment(self):
        """Open the marks behind a partner's sentiment, those the reader may see."""
        self.ensure_one()
        settings = self.env["crm.partner.sentiment"]._get_settings()
        days = settings.days * settings.periods
        action = self.action_view_history()
        domain = Domain(action["domain"]) & Domain("sentiment", "!=", False)
        domain &= Domain("date", ">", f"now -{days}d") & Domain("date", "<=", "now")
        return action | {
            "display_name": self.env._("Sentiment of %s", self.display_name),
            "domain": list(domain),
        }

    def action_log_event(self):
        """Open the dialog that logs a call or another event with these partners."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_partner_event_log_action"
        )
        return action | {"context": {"default_partner_ids": self.ids}}
