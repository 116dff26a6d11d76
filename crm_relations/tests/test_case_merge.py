from odoo import Command
from odoo.addons.crm_relations.exceptions import CaseMergeError
from odoo.exceptions import AccessError
from odoo.tests import users

from .common import CrmRelationsCommon


class TestCaseMerge(CrmRelationsCommon):
    """Into another case, which then holds everything that any of them held."""

    def _merge_refused(self, cases, into, *words):
        with self.assertRaises(CaseMergeError) as refusal:
            cases.action_merge(into)
        for word in words:
            self.assertIn(word, str(refusal.exception))
        self.assertTrue(all(cases.mapped("active")))
        self.assertFalse(cases.merged_into_id - into.merged_into_id)

    def _attach(self, case):
        return self.env["ir.attachment"].create(
            {"name": "smoke.png", "res_model": "crm.case", "res_id": case.id}
        )

    def test_merged_case_is_cancelled_archived_and_points_to_the_other(self):
        for state in ("draft", "open", "pending"):
            with self.subTest(state=state):
                case, into = self._new_case(state=state), self._new_case("Kept")
                action = case.action_merge(into)
                self.assertEqual(case.state, "cancel")
                self.assertFalse(case.active)
                self.assertEqual(case.merged_into_id, into)
                self.assertIn(case, into.with_context(active_test=False).merged_ids)
                self.assertEqual(into.state, "draft")
                self.assertEqual(
                    (action["res_model"], action["res_id"]), ("crm.case", into.id)
                )

    def test_closed_case_stays_closed_when_merged(self):
        case, into = self._new_case(state="done"), self._new_case("Kept")
        case.action_merge(into)
        self.assertEqual(case.state, "done")

    def test_discussion_files_and_activities_go_over(self):
        cases = self._new_case("One") | self._new_case("Two")
        into = self._new_case("Kept")
        notes = self.env["mail.message"].union(
            *(case.message_post(body=f"Said in {case.name}") for case in cases)
        )
        files = self.env["ir.attachment"].union(*map(self._attach, cases))
        activity = cases[0].activity_schedule("mail.mail_activity_data_todo")
        cases.action_merge(into)
        self.env.invalidate_all()
        self.assertLessEqual(notes, into.message_ids)
        self.assertEqual(set(files.mapped("res_id")), {into.id})
        self.assertIn(activity, into.activity_ids)
        # both sides say what happened
        self.assertIn("One", into.message_ids[0].body)
        self.assertIn("Kept", cases[0].message_ids[0].body)

    def test_watchers_followers_and_senders_go_over(self):
        case = self._new_case(
            email_from="Stranger <stranger@else.example>",
            email_cc="one@else.example, both@else.example",
        )
        into = self._new_case(
            "Kept", partner_id=self.jane.id, email_cc="both@else.example"
        )
        case.message_subscribe(self.bob.ids)
        case.action_merge(into)
        self.assertIn(self.bob, into.message_partner_ids)
        self.assertEqual(into.partner_id, self.jane)
        for address in ("stranger@", "one@", "both@"):
            self.assertEqual(into.email_cc.count(address), 1)
        self.assertNotIn(self.jane.email, into.email_cc)

    def test_customer_is_taken_over_where_there_is_none(self):
        case = self._new_case(partner_id=self.jane.id)
        into = self._new_case("Kept")
        case.action_merge(into)
        self.assertEqual(into.partner_id, self.jane)

    def test_sender_of_the_kept_case_is_not_lost(self):
        case = self._new_case(partner_id=self.jane.id)
        into = self._new_case("Kept", email_from="stranger@else.example")
        case.action_merge(into)
        reached = f"{into.email_from}, {into.email_cc}"
        self.assertIn("stranger@else.example", reached)
        self.assertIn(self.jane.email, reached)

    def test_earlier_mergers_follow(self):
        first, second, third = (self._new_case(str(index)) for index in range(3))
        first.action_merge(second)
        second.action_merge(third)
        self.assertEqual(first.merged_into_id, third)

    def test_cases_of_different_sections_merge(self):
        case, into = self._new_case(section=self.quality), self._new_case("Kept")
        case.action_merge(into)
        self.assertEqual(case.merged_into_id, into)

    def test_merge_that_makes_no_sense_is_an_error(self):
        case, into = self._new_case("One"), self._new_case("Kept")
        foreign = self._new_case("Foreign", section=self.foreign)
        self._merge_refused(case.browse(), into, "Merge into")
        self._merge_refused(into, into, "Merge into")
        self._merge_refused(case | into, into, "Merge into")
        self._merge_refused(foreign, into, "companies")
        case.action_merge(into)
        self._merge_refused(foreign, case, "One", "Kept")

    def test_remote_caller_names_the_case_by_its_id(self):
        case, into = self._new_case("One"), self._new_case("Kept")
        case.action_merge(into.id)
        self.assertEqual(case.merged_into_id, into)

    @users("agent")
    def test_both_sides_must_be_writable(self):
        own = self._new_case("Own", user_id=self.agent.id).with_user(self.agent)
        other = self._new_case("Other", user_id=self.colleague.id).with_user(self.agent)
        for case, into in ((own, other), (other, own)):
            with self.subTest(case=case.sudo().name), self.assertRaises(AccessError):
                case.action_merge(into)
        self.assertTrue(own.active and other.sudo().active)

    @users("agent")
    def test_user_merges_what_he_sees(self):
        case = self._new_case("Own", user_id=self.agent.id).with_user(self.agent)
        into = self._new_case("Unassigned").with_user(self.agent)
        case.action_merge(into)
        self.assertEqual(case.merged_into_id, into)


class TestCaseMergeWizard(CrmRelationsCommon):
    def _open_wizard(self, cases):
        return (
            self.env["crm.case.merge"]
            .with_context(active_model="crm.case", active_ids=cases.ids)
            .create({})
        )

    def test_oldest_unclosed_case_is_proposed_to_stay(self):
        cases = (
            self._new_case("Closed", state="done")
            | self._new_case("Oldest")
            | self._new_case("Newest")
        )
        wizard = self._open_wizard(cases.sorted("id", reverse=True))
        self.assertEqual(wizard.case_ids, cases)
        self.assertEqual(wizard.into_id, cases[1])
        wizard.action_merge()
        self.assertEqual((cases - cases[1]).merged_into_id, cases[1])
        self.assertTrue(cases[1].active)

    def test_one_case_is_merged_into_any_other(self):
        case, into = self._new_case("One"), self._new_case("Kept")
        wizard = (
            self.env["crm.case.merge"]
            .with_context(active_model="crm.case", active_ids=case.ids)
            .new({})
        )
        self.assertFalse(wizard.into_id)
        wizard = self.env["crm.case.merge"].create(
            {"case_ids": [Command.set(case.ids)], "into_id": into.id}
        )
        wizard.action_merge()
        self.assertEqual(case.merged_into_id, into)

    def test_nothing_but_the_kept_case_is_an_error(self):
        case = self._new_case()
        wizard = self.env["crm.case.merge"].create(
            {"case_ids": [Command.set(case.ids)], "into_id": case.id}
        )
        with self.assertRaises(CaseMergeError):
            wizard.action_merge()
