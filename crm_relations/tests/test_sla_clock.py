from odoo import fields
from odoo.tools import SQL

from .sla_common import MONDAY, SlaCommon


class TestSlaClock(SlaCommon):
    """The clocks of one case: deadlines, pauses, breaches, and what stays of them."""

    def test_new_case_is_promised_what_the_policy_says(self):
        case = self._new_case()
        self.assertEqual(case.sla_policy_id, self.standard)
        self.assertEqual(case.sla_first_response_deadline, self._at(0, 12))
        self.assertEqual(case.sla_resolution_deadline, self._at(1, 17))
        self.assertEqual(case.sla_state, "on_track")
        self.assertEqual(case.sla_deadline, self._at(0, 12))
        self.assertEqual(case.sla_target, "first_response")
        self.assertEqual(case.sla_left, "4 h to answer")

    def test_case_without_policy_has_no_promise(self):
        case = self._new_case(section=self.quality)
        self.assertFalse(case.sla_policy_id)
        self.assertEqual(case.sla_state, "none")
        self.assertFalse(case.sla_left)
        self.assertFalse(case.sla_status_ids)

    def test_answer_in_time(self):
        case = self._new_case()
        self._pass_hours(3)
        self._answer(case)
        status = self._status(case)
        self.assertEqual((status.state, status.date_met), ("met", self._at(0, 11)))
        self.assertEqual(case.sla_state, "on_track")
        self.assertEqual(case.sla_target, "resolution")
        self.assertEqual(case.sla_left, "13 h to solve")

    def test_answer_at_the_very_end_is_in_time(self):
        case = self._new_case()
        self._set_clock(self._at(0, 12))
        self._answer(case)
        self.assertEqual(self._status(case).state, "met")

    def test_late_answer_is_missed_at_the_deadline(self):
        case = self._new_case()
        self._pass_hours(30)
        self._answer(case)
        status = self._status(case)
        self.assertEqual(status.state, "missed")
        self.assertEqual(status.date_missed, self._at(0, 12))
        self.assertEqual(status.date_met, self._at(1, 14))
        self.assertEqual(case.sla_state, "missed")
        self.assertEqual(case.sla_left, "3 h to solve")

    def test_closing_in_time_meets_both(self):
        case = self._new_case()
        self._pass_hours(2)
        case.action_close()
        self.assertEqual(case.sla_state, "met")
        self.assertEqual(case.sla_status_ids.mapped("state"), ["met", "met"])
        self.assertFalse(case.sla_deadline)
        self.assertFalse(case.sla_left)

    def test_cancelled_case_is_no_longer_counted(self):
        case = self._new_case()
        self._pass_hours(2)
        case.action_cancel()
        self.assertEqual(case.sla_state, "none")
        self.assertEqual(case.sla_status_ids.mapped("state"), ["stopped", "stopped"])

    # ------------------------------------------------------------
    # PAUSES
    # ------------------------------------------------------------

    def test_clock_stands_still_while_pending(self):
        case = self._new_case(state="open")
        self._pass_hours(1)
        case.action_pending()
        self.assertFalse(case.sla_first_response_deadline)
        self.assertEqual(self._status(case).state, "paused")
        self.assertEqual(case.sla_state, "on_track")
        self.assertEqual(case.sla_left, "Paused, 3 h left")
        self._set_clock(self._at(2, 10))
        self.assertEqual(case.sla_left, "Paused, 3 h left")
        case.action_open()
        # an hour was used on Monday, three are left on Wednesday
        self.assertEqual(case.sla_first_response_deadline, self._at(2, 14))
        self.assertEqual(case.sla_resolution_deadline, self._at(4, 9))

    def test_many_pauses_add_up(self):
        case = self._new_case(state="open")
        for _index in range(3):
            self._pass_hours(0.5)
            case.action_pending()
            self._pass_hours(0.25)
            case.action_open()
        # 10:15, an hour and a half used
        self.assertEqual(case.sla_first_response_deadline, self._at(0, 13, 45))
        self.assertEqual(self._status(case).hours_used, 1.5)

    def test_pause_states_of_the_policy(self):
        self.standard.pause_states = "draft, pending"
        case = self._new_case()
        self.assertEqual(self._status(case).state, "paused")
        self._pass_hours(5)
        case.action_open()
        self.assertEqual(case.sla_first_response_deadline, self._at(0, 17))
        self.standard.pause_states = False
        case.action_pending()
        # the policy is another one now: the hours as a draft count as well
        self.assertEqual(self._status(case).state, "missed")
        self.assertEqual(case.sla_first_response_deadline, self._at(0, 12))

    def test_promise_that_ran_out_before_the_pause_is_missed(self):
        case = self._new_case(state="open")
        self._set_clock(self._at(0, 16))
        case.action_pending()
        self.assertEqual(self._status(case).state, "missed")
        self.assertEqual(self._status(case, "resolution").state, "paused")
        self.assertEqual(case.sla_state, "missed")

    def test_reopened_case_goes_on_where_it_stopped(self):
        case = self._new_case(state="open")
        self._pass_hours(2)
        case.action_close()
        self._set_clock(self._at(3, 8))
        case.action_draft()
        status = self._status(case)
        self.assertEqual(status.state, "on_track")
        self.assertFalse(status.date_met)
        self.assertEqual(case.sla_first_response_deadline, self._at(3, 10))
        self.assertEqual(case.sla_state, "on_track")

    # ------------------------------------------------------------
    # WHAT STAYS
    # ------------------------------------------------------------

    def test_breach_stays_on_record_whatever_applies_later(self):
        gold = self._new_policy("Urgent", section_id=self.support1.id, priority_min="3")
        gold.hours_first_response = 100
        case = self._new_case()
        self._set_clock(self._at(1, 8))
        case.priority = "3"
        self.assertEqual(case.sla_policy_id, gold)
        self.assertEqual(case.sla_state, "on_track")
        broken = self._status(case, policy=self.standard)
        self.assertFalse(broken.is_current)
        self.assertEqual(broken.state, "stopped")
        # unless the breach was on record before
        other = self._new_case()
        self._set_clock(self._at(2, 8))
        self.env["crm.case"]._refresh_running_sla(SQL("TRUE"))
        self.assertEqual(other.sla_state, "missed")
        other.priority = "3"
        broken = self._status(other, policy=self.standard)
        self.assertEqual(broken.state, "missed")
        self.assertEqual(broken.date_missed, self._at(1, 12))
        self.assertEqual(other.sla_state, "on_track")
        other.priority = "1"
        self.assertTrue(broken.is_current)
        self.assertEqual(other.sla_state, "missed")

    def test_calendar_that_changes_moves_running_clocks_only(self):
        late, answered, running = (self._new_case(f"Case {n}") for n in range(3))
        self._pass_hours(1)
        self._answer(answered)
        self._set_clock(self._at(0, 13))
        self._answer(late)
        before = [
            (status.date_met, status.date_missed, status.deadline)
            for case in (late, answered)
            for status in self._status(case)
        ]
        # the afternoon and the whole morning were off
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Storm",
                "calendar_id": self.office.id,
                "date_from": MONDAY,
                "date_to": self._at(1, 8),
            }
        )
        self.assertEqual(running.sla_first_response_deadline, self._at(1, 12))
        self.assertEqual(running.sla_state, "on_track")
        self.assertEqual(
            before,
            [
                (status.date_met, status.date_missed, status.deadline)
                for case in (late, answered)
                for status in self._status(case)
            ],
        )

    def test_every_way_to_another_working_time(self):
        case = self._new_case()
        night = self._new_calendar("Night", ((0, 6),), range(7))
        company_calendar = self.env.company.resource_calendar_id
        gestures = [
            (lambda: self.office.attendance_ids[0].write({"hour_from": 9}), (0, 14)),
            (lambda: self.office.write({"tz": "Etc/GMT+1"}), (0, 15)),
            (
                lambda: self.standard.write({"resource_calendar_id": night.id}),
                (1, 4),
            ),
            (lambda: self.standard.write({"resource_calendar_id": False}), (0, 15)),
            (
                lambda: self.support1.write({"resource_calendar_id": night.id}),
                (1, 4),
            ),
            (night.attendance_ids[0].unlink, (1, 4)),
            (
                lambda: night.attendance_ids.filtered(
                    lambda line: line.dayofweek == "1"
                ).unlink(),
                (2, 4),
            ),
        ]
        for index, (gesture, expected) in enumerate(gestures):
            with self.subTest(index=index):
                gesture()
                self.assertEqual(case.sla_first_response_deadline, self._at(*expected))
        self.support1.resource_calendar_id = False
        expected = company_calendar._add_working(MONDAY, 4)
        self.assertEqual(case.sla_first_response_deadline, expected)

    def test_calendar_that_lost_its_hours_stops_no_case(self):
        self.office.attendance_ids.unlink()
        case = self._new_case()
        self.assertEqual(case.sla_policy_id, self.standard)
        self.assertFalse(case.sla_first_response_deadline)
        # no clock runs on time that nobody has
        self.assertEqual(case.sla_left, "Paused, 4 h left")
        case.action_close()
        self.assertEqual(case.state, "done")

    def test_clock_of_the_computer_that_jumps_back(self):
        case = self._new_case(state="open")
        self._set_clock(self._at(-3, 8))
        case.action_pending()
        case.action_open()
        self.assertEqual(case.state, "open")
        self.assertIn(case.sla_state, ("on_track", "at_risk"))

    def test_transfer_to_another_section(self):
        self._new_policy("Quality", section_id=self.quality.id, hours_first_response=0)
        self.quality.resource_calendar_id = self.office
        case = self._new_case()
        self._pass_hours(1)
        case.section_id = self.quality
        self.assertEqual(case.sla_policy_id.name, "Quality")
        self.assertFalse(case.sla_first_response_deadline)
        # the clock began when the case did, not when it came here
        self.assertEqual(case.sla_resolution_deadline, self._at(1, 17))
        self.assertFalse(self._status(case))
        case.section_id = self.support2
        self.assertEqual(case.sla_state, "none")

    def test_stage_that_changes_its_state_stops_the_clocks(self):
        stage = self.env["crm.case.stage"].create(
            {"name": "Waiting", "state": "open", "sequence": 99}
        )
        case = self._new_case(stage_id=stage.id)
        self._pass_hours(1)
        stage.state = "pending"
        self.assertEqual(case.sla_left, "Paused, 3 h left")

    def test_clock_follows_the_night_of_the_clocks(self):
        # from the 28th to the 29th of March an hour is missing in Brussels
        night = self._new_calendar("Night", ((0, 6),), range(7), tz="Europe/Brussels")
        self.standard.resource_calendar_id = night
        self._set_clock(fields.Datetime.to_datetime("2026-03-28 22:00:00"))
        case = self._new_case()
        self.assertEqual(
            case.sla_first_response_deadline,
            fields.Datetime.to_datetime("2026-03-29 03:00:00"),
        )
