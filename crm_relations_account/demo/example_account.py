from datetime import timedelta
from random import Random

from odoo import Command, api, fields, models
from odoo.addons.crm_relations.demo.example_topics import ALL_PRODUCTS, SUPPLIES

_DUE = 30  # days
_FORGOTTEN = 11  # one of so many invoices is never paid
_REFUNDS = 6  # of so many invoices, one piece of one comes back


class CrmRelationsExampleAccount(models.AbstractModel):
    """A year of invoices, bills and payments; called from the demo data only."""

    _name = "crm.relations.example.account"
    _description = "Invoices of the Example Company"
    _inherit = ["crm.relations.example.documents"]

    @api.model
    def _load_invoices(self):
        """Create and post them, pay most of what was due; once."""
        company = self.env.ref("base.main_company")
        customers = self._find_companies("customer")
        suppliers = self._find_companies("supplier")
        model = self.with_company(company).with_context(tracking_disable=True)
        if not customers or model._has_invoices(customers | suppliers):
            return
        model._load_chart(company)
        invoices = model._create_moves("out_invoice", customers, 6, ALL_PRODUCTS)
        bills = model._create_moves("in_invoice", suppliers, 3, SUPPLIES)
        model._create_refunds(invoices)
        model._create_payments(invoices, "inbound", 6)
        model._create_payments(bills, "outbound", -2)

    def _has_invoices(self, partners):
        domain = [("partner_id", "child_of", partners.ids)]
        return self.env["account.move"].search_count(domain, limit=1)

    def _load_chart(self, company):
        """Give the company Odoo's plain chart of accounts if it has none at all."""
        if not company.chart_template and not company._existing_accounting():
            # not try_loading: it warns while addons are being installed, as now
            self.env["account.chart.template"]._load(
                "generic_coa", company, install_demo=False
            )

    def _create_moves(self, move_type, partners, busiest, prices):
        vals_list = [
            self._prepare_move(move_type, number, plan, prices)
            for number, plan in enumerate(self._plan_documents(partners, busiest))
        ]
        moves = self.env["account.move"].create(vals_list)
        moves.action_post()
        return moves

    def _prepare_move(self, move_type, number, plan, prices):
        partner, moment, random = plan
        name = random.choice(sorted(self._find_wares(partner, prices)))
        price = prices[name]
        date = fields.Date.to_date(moment)
        values = {
            "move_type": move_type,
            "partner_id": partner.id,
            "invoice_date": date,
            "date": date,
            "invoice_date_due": date + timedelta(days=_DUE),
            "invoice_payment_term_id": False,
            "invoice_line_ids": [
                Command.create(
                    {
                        "name": name[0].upper() + name[1:],
                        "quantity": random.randint(2, 12)
                        * (20 if move_type == "in_invoice" else 1),
                        "price_unit": price[1] if isinstance(price, tuple) else price,
                        "tax_ids": [Command.clear()],
                    }
                )
            ],
        }
        if move_type == "in_invoice":
            values["ref"] = f"RE-{4100 + 7 * number}"
        return values

    def _find_wares(self, partner, prices):
        """Give what we sell, or what this very supplier sells to us."""
        xml_id = partner.get_external_id()[partner.id]
        own = [
            name
            for name, price in prices.items()
            if isinstance(price, tuple) and xml_id.endswith(f"_{price[0]}")
        ]
        return own or list(prices)

    def _create_refunds(self, invoices):
        """Credit one piece of some invoices, some days later."""
        refunds = self.env["account.move"]
        for invoice in invoices[::_REFUNDS]:
            date = invoice.invoice_date + timedelta(days=9)
            if date <= fields.Date.today():
                refunds += invoice._reverse_moves(
                    [{"date": date, "invoice_date": date, "ref": invoice.name}]
                )
        for refund in refunds:
            refund.invoice_line_ids.quantity = 1
        refunds.action_post()

    def _create_payments(self, moves, direction, lateness):
        """Pay what was due; each partner has his habit, in days after the due date."""
        days = {
            partner: round(Random(partner.name).gauss(lateness, 9))
            for partner in moves.partner_id
        }
        today = fields.Date.today()
        forgotten = moves[_FORGOTTEN::_FORGOTTEN]
        paid = (moves - forgotten).filtered(
            lambda move: (
                move.invoice_date_due + timedelta(days=days[move.partner_id]) <= today
            )
        )
        payments = self.env["account.payment"].create(
            [
                {
                    "partner_id": move.partner_id.id,
                    "payment_type": direction,
                    "partner_type": "customer"
                    if direction == "inbound"
                    else "supplier",
                    "amount": move.amount_residual,
                    "date": move.invoice_date_due
                    + timedelta(days=days[move.partner_id]),
                    "memo": move.name,
                }
                for move in paid
            ]
        )
        payments.action_post()
        self.env["account.move.line"]._reconcile_plan(
            [
                self._find_open_lines(move | payment.move_id)
                for move, payment in zip(paid, payments, strict=True)
            ]
        )

    def _find_open_lines(self, moves):
        kinds = ("asset_receivable", "liability_payable")
        return moves.line_ids.filtered(lambda line: line.account_type in kinds)
