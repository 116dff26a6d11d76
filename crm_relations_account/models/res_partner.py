from dateutil.relativedelta import relativedelta
from odoo import api, fields, models
from odoo.addons.crm_relations.models.res_partner_figures_mixin import RelationFigure
from odoo.tools import SQL, date_utils, formatLang

ACCOUNTANTS = "account.group_account_invoice,account.group_account_readonly"
TYPES = {
    "customer": ("out_invoice", "out_refund", "out_receipt"),
    "supplier": ("in_invoice", "in_refund", "in_receipt"),
}
_KINDS = {type_: kind for kind, types in TYPES.items() for type_ in types}
_SETTLED = ("paid", "in_payment")  # the second: where Odoo waits for the bank


class ResPartner(models.Model):
    """What a partner is worth, and how he pays.

    The figures are those of the companies the reader works in, each converted from its
    own currency if they differ. Whoever has no right to read invoices sees none of
    them: a figure of some of the invoices would mislead.
    """

    _inherit = "res.partner"

    customer_turnover_this_year = fields.Monetary(
        compute="_compute_turnover", groups=ACCOUNTANTS
    )
    customer_turnover_12_months = fields.Monetary(
        "Customer Turnover Last 12 Months",
        compute="_compute_turnover",
        groups=ACCOUNTANTS,
    )
    customer_turnover = fields.Monetary(
        compute="_compute_turnover",
        groups=ACCOUNTANTS,
        help="Posted customer invoices less refunds, before taxes. A company counts "
        "its contacts.",
    )
    supplier_turnover_this_year = fields.Monetary(
        compute="_compute_turnover", groups=ACCOUNTANTS
    )
    supplier_turnover_12_months = fields.Monetary(
        "Supplier Turnover Last 12 Months",
        compute="_compute_turnover",
        groups=ACCOUNTANTS,
    )
    supplier_turnover = fields.Monetary(
        compute="_compute_turnover",
        groups=ACCOUNTANTS,
        help="Posted bills less refunds, before taxes. A company counts its contacts.",
    )
    has_paid_invoice = fields.Boolean(
        compute="_compute_payment_days_late", groups=ACCOUNTANTS
    )
    payment_days_late = fields.Float(
        "Average Days Late",
        compute="_compute_payment_days_late",
        groups=ACCOUNTANTS,
        help="How long after the due date this customer paid, on average over what "
        "fell due in the last 12 months. Negative: before it.",
    )
    overdue_amount = fields.Monetary(
        compute="_compute_overdue_amount",
        groups=ACCOUNTANTS,
        help="What this customer has not paid although it is due. A contact shows what "
        "his company owes.",
    )

    # ------------------------------------------------------------
    # TURNOVER
    # ------------------------------------------------------------

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_turnover(self):
        """Sum up three periods, one query each."""
        today = fields.Date.context_today(self)
        periods = {
            "_this_year": date_utils.start_of(today, "year"),
            "_12_months": today - relativedelta(months=12) + relativedelta(days=1),
            "": None,
        }
        for period, since in periods.items():
            turnover = self._get_turnover(since)
            for partner in self:
                for kind in TYPES:
                    amount = turnover.get((kind, partner._origin), 0.0)
                    partner[f"{kind}_turnover{period}"] = amount

    def _get_turnover(self, since=None):
        """Give what was invoiced to and by these partners, less refunds, before taxes.

        A company counts its contacts; a contact counts what is in his own name.

        :param since: first invoice date that counts; None: all that was ever posted
        :return: {("customer" or "supplier", partner): amount in the partner's
            currency}, what is zero left out. One query, and one per foreign currency.
        """
        domain = [
            ("state", "=", "posted"),
            ("move_type", "in", list(_KINDS)),
            ("commercial_partner_id", "in", self.commercial_partner_id._origin.ids),
        ]
        if since:
            domain.append(("invoice_date", ">=", since))
        rows = self.env["account.move"]._read_group(
            domain,
            ["commercial_partner_id", "partner_id", "company_id", "move_type"],
            ["amount_untaxed_signed:sum"],
        )
        turnover, wanted = {}, set(self._origin)
        for company_partner, contact, company, move_type, amount in rows:
            kind = _KINDS[move_type]
            signed = amount if kind == "customer" else -amount
            for partner in {company_partner, contact} & wanted:
                value = partner._convert_figure(signed, company)
                turnover[kind, partner] = turnover.get((kind, partner), 0.0) + value
        return turnover

    def _convert_figure(self, amount, company):
        """Convert an amount of a company's own currency, at the reader's rates."""
        return company.currency_id._convert(
            amount,
            self.currency_id,
            self.env.company,
            fields.Date.context_today(self),
        )

    # ------------------------------------------------------------
    # PAYMENT
    # ------------------------------------------------------------

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_payment_days_late(self):
        days = self._get_payment_days_late()
        for partner in self:
            late = days.get(partner.commercial_partner_id._origin.id)
            partner.has_paid_invoice = late is not None
            partner.payment_days_late = late or 0.0

    def _get_payment_days_late(self):
        """Give the mean days between due date and payment, per instalment.

        :return: {id of the commercial partner: days, negative if early}; who has paid
            nothing is left out. One query.
        """
        since = fields.Date.context_today(self) - relativedelta(months=12)
        lines = self.env["account.move.line"]._search(
            [
                ("partner_id", "in", self.commercial_partner_id._origin.ids),
                ("date_maturity", ">", since),
                *self._get_paid_domain(),
            ]
        )
        rows = self.env.execute_query(self._get_payment_days_query(lines))
        return {partner_id: float(days) for partner_id, days in rows}

    @api.model
    def _get_paid_domain(self):
        """Say which journal items are instalments that a customer has paid."""
        return [
            ("parent_state", "=", "posted"),
            ("display_type", "=", "payment_term"),
            ("move_id.move_type", "in", ("out_invoice", "out_receipt")),
            ("move_id.payment_state", "in", _SETTLED),
        ]

    @api.model
    def _get_payment_days_query(self, lines):
        """Give the SQL of (id of the commercial partner, mean days late).

        :param lines: `Query` of journal items, those that the reader may see; of the
            rest only dates of their payments are read
        """
        self.env["account.partial.reconcile"].flush_model(["max_date", "debit_move_id"])
        self.env["account.payment"].flush_model(["date"])
        self.env["account.move"].flush_model(["matched_payment_ids"])
        # raw SQL for the difference of two dates. A payment without an entry of its
        # own (no outstanding account) leaves no reconciliation.
        return SQL(
            """
            SELECT line.partner_id, avg(
                       coalesce(matched.date, registered.date) - line.date_maturity
                   ) AS value
              FROM account_move_line line
              LEFT JOIN LATERAL (
                   SELECT max(max_date) AS date
                     FROM account_partial_reconcile
                    WHERE debit_move_id = line.id
                   ) matched ON TRUE
              LEFT JOIN LATERAL (
                   SELECT max(payment.date) AS date
                     FROM account_move__account_payment link
                     JOIN account_payment payment ON payment.id = link.payment_id
                    WHERE link.invoice_id = line.move_id
                   ) registered ON TRUE
             WHERE line.id IN %s
               AND coalesce(matched.date, registered.date) IS NOT NULL
             GROUP BY line.partner_id
            """,
            lines.subselect(),
        )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_overdue_amount(self):
        """Sum up in one query; what was paid and not yet matched counts for him."""
        rows = self.env["account.move.line"]._read_group(
            [
                ("partner_id", "in", self.commercial_partner_id._origin.ids),
                ("date_maturity", "<", fields.Date.context_today(self)),
                *self._get_owed_domain(),
            ],
            ["partner_id", "company_id"],
            ["amount_residual:sum"],
        )
        owed = {}
        for partner, company, amount in rows:
            owed.setdefault(partner, []).append((company, amount))
        for partner in self:
            amounts = owed.get(partner.commercial_partner_id._origin, [])
            total = sum(partner._convert_figure(a, company) for company, a in amounts)
            partner.overdue_amount = max(total, 0.0)

    @api.model
    def _get_owed_domain(self):
        """Say which journal items are not paid by a customer, due or not."""
        return [
            ("parent_state", "=", "posted"),
            ("account_id.account_type", "=", "asset_receivable"),
            ("reconciled", "=", False),
            ("move_id.payment_state", "not in", _SETTLED),
        ]

    # ------------------------------------------------------------
    # THE CARD
    # ------------------------------------------------------------

    def _get_relation_figures(self):
        """Add turnover and payment behaviour, of those who have any.

        Whoever talks to a contact wants to know what his company is worth.
        """
        figures = super()._get_relation_figures()
        if self._has_field_access(self._fields["customer_turnover"], "read"):
            for partner in self:
                company = partner.commercial_partner_id
                figures[partner.id] += company._get_account_figures()
        return figures

    def _get_account_figures(self):
        """Give this partner's tiles of the card.

        :return: list of `RelationFigure`
        """
        figures = []
        if self.customer_turnover:
            figures.append(
                RelationFigure(
                    "customer_turnover",
                    self.env._("Sold in 12 months"),
                    self._format_figure(self.customer_turnover_12_months),
                    "action_view_customer_invoices",
                    sequence=60,
                )
            )
        if self.supplier_turnover:
            figures.append(
                RelationFigure(
                    "supplier_turnover",
                    self.env._("Bought in 12 months"),
                    self._format_figure(self.supplier_turnover_12_months),
                    "action_view_supplier_invoices",
                    sequence=61,
                )
            )
        return figures + self._get_payment_figures()

    def _format_figure(self, amount):
        """Write an amount without cents: at a glance they are in the way."""
        return formatLang(
            self.env, amount, currency_obj=self.currency_id, rounding_unit="units"
        )

    def _get_payment_figures(self):
        figures = []
        if self.has_paid_invoice:
            days = round(self.payment_days_late)
            figures.append(
                RelationFigure(
                    "payment",
                    self.env._("Pays"),
                    self._describe_days(days),
                    "action_view_paid_invoices",
                    "warning" if days > 0 else "success",
                    62,
                )
            )
        if self.overdue_amount:
            figures.append(
                RelationFigure(
                    "overdue",
                    self.env._("Overdue"),
                    self._format_figure(self.overdue_amount),
                    "action_view_unpaid_invoices",
                    "danger",
                    63,
                )
            )
        return figures

    def _describe_days(self, days):
        if days > 0:
            return self.env._("%s days late", days)
        if days < 0:
            return self.env._("%s days early", -days)
        return self.env._("on time")

    def action_view_customer_invoices(self):
        """Open the posted invoices to this partner's company, refunds too."""
        return self._open_moves(self.env._("Invoices to %s"), TYPES["customer"])

    def action_view_supplier_invoices(self):
        """Open the posted bills of this partner's company, refunds too."""
        return self._open_moves(self.env._("Invoices from %s"), TYPES["supplier"])

    def action_view_paid_invoices(self):
        """Open the customer invoices of this partner's company that were paid."""
        return self._open_moves(
            self.env._("Paid invoices of %s"),
            TYPES["customer"],
            ("payment_state", "in", _SETTLED),
        )

    def action_view_unpaid_invoices(self):
        """Open the overdue customer invoices of this partner's company."""
        return self._open_moves(
            self.env._("Overdue invoices of %s"),
            TYPES["customer"],
            ("payment_state", "in", ("not_paid", "partial")),
            ("invoice_date_due", "<", fields.Date.to_string(fields.Date.today())),
        )

    def _open_moves(self, title, types, *conditions):
        self.ensure_one()
        company = self.commercial_partner_id
        return {
            "type": "ir.actions.act_window",
            "name": title % company.display_name,
            "res_model": "account.move",
            "view_mode": "list,form,pivot,graph",
            "domain": [
                ("commercial_partner_id", "=", company.id),
                ("move_type", "in", types),
                ("state", "=", "posted"),
                *conditions,
            ],
            "context": {"create": False},
        }
