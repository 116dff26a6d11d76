from odoo import api, fields, models
from odoo.addons.crm_relations.models.crm_segment_line import Measure
from odoo.tools import SQL

from .res_partner import ACCOUNTANTS, TYPES


class CrmSegmentLine(models.Model):
    """Turnover and payment behaviour, as partners show them, for segments."""

    _inherit = "crm.segment.line"

    @api.model
    def _get_measures(self):
        _, cls = self.env._, type(self)
        turnover, who = cls._build_turnover, {"groups": ACCOUNTANTS}
        return super()._get_measures() | {
            "customer_turnover": Measure(_("Customer turnover"), turnover, **who),
            "supplier_turnover": Measure(_("Supplier turnover"), turnover, **who),
            "payment_days_late": Measure(
                _("Average days late"), cls._build_payment_days, missing=None, **who
            ),
            "overdue_amount": Measure(
                _("Overdue amount"), cls._build_overdue, has_period=False, **who
            ),
        }

    def _build_turnover(self, ids):
        """As `customer_turnover` and `supplier_turnover` of partners do."""
        kind = self.measure.partition("_")[0]
        invoices = self._search_documents(
            "account.move",
            [("state", "=", "posted"), ("move_type", "in", TYPES[kind])],
            "invoice_date",
        )
        amount = self._get_sum(
            SQL(
                "account_move.amount_untaxed_signed * %s",
                1 if kind == "customer" else -1,
            ),
            SQL.identifier("account_move", "company_id"),
        )
        return self._build_documents(ids, "account.move", invoices, amount)

    def _build_payment_days(self, ids):
        """As `payment_days_late` of partners, of what fell due within the period."""
        partners = self.env["res.partner"]
        paid = partners._get_paid_domain()
        lines = self._search_documents("account.move.line", paid, "date_maturity")
        query = partners._get_payment_days_query(lines)
        return self._spread_over_contacts(ids, query)

    def _build_overdue(self, ids):
        """As `overdue_amount` of partners: what is paid and unmatched is taken off."""
        owed = [
            *self.env["res.partner"]._get_owed_domain(),
            ("date_maturity", "<", fields.Date.today()),
        ]
        lines = self._search_documents("account.move.line", owed)
        amount = self._get_sum(
            SQL.identifier("account_move_line", "amount_residual"),
            SQL.identifier("account_move_line", "company_id"),
        )
        query = SQL(
            """SELECT account_move_line.partner_id, greatest(%s, 0) AS value
                FROM %s WHERE %s GROUP BY account_move_line.partner_id""",
            amount,
            lines.from_clause,
            lines.where_clause,
        )
        return self._spread_over_contacts(ids, query)

    def _spread_over_contacts(self, ids, query):
        """Give a company's figure to its contacts: it is the company that pays."""
        only = SQL() if ids is None else SQL("WHERE p.id = ANY(%s)", list(ids))
        return SQL(
            """SELECT p.id AS partner_id, f.value FROM res_partner p
                JOIN (%s) f ON f.partner_id = p.commercial_partner_id %s""",
            query,
            only,
        )
