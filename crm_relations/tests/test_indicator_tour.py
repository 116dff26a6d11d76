from odoo.tests import HttpCase, tagged

from .indicator_common import ONLY_RULE_1, TODAY, IndicatorCommon


@tagged("crm_relations_indicator")
class TestIndicatorTour(IndicatorCommon, HttpCase):
    """The chart under a hand."""

    def test_from_the_signal_to_its_cases_and_a_note(self):
        self._new_cases([5, 7, 6, 4, 6, 5, 7, 5, 20])
        indicator = self._new_indicator(
            name="Support mail", owner_id=self.senior.id, **ONLY_RULE_1
        )
        self.assertEqual(indicator.signal_ids.value, 20)
        self.start_tour(
            "/odoo/crm-indicators", "crm_relations_indicator", login="expert"
        )
        note = indicator.annotation_ids
        self.assertEqual(note.name, "New procedure from here")
        self.assertTrue(note.is_baseline)
        self.assertEqual(note.user_id, self.senior)
        self.assertEqual(note.date, TODAY)
        self.assertEqual(indicator.signal_ids.value, 20, "what was, stays")
