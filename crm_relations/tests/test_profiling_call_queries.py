from odoo.tests import tagged, users, warmup

from .call_common import CallCommon
from .test_queries import TestQueries as _Queries


@tagged("crm_relations_profiling", "crm_relations_queries")
class TestProfilingCallQueries(CallCommon):
    """A long list and many campaigns cost no more than short and few ones."""

    _budget = _Queries._budget
    _specification = _Queries._specification
    _read_arch = _Queries._read_arch

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        crowd = cls.env["res.partner"].create(
            [{"name": f"Visitor {index}", "phone": "1"} for index in range(30)]
        )
        cls.campaigns = cls.campaign.union(
            *(cls._new_campaign(f"Fair {index}", crowd) for index in range(10))
        )
        cls.env.flush_all()

    def _own(self, records):
        return records.with_user(self.env.user)

    @users("agent")
    @warmup
    def test_cards_of_campaigns(self):
        specification = self._specification("crm.profiling.campaign", "kanban")

        def open_cards(campaigns):
            result = campaigns.browse().web_search_read(
                [("id", "in", campaigns.ids)], specification
            )
            self.assertEqual(len(result["records"]), len(campaigns))

        campaigns = self._own(self.campaigns)
        self._budget(9, open_cards, campaigns[:1], campaigns)

    @users("boss")
    @warmup
    def test_form_of_a_campaign(self):
        specification = self._specification("crm.profiling.campaign", "form")
        campaigns = self._own(self.campaigns)
        self._budget(
            11,
            lambda some: some.web_read(specification),
            campaigns[:1],
            campaigns,
        )

    @users("boss")
    @warmup
    def test_list_of_partners_to_call(self):
        specification = self._specification("crm.profiling.call", "list")

        def open_list(calls):
            result = calls.browse().web_search_read(
                [("id", "in", calls.ids)], specification, limit=100
            )
            self.assertEqual(len(result["records"]), len(calls))

        calls = self._own(self.campaigns[-1].call_ids)
        self._budget(7, open_list, calls[:1], calls)

    @users("agent")
    @warmup
    def test_next_partner_and_result(self):
        calls = self.env["crm.profiling.call"]
        for method in ("action_missed", "action_refuse"):
            with self.subTest(method=method):
                call = calls.browse(calls.take_next()["call"]["id"])
                self.env.flush_all()
                self.env.invalidate_all()
                with self.assertQueryCount(9):
                    getattr(call, method)()
                    self.env.flush_all()
        self.env.invalidate_all()
        with self.assertQueryCount(27):
            calls.take_next()
