from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.crm_relations.models.res_partner_figures_mixin import RelationFigure
from odoo.fields import Domain
from odoo.tools import formatLang

from .res_partner import ACCOUNTANTS, TYPES

_DAYS = 365


class CrmSegment(models.Model):
    """What the members of a segment were invoiced, and what they invoiced."""

    _inherit = "crm.segment"

    def _get_member_figures(self):
        """Add the turnover of twelve months, for whoever may read invoices."""
        figures = super()._get_member_figures()
        if self.env.user.has_groups(ACCOUNTANTS):
            labels = {
                "customer": self.env._("Sold in 12 months"),
                "supplier": self.env._("Bought in 12 months"),
            }
            for number, (kind, label) in enumerate(labels.items()):
                for segment, amount in self._get_member_turnover(kind).items():
                    figure = RelationFigure(
                        f"{kind}_turnover",
                        label,
                        self._format_amount(amount),
                        f"action_view_{kind}_invoices",
                        sequence=60 + number,
                    )
                    figures[segment.id].append(figure)
        return figures

    def _get_member_turnover(self, kind):
        """Give {segment: amount in the reader's currency}, each invoice once.

        What is nothing is left out. One query for each segment: a form shows one.
        """
        totals = {}
        for segment in self:
            rows = self.env["account.move"]._read_group(
                segment._get_invoice_domain(kind),
                ["company_id"],
                ["amount_untaxed_signed:sum"],
            )
            sign = 1 if kind == "customer" else -1
            total = sum(
                self._convert_amount(sign * amount, one) for one, amount in rows
            )
            if rows:
                totals[segment] = total
        return totals

    def _get_invoice_domain(self, kind):
        """Say which invoices are those of members, in their name or a contact's."""
        own = Domain("partner_id.segment_ids", "in", self.ids)
        company = Domain("commercial_partner_id.segment_ids", "in", self.ids)
        return (
            Domain("state", "=", "posted")
            & Domain("move_type", "in", TYPES[kind])
            & Domain("invoice_date", ">", fields.Date.today() - timedelta(days=_DAYS))
            & (own | company)
        )

    @api.model
    def _convert_amount(self, amount, company):
        """Convert an amount of a company's own currency, at the reader's rates."""
        own = self.env.company
        today = fields.Date.context_today(self)
        return company.currency_id._convert(amount, own.currency_id, own, today)

    @api.model
    def _format_amount(self, amount):
        """Write an amount without cents, as on the card of a partner."""
        currency = self.env.company.currency_id
        return formatLang(
            self.env, amount, currency_obj=currency, rounding_unit="units"
        )

    def action_view_customer_invoices(self):
        """Open the posted invoices of twelve months to members, refunds too."""
        return self._open_invoices(self.env._("Invoices to members of %s"), "customer")

    def action_view_supplier_invoices(self):
        """Open the posted bills of twelve months of members, refunds too."""
        return self._open_invoices(self.env._("Bills of members of %s"), "supplier")

    def _open_invoices(self, title, kind):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": title % self.display_name,
            "res_model": "account.move",
            "view_mode": "list,kanban,form,pivot,graph",
            "domain": list(self._get_invoice_domain(kind)),
            "context": {"create": False},
        }
