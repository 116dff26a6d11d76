from odoo.tests import HttpCase

from .common import CrmRelationsCommon


class TestToursMemory(CrmRelationsCommon, HttpCase):
    """The memory of a partner in the browser."""

    def test_call_is_logged_and_moves_the_sentiment(self):
        self.start_tour(
            f"/odoo/contacts/{self.walter.id}", "crm_relations_call", login="agent"
        )
        event = self.walter.event_ids
        self.assertEqual(event.name, "Loves the new printer")
        self.assertEqual((event.sentiment, event.user_id), (9, self.agent))
        self.assertAlmostEqual(self.walter.sentiment_score, 5 * 0.2 + 9 * 0.8)
