from odoo import api, models
from odoo.tools import SQL

# end of the user's xml id, section: unclosed cases at most
_CAPACITIES = {
    ("res_users_support", "crm_case_section_support"): 25,
    ("res_users_quality", "crm_case_section_quality"): 20,
    ("res_users_sales", "crm_case_section_sales"): 40,
}


class CrmRelationsExampleService(models.AbstractModel):
    """What the example company has promised in its year, and what became of it."""

    _inherit = "crm.relations.example"

    @api.model
    def _load_service_levels(self):
        """Set what people take, and reckon the promises of the whole year."""
        for (user, section), capacity in _CAPACITIES.items():
            self.env["crm.case.section.member"].search(
                [
                    ("user_id", "=", self._ref(user).id),
                    ("section_id", "=", self._ref(section).id),
                ]
            ).capacity = capacity
        # the policies were loaded one by one, and applied to what they found
        self.env["crm.sla.status"].search([("is_current", "=", False)]).unlink()
        self._promise_the_past()

    def _promise_the_past(self):
        """Apply the policies to closed cases too, as if they had been in force.

        Outside of the example a policy leaves closed cases alone.
        """
        Case = self.env["crm.case"]
        Case.flush_model()
        # SQL: loaded as superuser, once, over the example's own cases
        rows = self.env.execute_query(
            SQL(
                """UPDATE crm_case SET sla_policy_id = best.policy_id
                FROM (%s) AS best
                WHERE crm_case.id = best.id AND best.old_policy_id IS NULL
                AND best.policy_id IS NOT NULL
                RETURNING crm_case.id""",
                self.env["crm.sla.policy"]._get_best_sql(
                    SQL("crm_case.state IN ('done', 'cancel')")
                ),
            )
        )
        ids = [case_id for (case_id,) in rows]
        if ids:
            self.env["crm.sla.status"]._sync(ids)
            Case._refresh_sla(SQL("c.id = ANY(%s)", ids), ids, quiet=True)
