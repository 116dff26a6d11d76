from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from .common import CrmStockCommon


@tagged("crm_relations_stock")
class TestSupplierScore(CrmStockCommon):
    """What purchases and receipts add to the score of a supplier."""

    def _ask(self, hook, since=-365, until=1, partners=None, company=None):
        """Ask a hook about a period, in days from today; only of our suppliers."""
        Partner = partners or self.env["res.partner"]
        found = getattr(
            Partner.with_company(company or self.company).sudo(), f"_get_{hook}"
        )(self._days(since), self._days(until))
        ours = (self.acme | self.jane | self.walter).ids
        return {one: value for one, value in found.items() if one in ours}

    def test_received_units_are_those_that_came(self):
        self._new_receipt(self.jane, -10, -10, quantities=[10, 5])
        self._new_receipt(self.acme, -10, quantities=[100])  # not here yet
        order = self._new_order(
            self.walter, quantities=[10], date_planned=self._days(-10)
        )
        self._receive(order, -10, quantity=6)
        expected = {self.acme.id: 15, self.walter.id: 6}
        self.assertEqual(self._ask("received_quantities"), expected)
        only = self._ask("received_quantities", partners=self.acme)
        self.assertEqual(only, {self.acme.id: 15})

    def test_received_units_are_counted_in_the_unit_of_the_product(self):
        dozen = self.env.ref("uom.product_uom_dozen")
        order = self._new_order(self.walter, "draft", quantities=[2])
        order.order_line.product_uom_id = dozen
        order.button_confirm()
        self._receive(order, -3)
        self.assertEqual(self._ask("received_quantities"), {self.walter.id: 24})

    def test_each_figure_is_of_its_period(self):
        self._new_receipt(self.walter, -20, -20, date_approve=self._days(-30))
        order = self.env["purchase.order"].search([("partner_id", "=", self.walter.id)])
        order.date_approve = self._days(-30)
        table = [
            ("received_quantities", -20, 1),
            ("on_time_rates", -20, 100),
            ("order_counts", -30, 1),
        ]
        for hook, day, expected in table:
            for since, until, inside in (
                (day - 1, day + 1, True),
                (day + 1, 1, False),
                (-300, day - 1, False),
            ):
                with self.subTest(hook=hook, since=since, until=until):
                    found = self._ask(hook, since, until)
                    self.assertEqual(
                        found, {self.walter.id: expected} if inside else {}
                    )

    def test_on_time_rate_is_that_of_the_partner(self):
        self._new_receipt(self.acme, -10, -10)
        self._new_receipt(self.jane, -10, -9)
        self._new_receipt(self.jane, -5)
        self._new_receipt(self.jane, 5)
        rate = self.acme.with_user(self.buyer).supplier_on_time_rate
        found = self._ask("on_time_rates", until=0)
        self.assertAlmostEqual(found[self.acme.id], rate)
        self.assertAlmostEqual(found[self.acme.id], 100 / 3)

    def test_only_confirmed_orders_count(self):
        self._new_order(self.walter, "draft")
        self._new_order(self.walter, "sent")
        self._new_order(self.walter)
        self._new_order(self.jane)
        expected = {self.walter.id: 1, self.acme.id: 1}
        self.assertEqual(self._ask("order_counts"), expected)

    def test_companies_are_apart(self):
        self._new_receipt(self.walter, -10, -9, company_id=self.company_2.id)
        for hook in ("received_quantities", "on_time_rates", "order_counts"):
            with self.subTest(hook=hook):
                self.assertFalse(self._ask(hook))
                self.assertTrue(self._ask(hook, company=self.company_2))

    def test_score_of_what_was_delivered(self):
        self.quality.is_quality = True
        self._new_receipt(self.jane, -10, -10, quantities=[1000])
        case = self.env["crm.case"].create(
            {
                "name": "Broken",
                "section_id": self.quality.id,
                "partner_id": self.jane.id,
                "defective_quantity": 2,
            }
        )
        self.assertLess(case.create_date, fields.Datetime.now() + timedelta(seconds=1))
        self.env["crm.quality.score"]._compute_company(self.company, self.acme.ids)
        row = self.env["crm.quality.score"].search(
            [("partner_id", "=", self.acme.id), ("is_current", "=", True)]
        )
        self.assertEqual(
            (row.ppm, row.received_quantity, row.on_time_rate, row.case_rate),
            (2000, 1000, 100, 100),
        )
