from odoo.tests import HttpCase, tagged

from .profiling_example_common import ProfilingExampleCommon


@tagged("crm_relations_segment")
class TestToursProfiling(ProfilingExampleCommon, HttpCase):
    """The book's example in the browser: who answers gets the right offer."""

    def test_six_questions_by_keyboard_lead_to_a_meeting(self):
        self.start_tour(
            f"/odoo/res.partner/{self.walter.id}", "crm_relations_offer", login="agent"
        )
        meeting = self._ref("segment_offer_meeting")
        self.assertEqual(self.walter.segment_ids & self.offers, meeting)
        self.assertIn(meeting.category_id, self.walter.category_id)
        self.assertEqual(len(self.walter.answer_ids), len(self.questions))
        self.assertEqual(self.walter.response_ids.user_id, self.agent)


@tagged("crm_relations_segment")
class TestToursVisitor(ProfilingExampleCommon, HttpCase):
    """On a phone: the same without a login, and what came of it."""

    browser_size = "390x844"
    touch_enabled = True

    def test_link_in_a_mail_leads_to_the_hosted_service(self):
        invitation = self.env["crm.profiling.invitation"].create(
            {"partner_id": self.walter.id, "questionnaire_id": self.questionnaire.id}
        )
        path = "/" + invitation._get_link().split("/", 3)[3]
        self.start_tour(path, "crm_relations_offer_link", login=None)
        hosted = self._ref("segment_offer_hosted")
        self.assertEqual(self.walter.segment_ids & self.offers, hosted)
        self.assertIn(hosted.category_id, self.walter.category_id)
        self.assertFalse(self.walter.response_ids.user_id)
        self.assertTrue(invitation.date_answered)

    def test_code_at_a_stand_makes_a_prospect_with_an_offer(self):
        self.questionnaire.action_open_fair()
        path = "/" + self.questionnaire.fair_url.split("/", 3)[3]
        self.start_tour(path, "crm_relations_offer_fair", login=None)
        visitor = self.env["res.partner"].search([("name", "=", "Vera Visitor")])
        training = self._ref("segment_offer_training")
        self.assertEqual(visitor.segment_ids & self.offers, training)

    def test_figures_of_a_segment_open_what_they_count(self):
        partner = self._ref("segment_offer_partner")
        answers = self._find_answers("journalist_no", "sector_services")
        self.env["crm.profiling.response"]._save_answers(
            {self.walter: dict(answers.grouped("question_id"))}, self.questionnaire
        )
        partner.membership_ids.filtered(lambda m: m.partner_id != self.walter).unlink()
        self.start_tour(
            f"/odoo/crm-segments/{partner.id}", "crm_relations_segment", login="agent"
        )
