from odoo import api, fields, models
from odoo.addons.crm_relations.models.crm_partner_history import HistorySource
from odoo.fields import Domain
from odoo.tools import SQL

_INVOICES = (
    "out_invoice",
    "out_receipt",
    "out_refund",
    "in_invoice",
    "in_receipt",
    "in_refund",
)


class CrmPartnerHistory(models.Model):
    _inherit = "crm.partner.history"
    _depends = {
        "account.move": [
            "amount_total",
            "commercial_partner_id",
            "company_id",
            "currency_id",
            "date",
            "invoice_date",
            "invoice_user_id",
            "move_type",
            "name",
            "partner_id",
            "ref",
            "state",
        ],
        "account.payment": [
            "amount",
            "company_id",
            "currency_id",
            "date",
            "memo",
            "name",
            "partner_id",
            "payment_type",
            "state",
        ],
    }

    kind = fields.Selection(
        selection_add=[
            ("invoice", "Invoice"),
            ("refund", "Refund"),
            ("bill", "Bill"),
            ("bill_refund", "Bill Refund"),
            ("payment", "Payment"),
        ]
    )

    @api.model
    def _get_sources(self):
        """Add posted invoices and payments that were made."""
        return [
            *super()._get_sources(),
            self._get_invoice_source(),
            self._get_payment_source(),
        ]

    def _get_invoice_source(self):
        return HistorySource(
            number=20,
            kind="invoice",
            model="account.move",
            domain=Domain("state", "=", "posted")
            & Domain("move_type", "in", _INVOICES),
            columns={
                # a date has no hour: at noon it is the same day everywhere
                "date": SQL(
                    """coalesce(account_move.invoice_date, account_move.date)
                    + interval '12 hours'"""
                ),
                "partner_id": SQL("account_move.partner_id"),
                "commercial_partner_id": SQL("account_move.commercial_partner_id"),
                "kind": SQL(
                    """CASE account_move.move_type
                        WHEN 'out_refund' THEN 'refund'
                        WHEN 'in_refund' THEN 'bill_refund'
                        WHEN 'in_invoice' THEN 'bill'
                        WHEN 'in_receipt' THEN 'bill'
                        ELSE 'invoice'
                    END"""
                ),
                "direction": SQL(
                    """CASE WHEN account_move.move_type
                        IN ('in_invoice', 'in_receipt', 'in_refund')
                        THEN 'in' ELSE 'out' END"""
                ),
                "name": SQL("concat_ws(' – ', account_move.name, account_move.ref)"),
                "company_id": SQL("account_move.company_id"),
                "user_id": SQL("account_move.invoice_user_id"),
                "amount": SQL(
                    """CASE WHEN account_move.move_type IN ('out_refund', 'in_refund')
                        THEN -account_move.amount_total
                        ELSE account_move.amount_total END"""
                ),
                "currency_id": SQL("account_move.currency_id"),
            },
        )

    def _get_payment_source(self):
        return HistorySource(
            number=21,
            kind="payment",
            model="account.payment",
            domain=Domain("state", "in", ("in_process", "paid"))
            & Domain("partner_id", "!=", False),
            columns={
                "date": SQL("account_payment.date + interval '12 hours'"),
                "partner_id": SQL("account_payment.partner_id"),
                "direction": SQL(
                    """CASE account_payment.payment_type
                        WHEN 'inbound' THEN 'in' ELSE 'out' END"""
                ),
                "name": SQL(
                    "concat_ws(' – ', account_payment.name, account_payment.memo)"
                ),
                "company_id": SQL("account_payment.company_id"),
                "amount": SQL("account_payment.amount"),
                "currency_id": SQL("account_payment.currency_id"),
            },
        )
