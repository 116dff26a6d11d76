from datetime import timedelta
from random import Random

from odoo import Command, fields
from odoo.addons.crm_relations.tests.segment_common import SegmentCommon
from odoo.exceptions import AccessError
from odoo.tests import freeze_time, tagged

from ..models.res_partner import TYPES
from .common import TODAY, CrmAccountCommon


@freeze_time(TODAY)
@tagged("crm_relations_account", "crm_relations_segment")
class TestSegmentFigures(CrmAccountCommon, SegmentCommon):
    """Segments reckon turnover and payment as partners show them, in one statement."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = cls.acme | cls.jane | cls.bob | cls.walter
        rate = {"name": "2026-01-01", "rate": 2.0, "company_id": False}
        foreign = cls.env["res.currency"].create(
            {"name": "XTS", "symbol": "x", "rate_ids": [Command.create(rate)]}
        )
        cls.company_2.currency_id = foreign
        random = Random(6)
        types = ("out_invoice", "out_refund", "in_invoice", "in_refund", "out_receipt")
        for number in range(24):
            cls._new_move(
                random.choice(types),
                cls.people[number % 4],
                random.randint(100, 49999) / 50,  # half of it is whole cents too
                fields.Date.from_string(TODAY)
                - timedelta(random.choice((0, 364, 365))),
                company=random.choice((cls.company, cls.company_2)),
                post=number % 6 != 5,
            )

    # ------------------------------------------------------------
    # TURNOVER
    # ------------------------------------------------------------

    def _count_by_hand(self, partner, kind, days, company):
        """Add up what is posted, move by move."""
        total = 0
        for move in self.env["account.move"].search([("state", "=", "posted")]):
            if move.move_type.partition("_")[0] != ("out", "in")[kind == "supplier"]:
                continue
            if partner not in (move.partner_id, move.commercial_partner_id):
                continue
            age = (fields.Date.today() - move.invoice_date).days
            if (days and age >= days) or (company and move.company_id != company):
                continue
            amount = move.amount_untaxed_signed * (1 if kind == "customer" else -1)
            if not company and move.company_id == self.company_2:
                amount /= 2  # two of theirs are one of ours
            total += amount
        return total

    def test_turnover_is_what_adding_up_by_hand_gives(self):
        for kind in ("customer", "supplier"):
            for days in (0, 365):
                for company in (self.company, self.company_2, False):
                    found = self._read_figures(
                        f"{kind}_turnover", days, company_id=company and company.id
                    )
                    for partner in self.people:
                        with self.subTest(kind, days=days, company=company):
                            expected = self._count_by_hand(partner, kind, days, company)
                            self.assertAlmostEqual(
                                float(found.get(partner.id, 0)), expected, places=2
                            )

    def test_turnover_is_that_of_the_partner(self):
        both = self.company | self.company_2
        for companies, company_id in (
            (self.company, self.company.id),
            (self.company_2, self.company_2.id),
            (both, False),
        ):
            readers = self.people.with_user(self.controller).with_context(
                allowed_company_ids=companies.ids
            )
            for kind in ("customer", "supplier"):
                for days, suffix in ((0, ""), (365, "_12_months")):
                    measure = f"{kind}_turnover"
                    found = self._read_figures(measure, days, company_id=company_id)
                    for partner in readers:
                        with self.subTest(measure, days=days, companies=companies):
                            self.assertAlmostEqual(
                                float(found.get(partner.id, 0)),
                                partner[f"{measure}{suffix}"],
                                places=2,
                            )

    def test_a_few_partners_have_the_figures_that_all_have(self):
        self._pay_some()
        for measure in (
            "customer_turnover",
            "supplier_turnover",
            "payment_days_late",
            "overdue_amount",
        ):
            every = self._read_figures(measure)
            for partner in self.people:
                with self.subTest(measure, partner=partner.name):
                    own = self._read_figures(measure, partners=partner)
                    self.assertEqual(own.get(partner.id), every.get(partner.id))

    def test_members_at_once_and_by_a_full_run(self):
        turnover = self._read_figures("customer_turnover")
        best = max(self.people, key=lambda partner: turnover.get(partner.id, 0))
        rest = sorted((turnover.get(one.id, 0) for one in self.people), reverse=True)
        segment = self._new_figures(
            [("customer_turnover", ">", float(rest[1]), 0, True)],
            answer_yes_ids=self.budget_high,
        )
        self._answer(self.people, self.budget_high)
        self.assertEqual(segment.partner_ids, best)
        segment.action_compute()
        self.assertEqual(segment.partner_ids, best)

    def test_night_follows_invoices_and_the_time_that_goes_by(self):
        paula = self.env["res.partner"].create({"name": "Paula"})
        segment = self._new_figures([("customer_turnover", ">", 10, 30, True)])
        for step, expected in (
            (lambda: None, False),
            (lambda: self._new_move("out_invoice", paula, 11), True),
            (lambda: self._new_move("out_refund", paula, 1), False),
            (lambda: self._new_move("out_invoice", paula, 5), True),
        ):
            step()
            self._run_night()
            self.assertEqual(paula in segment.partner_ids, expected)
        with self._days_later(31):
            self._run_night()
            self.assertNotIn(paula, segment.partner_ids)

    # ------------------------------------------------------------
    # PAYMENT
    # ------------------------------------------------------------

    def _pay_some(self):
        self._pay(
            self._new_move(
                "out_invoice", self.jane, 50, "2026-03-01", due="2026-04-01"
            ),
            "2026-04-11",
        )
        self._pay(
            self._new_move("out_invoice", self.bob, 50, "2025-01-01", due="2025-02-01"),
            "2025-02-02",
        )
        self._new_move("out_invoice", self.walter, 70, "2026-03-01", due="2026-04-01")

    def test_payment_is_that_of_the_partner(self):
        self._pay_some()
        company_id = self.company.id
        late = self._read_figures("payment_days_late", 365, company_id=company_id)
        overdue = self._read_figures("overdue_amount", company_id=company_id)
        readers = self.people.with_user(self.accountant)
        self.assertTrue(self.walter.with_user(self.accountant).overdue_amount)
        for partner in readers:
            with self.subTest(partner=partner.name):
                self.assertEqual(partner.has_paid_invoice, partner.id in late)
                self.assertAlmostEqual(
                    float(late.get(partner.id, 0)), partner.payment_days_late
                )
                self.assertAlmostEqual(
                    float(overdue.get(partner.id, 0)), partner.overdue_amount, places=2
                )
        ever = self._read_figures("payment_days_late", company_id=company_id)
        self.assertAlmostEqual(float(ever[self.acme.id]), (10 + 1) / 2)

    def test_who_has_paid_nothing_is_neither_early_nor_late(self):
        for operator in ("<", ">"):
            segment = self._new_figures([("payment_days_late", operator, 0, 0, True)])
            segment.action_compute()
            self.assertNotIn(self.walter, segment.partner_ids)

    # ------------------------------------------------------------
    # ACCESS
    # ------------------------------------------------------------

    def test_only_who_reads_invoices_asks_for_turnover(self):
        values = {
            "name": "Big",
            "line_ids": [Command.create({"measure": "customer_turnover", "value": 1})],
        }
        Segment = self.env["crm.segment"].with_user(self.boss)
        with self.assertRaisesRegex(AccessError, "Customer turnover"):
            Segment.create(values)
        self.boss.group_ids += self.env.ref("account.group_account_readonly")
        segment = Segment.create(values)
        self.assertTrue(segment.line_ids)

    def test_reason_tells_the_amount_only_to_who_reads_invoices(self):
        segment = self._new_figures([("customer_turnover", ">", 7, 0, True)])
        seen = segment.with_user(self.accountant).explain(self.walter.id)
        hidden = segment.with_user(self.agent).explain(self.walter.id)
        self.assertIn("(Customer turnover: ", seen)
        self.assertIn("Customer turnover more than 7", hidden)
        self.assertNotIn("(Customer turnover: ", hidden)

    # ------------------------------------------------------------
    # SCREEN
    # ------------------------------------------------------------

    def test_turnover_of_the_members_opens_its_invoices(self):
        segment = self._new_segment(answer_yes_ids=self.budget_high)
        self._answer(self.acme | self.jane, self.budget_high)
        for kind in ("out_invoice", "in_invoice"):
            self._new_move(kind, self.bob, 1000)
        moves = self.env["account.move"].search(
            [
                ("state", "=", "posted"),
                ("company_id", "=", self.company.id),
                ("commercial_partner_id", "=", self.acme.id),
                ("invoice_date", ">", "2025-06-15"),
            ]
        )
        own = segment.with_user(self.accountant)
        tiles = {row["key"]: row for row in own.member_figures}
        for kind, types in TYPES.items():
            with self.subTest(kind):
                tile = tiles[f"{kind}_turnover"]
                action = getattr(own, tile["action"])()
                shown = self.env["account.move"].with_user(self.accountant)
                shown = shown.search(action["domain"])
                expected = moves.filtered_domain([("move_type", "in", types)])
                self.assertEqual(shown, expected)
                total = abs(sum(shown.mapped("amount_untaxed_signed")))
                digits = "".join(filter(str.isdigit, tile["value"]))
                self.assertEqual(digits, f"{total:.0f}")

    def test_who_reads_no_invoices_sees_no_turnover_of_members(self):
        segment = self._new_segment(answer_yes_ids=self.budget_high)
        self._answer(self.people, self.budget_high)
        keys = {row["key"] for row in segment.with_user(self.agent).member_figures}
        self.assertEqual(keys, {"joined", "left", "cases"})
