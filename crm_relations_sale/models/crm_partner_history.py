from odoo import api, fields, models
from odoo.addons.crm_relations.models.crm_partner_history import HistorySource
from odoo.fields import Domain
from odoo.tools import SQL


class CrmPartnerHistory(models.Model):
    _inherit = "crm.partner.history"
    _depends = {
        "sale.order": [
            "amount_total",
            "client_order_ref",
            "company_id",
            "currency_id",
            "date_order",
            "name",
            "partner_id",
            "state",
            "user_id",
        ],
    }

    kind = fields.Selection(
        selection_add=[("quotation", "Quotation"), ("order", "Order")]
    )

    @api.model
    def _get_sources(self):
        """Add quotations that were sent and orders."""
        return [*super()._get_sources(), self._get_order_source()]

    def _get_order_source(self):
        return HistorySource(
            number=30,
            kind="order",
            model="sale.order",
            domain=Domain("state", "in", ("sent", "sale")),
            columns={
                "date": SQL("sale_order.date_order"),
                "partner_id": SQL("sale_order.partner_id"),
                "kind": SQL(
                    """CASE sale_order.state
                        WHEN 'sale' THEN 'order' ELSE 'quotation' END"""
                ),
                # we make the offer; the order is the customer's word
                "direction": SQL(
                    "CASE sale_order.state WHEN 'sale' THEN 'in' ELSE 'out' END"
                ),
                "name": SQL(
                    "concat_ws(' – ', sale_order.name, sale_order.client_order_ref)"
                ),
                "company_id": SQL("sale_order.company_id"),
                "user_id": SQL("sale_order.user_id"),
                "amount": SQL("sale_order.amount_total"),
                "currency_id": SQL("sale_order.currency_id"),
            },
        )
