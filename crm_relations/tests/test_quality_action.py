from datetime import timedelta

from freezegun import freeze_time
from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from .quality_common import QualityCommon


@tagged("crm_relations_quality")
class TestQualityAction(QualityCommon):
    """Corrective and preventive actions, from what is agreed to its check."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # those of the example company would be due too
        cls.env["crm.quality.action"].search([]).active = False

    def _remind(self, days=0):
        """Run the scheduled action as if it were so many days later."""
        with (
            freeze_time(fields.Datetime.now() + timedelta(days=days)),
            self.enter_registry_test_mode(),
        ):
            self.env.ref("crm_relations.ir_cron_quality_action").method_direct_trigger()
        self.env.invalidate_all()

    # ------------------------------------------------------------
    # WHAT IS AGREED
    # ------------------------------------------------------------

    def test_action_of_a_case_is_about_its_supplier(self):
        case = self._new_fault(partner=self.jane)
        action = self._new_action(case_id=case.id)
        self.assertEqual(action.partner_id, self.jane)
        self.assertEqual(action.commercial_partner_id, self.acme)
        self.assertEqual(action.company_id, case.company_id)
        self.assertEqual(case.quality_action_count, 1)
        opened = case.action_view_quality_actions()
        found = self.env["crm.quality.action"].search(opened["domain"])
        self.assertEqual(found, action)
        self.assertEqual(opened["context"]["default_case_id"], case.id)
        opened = self.jane.action_view_quality_actions()
        self.assertEqual(found.search(opened["domain"]), action)
        self.assertEqual(self.jane.quality_action_count, 1)

    def test_form_from_a_case(self):
        case = self._new_fault()
        context = case.action_view_quality_actions()["context"]
        Action = self.env["crm.quality.action"].with_user(self.quality_user)
        form = Form(Action.with_context(**context))
        form.name = "Sort"
        form.kind = "containment"
        form.date_deadline = self.company._get_today()
        action = form.save()
        self.assertEqual((action.case_id, action.user_id), (case, self.quality_user))
        self.assertFalse(action.date_check)
        with Form(action) as form:
            form.kind = "corrective"
        self.assertEqual(action.date_check, action.date_deadline + timedelta(days=30))

    def test_actions_go_along_when_cases_are_merged(self):
        cases = self._new_fault(defective_quantity=2) | self._new_fault()
        kept = self._new_fault(defective_quantity=3)
        done = self._new_action(case_id=cases[0].id, active=False)
        action = self._new_action(case_id=cases[1].id)
        cases.action_merge(kept)
        self.assertEqual((done | action).case_id, kept)
        self.assertEqual(action.partner_id, self.acme)
        self.assertEqual(kept.defective_quantity, 5)

    # ------------------------------------------------------------
    # TO DO, TO CHECK, DONE
    # ------------------------------------------------------------

    def test_nothing_is_done_without_saying_what(self):
        ready = self._new_action(work_done="New tool")
        action = self._new_action()
        with self.assertRaisesRegex(UserError, "What Was Done: .*Change the tool"):
            (ready | action).action_done()
        self.assertEqual(ready.state, "open")

    def test_what_is_done_waits_for_its_check(self):
        today = self.company._get_today()
        action = self._new_action(work_done="New tool")
        action.action_done()
        self.assertEqual((action.state, action.date_done), ("check", today))
        action.action_effective()
        self.assertEqual(
            (action.state, action.check_result, action.date_checked),
            ("done", "effective", today),
        )
        self.assertFalse(action.follow_up_ids)

    def test_containment_needs_no_check(self):
        action = self._new_action(kind="containment", work_done="Sorted")
        action.action_done()
        self.assertEqual(action.state, "done")

    def test_what_does_not_help_goes_on_in_a_follow_up(self):
        case = self._new_fault()
        action = self._new_action(
            case_id=case.id, work_done="New tool", root_cause="Worn"
        )
        action.action_done()
        opened = action.action_ineffective()
        follow_up = action.follow_up_ids
        self.assertEqual(opened["res_id"], follow_up.id)
        self.assertEqual(action.check_result, "ineffective")
        self.assertEqual(
            (follow_up.case_id, follow_up.user_id, follow_up.root_cause),
            (case, action.user_id, "Worn"),
        )
        self.assertEqual(follow_up.state, "open")
        self.assertFalse(follow_up.work_done)
        self.assertGreater(follow_up.date_deadline, self.company._get_today())
        self.assertIn("it goes on in", action.message_ids[0].body)

    def test_buttons_do_nothing_in_another_state(self):
        action = self._new_action(work_done="New tool")
        for method in ("action_effective", "action_ineffective"):
            getattr(action, method)()
            self.assertEqual((action.state, action.check_result), ("open", False))
        action.action_cancel()
        action.action_done()
        self.assertEqual(action.state, "cancel")
        action.action_reopen()
        self.assertEqual(action.state, "open")

    def test_reopened_action_forgets_its_check(self):
        action = self._new_action(work_done="New tool")
        action.action_done()
        action.action_effective()
        action.action_reopen()
        self.assertFalse(action.check_result or action.date_checked or action.date_done)

    # ------------------------------------------------------------
    # OVERDUE
    # ------------------------------------------------------------

    def test_overdue_is_what_should_have_been_done_or_checked(self):
        table = [
            ({"days": -1}, True),
            ({"days": 0}, False),
            ({"days": -1, "state": "cancel"}, False),
            ({"days": -40, "state": "check"}, True),  # to be checked 30 days later
            ({"days": -29, "state": "check"}, False),
            ({"days": -40, "state": "done"}, False),
        ]
        for values, expected in table:
            with self.subTest(values):
                action = self._new_action(**values)
                if values.get("state") in ("check", "done"):
                    action.date_check = action.date_deadline + timedelta(days=30)
                self.assertEqual(action.is_overdue, expected)
                found = action.search(
                    [("is_overdue", "=", True), ("id", "=", action.id)]
                )
                self.assertEqual(bool(found), expected)
                found = action.search(
                    [("is_overdue", "=", False), ("id", "=", action.id)]
                )
                self.assertEqual(bool(found), not expected)

    # ------------------------------------------------------------
    # REMINDERS
    # ------------------------------------------------------------

    def test_owner_and_checker_are_told_once_each(self):
        action = self._new_action(
            days=5, work_done="New tool", check_user_id=self.boss.id
        )
        self._remind()
        self.assertFalse(action.activity_ids)
        for _night in range(2):
            self._remind(days=5)
            self.assertEqual(action.activity_ids.user_id, self.quality_user)
            self.assertEqual(len(action.activity_ids), 1)
        action.action_done()
        self.assertFalse(action.activity_ids, "it is done")
        self._remind(days=5)
        self.assertFalse(action.activity_ids)
        for _night in range(2):
            self._remind(days=35)
            self.assertEqual(action.activity_ids.user_id, self.boss)
            self.assertEqual(action.activity_ids.date_deadline, action.date_check)
        action.action_effective()
        self._remind(days=99)
        self.assertFalse(action.activity_ids)

    def test_what_is_put_off_is_told_anew(self):
        action = self._new_action(days=-1)
        self._remind()
        action.activity_ids.unlink()
        self._remind()
        self.assertFalse(action.activity_ids)
        action.date_deadline = self.company._get_today() + timedelta(days=3)
        self._remind()
        self.assertFalse(action.activity_ids)
        self._remind(days=3)
        self.assertEqual(len(action.activity_ids), 1)

    def test_reminders_cost_what_is_due(self):
        for _index in range(20):
            self._new_action(days=30)
        self._new_action(days=-1)
        self._remind()
        costs = []
        for count in (0, 40):
            for _index in range(count):
                self._new_action(days=30)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.env["crm.quality.action"]._cron_remind()
            costs.append(self.env.cr.sql_log_count - before)
        self.assertEqual(costs[0], costs[1])
        # what is due, and what day it is in the company's place
        self.assertLessEqual(costs[0], 3)
