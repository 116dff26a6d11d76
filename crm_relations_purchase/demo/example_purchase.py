from datetime import timedelta

from odoo import Command, api, models
from odoo.addons.crm_relations.demo.example_topics import COMPONENTS, SUPPLIES


class CrmRelationsExamplePurchase(models.AbstractModel):
    """A year of purchase orders; called from the demo data only."""

    _name = "crm.relations.example.purchase"
    _description = "Purchases of the Example Company"
    _inherit = ["crm.relations.example.documents"]

    @api.model
    def _load_purchases(self):
        """Create and confirm them, and say which of them complaints are about; once."""
        suppliers = self._find_companies("supplier")
        Order = self.env["purchase.order"]
        if not suppliers or Order.search_count(
            [("partner_id", "child_of", suppliers.ids)], limit=1
        ):
            return
        company = self.env.ref("base.main_company")
        model = self.with_company(company).with_context(tracking_disable=True)
        company.complaint_section_id = self.env.ref(
            "crm_relations.crm_case_section_quality", raise_if_not_found=False
        )
        orders = model._create_purchases(suppliers)
        model._set_references(orders)

    def _create_purchases(self, suppliers):
        goods = self._make_goods(COMPONENTS, type="consu", sale_ok=False)
        services = SUPPLIES.keys() - COMPONENTS.keys()
        goods |= self._make_goods(sorted(services), type="service", sale_ok=False)
        plans = self._plan_documents(suppliers, 6)
        orders = self.env["purchase.order"].create(
            [self._prepare_order(goods, *plan) for plan in plans]
        )
        orders.button_confirm()
        for order in orders:
            order.date_approve = order.date_order
        return orders

    def _prepare_order(self, goods, supplier, moment, random):
        xml_id = supplier.get_external_id()[supplier.id]
        name = random.choice(
            sorted(n for n, (who, _) in SUPPLIES.items() if xml_id.endswith(f"_{who}"))
        )
        return {
            "partner_id": supplier.id,
            "date_order": moment,
            "order_line": [
                Command.create(
                    {
                        "product_id": goods[name].id,
                        "product_qty": random.randint(4, 40) * 5,
                        "price_unit": SUPPLIES[name][1],
                        "date_planned": moment + timedelta(days=random.randint(10, 25)),
                        "tax_ids": [Command.clear()],
                    }
                )
            ],
        }

    def _set_references(self, orders):
        """Point complaints to the order of that supplier that went before."""
        by_supplier = orders.sorted("date_order").grouped("partner_id")
        cases = self.env["crm.case"].search(
            [
                ("commercial_partner_id", "in", orders.partner_id.ids),
                ("section_id", "=", orders.company_id.complaint_section_id.id),
            ]
        )
        for case in cases:
            before = by_supplier[case.commercial_partner_id].filtered(
                lambda order, case=case: order.date_order < case.create_date
            )
            if before:
                case.reference = before[-1]
