from odoo import api, fields, models
from odoo.addons.crm_relations.models.crm_partner_history import HistorySource
from odoo.fields import Domain
from odoo.tools import SQL


class CrmPartnerHistory(models.Model):
    _inherit = "crm.partner.history"
    _depends = {
        "stock.picking": [
            "company_id",
            "date_done",
            "name",
            "origin",
            "partner_id",
            "picking_type_id",
            "state",
            "user_id",
        ],
        "stock.picking.type": ["code"],
    }

    kind = fields.Selection(
        selection_add=[("receipt", "Receipt"), ("delivery", "Delivery")]
    )

    @api.model
    def _get_sources(self):
        """Add goods that came in and went out."""
        return [*super()._get_sources(), self._get_transfer_source()]

    def _get_transfer_source(self):
        return HistorySource(
            number=50,
            kind="delivery",
            model="stock.picking",
            domain=Domain("state", "=", "done")
            & Domain("partner_id", "!=", False)
            & Domain("picking_type_code", "in", ("incoming", "outgoing")),
            # an alias of its own: the domain and the reader's rules join the type too
            join=SQL(
                """JOIN stock_picking_type history_type
                ON history_type.id = stock_picking.picking_type_id"""
            ),
            columns={
                "date": SQL("stock_picking.date_done"),
                "partner_id": SQL("stock_picking.partner_id"),
                "kind": SQL(
                    """CASE history_type.code
                        WHEN 'incoming' THEN 'receipt' ELSE 'delivery' END"""
                ),
                "direction": SQL(
                    """CASE history_type.code
                        WHEN 'incoming' THEN 'in' ELSE 'out' END"""
                ),
                "name": SQL(
                    "concat_ws(' – ', stock_picking.name, stock_picking.origin)"
                ),
                "company_id": SQL("stock_picking.company_id"),
                "user_id": SQL("stock_picking.user_id"),
            },
        )
