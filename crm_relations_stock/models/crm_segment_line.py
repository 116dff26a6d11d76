from odoo import api, models
from odoo.addons.crm_relations.models.crm_segment_line import Measure
from odoo.tools import SQL

from .res_partner import READERS


class CrmSegmentLine(models.Model):
    """Whether suppliers deliver on time, as partners show it."""

    _inherit = "crm.segment.line"

    @api.model
    def _get_measures(self):
        return super()._get_measures() | {
            "supplier_on_time_rate": Measure(
                self.env._("Receipts on time (%)"),
                type(self)._build_on_time_rate,
                missing=None,
                groups=READERS,
            ),
        }

    def _build_on_time_rate(self, ids):
        """As `supplier_on_time_rate` of partners, of what was promised in the period.

        Unknown of those who had nothing to deliver.
        """
        partners = self.env["res.partner"]
        domain = partners._get_due_domain(self.days)
        if ids is not None:
            # ids of partners: a company's figure counts the orders of its contacts
            supplier = "purchase_line_id.order_id.partner_id"
            domain = [
                *domain,
                "|",
                (supplier, "in", list(ids)),
                (f"{supplier}.commercial_partner_id", "in", list(ids)),
            ]
        moves = self._search_documents("stock.move", domain)
        return SQL(
            """SELECT k.partner_id, 100.0 * sum(r.on_time) / sum(r.due) AS value
                FROM (%s) r CROSS JOIN LATERAL (SELECT r.partner_id
                    UNION SELECT r.commercial_partner_id) k(partner_id)
                GROUP BY k.partner_id""",
            partners._get_receipts_query(moves),
        )
