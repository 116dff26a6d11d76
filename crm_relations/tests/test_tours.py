from odoo import fields
from odoo.tests import HttpCase
from odoo.tools import mute_logger

from .common import CrmRelationsCommon


class TestTours(CrmRelationsCommon, HttpCase):
    """Gestures in the browser; what they leave behind is checked on the server."""

    # the refused move is logged by Odoo like every error shown to a user
    @mute_logger("odoo.http")
    def test_user_works_on_the_board_of_his_section(self):
        case = self._new_case()
        self.start_tour("/odoo", "crm_relations_board", login="agent")
        self.assertEqual(case.section_id, self.support2)
        self.assertEqual(case.user_id, self.susan)
        self.assertEqual(case.escalation_level, 1)
        created = self.env["crm.case"].search([("name", "=", "Paper jam")])
        self.assertEqual(created.section_id, self.support1)
        self.assertEqual(created.user_id, self.agent)
        self.assertEqual(created.state, "done")
        self.assertEqual(
            created.move_ids.sorted("id").mapped("state"), ["draft", "open", "done"]
        )

    def test_answer_from_the_chatter_reaches_customer_and_watchers(self):
        case = self._new_case(
            partner_id=self.jane.id, user_id=self.agent.id, email_cc="eve@watch.example"
        )
        with self.mock_mail_gateway():
            self.start_tour(
                f"/odoo/crm-cases/{case.id}", "crm_relations_answer", login="agent"
            )
        answer = case.message_ids.filtered(lambda m: "new printer" in m.body)
        self.assertEqual(
            set(answer.partner_ids.mapped("email_normalized")),
            {"jane@acme.example", "eve@watch.example"},
        )
        self.assertFalse(answer.subtype_id.internal)
        self.assertTrue(case.date_first_response)
        note = case.message_ids.filtered(lambda m: "third one" in m.body)
        self.assertTrue(note.subtype_id.internal)
        self.assertFalse(note.partner_ids)
        sent = {mail["email_to"][0]: mail for mail in self._mails}
        self.assertEqual(len(self._mails), 2)
        for mail in sent.values():
            self.assertEqual(mail["subject"], f"[{case.number}] Printer on fire")
            self.assertIn(self.support1.alias_email, mail["reply_to"])
            self.assertIn("new printer", mail["body"])

    def test_menus_made_by_the_wizard_open(self):
        self._new_case()
        self._new_case("Forgotten", date_deadline="2020-01-01 10:00:00")
        self.start_tour(
            f"/odoo/crm-section-settings/{self.support1.id}",
            "crm_relations_menus",
            login="boss",
        )
        self.assertIn("Overdue", self.support1.menu_ids.mapped("name"))

    def test_figures_of_the_overview_open_what_they_count(self):
        self._new_case()
        self._new_case(
            "Forgotten", user_id=self.agent.id, date_deadline="2020-01-01 10:00:00"
        )
        self._new_case("Secret", user_id=self.colleague.id)
        self.start_tour("/odoo/crm-sections", "crm_relations_overview", login="agent")

    def test_calendar_shows_cases_on_their_date(self):
        self._new_case(user_id=self.agent.id, date=fields.Datetime.now())
        self.start_tour("/odoo/crm-my-cases", "crm_relations_calendar", login="agent")
