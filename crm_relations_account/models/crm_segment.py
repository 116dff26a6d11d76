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
            for segment in self:
                figures[segment.id] += segment._get_turnover_figures()
        return figures

    def _get_turnover_figures(self):
        """Give the tiles; none of what there are no invoices of."""
        turnover = self._get_member_turnover()
        labels = {
            "customer": self.env._("Sold in 12 months"),
            "supplier": self.env._("Bought in 12 months"),
        }
        return [
            RelationFigure(
                f"{kind}_turnover",
                label,
                self._format_amount(turnover[kind]),
                f"action_view_{kind}_invoices",
                sequence=60,
            )
            for kind, label in labels.items()
            if kind in turnover
        ]

    def _get_member_turnover(self):
        """Give {customer or supplier: amount in the reader's currency}; one query.

        Each invoice counts once.
        """
        rows = self.env["account.move"]._read_group(
            self._get_invoice_domain("customer", "supplier"),
            ["move_type", "company_id"],
            ["amount_untaxed_signed:sum"],
        )
        totals = {}
        for move_type, company, amount in rows:
            kind = "customer" if move_type in TYPES["customer"] else "supplier"
            signed = amount if kind == "customer" else -amount
            converted = self._convert_amount(signed, company)
            totals[kind] = totals.get(kind, 0.0) + converted
        return totals

    def _get_invoice_domain(self, *kinds):
        """Say which invoices are those of members, in their name or a contact's."""
        own = Domain("partner_id.segment_ids", "in", self.ids)
        company = Domain("commercial_partner_id.segment_ids", "in", self.ids)
        return (
            Domain("state", "=", "posted")
            & Domain("move_type", "in", [one for kind in kinds for one in TYPES[kind]])
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
