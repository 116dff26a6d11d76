from datetime import timedelta

from odoo import Command, fields
from odoo.addons.crm_relations_purchase.tests.common import CrmPurchaseCommon
from odoo.addons.mail.tests.common import mail_new_test_user


class CrmStockCommon(CrmPurchaseCommon):
    """Receipts of purchase orders, promised and done some days before or after today.

    storekeeper: transfers of the main company · storekeeper_abroad: of company 2.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["stock.warehouse"].search(
            [("company_id", "=", cls.company_2.id)]
        ) or cls.env["stock.warehouse"].create(
            {"name": "Abroad", "code": "ABR", "company_id": cls.company_2.id}
        )
        cls.storekeeper = cls._new_keeper("keeper", cls.company)
        cls.storekeeper_abroad = cls._new_keeper("keeper2", cls.company_2)

    @classmethod
    def _new_keeper(cls, login, company):
        role = "crm_relations.crm_relations_group_user"
        return mail_new_test_user(
            cls.env,
            login=login,
            groups=f"{role},stock.group_stock_user",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    @classmethod
    def _days(cls, days):
        return fields.Datetime.now() + timedelta(days=days)

    @classmethod
    def _receive(cls, order, days, quantity=None):
        """Validate the open receipt of an order, as if it were so many days from today.

        :param quantity: of each line; the rest stays on a back order
        """
        picking = order.picking_ids.filtered(lambda p: p.state == "assigned")
        for move in picking.move_ids:
            move.quantity = quantity or move.product_uom_qty
            move.picked = True
        picking._action_done()
        picking.date_done = cls._days(days)
        return picking

    @classmethod
    def _new_receipt(cls, partner, promised, done=None, **values):
        """Order, and receive unless ``done`` is None; both in days from today."""
        order = cls._new_order(partner, date_planned=cls._days(promised), **values)
        if done is not None:
            cls._receive(order, done)
        return order
