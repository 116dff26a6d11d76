from odoo.tests import freeze_time, tagged

from .common import TODAY, CrmAccountCommon


@freeze_time(TODAY)
@tagged("crm_relations_account")
class TestAccountHistory(CrmAccountCommon):
    def _history(self, partner, user):
        return (
            self.env["crm.partner.history"]
            .with_user(user)
            .search(
                [
                    ("commercial_partner_id", "=", partner.commercial_partner_id.id),
                    ("model", "in", ("account.move", "account.payment")),
                ]
            )
        )

    def test_what_is_posted_and_paid_is_on_the_timeline(self):
        table = [
            # type, kind, direction, sign of the amount
            ("out_invoice", "invoice", "out", 1),
            ("out_refund", "refund", "out", -1),
            ("out_receipt", "invoice", "out", 1),
            ("in_invoice", "bill", "in", 1),
            ("in_refund", "bill_refund", "in", -1),
            ("in_receipt", "bill", "in", 1),
        ]
        for number, (move_type, kind, direction, sign) in enumerate(table, start=1):
            with self.subTest(move_type=move_type):
                move = self._new_move(move_type, self.jane, number, "2026-05-01")
                lines = self._history(self.acme, self.accountant)
                line = lines.filtered(
                    lambda line, move=move: (
                        (line.model, line.res_id) == ("account.move", move.id)
                    )
                )
                self.assertEqual(line.partner_id, self.jane)
                self.assertEqual(line.kind, kind)
                self.assertEqual(line.direction, direction)
                self.assertEqual(line.amount, sign * number)
                self.assertEqual(line.currency_id, move.currency_id)
                self.assertEqual(str(line.date), "2026-05-01 12:00:00")
                self.assertIn(move.name, line.name)
                self.assertEqual(line.action_open_source()["res_id"], move.id)

    def test_drafts_and_cancellations_are_not(self):
        self._new_move("out_invoice", self.walter, 1, post=False)
        cancelled = self._new_move("out_invoice", self.walter, 2)
        cancelled.button_draft()
        cancelled.button_cancel()
        self.assertFalse(self._history(self.walter, self.accountant))

    def test_payments_in_and_out(self):
        for move_type, direction in (("out_invoice", "in"), ("in_invoice", "out")):
            with self.subTest(move_type=move_type):
                move = self._new_move(move_type, self.walter, 50)
                payment = self._pay(move, TODAY)
                lines = self._history(self.walter, self.accountant)
                line = lines.filtered(
                    lambda line, payment=payment: (
                        (line.model, line.res_id) == ("account.payment", payment.id)
                    )
                )
                self.assertEqual(line.kind, "payment")
                self.assertEqual(line.direction, direction)
                self.assertEqual(line.amount, 50)
                self.assertIn(payment.name, line.name)

    def test_each_reads_what_he_may_read_at_the_source(self):
        for company in (self.company, self.company_2):
            move = self._new_move("out_invoice", self.walter, 50, company=company)
            self._pay(move, TODAY)
        table = [
            (self.agent, []),
            (self.boss, []),
            (self.accountant, [self.company.id] * 2),
            (self.colleague_abroad, [self.company_2.id] * 2),
        ]
        for user, companies in table:
            with self.subTest(user=user.login):
                lines = self._history(self.walter, user)
                self.assertEqual(lines.mapped("company_id").ids, companies[:1])
                self.assertEqual(len(lines), len(companies))

    def test_card_shows_figures_to_who_may_read_them(self):
        self._new_move("out_invoice", self.walter, 1000)
        self._new_move("in_invoice", self.walter, 500)
        self._new_move("out_invoice", self.walter, 20, "2026-01-01")
        self._pay(
            self._new_move("out_invoice", self.walter, 3, "2026-04-01"), "2026-04-08"
        )
        keys = {}
        for user in (self.accountant, self.agent):
            rows = self.walter.with_user(user).relation_figures
            keys[user] = {row["key"]: row for row in rows}
        ours = {"customer_turnover", "supplier_turnover", "payment", "overdue"}
        self.assertFalse(ours & keys[self.agent].keys())
        self.assertLessEqual(ours, keys[self.accountant].keys())
        table = [
            ("customer_turnover", "1,023", 3),
            ("supplier_turnover", "500", 1),
            ("payment", "7 days late", 1),
            ("overdue", "20", 1),
        ]
        for key, figure, count in table:
            with self.subTest(key=key):
                row = keys[self.accountant][key]
                self.assertIn(figure, row["value"])
                action = getattr(self.walter.with_user(self.accountant), row["action"])
                found = self.env["account.move"].search(action()["domain"])
                self.assertEqual(len(found), count)

    def test_invoices_behind_a_figure_add_up_to_it(self):
        self._new_move("out_invoice", self.acme, 100)
        self._new_move("out_refund", self.jane, 30)
        self._new_move("in_invoice", self.jane, 7)
        # a contact's card is that of his company
        for partner in (self.acme, self.jane):
            own = partner.with_user(self.accountant)
            row = next(
                row for row in own.relation_figures if row["key"] == "customer_turnover"
            )
            action = getattr(own, row["action"])()
            moves = own.env["account.move"].search(action["domain"])
            total = sum(moves.mapped("amount_untaxed_signed"))
            self.assertEqual(total, 70)
            self.assertIn("70", row["value"])
