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

    def test_run_goes_on_where_it_stopped(self):
        segments = self.env["crm.segment"].union(
            *(self._new_segment(filter_domain="[('ref', '=', 'x')]") for _i in range(4))
        )
        self._new_partners(1).ref = "x"
        self._run_night(rounds=3)
        done = segments.filtered("partner_ids")
        self.assertEqual(len(done), 3)
        self.assertEqual(segments.filtered("is_due"), segments - done)
        computed = dict.fromkeys(done)
        with patch.object(
            self.env.registry["crm.segment"],
            "_compute_fully",
            autospec=True,
            side_effect=lambda segment, **_values: computed.update({segment: 1}),
        ):
            self._run_night()
        self.assertEqual(set(computed), set(segments))
        self.assertEqual(
            [segment for segment, again in computed.items() if again],
            list(segments - done),
        )

    def test_nothing_changed_nothing_computed(self):
        self._new_segment(answer_yes_ids=self.budget_low)
        self._new_segment(filter_domain="[('ref', '=', 'x')]")
        self._run_night()
        name = "_get_delta_query"
        runs = self.env.registry["crm.segment"]
        with patch.object(runs, name, autospec=True) as computed:
            self._run_night()
        computed.assert_not_called()

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
