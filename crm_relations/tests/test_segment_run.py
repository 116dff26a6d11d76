from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..models.crm_segment_run_mixin import GUARD_MINIMUM
from .segment_common import SegmentCommon


@tagged("crm_relations_segment")
class TestSegmentRun(SegmentCommon):
    """The night's run, its guard, and what happens on joining."""

    def _new_partners(self, count):
        return self.env["res.partner"].create(
            [{"name": f"Partner {index}", "ref": "crowd"} for index in range(count)]
        )

    # ------------------------------------------------------------
    # NIGHT
    # ------------------------------------------------------------

    def _new_named(self, count):
        return self.env["crm.segment"].union(
            *(
                self._new_segment(filter_domain="[('ref', '=', 'x')]")
                for _index in range(count)
            )
        )

    def test_run_goes_on_where_it_stopped(self):
        segments = self._new_named(4)
        self._new_partners(1).ref = "x"
        path = "odoo.addons.crm_relations.models.crm_segment_night_mixin.BATCH"
        with patch(path, 1):
            self._run_night(rounds=3)
            done = segments.filtered("partner_ids")
            self.assertEqual(len(done), 3)
            self.assertEqual(segments.filtered("is_due"), segments - done)
            computed = self._watch_night()
        self.assertEqual(computed, segments - done)
        self.assertTrue(all(segment.partner_ids for segment in segments))

    def _watch_night(self):
        """Run the night.

        :return: the segments that were computed
        """
        computed = []
        runs = self.env.registry["crm.segment"]
        real = runs._compute_fully

        def watched(segments, **values):
            computed.append(segments)
            return real(segments, **values)

        with patch.object(runs, "_compute_fully", watched):
            self._run_night()
        return self.env["crm.segment"].union(*computed)

    def test_one_pass_decides_several(self):
        segments = self._new_named(3)
        runs = self.env.registry["crm.segment"]
        with patch.object(
            runs, "_get_target", autospec=True, side_effect=runs._get_target
        ) as asked:
            self._run_night()
        self.assertEqual([call.args[0] for call in asked.mock_calls], [segments])

    def test_nothing_changed_nothing_computed(self):
        category = self._new_category()
        self._answer(self.jane | self.bob, self.budget_low, self.old_customer)
        self.bob.ref = "x"
        self._new_segment(answer_yes_ids=self.budget_low, category_id=category.id)
        self._new_segment(answer_no_ids=self.budget_low)
        self._new_segment(filter_domain="[('ref', '=', 'x')]")
        self._new_segment(filter_domain="[('user_ids', '!=', False)]")
        measures = self.env["crm.segment.line"]._get_measures()
        for measure in measures:
            self._new_figures([(measure, ">", 2, 30, True)])
        self.assertTrue(self._watch_night())
        self.assertFalse(self._watch_night())

    def test_whatever_is_changed_is_seen(self):
        """Each change, by SQL and by time alone, and the segment that it is for."""
        self._answer(self.jane | self.bob, self.budget_low, self.old_customer)
        low = self._new_segment(answer_yes_ids=self.budget_low)
        not_old = self._new_segment(answer_no_ids=self.old_customer)
        named = self._new_segment(filter_domain="[('ref', '=', 'x')]")
        users = self._new_segment(filter_domain="[('user_ids.login', '=', 'x')]")
        points = self._new_figures([("profiling_score", ">", 2, 0, True)])
        recent = self._new_figures([("profiling_score", ">", 2, 20, True)])
        cases = self._new_figures([("open_cases", ">", 0, 0, True)])
        silent = self._new_figures([("days_since_contact", ">", 9, 0, True)])
        case = self._new_case(partner_id=self.jane.id)
        answers = low | not_old | points | recent
        everybody = answers | named | users | cases | silent
        changes = {
            "UPDATE res_partner SET ref = 'x' WHERE id = %(jane)s": named,
            "UPDATE res_users SET login = 'x' WHERE id = %(user)s": users,
            "UPDATE crm_profiling_response SET active = FALSE "
            "WHERE partner_id = %(jane)s AND answer_id = %(low)s": answers,
            "DELETE FROM crm_profiling_response WHERE partner_id = %(bob)s": answers,
            "UPDATE crm_profiling_answer SET points = 9 WHERE id = %(low)s": points
            | recent,
            "UPDATE crm_case SET state = 'done' WHERE id = %(case)s": cases,
            "UPDATE res_partner SET company_id = %(company)s "
            "WHERE id = %(bob)s": everybody,
            "UPDATE res_partner SET active = FALSE WHERE id = %(bob)s": everybody,
        }
        values = {
            "jane": self.jane.id,
            "bob": self.bob.id,
            "user": self.agent.id,
            "low": self.budget_low.id,
            "case": case.id,
            "company": self.company_2.id,
        }
        self._run_night()
        for change, concerned in changes.items():
            with self.subTest(change=change):
                self.env.flush_all()
                self.env.cr.execute(change, values)
                self.env.invalidate_all()
                self.assertEqual(self._watch_night(), concerned)
                self.assertFalse(self._watch_night())
        with self._days_later(10):
            self.assertEqual(self._watch_night(), silent, "by time alone")
        self.assertIn(self.jane, silent.partner_ids)

    def test_category_taken_away_comes_back(self):
        category = self._new_category()
        self._answer(self.jane, self.budget_low)
        segment = self._new_segment(
            answer_yes_ids=self.budget_low, category_id=category.id
        )
        self._run_night()
        self.assertFalse(self._watch_night())
        self.env.cr.execute(
            "DELETE FROM res_partner_res_partner_category_rel WHERE category_id = %s",
            [category.id],
        )
        self.env.invalidate_all()
        self.assertEqual(self._watch_night(), segment)
        self.assertEqual(category.partner_ids, self.jane)

    def test_partners_come_and_go(self):
        crowd = self._new_partners(3)
        first, second, third = crowd
        segment = self._new_segment(
            filter_domain="[('ref', '=', 'crowd')]", company_id=self.env.company.id
        )
        self._run_night()
        self.assertEqual(segment.partner_ids, crowd)
        self._new_partners(2)  # as by an import
        second.company_id = self.company_2
        self._run_night()
        self.assertEqual(segment.member_count, 4)
        self.assertNotIn(second, segment.partner_ids)
        second.company_id = False
        third.active = False
        self._run_night()
        self.assertIn(second, segment.partner_ids)
        self.assertNotIn(third, segment.partner_ids)
        merge = self.env["base.partner.merge.automatic.wizard"].create({})
        merge._merge((first | second).ids, first)
        self._run_night()
        members = segment.partner_ids
        self.assertEqual(len(members), segment.member_count)
        self.assertIn(first, members)
        self.assertFalse(second.exists())
        first.unlink()
        self._run_night()
        self.assertEqual(segment.partner_ids, members - first)
        self.assertEqual(
            segment.membership_ids.filtered(lambda one: not one.date_end).partner_id,
            members - first,
        )

    def test_change_past_the_orm_is_seen(self):
        segment = self._new_segment(filter_domain="[('ref', '=', 'x')]")
        self._run_night()
        self.env.cr.execute(
            "UPDATE res_partner SET ref = 'x' WHERE id = %s", [self.jane.id]
        )
        self._run_night()
        self.assertEqual(segment.partner_ids, self.jane)

    def test_changed_criteria_are_seen(self):
        self.jane.ref, self.bob.ref = "x", "y"
        segment = self._new_segment(filter_domain="[('ref', '=', 'x')]")
        self._run_night()
        segment.filter_domain = "[('ref', '=', 'y')]"
        self._run_night()
        self.assertEqual(segment.partner_ids, self.bob)

    def test_one_broken_segment_stops_no_other(self):
        broken = self._new_segment(filter_domain="[('ref', '=', 'x')]")
        segment = self._new_segment(filter_domain="[('ref', '=', 'x')]")
        self.jane.ref = "x"
        self.env.flush_all()
        # as after a field is gone with its addon
        self.env.cr.execute(
            "UPDATE crm_segment SET filter_domain = '[(''gone'', ''='', 1)]' "
            "WHERE id = %s",
            [broken.id],
        )
        self.env.invalidate_all()
        with self.assertLogs("odoo.addons.crm_relations", "ERROR") as logs:
            self._run_night()
        self.assertEqual(len(logs.output), 1)
        self.assertEqual(segment.partner_ids, self.jane)

    # ------------------------------------------------------------
    # GUARD
    # ------------------------------------------------------------

    def test_mass_change_waits_for_a_person(self):
        crowd = self._new_partners(GUARD_MINIMUM + 2)
        category = self._new_category()
        segment = self._new_segment(
            filter_domain="[('ref', '=', 'crowd')]", category_id=category.id
        )
        self._run_night()
        self.assertEqual(segment.member_count, len(crowd))
        segment.max_change_share = 50
        crowd[:-1].ref = False
        self._run_night()
        self.assertTrue(segment.is_waiting)
        self.assertEqual(segment.waiting_leave, len(crowd) - 1)
        self.assertEqual(segment.partner_ids, crowd)
        self.assertEqual(category.partner_ids, crowd)
        self.assertEqual(len(segment.activity_ids), 1)
        self._run_night()
        self.assertEqual(len(segment.activity_ids), 1, "told once")
        action = segment.action_compute()
        preview = self.env["crm.segment.preview"].browse(action["res_id"])
        preview.action_apply()
        self.assertEqual(segment.partner_ids, crowd[-1])
        self.assertEqual(category.partner_ids, crowd[-1])
        self.assertFalse(segment.is_waiting)
        self.assertFalse(segment.activity_ids)

    def test_few_changes_are_never_asked_about(self):
        crowd = self._new_partners(2)
        segment = self._new_segment(
            filter_domain="[('ref', '=', 'crowd')]", max_change_share=0
        )
        segment.action_compute()
        crowd.ref = False
        self.assertIs(segment.action_compute(), True)
        self.assertFalse(segment.partner_ids)

    # ------------------------------------------------------------
    # ON JOINING
    # ------------------------------------------------------------

    def _new_acting_segment(self):
        return self._new_segment(
            answer_yes_ids=self.budget_low,
            join_section_id=self.quality.id,
            join_user_id=self.quality_user.id,
            join_template_id=self.env["mail.template"]
            .create(
                {
                    "name": "Welcome",
                    "model_id": self.env["ir.model"]._get_id("crm.case"),
                    "subject": "Welcome {{ object.partner_id.name }}",
                    "body_html": "<p>Welcome</p>",
                    "partner_to": "{{ object.partner_id.id }}",
                }
            )
            .id,
            join_activity_type_id=self.env.ref("mail.mail_activity_data_call").id,
        )

    def _cases_of(self, partner):
        return self.env["crm.case"].search([("partner_id", "=", partner.id)])

    def test_actions_on_joining_happen_once(self):
        segment = self._new_acting_segment()
        # as somebody who may not open cases in that section
        self.env["crm.profiling.response"].with_user(self.agent).create(
            {"partner_id": self.jane.id, "answer_id": self.budget_low.id}
        )
        case = self._cases_of(self.jane)
        self.assertEqual(case.section_id, self.quality)
        self.assertEqual(case.user_id, self.quality_user)
        self.assertEqual(case.activity_ids.user_id, self.quality_user)
        mails = self.env["mail.mail"].search(
            [("model", "=", "crm.case"), ("res_id", "=", case.id)]
        )
        self.assertIn("Welcome Jane", mails.mapped("subject"))
        segment.action_compute()
        self._run_night()
        self._answer(self.jane, self.new_customer)
        self.assertEqual(self._cases_of(self.jane), case)
        self._answer(self.jane, self.budget_high)
        self._answer(self.jane, self.budget_low)
        self.assertEqual(len(self._cases_of(self.jane)), 2, "a new membership")

    def test_actions_of_many_follow_later(self):
        segment = self._new_acting_segment()
        segment.join_template_id = False
        crowd = self._new_partners(7)
        path = "odoo.addons.crm_relations.models.crm_segment_join_mixin.JOIN_BATCH"
        with patch(path, 3):
            self._answer(crowd, self.budget_low)
            count = self.env["crm.case"].search_count
            domain = [("partner_id", "in", crowd.ids)]
            self.assertEqual(count(domain), 3)
            self._run_night()
        self.assertEqual(count(domain), 7)
        self.assertFalse(segment.membership_ids.filtered("is_join_due"))

    def test_actions_that_fail_undo_no_answer(self):
        segment = self._new_acting_segment()
        template_class = self.env.registry["mail.template"]
        with patch.object(
            template_class, "send_mail_batch", side_effect=UserError("No words")
        ):
            self._answer(self.jane, self.budget_low)
        membership = segment.membership_ids
        self.assertEqual(membership.partner_id, self.jane)
        self.assertEqual(membership.join_error, "No words")
        self.assertFalse(self._cases_of(self.jane), "all or nothing")
