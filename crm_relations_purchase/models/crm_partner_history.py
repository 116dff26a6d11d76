from odoo import api, fields, models
from odoo.addons.crm_relations.models.crm_partner_history import HistorySource
from odoo.fields import Domain
from odoo.tools import SQL


class CrmPartnerHistory(models.Model):
    _inherit = "crm.partner.history"
    _depends = {
        "purchase.order": [
            "amount_total",
            "company_id",
            "currency_id",
            "date_approve",
            "date_order",
            "name",
            "partner_id",
            "partner_ref",
            "state",
            "user_id",
        ],
    }

    kind = fields.Selection(
        selection_add=[
            ("purchase_request", "Request"),
            ("purchase", "Purchase"),
        ]
    )

    @api.model
    def _get_sources(self):
        """Add requests for quotation that were sent, and purchase orders."""
        return [*super()._get_sources(), self._get_purchase_source()]

    def _get_purchase_source(self):
        return HistorySource(
            number=40,
            kind="purchase",
            model="purchase.order",
            domain=Domain("state", "in", ("sent", "purchase")),
            columns={
                "date": SQL(
                    """CASE WHEN purchase_order.state = 'purchase'
                        THEN coalesce(
                            purchase_order.date_approve, purchase_order.date_order
                        )
                        ELSE purchase_order.date_order END"""
                ),
                "partner_id": SQL("purchase_order.partner_id"),
                "kind": SQL(
                    """CASE purchase_order.state
                        WHEN 'purchase' THEN 'purchase' ELSE 'purchase_request' END"""
                ),
                "direction": SQL("'out'"),
                "name": SQL(
                    "concat_ws(' – ', purchase_order.name, purchase_order.partner_ref)"
                ),
                "company_id": SQL("purchase_order.company_id"),
                "user_id": SQL("purchase_order.user_id"),
                "amount": SQL("purchase_order.amount_total"),
                "currency_id": SQL("purchase_order.currency_id"),
            },
        )
