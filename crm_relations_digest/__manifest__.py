{
    "name": "Relations: Digest",
    "summary": "Figures of cases in Odoo's own periodic digest",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "author": "crm_relations contributors",
    "license": "LGPL-3",
    "depends": ["crm_relations", "digest"],
    "auto_install": True,
    "data": [
        "data/digest_data.xml",
        "views/digest_views.xml",
    ],
}
