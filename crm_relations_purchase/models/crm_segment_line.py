from odoo import api, models
from odoo.addons.crm_relations.models.crm_segment_line import Measure
from odoo.tools import SQL

_READERS = "purchase.group_purchase_user"


class CrmSegmentLine(models.Model):
    """Confirmed orders of partners: how many, and their amount before taxes."""

    _inherit = "crm.segment.line"

    @api.model
    def _get_measures(self):
        _, cls = self.env._, type(self)
        return super()._get_measures() | {
            "purchase_orders": Measure(
                _("Purchase orders"), cls._build_purchase_orders, groups=_READERS
            ),
            "purchase_amount": Measure(
                _("Amount of purchase orders"),
                cls._build_purchase_amount,
                groups=_READERS,
            ),
        }

    def _build_purchase_orders(self, ids, value=None):
        """Count orders confirmed, or give another aggregate of them."""
        orders = self._search_documents(
            "purchase.order", [("state", "=", "purchase")], "date_approve"
        )
        value = SQL("count(*)") if value is None else value
        return self._build_documents(ids, "purchase.order", orders, value)

    def _build_purchase_amount(self, ids):
        # at the rate of the order's own day; 0 where Odoo has kept none
        amount = self._get_sum(
            SQL(
                "purchase_order.amount_untaxed"
                " / COALESCE(NULLIF(purchase_order.currency_rate, 0), 1)::numeric"
            ),
            SQL.identifier("purchase_order", "company_id"),
        )
        return self._build_purchase_orders(ids, amount)
