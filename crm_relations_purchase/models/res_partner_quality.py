from odoo import models
from odoo.tools import SQL


class ResPartner(models.Model):
    """How often one orders from suppliers, for their scores."""

    _inherit = "res.partner"

    def _get_order_counts(self, since, until):
        """Count the orders confirmed."""
        among = SQL("TRUE")
        if self:
            among = SQL("supplier.commercial_partner_id = ANY(%s)", self.ids)
        self.env["purchase.order"].flush_model()
        # SQL: for all suppliers of a company at once; the caller is the superuser, who
        # stores them where access is decided
        rows = self.env.execute_query(
            SQL(
                """
                SELECT supplier.commercial_partner_id, count(*)
                  FROM purchase_order ordered
                  JOIN res_partner supplier ON supplier.id = ordered.partner_id
                 WHERE ordered.state = 'purchase' AND ordered.company_id = %s
                   AND COALESCE(ordered.date_approve, ordered.date_order) >= %s
                   AND COALESCE(ordered.date_approve, ordered.date_order) < %s AND %s
                 GROUP BY supplier.commercial_partner_id
                """,
                self.env.company.id,
                since,
                until,
                among,
            )
        )
        return super()._get_order_counts(since, until) | dict(rows)
