from odoo import Command
from odoo.tests import freeze_time, tagged

from .common import TODAY, CrmAccountCommon


@freeze_time(TODAY)
@tagged("crm_relations_account")
class TestAccountTarget(CrmAccountCommon):
    """Turnover and margin of people and sections, against what was invoiced."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dozen = cls.env["uom.uom"].create(
            {
                "name": "Dozen of Scales",
                "relative_factor": 12,
                "relative_uom_id": cls.env.ref("uom.product_uom_unit").id,
            }
        )
        cls.product = cls.env["product.product"].create(
            {"name": "Scale", "standard_price": 3}
        )

    def _new_target(self, measure, **values):
        return self.env["crm.case.target"].create(
            {
                "measure": measure,
                "value": 100,
                "user_id": False,
                "section_id": False,
                "date_from": TODAY,
                **values,
            }
        )

    def _invoice(self, user, amount=50, quantity=1, kind="out_invoice", **values):
        move = self._new_move(kind, self.walter, amount, post=False, **values)
        move.invoice_user_id = user
        move.invoice_line_ids.write(
            {"product_id": self.product.id, "quantity": quantity, "price_unit": amount}
        )
        move.invoice_line_ids.tax_ids = [Command.clear()]
        move.action_post()
        return move

    def test_turnover_and_margin_of_a_person(self):
        turnover = self._new_target("turnover", user_id=self.agent.id)
        margin = self._new_target("margin", user_id=self.agent.id)
        self.assertFalse(turnover.has_actual)
        self._invoice(self.agent, 50, 2)
        self._invoice(self.agent, 50, 1, "out_refund")
        self._invoice(self.colleague, 999)
        self._invoice(self.agent, 999, date="2026-05-31")
        self._invoice(self.agent, 999, kind="in_invoice")
        self._new_move("out_invoice", self.walter, 7).invoice_user_id = self.agent
        (turnover | margin).invalidate_recordset()
        # 2 x 50 - 50 + 7 without a product; each scale costs 3
        self.assertEqual(turnover.actual, 57)
        self.assertEqual(margin.actual, 57 - 3)

    def test_cost_is_that_of_the_unit_sold(self):
        move = self._new_move("out_invoice", self.walter, 100, post=False)
        move.invoice_user_id = self.agent
        move.invoice_line_ids.write(
            {
                "product_id": self.product.id,
                "product_uom_id": self.dozen.id,
                "price_unit": 100,
                "tax_ids": [Command.clear()],
            }
        )
        move.action_post()
        margin = self._new_target("margin", user_id=self.agent.id)
        self.assertEqual(margin.actual, 100 - 12 * 3)

    def test_section_counts_the_invoices_of_its_people(self):
        target = self._new_target("turnover", section_id=self.support2.id)
        for user, amount in (
            (self.susan, 1),  # its manager
            (self.senior, 10),
            (self.agent, 100),  # below
            (self.quality_user, 1000),
        ):
            self._invoice(user, amount)
        target.invalidate_recordset()
        self.assertEqual(target.actual, 111)

    def test_companies_are_apart(self):
        target = self._new_target("turnover", user_id=self.agent.id)
        self._new_move(
            "out_invoice", self.walter, 500, company=self.company_2
        ).invoice_user_id = self.agent
        target.invalidate_recordset()
        self.assertFalse(target.has_actual)

    def test_click_opens_the_invoices(self):
        move = self._invoice(self.agent)
        self._invoice(self.quality_user)
        for values in (
            {"user_id": self.agent.id},
            {"section_id": self.support2.id},
        ):
            target = self._new_target("turnover", **values)
            domain = target.action_view_records()["domain"]
            self.assertEqual(self.env["account.move"].search(domain), move)
