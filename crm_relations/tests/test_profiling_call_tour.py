from odoo.tests import HttpCase, tagged

from .call_common import CallCommon


@tagged("crm_relations_profiling")
class TestProfilingCallTour(CallCommon, HttpCase):
    """An operator at the desk, in the browser."""

    def test_morning_of_calls_by_keyboard(self):
        rosa = self.env["res.partner"].create({"name": "Rosa", "phone": "+1 555 8"})
        self._list(self.campaign, rosa)
        self.start_tour("/odoo/crm-call-desk", "crm_relations_call_desk", login="agent")
        states = {
            call.partner_id.name: (call.state, call.user_id.login or "")
            for call in self.campaign.call_ids
        }
        self.assertEqual(
            states,
            {
                "Jane": ("done", "agent"),
                "Bob": ("missed", ""),
                "Walter": ("again", "agent"),
                "Rosa": ("refused", "agent"),
            },
        )
        self.assertEqual(self.jane.answer_ids, self.answers["journalist yes"])
        self.assertTrue(rosa.do_not_call)
        self.assertEqual(len(self.campaign.call_ids.attempt_ids), 4)
        self.assertEqual(len(rosa.event_ids), 1)
