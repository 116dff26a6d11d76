from . import (
    crm_case_merge,
    crm_case_rule_backtest,
    crm_case_rule_explain,
    crm_case_rule_switch_on,
    crm_case_section_create_menus,
    crm_case_transfer,
    crm_mail_intake_attach,
    crm_mail_intake_ignore,
    crm_partner_event_log,
    crm_partner_privacy,
)
