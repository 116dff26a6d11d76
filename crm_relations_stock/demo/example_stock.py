from datetime import timedelta
from random import Random

from odoo import api, fields, models

_DELIVERY = 6  # days from an order to its delivery
_LATENESS = (1.0, 2.5)  # mean days late of a supplier, and its spread


class CrmRelationsExampleStock(models.AbstractModel):
    """Receipts and deliveries of the orders; called from the demo data only."""

    _name = "crm.relations.example.stock"
    _description = "Transfers of the Example Company"
    _inherit = ["crm.relations.example.documents"]

    @api.model
    def _load_transfers(self):
        """Do what was promised; each supplier has his habit."""
        partners = self._find_companies("customer") | self._find_companies("supplier")
        # orders that were confirmed before there was an inventory have none
        self.env["purchase.order"].search(
            [
                ("partner_id", "child_of", partners.ids),
                ("state", "=", "purchase"),
                ("picking_ids", "=", False),
            ]
        )._create_picking()
        pickings = self.env["stock.picking"].search(
            [
                ("partner_id", "child_of", partners.ids),
                ("state", "in", ("confirmed", "assigned")),
            ],
            order="id",
        )
        for picking in pickings:
            days = self._get_lateness(picking)
            done = self._get_promise(picking) + timedelta(days=days)
            if done < fields.Datetime.now():
                self._do_transfer(picking, done)

    def _get_promise(self, picking):
        # a sales order was promised from when it was confirmed, which is just now
        if "sale_id" in picking._fields and picking.sale_id:
            return picking.sale_id.date_order + timedelta(days=_DELIVERY)
        return picking.date_deadline or picking.scheduled_date

    def _get_lateness(self, picking):
        if picking.picking_type_code == "outgoing":
            return 0
        habit = Random(picking.partner_id.name).gauss(*_LATENESS)
        return round(Random(picking.origin).gauss(habit - 1.5, 2))

    def _do_transfer(self, picking, moment):
        for move in picking.move_ids:
            move.quantity = move.product_uom_qty
            move.picked = True
        picking.with_context(tracking_disable=True)._action_done()
        picking.date_done = moment
