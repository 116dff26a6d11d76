from odoo import api, models
from odoo.addons.crm_relations.models.crm_case_target import Measure
from odoo.tools import SQL

_TYPES = ("out_invoice", "out_refund", "out_receipt")


class CrmCaseTarget(models.Model):
    """Turnover and margin as targets: of a salesperson, or of a section's people."""

    _inherit = "crm.case.target"

    @api.model
    def _get_measures(self):
        _ = self.env._
        cls = type(self)
        return super()._get_measures() | {
            "turnover": Measure(_("Turnover"), cls._read_turnover, unit="amount"),
            "margin": Measure(_("Margin"), cls._read_margin, unit="amount"),
        }

    def _read_turnover(self):
        return self._read_invoices(SQL("sum(-line.balance)"))

    def _read_margin(self):
        """What is left of the turnover when the products' present cost is taken off.

        In the company's currency; what has no product costs nothing.
        """
        return self._read_invoices(
            SQL(
                """
                sum(-line.balance - sign(-line.balance) * abs(line.quantity)
                    * COALESCE(line_uom.factor / NULLIF(own_uom.factor, 0), 1)
                    * COALESCE(
                        (product.standard_price->>t.company_id::text)::numeric, 0))
                """
            )
        )

    def _read_invoices(self, value):
        """Reckon over the invoice lines of each target, in one query.

        Posted customer invoices less refunds, before taxes, by invoice date: those of
        the target's salesperson, or of the members of its section and those below.

        :param value: SQL of the aggregate
        :return: {id of target: value in its company's currency}
        """
        for model in ("account.move", "account.move.line", "product.product"):
            self.env[model].flush_model()
        self.env["crm.case.section"].flush_model()
        self.flush_model()
        # raw SQL: as `_read_cases` of the core
        return dict(
            self.env.execute_query(
                SQL(
                    """
                SELECT t.id, %(value)s
                  FROM crm_case_target t
                  LEFT JOIN crm_case_section s ON s.id = t.section_id
                  JOIN account_move move ON move.company_id = t.company_id
                   AND move.state = 'posted' AND move.move_type IN %(types)s
                   AND move.invoice_date BETWEEN t.date_from AND t.date_to
                   AND (t.user_id IS NULL OR move.invoice_user_id = t.user_id)
                   AND (t.section_id IS NULL OR move.invoice_user_id IN (
                           SELECT member.user_id
                             FROM crm_case_section_member_rel member
                             JOIN crm_case_section below
                               ON below.id = member.section_id
                            WHERE below.parent_path LIKE s.parent_path || '%%'
                            UNION SELECT s.user_id))
                  JOIN account_move_line line ON line.move_id = move.id
                   AND line.display_type = 'product'
                  LEFT JOIN product_product product ON product.id = line.product_id
                  LEFT JOIN product_template template
                    ON template.id = product.product_tmpl_id
                  LEFT JOIN uom_uom line_uom ON line_uom.id = line.product_uom_id
                  LEFT JOIN uom_uom own_uom ON own_uom.id = template.uom_id
                 WHERE t.id = ANY(%(ids)s)
                 GROUP BY t.id
                    """,
                    value=value,
                    types=_TYPES,
                    ids=self.ids,
                )
            )
        )

    def action_view_records(self):
        """Open the invoices that count, of those the reader may see."""
        if self.measure not in ("turnover", "margin"):
            return super().action_view_records()
        self.ensure_one()
        domain = [
            ("company_id", "=", self.company_id.id),
            ("state", "=", "posted"),
            ("move_type", "in", _TYPES),
            ("invoice_date", ">=", self.date_from),
            ("invoice_date", "<=", self.date_to),
        ]
        if self.user_id:
            domain.append(("invoice_user_id", "=", self.user_id.id))
        if self.section_id:
            sections = self.env["crm.case.section"].search(
                [("id", "child_of", self.section_id.id)]
            )
            staff = sections.member_ids | self.section_id.user_id
            domain.append(("invoice_user_id", "in", staff.ids))
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "account.action_move_out_invoice_type"
        )
        return action | {
            "display_name": self.display_name,
            "domain": domain,
            "context": {"create": False},
        }
