{
    "name": "Relations: Invoices and Payments",
    "summary": "Turnover, payment behaviour and invoices in the history of a partner",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "author": "crm_relations contributors",
    "license": "LGPL-3",
    "depends": ["crm_relations", "account"],
    "auto_install": True,
    "data": [
        "views/crm_partner_history_views.xml",
        "views/account_move_views.xml",
        "views/res_partner_views.xml",
    ],
    "demo": [
        "demo/example_account_demo.xml",
        "demo/crm_segment_demo.xml",
    ],
}
