from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.crm_relations.models.res_partner_figures_mixin import RelationFigure
from odoo.tools import SQL

READERS = "purchase.group_purchase_user,stock.group_stock_user"
_GOOD, _BAD = 95, 80  # percent: where the card turns green, and red
_DAYS = 365  # as Odoo's own rate, whose system parameter is used here too


class ResPartner(models.Model):
    _inherit = "res.partner"

    supplier_receipt_count = fields.Integer(
        "Receipts Due",
        compute="_compute_supplier_on_time_rate",
        groups=READERS,
        help="Lines of receipts promised for the last twelve months. Another period is "
        "set by the system parameter purchase_stock.on_time_delivery_days.",
    )
    supplier_on_time_rate = fields.Float(
        "Receipts on Time (%)",
        compute="_compute_supplier_on_time_rate",
        groups=READERS,
        help="Of the lines of receipts that were due, the share that arrived on the "
        "promised day or before. What is overdue and not here yet counts as late. A "
        "company counts its contacts.",
    )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_supplier_on_time_rate(self):
        """Count the receipts the reader may see, in one query.

        Odoo's `on_time_rate` is another figure: quantities of different products added
        up, of the very partner and not its contacts, over all that was ordered on
        lines of which something arrived; a delivery that never came is not in it.
        """
        totals = dict.fromkeys(self._origin.ids, (0, 0))
        for company_id, contact_id, due, on_time in self._read_receipts():
            for partner_id in {company_id, contact_id} & totals.keys():
                old_due, old_on_time = totals[partner_id]
                totals[partner_id] = old_due + due, old_on_time + on_time
        for partner in self:
            due, on_time = totals.get(partner._origin.id, (0, 0))
            partner.supplier_receipt_count = due
            partner.supplier_on_time_rate = on_time / due * 100 if due else 0.0

    def _read_receipts(self):
        """Count the receipts that were due.

        :return: list of (id of the commercial partner, of the partner on the order,
            number due, number of those on time)
        """
        moves = self.env["stock.move"]._search(self._get_receipt_domain())
        return self.env.execute_query(self._get_receipts_query(moves))

    @api.model
    def _get_receipts_query(self, moves):
        """Give the SQL of `_read_receipts`.

        :param moves: `Query` of the stock moves to count, those the reader may see
        """
        self.env["purchase.order"].flush_model(["partner_id"])
        self.env["stock.move"].flush_model(["date", "date_deadline", "state"])
        # raw SQL to compare two dates of a row
        return SQL(
            """
            SELECT supplier.commercial_partner_id, purchase.partner_id,
                   count(*) AS due,
                   count(*) FILTER (
                       WHERE move.state = 'done'
                         AND move.date::date <= move.date_deadline::date
                   ) AS on_time
              FROM stock_move move
              JOIN purchase_order_line line ON line.id = move.purchase_line_id
              JOIN purchase_order purchase ON purchase.id = line.order_id
              JOIN res_partner supplier ON supplier.id = purchase.partner_id
             WHERE move.id IN %s
             GROUP BY supplier.commercial_partner_id, purchase.partner_id
            """,
            moves.subselect(),
        )

    @api.model
    def _get_on_time_days(self):
        # sudo: one number, which tells nothing about anybody
        parameters = self.env["ir.config_parameter"].sudo()
        return int(parameters.get_param("purchase_stock.on_time_delivery_days", _DAYS))

    def _get_receipt_domain(self):
        """Say which stock moves are receipts from these suppliers, due by now."""
        return [
            (
                "purchase_line_id.order_id.partner_id.commercial_partner_id",
                "in",
                self.commercial_partner_id._origin.ids,
            ),
            *self._get_due_domain(self._get_on_time_days()),
        ]

    @api.model
    def _get_due_domain(self, days):
        """Say which stock moves are receipts promised for the last days; 0: ever."""
        today = fields.Datetime.to_datetime(fields.Date.today())
        return [
            ("purchase_line_id", "!=", False),
            ("location_id.usage", "=", "supplier"),  # returns go the other way
            ("state", "not in", ("draft", "cancel")),
            ("date_deadline", ">=", today - timedelta(days=days))
            if days
            else ("date_deadline", "!=", False),
            "|",
            ("state", "=", "done"),
            ("date_deadline", "<", today),
        ]

    # ------------------------------------------------------------
    # THE CARD
    # ------------------------------------------------------------

    def _get_relation_figures(self):
        """Add the on-time rate of those who had something to deliver.

        A contact shows that of his company: it is the company that delivers.
        """
        figures = super()._get_relation_figures()
        if self._has_field_access(self._fields["supplier_on_time_rate"], "read"):
            for partner in self:
                company = partner.commercial_partner_id
                if company.supplier_receipt_count:
                    figures[partner.id].append(company._get_on_time_figure())
        return figures

    def _get_on_time_figure(self):
        rate, count = self.supplier_on_time_rate, self.supplier_receipt_count
        mood = "danger" if rate < _BAD else "success" if rate >= _GOOD else "warning"
        return RelationFigure(
            "on_time_rate",
            self.env._("Receipts on time"),
            self.env._("%(rate)s %% of %(count)s", rate=round(rate), count=count),
            "action_view_supplier_receipts",
            mood,
            80,
        )

    def action_view_supplier_receipts(self):
        """Open the stock moves behind the on-time rate of this partner's company."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._(
                "Receipts from %s", self.commercial_partner_id.display_name
            ),
            "res_model": "stock.move",
            "view_mode": "list,form",
            "domain": self._get_receipt_domain(),
            "context": {"create": False},
        }
