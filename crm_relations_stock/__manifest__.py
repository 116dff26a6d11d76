{
    "name": "Relations: Receipts and Deliveries",
    "summary": "Transfers in the history of a partner, on-time rate of suppliers",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "author": "crm_relations contributors",
    "license": "LGPL-3",
    "depends": ["crm_relations_purchase", "purchase_stock"],
    "auto_install": True,
    "data": [
        "views/crm_partner_history_views.xml",
        "views/stock_picking_views.xml",
        "views/res_partner_views.xml",
    ],
    "demo": [
        "demo/example_stock_demo.xml",
    ],
}
