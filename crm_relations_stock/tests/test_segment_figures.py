from datetime import timedelta

from odoo import fields
from odoo.addons.crm_relations.tests.segment_common import SegmentCommon
from odoo.tests import tagged

from .common import CrmStockCommon


@tagged("crm_relations_stock", "crm_relations_segment")
class TestSegmentFigures(CrmStockCommon, SegmentCommon):
    """Segments reckon the on-time rate as partners show it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = cls.acme | cls.jane | cls.bob | cls.walter
        for partner, promised, done in (
            (cls.acme, -10, -10),
            (cls.jane, -10, -9),
            (cls.jane, -20, -21),
            (cls.jane, -400, -300),
            (cls.walter, -40, None),
            (cls.walter, 5, -1),
            (cls.bob, 5, None),
        ):
            cls._new_receipt(partner, promised, done)

    def _count_by_hand(self, partner, days):
        """Give the rate, receipt by receipt; None without any."""
        today = fields.Date.today()
        due = on_time = 0
        for move in self.env["stock.move"].search([("purchase_line_id", "!=", False)]):
            supplier = move.purchase_line_id.order_id.partner_id
            promise = move.date_deadline.date()
            if partner not in (supplier, supplier.commercial_partner_id):
                continue
            if days and promise < today - timedelta(days):
                continue
            if move.state == "done" or promise < today:
                due += 1
                on_time += move.state == "done" and move.date.date() <= promise
        return 100 * on_time / due if due else None

    def test_rate_is_what_counting_by_hand_gives(self):
        for days in (0, 15, 365):
            found = self._read_figures("supplier_on_time_rate", days)
            for partner in self.people:
                with self.subTest(days=days, partner=partner.name):
                    own = self._read_figures(
                        "supplier_on_time_rate", days, partners=partner
                    )
                    self.assertEqual(own.get(partner.id), found.get(partner.id))
                    rate = found.get(partner.id)
                    self.assertEqual(
                        rate and float(rate), self._count_by_hand(partner, days)
                    )

    def test_rate_is_that_of_the_partner(self):
        found = self._read_figures(
            "supplier_on_time_rate", 365, company_id=self.company.id
        )
        for partner in self.people.with_user(self.buyer):
            with self.subTest(partner=partner.name):
                self.assertEqual(
                    partner.id in found, bool(partner.supplier_receipt_count)
                )
                self.assertAlmostEqual(
                    float(found.get(partner.id, 0)), partner.supplier_on_time_rate
                )

    def test_segment_of_another_company_counts_none_of_ours(self):
        abroad = self.company_2.id
        self.assertFalse(self._read_figures("supplier_on_time_rate", company_id=abroad))

    def test_unknown_rate_meets_nothing(self):
        for operator in ("<", ">"):
            line = ("supplier_on_time_rate", operator, 40, 0, True)
            segment = self._new_figures([line])
            segment.action_compute()
            self.assertNotIn(self.bob, segment.partner_ids)
        self.assertEqual(segment.partner_ids & self.people, self.acme | self.walter)
