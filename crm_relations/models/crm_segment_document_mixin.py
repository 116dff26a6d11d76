from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import SQL


class CrmSegmentDocumentMixin(models.AbstractModel):
    """Figures out of invoices, orders and the like, for the bridges that know them.

    A company's figure counts the documents of its contacts, a contact's those in his
    own name. Amounts are in the currency of the segment's company; those of a segment
    of all companies in that of the system's own, at today's rates, so that they are
    the same whoever computes.
    """

    _name = "crm.segment.document.mixin"
    _description = "Figures of Segments out of Documents"

    # ------------------------------------------------------------
    # WHO MAY ASK
    # ------------------------------------------------------------

    @api.constrains("measure", "operator", "value", "days", "segment_id")
    def _check_measure_readable(self):
        """Refuse figures of documents that the author of the segment may not read.

        :raise AccessError: the members would tell him what he is not to know
        """
        for line in self:
            if not line._is_measure_readable():
                raise AccessError(
                    self.env._(
                        "Figures: “%s” counts documents that you have no right to see.",
                        line._get_measure().label,
                    )
                )

    def _is_measure_readable(self):
        """Tell whether the user may know the figure, also if the system acts for him.

        Odoo checks constraints, and segments explain themselves, as superuser.
        """
        groups = self._get_measure().groups
        by_system = self.env.uid == SUPERUSER_ID
        return not groups or by_system or self.env.user.has_groups(groups)

    # ------------------------------------------------------------
    # SQL
    # ------------------------------------------------------------

    def _search_documents(self, model, domain, date_field=None):
        """Query documents of the segment's company, within the period if it has one.

        :return: `Query`, for `_build_documents`
        """
        domain = Domain(domain)
        if company := self.segment_id.company_id:
            domain &= Domain("company_id", "=", company.id)
        documents = self.env[model].sudo()
        if date_field and self.days:
            start = self._get_start()
            if documents._fields[date_field].type == "date":
                domain &= Domain(date_field, ">", start.date())
            else:
                domain &= Domain(date_field, ">=", start)
        # sudo, bypass: every run counts the same; who may ask is checked with the line
        return documents._search(domain, bypass_access=True)

    def _build_documents(self, ids, model, query, aggregate):
        """Give the rows (partner_id, value) of a measure.

        :param ids: as of `crm.segment.line._get_measures`
        :param query: of `_search_documents`
        :param aggregate: SQL over the table of the model, such as ``count(*)``
        """
        partner = SQL.identifier(query.table, "partner_id")
        stored = self.env[model]._fields.get("commercial_partner_id")
        if stored and stored.store:
            company = SQL.identifier(query.table, "commercial_partner_id")
        else:
            alias = query.left_join(
                query.table, "partner_id", "res_partner", "id", "company"
            )
            company = SQL.identifier(alias, "commercial_partner_id")
        if ids is not None:
            some = list(ids)
            query.add_where(
                SQL("(%s = ANY(%s) OR %s = ANY(%s))", partner, some, company, some)
            )
        return SQL(
            """SELECT k.partner_id, %s AS value FROM %s
                CROSS JOIN LATERAL (SELECT %s UNION SELECT %s) k(partner_id)
                WHERE k.partner_id IS NOT NULL AND %s GROUP BY k.partner_id""",
            aggregate,
            query.from_clause,
            partner,
            company,
            query.where_clause or SQL("TRUE"),
        )

    # ------------------------------------------------------------
    # MONEY
    # ------------------------------------------------------------

    def _get_money_company(self):
        """Give the company whose currency and rates the amounts are in."""
        # sudo: its currency is all that is read
        system = self.env["res.users"].sudo().browse(SUPERUSER_ID)
        return self.sudo().segment_id.company_id or system.company_id

    def _get_sum(self, amount, company):
        """Give the SQL of the sum of amounts, to the cent.

        :param amount: SQL, in the currency of the document's company
        :param company: SQL of the id of that company
        """
        currency = self._get_money_company().currency_id
        return SQL(
            "round(sum(%s * %s)::numeric, %s)",
            amount,
            self._get_factor(company),
            currency.decimal_places,
        )

    def _get_factor(self, company):
        """Give the SQL that turns a company's money into that of the figure."""
        target = self._get_money_company()
        if self.segment_id.company_id:
            return SQL("1")
        # sudo: currencies of all companies, nothing else of them
        companies = self.env["res.company"].sudo()
        foreign = companies.search([("currency_id", "!=", target.currency_id.id)])
        if not foreign:
            return SQL("1")
        currencies = foreign.currency_id | target.currency_id
        rates = currencies._get_rates(target, fields.Date.today())
        return SQL(
            "CASE %s %s ELSE 1 END",
            company,
            SQL(" ").join(
                SQL(
                    "WHEN %s THEN %s::numeric",
                    one.id,
                    rates[target.currency_id.id] / rates[one.currency_id.id],
                )
                for one in foreign
            ),
        )
