from odoo import api, models
from odoo.addons.crm_relations.models.crm_segment_line import Measure
from odoo.tools import SQL

_READERS = "sales_team.group_sale_salesman_all_leads"


class CrmSegmentLine(models.Model):
    """Confirmed orders of partners: how many, and their amount before taxes."""

    _inherit = "crm.segment.line"

    @api.model
    def _get_measures(self):
        _, cls = self.env._, type(self)
        return super()._get_measures() | {
            "sale_orders": Measure(
                _("Sales orders"), cls._build_sale_orders, groups=_READERS
            ),
            "sale_amount": Measure(
                _("Amount of sales orders"),
                cls._build_sale_amount,
                groups=_READERS,
            ),
        }

    def _build_sale_orders(self, ids, value=None):
        """Count orders confirmed, or give another aggregate of them."""
        orders = self._search_documents(
            "sale.order", [("state", "=", "sale")], "date_order"
        )
        value = SQL("count(*)") if value is None else value
        return self._build_documents(ids, "sale.order", orders, value)

    def _build_sale_amount(self, ids):
        # at the rate of the order's own day; 0 where Odoo has kept none
        amount = self._get_sum(
            SQL(
                "sale_order.amount_untaxed"
                " / COALESCE(NULLIF(sale_order.currency_rate, 0), 1)::numeric"
            ),
            SQL.identifier("sale_order", "company_id"),
        )
        return self._build_sale_orders(ids, amount)
