from odoo import models
from odoo.tools import SQL


class ResPartner(models.Model):
    """What suppliers delivered, for their scores."""

    _inherit = "res.partner"

    def _get_received_quantities(self, since, until):
        """Add up the receipts done, each product in its own unit of measure."""
        lines = self.env["stock.move.line"]
        lines.flush_model(["move_id", "quantity_product_uom"])
        return super()._get_received_quantities(since, until) | self._sum_receipts(
            value=SQL("sum(line.quantity_product_uom)"),
            join=SQL("JOIN stock_move_line line ON line.move_id = move.id"),
            condition=SQL(
                "move.state = 'done' AND move.date >= %s AND move.date < %s",
                since,
                until,
            ),
        )

    def _get_on_time_rates(self, since, until):
        """Reckon the share of receipt lines on time, among those due by then.

        As `supplier_on_time_rate` does, for what was promised within the period.
        """
        return super()._get_on_time_rates(since, until) | self._sum_receipts(
            value=SQL(
                """count(*) FILTER (
                    WHERE move.state = 'done'
                      AND move.date::date <= move.date_deadline::date
                ) * 100.0 / count(*)"""
            ),
            join=SQL(),
            condition=SQL(
                """move.purchase_line_id IS NOT NULL
                AND move.state NOT IN ('draft', 'cancel')
                AND move.date_deadline >= %s AND move.date_deadline < %s""",
                since,
                until,
            ),
        )

    def _sum_receipts(self, value, join, condition):
        """Aggregate what came from these suppliers to the environment's company.

        SQL: sums over all stock moves of a company, for all its suppliers at once; the
        caller is the superuser, who stores them where access is decided.

        :return: {id of the commercial partner: float}
        """
        among = SQL("TRUE")
        if self:
            among = SQL("supplier.commercial_partner_id = ANY(%s)", self.ids)
        self.env["stock.move"].flush_model()
        self.env["purchase.order"].flush_model(["partner_id"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT supplier.commercial_partner_id, %(value)s
                  FROM stock_move move
                  JOIN stock_location origin
                    ON origin.id = move.location_id AND origin.usage = 'supplier'
                  LEFT JOIN purchase_order_line ordered
                    ON ordered.id = move.purchase_line_id
                  LEFT JOIN purchase_order purchase ON purchase.id = ordered.order_id
                  LEFT JOIN stock_picking picking ON picking.id = move.picking_id
                  JOIN res_partner supplier ON supplier.id =
                       COALESCE(purchase.partner_id, picking.partner_id)
                  %(join)s
                 WHERE move.company_id = %(company)s AND %(condition)s AND %(among)s
                 GROUP BY supplier.commercial_partner_id
                """,
                value=value,
                join=join,
                company=self.env.company.id,
                condition=condition,
                among=among,
            )
        )
        return {partner_id: float(found or 0) for partner_id, found in rows}
