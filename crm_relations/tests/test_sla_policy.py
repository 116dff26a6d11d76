from odoo.addons.crm_relations.models import crm_case_sla_mixin, crm_sla_policy
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import users
from odoo.tools import SQL, mute_logger
from psycopg2 import IntegrityError

from .sla_common import SlaCommon


class TestSlaPolicy(SlaCommon):
    """Which policy applies to a case, why, and who may say so."""

    def test_most_specific_policy_wins(self):
        gold = self.env["res.partner.category"].create({"name": "Gold"})
        everyone = self._new_policy("Everyone", company_id=False, sequence=1)
        by_partner = self._new_policy(
            "Gold Contract",
            section_id=self.support1.id,
            partner_category_id=gold.id,
            sequence=99,
        )
        urgent = self._new_policy(
            "Urgent", section_id=self.support1.id, priority_min="3", sequence=50
        )
        self.acme.category_id = gold
        table = [
            ({}, self.standard),
            ({"section": self.quality}, everyone),
            ({"partner_id": self.jane.id}, by_partner),
            ({"priority": "3"}, urgent),
            ({"priority": "3", "partner_id": self.jane.id}, urgent),
        ]
        for values, expected in table:
            with self.subTest(**values):
                self.assertEqual(self._new_case(**values).sla_policy_id, expected)

    def test_policy_of_a_section_holds_below_it(self):
        self.standard.section_id = self.support2
        self.assertEqual(self._new_case().sla_policy_id, self.standard)

    def test_reason_names_conditions_and_the_others(self):
        everyone = self._new_policy("Everyone", company_id=False)
        case = self._new_case()
        self.assertIn("“Standard” applies", case.sla_reason)
        self.assertIn("Support 1", case.sla_reason)
        self.assertIn("before “Everyone”", case.sla_reason)
        everyone.active = False
        case.invalidate_recordset()
        self.assertNotIn("Everyone", case.sla_reason)
        other = self._new_case(section=self.quality)
        self.assertIn("no service level", other.sla_reason)

    def test_explain_tells_every_condition(self):
        urgent = self._new_policy(
            "Urgent", section_id=self.support1.id, priority_min="3"
        )
        verdicts = {
            line["name"]: line["holds"] for line in urgent.explain(self._new_case())
        }
        self.assertEqual(
            verdicts, {"company_id": True, "section_id": True, "priority_min": False}
        )

    def test_what_changes_a_case_changes_its_policy(self):
        gold = self.env["res.partner.category"].create({"name": "Gold"})
        contract = self._new_policy(
            "Gold", section_id=self.support1.id, partner_category_id=gold.id
        )
        case = self._new_case()
        case.partner_id = self.jane
        self.assertEqual(case.sla_policy_id, self.standard)
        self.acme.category_id = gold
        self.assertEqual(case.sla_policy_id, contract)
        self.acme.category_id = False
        self.assertEqual(case.sla_policy_id, self.standard)
        contract.partner_category_id = False
        contract.partner_id = self.acme
        self.assertEqual(case.sla_policy_id, contract)
        contract.active = False
        self.assertEqual(case.sla_policy_id, self.standard)
        self.standard.active = False
        self.assertFalse(case.sla_policy_id)
        self.assertEqual(case.sla_state, "none")

    def test_closed_case_keeps_what_it_was_promised(self):
        case = self._new_case()
        case.action_close()
        urgent = self._new_policy(
            "Urgent", section_id=self.support1.id, priority_min="3"
        )
        case.priority = "3"
        self.assertEqual(case.sla_policy_id, self.standard)
        case.action_draft()
        self.assertEqual(case.sla_policy_id, urgent)

    def test_hours_that_change_move_open_promises(self):
        case, met = self._new_case(), self._new_case()
        self._pass_hours(1)
        self._answer(met)
        self.standard.hours_first_response = 2
        self.assertEqual(case.sla_first_response_deadline, self._at(0, 10))
        self.assertEqual(self._status(met).hours, 4)
        self.standard.hours_first_response = 0
        self.assertFalse(case.sla_first_response_deadline)
        self.assertEqual(self._status(case, policy=self.standard).state, "stopped")
        self.standard.hours_first_response = 3
        self.assertEqual(case.sla_first_response_deadline, self._at(0, 11))

    def test_bad_policies_are_refused_by_name(self):
        empty = self._new_calendar("Nobody at Work", (), ())
        table = [
            ({"hours_first_response": 0, "hours_resolution": 0}, "promises neither"),
            ({"pause_states": "pending,sleeping"}, "sleeping"),
            ({"pause_states": "done"}, "Closed"),
            ({"resource_calendar_id": empty.id}, "Nobody at Work"),
            ({"priority_min": "3", "priority_max": "1"}, "leaves none"),
            ({"filter_domain": "[('nothing', '=', 1)]"}, "Other Conditions"),
        ]
        for values, reason in table:
            with (
                self.subTest(**values),
                self.assertRaisesRegex(Exception, reason),
                self.env.cr.savepoint(),
            ):
                self._new_policy("Bad", **values)
        for values in ({"hours_resolution": -1}, {"at_risk_percent": 100}):
            with (
                self.subTest(**values),
                mute_logger("odoo.sql_db"),
                self.assertRaises(IntegrityError),
                self.env.cr.savepoint(),
            ):
                self._new_policy("Bad", **values)

    def test_applied_policy_is_archived_not_deleted(self):
        self._new_case()
        with self.assertRaisesRegex(ValidationError, "Archive"):
            self.standard.unlink()
        unused = self._new_policy("Unused", section_id=self.foreign.id)
        unused.unlink()
        self.assertFalse(unused.exists())

    def test_switches_write_the_list_of_states(self):
        self.standard.pause_draft = True
        self.assertEqual(self.standard.pause_states, "draft,pending")
        self.standard.pause_pending = False
        self.assertEqual(self.standard.pause_states, "draft")

    def test_preview_opens_what_meets_the_conditions(self):
        urgent = self._new_policy(
            "Urgent", active=False, section_id=self.support1.id, priority_min="3"
        )
        self._new_case()
        case = self._new_case(priority="3")
        action = urgent.action_preview()
        found = self.env["crm.case"].search(action["domain"])
        self.assertEqual(found, case)
        self.assertEqual(case.sla_policy_id, self.standard)
        action = self.standard.action_view_cases()
        self.assertIn(case, self.env["crm.case"].search(action["domain"]))

    def test_figure_and_filters(self):
        case = self._new_case(user_id=self.agent.id)
        self._new_case()
        self._set_clock(self._at(0, 11))
        self.env["crm.case"]._refresh_sla(SQL("c.id = ANY(%s)", case.ids))
        self.assertEqual(case.sla_state, "at_risk")
        self.support1.invalidate_recordset()
        self.assertEqual(self.support1.sla_count, 1)

    # ------------------------------------------------------------
    # MANY CASES
    # ------------------------------------------------------------

    def _run_cron(self):
        # the scheduled action commits; here the test is undone as a whole
        self.patch(self.env.registry["ir.cron"], "_commit_progress", lambda *_args: 1)
        self.env["crm.sla.policy"]._cron_apply()

    def test_change_that_concerns_many_cases_is_left_to_the_scheduled_action(self):
        cases = self.env["crm.case"].create(
            [{"name": "Case", "section_id": self.support1.id} for _index in range(7)]
        )
        self.patch(crm_case_sla_mixin, "AT_ONCE", 3)
        self.patch(crm_sla_policy, "APPLY_BATCH", 2)
        gestures = [
            lambda: self.standard.write({"hours_first_response": 2}),
            lambda: self.office.attendance_ids[0].write({"hour_from": 9}),
        ]
        for hour, gesture in zip((10, 11), gestures, strict=True):
            before = cases.mapped("sla_first_response_deadline")
            gesture()
            self.assertEqual(cases.mapped("sla_first_response_deadline"), before)
            self._run_cron()
            self.assertEqual(
                cases.mapped("sla_first_response_deadline"), [self._at(0, hour)] * 7
            )
        self.assertEqual(self.env["crm.sla.policy"]._apply_batch(), 0)

    # ------------------------------------------------------------
    # PERSONAS
    # ------------------------------------------------------------

    @users("agent")
    def test_staff_reads_promises_of_own_cases_only(self):
        mine = self._new_case(user_id=self.agent.id)
        theirs = self._new_case(user_id=self.colleague.id)
        Status = self.env["crm.sla.status"]
        self.assertTrue(Status.search([("case_id", "=", mine.id)]))
        self.assertFalse(Status.search([("case_id", "=", theirs.id)]))
        self.assertTrue(mine.with_user(self.env.user).sla_left)
        self.assertTrue(mine.with_user(self.env.user).sla_reason)

    def test_nobody_rewrites_promises(self):
        case = self._new_case(user_id=self.agent.id)
        status = self._status(case)
        for user in (self.agent, self.senior, self.boss):
            for write in (
                lambda user: status.with_user(user).write({"date_missed": False}),
                lambda user: status.with_user(user).unlink(),
                lambda user: status.with_user(user).create({"case_id": case.id}),
            ):
                with self.subTest(user=user.login), self.assertRaises(AccessError):
                    write(user)

    def test_only_managers_write_policies(self):
        portal = self._create_portal_user()
        readers = (self.agent, self.senior, self.boss)
        for user in (self.user_employee, portal, *readers):
            policy = self.standard.with_user(user)
            with self.subTest(user=user.login):
                self.assertEqual(policy.has_access("write"), user == self.boss)
                self.assertEqual(policy.has_access("read"), user in readers)
        self.standard.company_id = self.company_2
        self.assertFalse(self.standard.with_user(self.boss).has_access("read"))
