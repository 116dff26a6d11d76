{
    "name": "Relations: Sales Orders",
    "summary": "Quotations and orders in the history of a partner, cases about orders",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "author": "crm_relations contributors",
    "license": "LGPL-3",
    "depends": ["crm_relations", "sale"],
    "auto_install": True,
    "data": [
        "views/crm_partner_history_views.xml",
        "views/sale_order_views.xml",
    ],
    "demo": [
        "demo/example_sale_demo.xml",
    ],
}
