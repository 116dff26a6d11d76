from odoo import fields
from odoo.exceptions import AccessError, ValidationError

from .sla_common import SlaCommon


class TestCaseLadder(SlaCommon):
    """The steps of a section: at the right time, once per stay, past who is away."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.support2.resource_calendar_id = cls.office

    def _new_step(self, hours, action="remind_user", section=None, **values):
        return self.env["crm.case.section.step"].create(
            {
                "section_id": (section or self.support1).id,
                "hours": hours,
                "action": action,
                **values,
            }
        )

    def _timers(self, case):
        return self.env["crm.case.timer"].search(
            [("case_id", "in", case.ids), ("step_id", "!=", False)]
        )

    def _tick(self):
        timers = self.env["crm.case.timer"].search(
            [("step_id", "!=", False), ("due_at", "<=", fields.Datetime.now())]
        )
        timers._fire_locked()
        return len(timers)

    def _runs(self, case):
        return case.step_run_ids.sorted("id")

    # ------------------------------------------------------------
    # WHEN
    # ------------------------------------------------------------

    def test_each_condition_ends_its_wait(self):
        answer = self._new_step(2)
        close = self._new_step(10, condition="not_closed")
        state = self._new_step(3, condition="in_state", state="open")
        case = self._new_case(user_id=self.agent.id)
        due = {timer.step_id: timer.due_at for timer in self._timers(case)}
        self.assertEqual(due, {answer: self._at(0, 10), close: self._at(1, 10)})
        self._pass_hours(1)
        case.action_open()
        due = {timer.step_id: timer.due_at for timer in self._timers(case)}
        self.assertEqual(due[state], self._at(0, 12))
        self._answer(case)
        self.assertEqual(self._timers(case).step_id, close | state)
        case.action_pending()
        self.assertEqual(self._timers(case).step_id, close)
        case.action_close()
        self.assertFalse(self._timers(case))

    def test_step_is_taken_once_per_stay(self):
        self._new_step(1, condition="not_closed")
        case = self._new_case(user_id=self.agent.id)
        self._set_clock(self._at(0, 9))
        self.assertEqual(self._tick(), 1)
        for _index in range(3):
            self._pass_hours(1)
            case.priority = str(_index)
            case.action_open() if case.state != "open" else case.action_pending()
            self.assertEqual(self._tick(), 0)
        self.assertEqual(len(self._runs(case)), 1)
        case.section_id = self.quality
        self._pass_hours(1)
        case.section_id = self.support1
        self._set_clock(self._at(3, 9))
        self.assertEqual(self._tick(), 1)
        self.assertEqual(len(self._runs(case)), 2)

    def test_server_that_was_down_takes_all_steps_in_their_order(self):
        self._new_step(2)
        self._new_step(4, "remind_manager")
        self._new_step(6, "escalate")
        self.support1.user_id = self.boss
        case = self._new_case(user_id=self.agent.id)
        self._set_clock(self._at(3, 9))
        self.assertEqual(self._tick(), 3)
        self.assertEqual(
            self._runs(case).mapped("user_id"), self.agent | self.boss | self.susan
        )
        self.assertEqual(self._tick(), 0)

    def test_steps_leave_the_past_alone(self):
        old = self._new_case(user_id=self.agent.id)
        self._pass_hours(5)
        young = self._new_case(user_id=self.agent.id)
        step = self._new_step(2)
        self.assertFalse(self._timers(old))
        self.assertTrue(self._timers(young))
        step.hours = 40
        self.assertTrue(self._timers(old))
        step.active = False
        self.assertFalse(self._timers(old | young))

    def test_working_time_that_changes_moves_the_steps(self):
        self._new_step(2)
        case = self._new_case(user_id=self.agent.id)
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Storm",
                "calendar_id": self.office.id,
                "date_from": self._at(0, 8),
                "date_to": self._at(0, 17),
            }
        )
        self.assertEqual(self._timers(case).due_at, self._at(1, 10))
        self.support1.resource_calendar_id = self._new_calendar(
            "Night", ((0, 6),), range(7)
        )
        self.assertEqual(self._timers(case).due_at, self._at(1, 2))

    # ------------------------------------------------------------
    # WHAT AND WHOM
    # ------------------------------------------------------------

    def _reminded(self, case):
        self._set_clock(self._at(0, 10))
        self._tick()
        run = self._runs(case)[-1:]
        message = self.env["mail.message"].search(
            [
                ("model", "=", "crm.case"),
                ("res_id", "=", case.id),
                ("message_type", "=", "user_notification"),
            ],
            order="id desc",
            limit=1,
        )
        self.assertEqual(message.partner_ids, run.user_id.partner_id)
        return run

    def test_whom_a_reminder_goes_to(self):
        self.support1.user_id = self.boss
        self._new_step(2)
        now = fields.Datetime.now()
        case = self._new_case(user_id=self.agent.id)
        self.assertEqual(self._reminded(case).user_id, self.agent)
        self._set_clock(now)
        nobodys = self._new_case()
        self.assertEqual(self._reminded(nobodys).user_id, self.boss)
        self._set_clock(now)
        self.agent.out_of_office_from = now
        self.agent.crm_deputy_id = self.colleague
        case = self._new_case(user_id=self.agent.id)
        run = self._reminded(case)
        self.assertEqual(run.user_id, self.colleague)
        self.assertIn("as Agent is away", run.detail)
        self._set_clock(now)
        self.agent.crm_deputy_id = False
        case = self._new_case(user_id=self.agent.id)
        self.assertEqual(self._reminded(case).user_id, self.boss)

    def test_nobody_to_remind_is_said(self):
        self._new_step(2)
        case = self._new_case()
        self._set_clock(self._at(0, 10))
        self._tick()
        self.assertEqual(self._runs(case).detail, "Nobody to remind")

    def test_escalation_keeps_the_former_level_copied(self):
        self.support1.user_id = self.boss
        self._new_step(2, "escalate")
        above = self._new_step(3, section=self.support2)
        case = self._new_case(user_id=self.agent.id)
        self._set_clock(self._at(0, 10))
        self._tick()
        self.assertEqual(case.section_id, self.support2)
        self.assertEqual(case.user_id, self.susan)
        followers = case.message_partner_ids
        self.assertLessEqual((self.agent | self.boss).partner_id, followers)
        # the section above counts from the arrival
        timer = self._timers(case)
        self.assertEqual((timer.step_id, timer.due_at), (above, self._at(0, 14)))

    def test_top_section_reminds_its_manager_instead(self):
        self._new_step(2, "escalate", section=self.support2)
        case = self._new_case(section=self.support2, user_id=self.senior.id)
        self._set_clock(self._at(0, 10))
        self._tick()
        self.assertEqual(case.section_id, self.support2)
        self.assertEqual(self._runs(case).user_id, self.susan)

    def test_case_that_fails_holds_nobody_up(self):
        self._new_step(2)
        cases = [self._new_case(user_id=self.agent.id) for _index in range(3)]
        bad = cases[1]
        Case = self.env.registry["crm.case"]
        remind = Case._remind_of_step

        def fail(case, step, user):
            if case == bad:
                raise ValueError("no paper left")
            return remind(case, step, user)

        self.patch(Case, "_remind_of_step", fail)
        self._set_clock(self._at(0, 10))
        self._tick()
        self.assertTrue(self._runs(cases[0]) and self._runs(cases[2]))
        self.assertFalse(self._runs(bad))
        timer = self._timers(bad)
        self.assertEqual((timer.attempts, timer.error), (1, "no paper left"))
        self.assertGreater(timer.due_at, fields.Datetime.now())
        self.patch(Case, "_remind_of_step", remind)
        self._pass_hours(1)
        self._tick()
        self.assertEqual(len(self._runs(bad)), 1)
        self.assertFalse(self._timers(bad))

    # ------------------------------------------------------------
    # SETTINGS
    # ------------------------------------------------------------

    def test_step_says_what_it_does(self):
        step = self._new_step(1.5, "escalate", condition="in_state", state="pending")
        self.assertEqual(
            step.name,
            "01:30 h in the state Pending: Escalate to the parent section",
        )
        with self.assertRaisesRegex(ValidationError, "State"):
            step.state = False

    def test_only_managers_set_steps_and_nobody_rewrites_runs(self):
        step = self._new_step(1)
        case = self._new_case(user_id=self.agent.id)
        self._set_clock(self._at(0, 9))
        self._tick()
        run = self._runs(case)
        for user in (self.agent, self.senior, self.boss):
            with self.subTest(user=user.login):
                self.assertEqual(
                    step.with_user(user).has_access("write"), user == self.boss
                )
                self.assertTrue(run.with_user(user).has_access("read"), user.login)
                with self.assertRaises(AccessError):
                    run.with_user(user).write({"detail": "Never"})
        self.assertFalse(run.with_user(self.colleague).has_access("read"))
