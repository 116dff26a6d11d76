from odoo import Command
from odoo.tests import Form, tagged

from .common import CrmStockCommon


@tagged("crm_relations_stock")
class TestStockRelations(CrmStockCommon):
    def _history(self, partner, user=None):
        History = self.env["crm.partner.history"].with_user(user or self.storekeeper)
        return History.search(
            [
                ("commercial_partner_id", "=", partner.commercial_partner_id.id),
                ("model", "=", "stock.picking"),
            ]
        )

    def _new_delivery(self, partner, state="done"):
        kind = self.env["stock.picking.type"].search(
            [("code", "=", "outgoing"), ("company_id", "=", self.company.id)], limit=1
        )
        target = self.env.ref("stock.stock_location_customers")
        picking = self.env["stock.picking"].create(
            {
                "partner_id": partner.id,
                "picking_type_id": kind.id,
                "location_id": kind.default_location_src_id.id,
                "location_dest_id": target.id,
                "origin": "S00007",
                "move_ids": [
                    Command.create(
                        {
                            "product_id": self.product.id,
                            "product_uom_qty": 1,
                            "location_id": kind.default_location_src_id.id,
                            "location_dest_id": target.id,
                        }
                    )
                ],
            }
        )
        picking.action_confirm()
        if state == "done":
            picking.move_ids.write({"quantity": 1, "picked": True})
            picking._action_done()
        return picking

    def test_receipts_and_deliveries_are_on_the_timeline(self):
        receipt = self._new_receipt(self.jane, -3, -2).picking_ids
        delivery = self._new_delivery(self.jane)
        lines = self._history(self.acme)
        self.assertEqual(len(lines), 2)
        table = [(receipt, "receipt", "in"), (delivery, "delivery", "out")]
        for picking, kind, direction in table:
            with self.subTest(kind=kind):
                line = lines.filtered(lambda line, p=picking: line.res_id == p.id)
                self.assertEqual(line.partner_id, self.jane)
                self.assertEqual((line.kind, line.direction), (kind, direction))
                self.assertEqual(line.date, picking.date_done)
                self.assertEqual(line.name, f"{picking.name} – {picking.origin}")
                self.assertEqual(line.action_open_source()["res_id"], picking.id)

    def test_what_has_not_happened_is_not(self):
        self._new_receipt(self.walter, -3)
        self._new_receipt(self.walter, -3).button_cancel()
        self._new_delivery(self.walter, "confirmed")
        self.assertFalse(self._history(self.walter))

    def test_each_reads_what_he_may_read_at_the_source(self):
        here = self._new_receipt(self.walter, -3, -3).picking_ids
        order = self._new_receipt(self.walter, -3, -3, company_id=self.company_2.id)
        abroad = order.picking_ids
        table = [
            (self.agent, []),
            (self.boss, []),
            (self.storekeeper, here.ids),
            (self.buyer, here.ids),
            (self.storekeeper_abroad, abroad.ids),
            (self.buyer_abroad, abroad.ids),
        ]
        for user, expected in table:
            with self.subTest(user=user.login):
                found = self._history(self.walter, user).mapped("res_id")
                self.assertEqual(found, expected)

    def test_complaint_about_a_receipt_begins_where_complaints_do(self):
        self.company.complaint_section_id = self.quality
        self.support1.member_ids |= self.storekeeper
        receipt = self._new_receipt(self.jane, -3, -3).picking_ids
        delivery = self._new_delivery(self.jane)
        for picking, section in ((receipt, self.quality), (delivery, self.support1)):
            with self.subTest(picking=picking.name):
                action = picking.with_user(self.storekeeper).action_open_case()
                Case = self.env["crm.case"].with_user(self.storekeeper)
                case = Form(Case.with_context(**action["context"])).save()
                self.assertEqual(case.section_id, section)
                self.assertEqual(case.reference, picking)
                self.assertEqual(case.partner_id, self.jane)
