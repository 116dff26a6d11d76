from datetime import timedelta

from odoo import fields
from odoo.addons.crm_relations.tests.common import CrmRelationsCommon
from odoo.tests import tagged

_KPIS = ("crm_case_opened", "crm_case_closed", "crm_sla_missed")


@tagged("crm_relations_digest")
class TestDigestFigures(CrmRelationsCommon):
    """What Odoo's digest says of cases, to each of its readers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.digest = cls.env["digest.digest"].create(
            {"name": "Digest", **{f"kpi_{name}": True for name in _KPIS}}
        )
        closed = cls._new_case(user_id=cls.agent.id)
        hour_ago = fields.Datetime.now() - timedelta(hours=1)
        closed.write({"state": "done", "date_closed": hour_ago})
        cls._new_case(user_id=cls.colleague.id)
        cls._new_case(section=cls.foreign)
        cls.env.flush_all()

    def _figures(self, user):
        """Give {name: value of the last 24 hours}, as the mail shows them."""
        kpis = self.digest._compute_kpis(self.env.company, user)
        return {
            kpi["kpi_name"].removeprefix("kpi_"): kpi["kpi_col1"]["value"]
            for kpi in kpis
            if kpi["kpi_name"].removeprefix("kpi_") in _KPIS
        }

    def test_each_reader_gets_the_figures_of_what_he_may_see(self):
        for user, opened, closed in (
            (self.agent, 1, 1),
            (self.senior, 2, 1),
            (self.boss, 2, 1),
            (self.quality_user, 0, 0),
        ):
            with self.subTest(user.login):
                figures = self._figures(user)
                self.assertEqual(figures["crm_case_opened"], opened)
                self.assertEqual(figures["crm_case_closed"], closed)

    def test_who_has_no_role_gets_none_of_them(self):
        self.assertEqual(self._figures(self.user_employee), {})

    def test_missed_service_levels_are_counted(self):
        self.env["crm.sla.policy"].create(
            {
                "name": "At once",
                "section_id": self.support1.id,
                "hours_first_response": 0.01,
            }
        )
        case = self._new_case(user_id=self.agent.id)
        case.sla_status_ids.write({"state": "missed"})
        case.modified(["sla_status_ids"])
        self.env.flush_all()
        expected = self.env["crm.case"].search_count([("sla_state", "=", "missed")])
        self.assertEqual(self._figures(self.boss)["crm_sla_missed"], expected)

    def test_click_leads_to_the_cases(self):
        actions = self.digest._compute_kpis_actions(self.env.company, self.boss)
        for name in _KPIS:
            action = actions[f"kpi_{name}"].split("?")[0]
            self.assertTrue(self.env.ref(action))
