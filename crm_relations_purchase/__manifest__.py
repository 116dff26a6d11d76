{
    "name": "Relations: Purchase Orders",
    "summary": "Purchase orders in the history of a supplier, complaints about orders",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "author": "crm_relations contributors",
    "license": "LGPL-3",
    "depends": ["crm_relations", "purchase"],
    "auto_install": True,
    "data": [
        "views/crm_partner_history_views.xml",
        "views/purchase_order_views.xml",
        "views/res_config_settings_views.xml",
    ],
    "demo": [
        "demo/example_purchase_demo.xml",
    ],
}
