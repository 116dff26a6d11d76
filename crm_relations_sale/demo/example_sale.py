from datetime import timedelta

from odoo import Command, api, models
from odoo.addons.crm_relations.demo.example_topics import ALL_PRODUCTS

_OPEN_DAYS = 25  # what is younger is a quotation still


class CrmRelationsExampleSale(models.AbstractModel):
    """A year of quotations and orders; called from the demo data only."""

    _name = "crm.relations.example.sale"
    _description = "Orders of the Example Company"
    _inherit = ["crm.relations.example.documents"]

    @api.model
    def _load_orders(self):
        """Create them for customers, and some quotations for prospects; once."""
        customers = self._find_companies("customer")
        partners = customers | self._find_companies("prospect")
        Order = self.env["sale.order"]
        if not customers or Order.search_count(
            [("partner_id", "child_of", partners.ids)], limit=1
        ):
            return
        model = self.with_context(tracking_disable=True)
        model = model.with_company(self.env.ref("base.main_company"))
        goods = model._make_goods(ALL_PRODUCTS, type="consu")
        orders = model._create_orders(customers, 4, goods, _OPEN_DAYS, 365)
        model._confirm_orders(orders)
        model._create_orders(customers[:4], 1, goods, 0, _OPEN_DAYS)
        model._create_orders(partners - customers, 1, goods, 0, _OPEN_DAYS)

    def _create_orders(self, partners, busiest, goods, until, since):
        user = self.env.ref("crm_relations.res_users_sales", raise_if_not_found=False)
        orders = self.env["sale.order"].create(
            [
                {
                    "partner_id": (random.choice(partner.child_ids or partner)).id,
                    "user_id": user and user.id,
                    "date_order": moment,
                    "validity_date": moment + timedelta(days=30),
                    "order_line": [self._prepare_line(goods, random)],
                }
                for partner, moment, random in self._plan_documents(
                    partners, busiest, since, until
                )
            ]
        )
        orders.state = "sent"
        return orders

    def _prepare_line(self, goods, random):
        name = random.choice(sorted(goods))
        return Command.create(
            {
                "product_id": goods[name].id,
                "product_uom_qty": random.randint(2, 12),
                "price_unit": ALL_PRODUCTS[name],
                "tax_ids": [Command.clear()],
            }
        )

    def _confirm_orders(self, orders):
        """Confirm as of the day of each order; confirming says it was now."""
        dates = {order: order.date_order for order in orders}
        orders.action_confirm()
        for order, date in dates.items():
            order.date_order = date
