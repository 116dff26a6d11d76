from datetime import datetime, timedelta

from freezegun import freeze_time
from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .call_common import CallCommon

_TOMORROW = timedelta(days=1)


@tagged("crm_relations_profiling")
class TestProfilingCall(CallCommon):
    """Who is next, and what comes of a call."""

    # ------------------------------------------------------------
    # NEXT
    # ------------------------------------------------------------

    def test_each_operator_gets_another_partner(self):
        mine, other = self._take(), self._take(self.colleague)
        self.assertEqual((mine.partner_id, other.partner_id), (self.jane, self.bob))
        self.assertEqual((mine.state, mine.user_id), ("working", self.agent))

    def test_partner_in_hand_stays_until_something_came_of_it(self):
        mine = self._take()
        self.assertEqual(self._take(), mine)
        mine.action_missed()
        self.assertEqual(self._take().partner_id, self.bob)

    def test_promised_first_then_retries_then_new_ones(self):
        again, missed, new = self.campaign.call_ids.sorted("id", reverse=True)
        self._take_this(missed).action_missed()
        self._take_this(again).action_again(fields.Datetime.now() + _TOMORROW)
        with self._later(days=1, minutes=1):
            order = []
            while mine := self._take():
                order.append(mine.sudo().browse(mine.id))
                mine.action_refuse()
        self.assertEqual(order, [again, missed, new])

    def _take_this(self, call, user=None):
        own = call.with_user(user or self.agent)
        own.action_take()
        return own

    def test_retry_waits_its_hours(self):
        for call in self.campaign.call_ids:
            self._take_this(call).action_missed()
        self.assertFalse(self._take())
        with self._later(hours=self.campaign.hours_wait, minutes=-1):
            self.assertFalse(self._take())
        with self._later(hours=self.campaign.hours_wait):
            self.assertEqual(self._take(self.colleague).partner_id, self.jane)

    def test_promise_is_kept_by_who_made_it_unless_late(self):
        (self.campaign.call_ids - self._call_of(self.jane)).unlink()
        self._take().action_again(fields.Datetime.now() + timedelta(hours=1))
        with self._later(minutes=59):
            self.assertFalse(self._take())
        with self._later(minutes=61):
            self.assertFalse(self._take(self.colleague))
            self.assertTrue(self._take())
            self._call_of(self.jane)._give_back()
        self._call_of(self.jane).user_id = self.agent
        with self._later(minutes=80):
            self.assertEqual(self._take(self.colleague).partner_id, self.jane)

    def test_vanished_operator_loses_the_partner(self):
        mine = self._take()
        with self._later(minutes=self.campaign.minutes_hold, seconds=-1):
            self.assertNotEqual(self._take(self.colleague), mine)
        self._call_of(self.bob)._give_back()
        with self._later(minutes=self.campaign.minutes_hold + 1):
            self.assertEqual(self._take(self.colleague).partner_id, self.jane)
            with self.assertRaisesRegex(UserError, "in the hands of Colleague"):
                mine.action_missed()

    def test_result_counts_although_late_if_nobody_else_has_the_partner(self):
        mine = self._take()
        with self._later(minutes=self.campaign.minutes_hold + 1):
            self.env["crm.profiling.call"]._release_lapsed()
            self.assertEqual(mine.sudo().state, "todo")
            mine.action_missed()
        self.assertEqual((mine.state, mine.attempt_count), ("missed", 1))

    def test_long_talk_is_no_absence(self):
        mine = self._take()
        with self._later(minutes=self.campaign.minutes_hold - 1):
            mine.action_ask()
        with self._later(minutes=self.campaign.minutes_hold + 5):
            self.assertNotEqual(self._take(self.colleague), mine)

    def test_nobody_is_called_for_two_campaigns_at_once(self):
        second = self._new_campaign("Autumn", self.jane | self.bob)
        self.assertEqual(self._take(campaign=self.campaign).partner_id, self.jane)
        other = self._take(self.colleague, second)
        self.assertEqual(other.partner_id, self.bob)

    def test_who_is_not_to_be_called_is_not(self):
        self.jane.active = False
        self.bob.do_not_call = True
        self.assertEqual(self._take().partner_id, self.walter)
        excluded = self._call_of(self.jane) | self._call_of(self.bob)
        self.assertEqual(set(excluded.mapped("state")), {"excluded"})
        # past the ORM, too
        self.env.cr.execute(
            "UPDATE crm_profiling_call SET state = 'todo' WHERE id IN %s",
            [excluded._ids],
        )
        excluded.invalidate_recordset()
        self.assertFalse(self._take(self.colleague))
        with self.assertRaisesRegex(UserError, "is not to be called"):
            excluded[0].with_user(self.colleague).action_take()

    def test_hours_are_those_of_the_partner(self):
        self.campaign.write({"hour_from": 9, "hour_to": 18, "on_weekends": False})
        self.jane.tz, self.bob.tz, self.walter.tz = "Asia/Tokyo", "UTC", "US/Pacific"
        monday = datetime(2026, 11, 23, 10, 0)
        for moment, called in (
            (monday, self.bob),
            (monday.replace(hour=1), self.jane),
            (monday.replace(hour=20), self.walter),
            (monday - _TOMORROW, None),
        ):
            with self.subTest(moment=moment), freeze_time(moment):
                found = self._take().sudo()
                self.assertEqual(found.partner_id, called or found.partner_id.browse())
                found._give_back()

    def test_promise_is_kept_outside_the_hours(self):
        self.campaign.on_weekends = False
        sunday = datetime(2026, 11, 22, 10, 0)
        with freeze_time(sunday - _TOMORROW):
            self._take_this(self._call_of(self.bob)).action_again(sunday)
        with freeze_time(sunday):
            self.assertEqual(self._take().partner_id, self.bob)

    def test_only_running_campaigns_on_their_days(self):
        today = fields.Date.today()
        for values, found in (
            ({"state": "paused"}, False),
            ({"state": "done"}, False),
            ({"date_start": today + _TOMORROW}, False),
            ({"date_end": today - _TOMORROW}, False),
            ({"date_start": today - _TOMORROW, "date_end": today + _TOMORROW}, True),
        ):
            with self.subTest(**values):
                self.campaign.write({"state": "running", "date_end": False, **values})
                mine = self._take().sudo()
                self.assertEqual(bool(mine), found)
                mine._give_back()
                self.campaign.date_start = False

    # ------------------------------------------------------------
    # RESULTS
    # ------------------------------------------------------------

    def _ask(self, mine, note="", **values):
        """Open the questions as the dialog does."""
        params = mine.action_ask(note)["params"]
        self.assertEqual(params["questionnaires"][0]["id"], self.fair.id)
        return (
            self.env["crm.profiling.fill"]
            .with_user(self.agent)
            .create(
                {
                    "partner_id": params["partner_id"],
                    "questionnaire_id": params["questionnaires"][0]["id"],
                    "call_id": params["call_id"],
                    "call_note": params["call_note"],
                    **values,
                }
            )
        )

    def _answer_all(self, fill):
        """Tell that one is a journalist: nothing more is asked."""
        journalist = self.answers["journalist yes"]
        fill.action_answer(journalist.question_id.id, journalist.ids)
        fill.action_save()
        self.assertEqual(fill.partner_id.answer_ids, journalist)

    def test_answered_to_the_end_is_done_part_of_it_is_not(self):
        mine = self._take()
        fill = self._ask(mine, "Very kind")
        fill.action_save()
        self.assertEqual(mine.state, "working")
        self._answer_all(fill)
        self.assertEqual((mine.state, mine.result), ("done", "done"))
        self.assertEqual(mine.attempt_ids.note, "Very kind")

    def test_answers_are_saved_although_somebody_else_has_the_partner(self):
        mine = self._take()
        fill = self._ask(mine)
        with self._later(minutes=self.campaign.minutes_hold + 1):
            theirs = self._take(self.colleague)
            self.assertEqual(theirs, mine)
            self._answer_all(fill)
            with self.assertRaisesRegex(UserError, "nothing is left"):
                theirs.action_missed()
        self.assertEqual((mine.state, mine.user_id), ("done", self.agent))

    def test_answers_of_another_partner_end_no_call(self):
        mine = self._take()
        self._answer_all(self._ask(mine, partner_id=self.walter.id))
        self.assertEqual(mine.state, "working")
        self.campaign.operator_line_ids[0].unlink()
        self.campaign.user_id = self.agent
        fill = self._ask(self._take(self.colleague))
        self._answer_all(fill)
        self.assertEqual(mine.sudo().state, "working")

    def test_given_up_after_so_many_tries(self):
        self.campaign.max_attempts = 2
        (self.campaign.call_ids - self._call_of(self.jane)).unlink()
        self._take().action_missed()
        with self._later(hours=5):
            mine = self._take(self.colleague)
            mine.action_missed("Answering machine")
        self.assertEqual((mine.state, mine.missed_count), ("given_up", 2))
        self.assertFalse(mine.date_next)
        self.assertEqual(mine.attempt_ids.user_id, self.agent | self.colleague)

    def test_moment_that_is_past_is_refused(self):
        mine = self._take()
        for date in (False, fields.Datetime.now() - _TOMORROW):
            with self.assertRaisesRegex(UserError, "Call again at: "):
                mine.action_again(date)
        self.assertEqual((mine.state, mine.attempt_count), ("working", 0))

    def test_refused_for_ever_is_taken_off_other_lists(self):
        second = self._new_campaign("Autumn", self.jane, self.senior)
        mine = self._take()
        mine.action_refuse("No time", do_not_call=True)
        self.assertEqual((mine.state, mine.note), ("refused", "No time"))
        self.assertEqual(self._call_of(self.jane, second).state, "excluded")
        self.assertTrue(self.jane.do_not_call)
        third = self._new_campaign("Winter")
        third.filter_domain = f"[('id', 'in', {self.people.ids})]"
        third.only_with_phone = False
        third.action_add_partners()
        self.assertEqual(third.call_ids.partner_id, self.bob | self.walter)

    def test_refused_once_is_called_for_the_next_campaign(self):
        second = self._new_campaign("Autumn", self.jane)
        self._take(campaign=self.campaign).action_refuse()
        self.assertEqual(self._take(campaign=second).partner_id, self.jane)

    def test_handed_back_is_for_somebody_else(self):
        mine = self._take()
        mine.action_hand_back("Speaks French")
        self.assertEqual((mine.state, mine.attempt_count), ("todo", 0))
        self.assertFalse(mine.user_id)
        self.assertEqual(self._take().partner_id, self.bob)
        with self._later(minutes=16):
            theirs = self._take(self.colleague)
            self.assertEqual(theirs, mine)
            self.assertEqual(theirs.note, "Speaks French")

    def test_each_call_is_in_the_history_of_the_partner(self):
        mine = self._take()
        mine.action_missed("Answering <machine>")
        event = self.jane.event_ids
        self.assertEqual(event.name, "Spring: Not reached")
        self.assertIn("&lt;machine&gt;", event.description)
        self.assertEqual((event.direction, event.user_id), ("out", self.agent))
        channel = self.env.ref("crm_relations.crm_case_channel_phone")
        self.assertEqual(event.channel_id, channel)
        kind = self.env.ref("crm_relations.crm_partner_event_kind_profiling_call")
        kind.active = False
        self._take().action_refuse()
        self.assertFalse(self.bob.event_ids)

    def test_progress_counts_each_operators_own_calls(self):
        self._take().action_missed()
        with self._later(hours=5):
            self._take(self.colleague).action_refuse()
        self._take(self.colleague).action_again(fields.Datetime.now() + _TOMORROW)
        self.env.invalidate_all()
        figures = {
            row.user_id: (row.attempt_count, row.missed_count, row.refused_count)
            for row in self.campaign.operator_line_ids
        }
        self.assertEqual(figures, {self.agent: (1, 1, 0), self.colleague: (2, 0, 1)})
        colleague = self.campaign.operator_line_ids[1]
        self.assertEqual(colleague.open_count, 1)
        parts = {part["key"]: part["count"] for part in self.campaign.progress}
        self.assertEqual(parts, {"refused": 1, "again": 1, "todo": 1})
        self.assertEqual((self.campaign.call_count, self.campaign.open_count), (3, 2))

    def test_figures_open_what_they_count(self):
        self._take().action_missed()
        for state, count in (("missed", 1), ("open", 3), ("done", 0), (None, 3)):
            with self.subTest(state=state):
                action = self.campaign.with_context(
                    call_state=state
                ).action_view_calls()
                found = self.env[action["res_model"]].search(action["domain"])
                self.assertEqual(len(found), count)
        operator = self.campaign.operator_line_ids[0]
        action = operator.with_context(call_state="missed").action_view_calls()
        found = self.env[action["res_model"]].search(action["domain"])
        self.assertEqual(found.partner_id, self.jane)
        action = operator.action_view_open()
        self.assertFalse(self.env[action["res_model"]].search(action["domain"]))

    def test_through_with_may_be_called_once_more(self):
        mine = self._take()
        mine.action_refuse()
        with self.assertRaises(AccessError):
            mine.action_reopen()
        mine.with_user(self.boss).action_reopen()
        self.assertEqual((mine.state, mine.missed_count), ("todo", 0))
        self.assertEqual(len(mine.attempt_ids), 1)
