from datetime import timedelta

from odoo import fields
from odoo.tests import HttpCase, tagged

from .common import CrmRelationsCommon


@tagged("crm_relations_analysis")
class TestAnalysisTour(CrmRelationsCommon, HttpCase):
    """The analysis in the browser."""

    def test_a_figure_opens_its_cases(self):
        cases = self._new_case() | self._new_case() | self._new_case()
        cases[:1].state = "cancel"
        self.env.flush_all()
        cases[:1].hours_working_close = 6
        former = self._new_case("Former")
        former.day_created = fields.Date.today().replace(day=1) - timedelta(days=1)
        self.start_tour(
            "/odoo/crm-analysis-month", "crm_relations_analysis", login="expert"
        )

    def test_every_report_opens(self):
        """Read what the client reads first of each entry of the menu."""
        menus = self.env["ir.ui.menu"].search(
            [
                (
                    "id",
                    "child_of",
                    self.env.ref("crm_relations.crm_case_menu_analysis_cases").id,
                )
            ]
        )
        actions = [menu.action for menu in menus if menu.action]
        self.assertEqual(len(actions), 7)
        for action in actions:
            with self.subTest(action=action.name):
                views = [(view_id, kind) for view_id, kind in action.views]
                found = (
                    self.env["crm.case"]
                    .with_user(self.agent)
                    .get_views([*views, (action.search_view_id.id, "search")])
                )
                self.assertEqual(
                    set(found["views"]), {"pivot", "graph", "list", "form", "search"}
                )
