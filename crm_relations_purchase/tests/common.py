from odoo import Command
from odoo.addons.crm_relations.tests.common import CrmRelationsCommon
from odoo.addons.mail.tests.common import mail_new_test_user


class CrmPurchaseCommon(CrmRelationsCommon):
    """Purchase orders in two companies.

    buyer: purchases of the main company · buyer_abroad: of company 2.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.buyer = cls._new_buyer("buyer", cls.company)
        cls.buyer_abroad = cls._new_buyer("abroad", cls.company_2)
        cls.product = cls.env["product.product"].create(
            {
                "name": "Load cells",
                "type": "consu",
                "supplier_taxes_id": [Command.clear()],
            }
        )

    @classmethod
    def _new_buyer(cls, login, company):
        role = "crm_relations.crm_relations_group_user"
        return mail_new_test_user(
            cls.env,
            login=login,
            groups=f"{role},purchase.group_purchase_user",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    @classmethod
    def _new_order(cls, partner, state="purchase", quantities=(1,), **values):
        """Create an order of one line for each quantity, at a price of 10."""
        planned = values.pop("date_planned", False)
        order = cls.env["purchase.order"].create(
            {
                "partner_id": partner.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": cls.product.id,
                            "product_qty": quantity,
                            "price_unit": 10,
                        }
                        | ({"date_planned": planned} if planned else {})
                    )
                    for quantity in quantities
                ],
                **values,
            }
        )
        if state == "purchase":
            order.button_confirm()
        else:
            order.state = state
        return order
