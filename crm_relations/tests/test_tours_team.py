from odoo.tests import HttpCase

from .common import CrmRelationsCommon


class TestToursTeam(CrmRelationsCommon, HttpCase):
    """The team's page, on a desk and on the wall, and the backlog, in the browser."""

    def test_team_page_opens_from_the_card_and_its_figures_open_cases(self):
        self._new_case()
        self._new_case(
            "Forgotten", user_id=self.agent.id, date_deadline="2020-01-01 10:00:00"
        )
        self._new_case("Theirs", user_id=self.colleague.id)
        self.start_tour("/odoo/crm-sections", "crm_relations_team", login="susan")

    def test_big_screen_keeps_itself_up_to_date(self):
        self._new_case()
        action = self.env.ref("crm_relations.crm_case_section_action_team_screen")
        action.params = {"big": True, "seconds": 1}
        self.start_tour(
            f"/odoo/{self.support1.id}/crm-team-screen",
            "crm_relations_team_screen",
            login="susan",
        )

    def test_figures_of_the_backlog_open_cases(self):
        self._new_case()
        self._new_case("Paper jam")
        self.start_tour("/odoo/crm-backlog", "crm_relations_backlog", login="susan")
