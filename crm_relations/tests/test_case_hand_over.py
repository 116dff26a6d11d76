from odoo.exceptions import AccessError
from odoo.tests import users

from .common import CrmRelationsCommon


class TestCaseHandOver(CrmRelationsCommon):
    """Handing over, also to a section where the user does not work."""

    def _transfer(self, cases, section, user=None, **values):
        wizard = (
            self.env["crm.case.transfer"]
            .with_context(active_model="crm.case", active_ids=cases.ids)
            .create(
                {
                    "section_id": section.id,
                    "user_id": user.id if user else False,
                    **values,
                }
            )
        )
        return wizard.action_transfer()

    @users("agent")
    def test_case_leaves_for_a_section_its_giver_does_not_see(self):
        case = self._new_case(state="open", email_cc="watcher@acme.example")
        messages = case.message_ids
        action = self._transfer(case.with_env(self.env), self.quality)
        self.assertEqual(case.section_id, self.quality)
        self.assertEqual(case.state, "open")
        self.assertEqual(case.email_cc, "watcher@acme.example")
        self.assertEqual(case.message_ids & messages, messages)
        self.assertFalse(case.with_env(self.env).has_access("read"))
        self.assertEqual(action["xml_id"], "crm_relations.crm_case_action_my")

    @users("agent")
    def test_giver_who_still_sees_the_case_stays_on_it(self):
        case = self._new_case(user_id=self.agent.id)
        self.assertIs(
            self._transfer(case.with_env(self.env), self.quality, self.agent), True
        )
        self.assertEqual(case.user_id, self.agent)

    @users("agent")
    def test_case_that_may_not_be_written_cannot_be_handed_over(self):
        case = self._new_case(user_id=self.colleague.id)
        with self.assertRaises(AccessError):
            self._transfer(case.with_env(self.env), self.quality)
        self.assertEqual(case.section_id, self.support1)

    @users("agent")
    def test_section_assigns_when_nobody_is_named(self):
        self.quality.assignment = "round_robin"
        case = self._new_case(user_id=self.agent.id)
        self._transfer(case.with_env(self.env), self.quality)
        self.assertEqual(case.user_id, self.quality_user)

    @users("agent")
    def test_note_stays_inside(self):
        case = self._new_case(partner_id=self.jane.id)
        with self.mock_mail_gateway():
            self._transfer(
                case.with_env(self.env), self.quality, note="Mind <the> gap\nThanks"
            )
        note = case.message_ids.filtered("body")[:1]
        self.assertEqual(note.subtype_id, self.env.ref("mail.mt_note"))
        self.assertEqual(note.author_id, self.agent.partner_id)
        self.assertIn("Mind &lt;the&gt; gap<br>Thanks", note.body)
        self.assertNotIn(self.jane.email, str(self._mails))

    @users("agent")
    def test_several_cases_go_together_and_the_way_is_kept(self):
        cases = self._new_case() | self._new_case(user_id=self.agent.id)
        self._transfer(cases.with_env(self.env), self.quality)
        self.assertEqual(cases.section_id, self.quality)
        for case in cases:
            stay = case.move_ids[0]
            self.assertEqual(stay.section_from_id, self.support1)
            self.assertEqual(stay.section_id, self.quality)
            self.assertEqual(stay.author_id, self.agent)
