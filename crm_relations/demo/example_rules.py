from odoo import api, fields, models

# rule's xml id: what the example company has made of it
_RULES = {
    "crm_case_rule_expert": {
        "section_id": "crm_case_section_support",
        "add_watchers": "senior@example.com",
        "mail_to": "senior@example.com",
    },
    "crm_case_rule_gold": {
        "partner_category_id": "res_partner_category_customer_gold",
        "filter_domain": False,
    },
    "crm_case_rule_former_level": {"section_id": "crm_case_section_support2"},
    "crm_case_rule_supplier_reminder": {"section_id": "crm_case_section_quality"},
    "crm_case_rule_supplier_manager": {
        "section_id": "crm_case_section_quality",
        "mail_to": "general@example.com",
    },
    "crm_case_rule_thanks": {"section_id": "crm_case_section_support2"},
    "crm_case_rule_away": {},
}


class CrmRelationsExampleRules(models.AbstractModel):
    """The rules of the example company."""

    _inherit = "crm.relations.example"

    @api.model
    def _switch_rules_on(self):
        """Adapt the shipped rules and switch them on, from now on."""
        now = fields.Datetime.now()
        for rule, values in _RULES.items():
            self._ref(rule).write(
                {
                    name: self._ref(value).id if name.endswith("_id") else value
                    for name, value in values.items()
                }
                | {"active": True, "date_from": now}
            )
