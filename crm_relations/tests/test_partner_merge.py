from odoo import Command
from odoo.tests import tagged

from .profiling_common import ProfilingCommon


@tagged("crm_relations_import")
class TestPartnerMerge(ProfilingCommon):
    """Odoo's own wizard merges partners who answered, joined, complained."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.segment"].search([]).active = False
        cls.keep, cls.gone, cls.third = cls.env["res.partner"].create(
            [{"name": name, "email": "same@x.example"} for name in "ABC"]
        )

    def _merge(self, user=None):
        # by id: three are what Odoo merges at most
        partners = self.keep | self.gone | self.third
        wizard = (
            self.env["base.partner.merge.automatic.wizard"]
            .with_user(user or self.agent)
            .with_context(active_model="res.partner", active_ids=partners.ids)
            .create({"dst_partner_id": self.keep.id})
        )
        wizard.action_merge()
        self.env.invalidate_all()
        self.assertEqual(partners.exists(), self.keep)

    def _answers(self, active=True):
        responses = self.keep.with_context(active_test=False).response_ids
        return sorted(
            responses.filtered(lambda r: r.active == active).mapped(
                "answer_id.display_name"
            )
        )

    def _new_segment(self, *answers, **values):
        return self.env["crm.segment"].create(
            {
                "name": "Segment",
                "answer_yes_ids": [
                    Command.set([self.answers[name].id for name in answers])
                ],
                **values,
            }
        )

    def test_newest_answer_to_each_question_is_in_force(self):
        self._save(self.keep, "sector services", "contact phone", date="2024-01-01")
        self._save(self.gone, "sector industry", date="2024-03-01")
        self._save(self.third, "contact meeting", "budget small", date="2023-01-01")
        self._merge()
        self.assertEqual(
            self._answers(), ["budget small", "contact phone", "sector industry"]
        )
        self.assertEqual(
            self._answers(active=False), ["contact meeting", "sector services"]
        )

    def test_same_answer_of_both_is_in_force_once(self):
        self._save(self.keep, "topics cases", "topics mail", date="2024-01-01")
        self._save(self.gone, "topics mail", "topics figures", date="2024-02-01")
        self._merge()
        self.assertEqual(self._answers(), ["topics figures", "topics mail"])
        self.assertEqual(self._answers(active=False), ["topics cases", "topics mail"])

    def test_segments_follow_the_answers_that_stay(self):
        category = self.env["res.partner.category"].create({"name": "Earned"})
        services = self._new_segment(
            "sector services", category_id=category.id, exclusive=True
        )
        both = self._new_segment("sector industry", "contact phone")
        phone = self._new_segment("contact phone")
        self._save(self.keep, "sector services", "contact phone", date="2024-01-01")
        self._save(self.gone, "sector industry", "contact phone", date="2024-02-01")
        self.assertEqual(self.keep.segment_ids, services | phone)
        self.assertIn(category, self.keep.category_id)
        began = phone.membership_ids.filtered(lambda m: m.partner_id == self.keep).date
        self._merge()
        self.assertEqual(self.keep.segment_ids, both | phone)
        self.assertNotIn(category, self.keep.category_id)
        current = phone.membership_ids.filtered(lambda m: not m.date_end)
        self.assertEqual((current.partner_id, current.date), (self.keep, began))
        self.assertEqual(len(phone.membership_ids), 2, "what was, stays in the history")
        self.assertEqual(phone.member_count, 1)

    def test_everything_else_is_the_partner_that_stays(self):
        invitations = self.env["crm.profiling.invitation"].create(
            [
                {"partner_id": partner.id, "questionnaire_id": self.fair.id}
                for partner in (self.keep, self.gone)
            ]
        )
        for partner, mark in ((self.keep, 8), (self.gone, 2), (self.third, 2)):
            self.env["crm.partner.event"].create(
                {"name": "Call", "partner_id": partner.id, "sentiment": mark}
            )
        cases = self._new_case(partner_id=self.gone.id)
        scores = [p.sentiment_score for p in (self.keep, self.gone)]
        self._merge()
        self.assertEqual(invitations.partner_id, self.keep)
        self.assertEqual(cases.partner_id, self.keep)
        self.assertEqual(self.keep.event_ids.mapped("sentiment"), [2, 2, 8])
        # the mean of all marks: between what both were
        self.assertGreater(self.keep.sentiment_score, scores[1])
        self.assertLess(self.keep.sentiment_score, scores[0])

    def test_who_has_no_role_merges_all_the_same(self):
        self.user_employee.group_ids = [
            Command.link(self.env.ref("base.group_partner_manager").id)
        ]
        self._save(self.keep, "sector services", date="2024-01-01")
        self._save(self.gone, "sector services", date="2024-02-01")
        self._merge(self.user_employee)
        self.assertEqual(self._answers(), ["sector services"])

    def test_lists_of_campaigns_are_joined(self):
        campaigns = self.env["crm.profiling.campaign"].create(
            [
                {
                    "name": name,
                    "questionnaire_id": self.fair.id,
                    "operator_ids": [Command.set(user.ids)],
                }
                for name, user in (("Spring", self.agent), ("Autumn", self.colleague))
            ]
        )
        calls = self.env["crm.profiling.call"].create(
            [
                {"campaign_id": campaigns[place].id, "partner_id": partner.id}
                for place, partner in enumerate((self.keep, self.gone))
            ]
            + [{"campaign_id": campaigns[0].id, "partner_id": self.third.id}]
        )
        attempt = self.env["crm.profiling.attempt"].create(
            {"call_id": calls[2].id, "result": "refused"}
        )
        calls[2].sudo().write({"state": "refused", "attempt_count": 1})
        calls[0].sudo().write({"state": "working", "user_id": self.agent.id})
        calls[1].sudo().write({"state": "working", "user_id": self.colleague.id})
        self._merge()
        left = self.env["crm.profiling.call"].search(
            [("campaign_id", "in", campaigns.ids)]
        )
        self.assertEqual(left.partner_id, self.keep)
        spring, autumn = (
            left.filtered(lambda call, c=campaign: call.campaign_id == c)
            for campaign in campaigns
        )
        # whoever refused is not called again, and nobody is called by two
        self.assertEqual((spring.state, spring.attempt_ids), ("refused", attempt))
        self.assertEqual(autumn.state, "working")
