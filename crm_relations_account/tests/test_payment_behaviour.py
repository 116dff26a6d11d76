from odoo.tests import freeze_time, tagged

from .common import TODAY, CrmAccountCommon


@freeze_time(TODAY)
@tagged("crm_relations_account")
class TestPaymentBehaviour(CrmAccountCommon):
    def _behaviour(self, partner, user=None):
        reader = partner.with_user(user or self.accountant)
        reader.invalidate_recordset()
        late = reader.payment_days_late if reader.has_paid_invoice else None
        return late, reader.overdue_amount

    def _invoice(self, amount, due, **values):
        partner = values.pop("partner", self.walter)
        return self._new_move(
            "out_invoice", partner, amount, "2026-03-01", due=due, **values
        )

    def test_who_never_paid_has_no_average(self):
        self._invoice(100, "2026-07-01")
        self.assertEqual(self._behaviour(self.walter), (None, 0))

    def test_days_late_are_averaged_early_ones_too(self):
        for due, paid in (
            ("2026-04-01", "2026-04-11"),
            ("2026-04-01", "2026-03-28"),
            ("2026-04-01", "2026-04-01"),
        ):
            self._pay(self._invoice(100, due), paid)
        self.assertEqual(self._behaviour(self.walter), (2, 0))

    def test_last_of_several_payments_decides(self):
        invoice = self._invoice(100, "2026-04-01")
        self._pay(invoice, "2026-04-02", amount=60)
        self.assertEqual(self._behaviour(self.walter), (None, 40))
        self._pay(invoice, "2026-04-21", amount=40)
        self.assertEqual(self._behaviour(self.walter), (20, 0))

    def test_instalments_count_each(self):
        terms = self.env["account.payment.term"].create(
            {
                "name": "Half and half",
                "line_ids": [
                    (0, 0, {"value": "percent", "value_amount": 50, "nb_days": days})
                    for days in (10, 30)
                ],
            }
        )
        invoice = self._invoice(100, False, post=False)
        invoice.invoice_payment_term_id = terms
        invoice.action_post()
        lines = invoice.line_ids.filtered("date_maturity").sorted("date_maturity")
        self.assertEqual(len(lines), 2)
        for line, amount in zip(lines, (50, 50), strict=True):
            self._pay(invoice, line.date_maturity, amount=amount)
        # paid on their day, though the last payment came long after the first was due
        self.assertEqual(self._behaviour(self.walter), (0, 0))

    def test_credited_invoice_was_not_paid(self):
        invoice = self._invoice(100, "2026-04-01")
        refund = self._new_move("out_refund", self.walter, 100, "2026-05-01")
        lines = (invoice | refund).line_ids.filtered("date_maturity")
        lines.reconcile()
        self.assertEqual(invoice.payment_state, "reversed")
        self.assertEqual(self._behaviour(self.walter), (None, 0))

    def test_long_ago_does_not_count(self):
        old = self._new_move("out_invoice", self.walter, 9, "2025-01-01")
        self._pay(old, "2025-05-01")
        self.assertEqual(self._behaviour(self.walter), (None, 0))

    def test_overdue_is_what_is_due_and_open(self):
        self._invoice(1, "2026-06-14")
        self._invoice(10, "2026-06-15")
        self._invoice(100, "2026-06-16")
        self._invoice(1000, "2026-05-01", post=False)
        self._new_move("in_invoice", self.walter, 10000, "2026-03-01")
        self.assertEqual(self._behaviour(self.walter), (None, 1))

    def test_payment_that_is_not_matched_yet_counts_for_him(self):
        self._invoice(100, "2026-06-01")
        payment = self.env["account.payment"].create(
            {
                "partner_id": self.walter.id,
                "partner_type": "customer",
                "payment_type": "inbound",
                "amount": 130,
                "date": "2026-06-10",
            }
        )
        payment.action_post()
        self.assertEqual(self._behaviour(self.walter), (None, 0))

    def test_contact_shows_the_company_it_pays_for(self):
        self._invoice(100, "2026-06-01", partner=self.jane)
        self._pay(self._invoice(50, "2026-04-01", partner=self.bob), "2026-04-08")
        for partner in (self.acme, self.jane, self.bob):
            self.assertEqual(self._behaviour(partner), (7, 100))

    def test_companies_are_apart(self):
        self._invoice(100, "2026-06-01")
        self._invoice(7, "2026-06-01", company=self.company_2)
        table = [
            (self.accountant, 100),
            (self.colleague_abroad, 7),
        ]
        for user, overdue in table:
            with self.subTest(user=user.login):
                self.assertEqual(self._behaviour(self.walter, user), (None, overdue))
