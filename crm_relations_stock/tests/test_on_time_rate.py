from odoo.exceptions import AccessError
from odoo.tests import tagged, users

from .common import CrmStockCommon


@tagged("crm_relations_stock")
class TestOnTimeRate(CrmStockCommon):
    def _rate(self, partner, user=None):
        reader = partner.with_user(user or self.buyer)
        reader.invalidate_recordset()
        return reader.supplier_receipt_count, reader.supplier_on_time_rate

    def test_done_by_the_end_of_the_promised_day_is_on_time(self):
        table = [(-10, -12, 100), (-10, -10, 100), (-10, -9, 0)]
        for number, (promised, done, expected) in enumerate(table):
            with self.subTest(promised=promised, done=done):
                partner = self.env["res.partner"].create({"name": f"Supplier {number}"})
                self._new_receipt(partner, promised, done)
                self.assertEqual(self._rate(partner), (1, expected))

    def test_later_hour_of_the_promised_day_is_on_time(self):
        order = self._new_receipt(self.walter, -10, -10)
        move = order.picking_ids.move_ids
        move.date_deadline = move.date_deadline.replace(hour=8)
        move.date = move.date_deadline.replace(hour=20)
        self.assertEqual(self._rate(self.walter), (1, 100))

    def test_without_receipts_there_is_no_rate(self):
        self._new_order(self.walter, "draft")
        self.assertEqual(self._rate(self.walter), (0, 0))

    def test_overdue_counts_as_late_and_future_not_at_all(self):
        self._new_receipt(self.walter, -10, -10)
        self._new_receipt(self.walter, -5)
        self._new_receipt(self.walter, 5)
        self.assertEqual(self._rate(self.walter), (2, 50))

    def test_early_receipt_of_a_future_promise_counts(self):
        self._new_receipt(self.walter, 5, -1)
        self.assertEqual(self._rate(self.walter), (1, 100))

    def test_lines_count_each_whatever_their_quantity(self):
        self._new_receipt(self.walter, -10, -11, quantities=[1, 1, 1])
        self._new_receipt(self.walter, -10, -2, quantities=[1000])
        self.assertEqual(self._rate(self.walter), (4, 75))

    def test_rest_of_a_partial_delivery_counts_by_itself(self):
        order = self._new_order(
            self.walter, quantities=[10], date_planned=self._days(-10)
        )
        self._receive(order, -10, quantity=6)
        self._receive(order, -3)
        self.assertEqual(self._rate(self.walter), (2, 50))

    def test_returns_and_cancellations_do_not_count(self):
        order = self._new_receipt(self.walter, -10, -10)
        wizard = (
            self.env["stock.return.picking"]
            .with_context(active_model="stock.picking", active_id=order.picking_ids.id)
            .create({})
        )
        wizard.product_return_moves.quantity = 1
        wizard._create_return()
        self._new_receipt(self.walter, -5).button_cancel()
        self.assertEqual(self._rate(self.walter), (1, 100))

    def test_long_ago_does_not_count(self):
        self._new_receipt(self.walter, -400, -300)
        self.assertEqual(self._rate(self.walter), (0, 0))
        self.env["ir.config_parameter"].set_param(
            "purchase_stock.on_time_delivery_days", 500
        )
        self.assertEqual(self._rate(self.walter), (1, 0))

    def test_company_counts_its_contacts_and_each_contact_its_own(self):
        self._new_receipt(self.acme, -10, -10)
        self._new_receipt(self.jane, -10, -9)
        self.assertEqual(self._rate(self.acme), (2, 50))
        self.assertEqual(self._rate(self.jane), (1, 0))
        self.assertEqual(self._rate(self.bob), (0, 0))

    def test_companies_are_apart(self):
        self._new_receipt(self.walter, -10, -10)
        self._new_receipt(self.walter, -10, -9, company_id=self.company_2.id)
        table = [
            (self.buyer, (1, 100)),
            (self.storekeeper, (1, 100)),
            (self.buyer_abroad, (1, 0)),
            (self.storekeeper_abroad, (1, 0)),
        ]
        for user, expected in table:
            with self.subTest(user=user.login):
                self.assertEqual(self._rate(self.walter, user), expected)

    def test_who_reads_no_receipts_sees_no_rate(self):
        for name in ("supplier_on_time_rate", "supplier_receipt_count"):
            for user in (self.agent, self.boss, self.user_employee):
                own = self.walter.with_user(user)
                with (
                    self.subTest(name, user=user.login),
                    self.assertRaises(AccessError),
                ):
                    own.read([name])

    def test_card_shows_the_rate_and_opens_what_is_behind(self):
        self._new_receipt(self.acme, -10, -10)
        self._new_receipt(self.jane, -10, -9)
        # a contact's card is that of his company
        for partner, count in ((self.acme, 2), (self.bob, 2)):
            with self.subTest(partner=partner.name):
                own = partner.with_user(self.buyer)
                row = next(
                    row for row in own.relation_figures if row["key"] == "on_time_rate"
                )
                self.assertEqual(row["value"], "50 % of 2")
                action = getattr(own, row["action"])()
                found = own.env["stock.move"].search_count(action["domain"])
                self.assertEqual(found, count)
        keys = [row["key"] for row in self.acme.with_user(self.boss).relation_figures]
        self.assertNotIn("on_time_rate", keys)

    def test_differs_from_odoos_rate_as_the_documentation_says(self):
        table = [
            # lines as (quantity, done or None), in days from today; promised for -7
            ([(1, -7), (1, -8), (98, -2)], 2, 67),
            ([(10, -7), (10, None), (10, None)], 100, 33),
        ]
        for number, (lines, odoo, ours) in enumerate(table):
            partner = self.env["res.partner"].create({"name": f"Supplier {number}"})
            for quantity, done in lines:
                self._new_receipt(partner, -7, done, quantities=[quantity])
            with self.subTest(lines=lines):
                self.assertEqual(round(self._rate(partner)[1]), ours)
                self.assertEqual(round(partner.on_time_rate), odoo)

    @users("buyer")
    def test_hundred_suppliers_cost_as_one(self):
        partners = (
            self.env["res.partner"]
            .sudo()
            .create([{"name": f"Supplier {n}"} for n in range(100)])
            .with_user(self.env.user)
        )
        for partner in partners[:4]:
            self._new_receipt(partner, -10, -10)
        costs = []
        # the first time, what is kept between requests is read too
        for some in (partners[:1], partners[:1], partners):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            some.read(["relation_figures", "supplier_on_time_rate"])
            costs.append(self.env.cr.sql_log_count - before)
        self.assertEqual(costs[1], costs[2], "more suppliers cost more queries")
