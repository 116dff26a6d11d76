from odoo.tests import tagged, users, warmup

from . import test_queries


@tagged("crm_relations_queries")
class TestSlaQueries(test_queries.TestQueries):
    """What promises add to the cost of screens and changes; pinned like the rest."""

    # screens that show nothing of them are pinned in the class above
    test_progress_bars_of_a_board = None
    test_calendar = None
    test_section_overview = None
    test_partner_figures = None
    test_board = None
    test_escalation_with_its_messages = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.sla.policy"].search([]).active = False
        support = {"section_id": cls.support2.id}
        cls.env["crm.sla.policy"].create(
            [
                {"name": "All", "hours_resolution": 16},
                {"name": "Support", "hours_first_response": 4, **support},
                {"name": "Urgent", "hours_resolution": 8, "priority_min": "3"},
            ]
        )
        cls.env.flush_all()

    @users("expert")
    @warmup
    def test_list(self):
        specification = self._specification("crm.case", "list")

        def open_list(cases):
            cases.browse().web_search_read(
                [("id", "in", cases.ids)], specification, limit=100, count_limit=10001
            )

        self._budget(20, open_list, self._cases(10), self._cases(99))

    @users("expert")
    @warmup
    def test_form(self):
        specification = self._specification("crm.case", "form")
        # seven for the service level, beside those of the class above
        self._budget(
            29,
            lambda cases: cases.web_read(specification),
            self._cases(2)[1:],
            self._cases(2)[1:],
        )

    @users("expert")
    @warmup
    def test_creation_with_its_messages(self):
        self._change_budget(
            lambda cases: self._create_cases(len(cases)), {1: 41, 100: 734}
        )

    @users("expert")
    @warmup
    def test_change_of_state_with_its_messages(self):
        self._change_budget(lambda cases: cases.action_pending(), {1: 35, 100: 728})
