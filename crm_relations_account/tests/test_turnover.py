from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import freeze_time, tagged, users

from .common import TODAY, CrmAccountCommon

_FIGURES = ("this_year", "12_months", "all")


@freeze_time(TODAY)
@tagged("crm_relations_account")
class TestTurnover(CrmAccountCommon):
    def _turnover(self, partner, kind="customer", user=None, companies=None):
        reader = partner.with_user(user or self.accountant)
        if companies:
            reader = reader.with_context(allowed_company_ids=companies.ids)
        reader.invalidate_recordset()
        return tuple(
            reader[f"{kind}_turnover" + ("" if figure == "all" else f"_{figure}")]
            for figure in _FIGURES
        )

    def test_periods_begin_and_end_as_their_names_say(self):
        for date, amount in (
            ("2026-06-15", 1),
            ("2026-01-01", 10),
            ("2025-12-31", 100),
            ("2025-06-16", 1000),
            ("2025-06-15", 10000),
        ):
            self._new_move("out_invoice", self.walter, amount, date)
        self.assertEqual(self._turnover(self.walter), (11, 1111, 11111))
        self.assertEqual(self._turnover(self.walter, "supplier"), (0, 0, 0))

    def test_refunds_are_taken_off(self):
        for kind, sign in (("customer", "out"), ("supplier", "in")):
            with self.subTest(kind=kind):
                self._new_move(f"{sign}_invoice", self.walter, 500)
                self._new_move(f"{sign}_receipt", self.walter, 30)
                self._new_move(f"{sign}_refund", self.walter, 200)
                self.assertEqual(self._turnover(self.walter, kind), (330,) * 3)

    def test_drafts_and_cancellations_do_not_count(self):
        self._new_move("out_invoice", self.walter, 7)
        self._new_move("out_invoice", self.walter, 500, post=False)
        cancelled = self._new_move("out_invoice", self.walter, 300)
        cancelled.button_draft()
        cancelled.button_cancel()
        self.assertEqual(self._turnover(self.walter), (7,) * 3)

    def test_entries_and_payments_are_no_turnover(self):
        self._pay(self._new_move("out_invoice", self.walter, 40), TODAY)
        self.assertEqual(self._turnover(self.walter), (40,) * 3)

    def test_taxes_are_left_out(self):
        tax = self.env["account.tax"].create(
            {"name": "20 %", "amount": 20, "type_tax_use": "sale"}
        )
        move = self._new_move("out_invoice", self.walter, 100, post=False)
        move.invoice_line_ids.tax_ids = tax
        move.action_post()
        self.assertEqual(move.amount_total, 120)
        self.assertEqual(self._turnover(self.walter), (100,) * 3)

    def test_company_counts_its_contacts_and_each_contact_its_own(self):
        for partner, amount in ((self.acme, 1), (self.jane, 10), (self.bob, 100)):
            self._new_move("out_invoice", partner, amount)
        self.assertEqual(self._turnover(self.acme), (111,) * 3)
        self.assertEqual(self._turnover(self.jane), (10,) * 3)
        self.assertEqual(self._turnover(self.bob), (100,) * 3)

    def test_foreign_currency_counts_at_the_rate_of_its_day(self):
        foreign = self.env["res.currency"].create(
            {
                "name": "XTS",
                "symbol": "x",
                "rate_ids": [
                    Command.create({"name": "2026-01-01", "rate": 2.0}),
                    Command.create({"name": "2026-06-01", "rate": 4.0}),
                ],
            }
        )
        self._new_move("out_invoice", self.walter, 80, "2026-03-01", currency=foreign)
        self._new_move("out_invoice", self.walter, 80, TODAY, currency=foreign)
        self._new_move("out_refund", self.walter, 8, TODAY, currency=foreign)
        self._new_move("out_invoice", self.walter, 5)
        self.assertEqual(self._turnover(self.walter), (40 + 20 - 2 + 5,) * 3)

    def test_companies_are_apart_and_add_up_for_who_works_in_both(self):
        self._new_move("out_invoice", self.walter, 100)
        self._new_move("out_invoice", self.walter, 9, company=self.company_2)
        both = self.company | self.company_2
        table = [
            (self.accountant, self.company, 100),
            (self.colleague_abroad, self.company_2, 9),
            (self.controller, self.company, 100),
            (self.controller, self.company_2, 9),
            (self.controller, both, 109),
        ]
        for user, companies, expected in table:
            with self.subTest(user=user.login, companies=companies.mapped("name")):
                figures = self._turnover(self.walter, "customer", user, companies)
                self.assertEqual(figures, (expected,) * 3)

    def test_company_of_another_currency_is_converted(self):
        rate = {"name": "2026-01-01", "rate": 2.0, "company_id": False}
        foreign = self.env["res.currency"].create(
            {
                "name": "XTS",
                "symbol": "x",
                "rate_ids": [Command.create(rate)],
            }
        )
        third = self.env["res.company"].create(
            {"name": "Third", "currency_id": foreign.id}
        )
        self.env["account.chart.template"].try_loading("generic_coa", third)
        third.currency_id = foreign
        self.controller.company_ids = [Command.link(third.id)]
        self._new_move("out_invoice", self.walter, 100)
        self._new_move("out_invoice", self.walter, 50, company=third)
        figures = [
            self._turnover(self.walter, "customer", self.controller, companies)
            for companies in (self.company | third, third | self.company)
        ]
        self.assertEqual(figures, [(125,) * 3, (250,) * 3])

    def test_who_reads_no_invoices_sees_no_figures(self):
        names = [
            name
            for name in self.env["res.partner"]._fields
            if name.startswith(("customer_turnover", "supplier_turnover"))
        ]
        self.assertEqual(len(names), 6)
        names += ["payment_days_late", "has_paid_invoice", "overdue_amount"]
        for name in names:
            for user in (self.agent, self.boss, self.user_employee):
                own = self.walter.with_user(user)
                with (
                    self.subTest(name, user=user.login),
                    self.assertRaises(AccessError),
                ):
                    own.read([name])
            self.walter.with_user(self.accountant).read([name])

    @users("accountant")
    def test_hundred_partners_cost_as_one(self):
        partners = (
            self.env["res.partner"]
            .sudo()
            .create([{"name": f"Partner {n}"} for n in range(100)])
            .with_user(self.env.user)
        )
        for partner in partners[:5]:
            self._new_move("out_invoice", partner, 10)
            self._new_move("in_invoice", partner, 10)
        names = ["relation_figures", "customer_turnover", "overdue_amount"]
        costs = []
        # the first time, what is kept between requests is read too
        for some in (partners[:1], partners[:1], partners):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            some.read(names)
            costs.append(self.env.cr.sql_log_count - before)
        self.assertEqual(costs[1], costs[2], "more partners cost more queries")
