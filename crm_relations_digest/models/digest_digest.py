from odoo import fields, models
from odoo.exceptions import AccessError

_MENU = "crm_relations.crm_relations_menu_root"


class DigestDigest(models.Model):
    """Figures of cases, as far as each reader may see them."""

    _inherit = "digest.digest"

    kpi_crm_case_opened = fields.Boolean("Cases Opened")
    kpi_crm_case_opened_value = fields.Integer(
        compute="_compute_kpi_crm_case_opened_value"
    )
    kpi_crm_case_closed = fields.Boolean("Cases Closed")
    kpi_crm_case_closed_value = fields.Integer(
        compute="_compute_kpi_crm_case_closed_value"
    )
    kpi_crm_sla_missed = fields.Boolean("Service Levels Missed")
    kpi_crm_sla_missed_value = fields.Integer(
        compute="_compute_kpi_crm_sla_missed_value"
    )

    def _compute_kpi_crm_case_opened_value(self):
        self._check_may_see_cases()
        self._calculate_company_based_kpi("crm.case", "kpi_crm_case_opened_value")

    def _compute_kpi_crm_case_closed_value(self):
        self._check_may_see_cases()
        self._calculate_company_based_kpi(
            "crm.case",
            "kpi_crm_case_closed_value",
            date_field="date_closed",
            additional_domain=[("state", "=", "done")],
        )

    def _compute_kpi_crm_sla_missed_value(self):
        self._check_may_see_cases()
        self._calculate_company_based_kpi(
            "crm.case",
            "kpi_crm_sla_missed_value",
            additional_domain=[("sla_state", "=", "missed")],
        )

    def _check_may_see_cases(self):
        """Leave these figures out of the digest of who has no role here.

        :raise AccessError: Odoo takes it for that
        """
        if not self.env.user.has_group("crm_relations.crm_relations_group_user"):
            raise AccessError(
                self.env._("Figures of cases are for those who see cases.")
            )

    def _compute_kpis_actions(self, company, user):
        actions = super()._compute_kpis_actions(company, user)
        menu = self.env.ref(_MENU).id
        actions["kpi_crm_case_opened"] = f"crm_relations.crm_case_action?menu_id={menu}"
        actions["kpi_crm_case_closed"] = f"crm_relations.crm_case_action?menu_id={menu}"
        actions["kpi_crm_sla_missed"] = (
            f"crm_relations.crm_sla_status_action?menu_id={menu}"
        )
        return actions
