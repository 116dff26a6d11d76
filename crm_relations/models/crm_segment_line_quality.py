from odoo import api, models
from odoo.tools import SQL

from .crm_segment_line import Measure


class CrmSegmentLine(models.Model):
    """Segments by what a supplier is worth."""

    _inherit = "crm.segment.line"

    @api.model
    def _get_measures(self):
        return super()._get_measures() | {
            "supplier_score": Measure(
                self.env._("Supplier score"),
                type(self)._build_supplier_score,
                missing=None,
                has_period=False,
            ),
        }

    def _build_supplier_score(self, ids):
        """The current score, a contact's is that of his company; their mean of several.

        A segment of one company goes by its scores only.
        """
        scope = SQL("q.is_current")
        if ids is not None:
            scope = SQL("%s AND s.id = ANY(%s)", scope, list(ids))
        company = self.segment_id.company_id
        if company:
            scope = SQL("%s AND q.company_id = %s", scope, company.id)
        return SQL(
            """SELECT s.id AS partner_id, avg(q.score) AS value
                FROM crm_quality_score q
                JOIN res_partner s ON s.commercial_partner_id = q.partner_id
                WHERE %s GROUP BY s.id""",
            scope,
        )
