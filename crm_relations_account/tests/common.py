from odoo import Command
from odoo.addons.crm_relations.tests.common import CrmRelationsCommon
from odoo.addons.mail.tests.common import mail_new_test_user

TODAY = "2026-06-15"


class CrmAccountCommon(CrmRelationsCommon):
    """Books in two companies, and who may read them.

    accountant: billing, in the main company · colleague_abroad: the same in company 2 ·
    controller: read only, in both. Rates of foreign currencies are set by the tests.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.company_2.currency_id = cls.company.currency_id
        for company in cls.company | cls.company_2:
            if not company.chart_template:
                cls.env["account.chart.template"].try_loading("generic_coa", company)
        billing = "account.group_account_invoice"
        cls.accountant = cls._new_reader("accountant", billing, cls.company)
        cls.colleague_abroad = cls._new_reader("abroad", billing, cls.company_2)
        cls.controller = cls._new_reader(
            "controller", "account.group_account_readonly", cls.company | cls.company_2
        )

    @classmethod
    def _new_reader(cls, login, groups, companies):
        return mail_new_test_user(
            cls.env,
            login=login,
            groups=f"crm_relations.crm_relations_group_user,{groups}",
            company_id=companies[0].id,
            company_ids=[Command.set(companies.ids)],
        )

    @classmethod
    def _new_move(cls, move_type, partner, amount, date=TODAY, **values):
        """Create an invoice, refund or bill of one line, without taxes; posted.

        :param values: ``due``, ``company``, ``currency``; ``post`` false for a draft
        """
        company = values.get("company", cls.company)
        move = (
            cls.env["account.move"]
            .with_company(company)
            .create(
                {
                    "move_type": move_type,
                    "partner_id": partner.id,
                    "invoice_date": date,
                    "date": date,
                    "invoice_date_due": values.get("due", date),
                    "invoice_payment_term_id": False,
                    "currency_id": values.get("currency", company.currency_id).id,
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "name": "Scales",
                                "price_unit": amount,
                                "tax_ids": [Command.clear()],
                            }
                        )
                    ],
                }
            )
        )
        if values.get("post", True):
            move.action_post()
        return move

    @classmethod
    def _pay(cls, moves, date, **values):
        """Register one payment of invoices, as the button does."""
        wizard = (
            cls.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=moves.ids)
            .create({"payment_date": date, **values})
        )
        return wizard._create_payments()
