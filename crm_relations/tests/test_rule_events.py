from odoo.addons.crm_relations.models.crm_case_rule_trigger_mixin import (
    MAX_AGAIN,
    MAX_CHAIN,
)
from odoo.tests import tagged

from .rule_common import RuleCommon

HIGH = "2"


@tagged("crm_relations_rules")
class TestRuleEvents(RuleCommon):
    """Which events fire a rule, how often, and in what order."""

    # ------------------------------------------------------------
    # TRIGGERS
    # ------------------------------------------------------------

    def _happen(self, case):
        """Let a case go through all events; give what each is called."""
        message = case.message_post(body="Hello", message_type="comment")
        case.action_open()
        case.action_escalate()
        case.action_close()
        moves = case.move_ids.sorted("id")
        states = {move.state: move for move in moves if move.state_from != move.state}
        return {
            "create": "create",
            "enter": f"move:{states['draft'].id}",
            "message": f"message:{message.id}",
            "open": f"move:{states['open'].id}",
            "escalate": f"escalate:{moves.filtered('is_escalation').id}",
            "close": f"move:{states['done'].id}",
        }

    def test_each_trigger_hears_its_events_and_no_other(self):
        table = {
            "nothing said": ({}, "create message open escalate close"),
            "creation": ({"on_create": True}, "create"),
            "creation as draft": ({"on_create": True, "state_to": "draft"}, "create"),
            "creation as open": ({"on_create": True, "state_to": "open"}, ""),
            "message": ({"on_message": True}, "message"),
            "message to draft": ({"on_message": True, "state_to": "draft"}, "message"),
            "message to open": ({"on_message": True, "state_to": "open"}, ""),
            "to draft": ({"state_to": "draft"}, "enter"),
            "to open": ({"state_to": "open"}, "open"),
            "to closed": ({"state_to": "done"}, "close"),
            "from draft": ({"state_from": "draft"}, "open"),
            "from open": ({"state_from": "open"}, "close"),
            "draft to open": ({"state_from": "draft", "state_to": "open"}, "open"),
            "draft to closed": ({"state_from": "draft", "state_to": "done"}, ""),
            "escalated": ({"state_to": "escalate"}, "escalate"),
            "open, escalated": (
                {"state_from": "open", "state_to": "escalate"},
                "escalate",
            ),
            "draft, escalated": ({"state_from": "draft", "state_to": "escalate"}, ""),
        }
        rules = {
            name: self._new_rule(name, **values) for name, (values, _) in table.items()
        }
        case = self._new_case()
        names = self._happen(case)
        for name, (_values, expected) in table.items():
            with self.subTest(name):
                self.assertEqual(
                    self._runs(rules[name]).mapped("occasion"),
                    [names[one] for one in expected.split()],
                )

    def test_case_created_in_a_state_enters_it(self):
        rule = self._new_rule(state_to="open")
        case = self._new_case(state="open")
        self.assertEqual(len(self._runs(rule, case)), 1)

    def test_rule_that_does_not_match_leaves_no_trace(self):
        rule = self._new_rule(on_create=True, priority_min="3")
        self._new_case()
        self.assertFalse(self._runs(rule))

    def test_many_cases_at_once(self):
        rule = self._new_rule(on_create=True, section_id=self.support2.id)
        cases = self.env["crm.case"].create(
            [
                {"name": str(index), "section_id": section.id}
                for index in range(5)
                for section in (self.support1, self.quality)
            ]
        )
        fired = cases.filtered(lambda case: case.section_id == self.support1)
        self.assertEqual(self._runs(rule).case_id, fired)

    # ------------------------------------------------------------
    # SEQUENCE
    # ------------------------------------------------------------

    def test_rules_run_in_sequence(self):
        late = self._new_rule("late", sequence=20, on_create=True, set_priority="3")
        early = self._new_rule("early", sequence=10, on_create=True, set_priority="0")
        case = self._new_case()
        self.assertEqual(case.priority, "3")
        runs = self._runs(early) | self._runs(late)
        self.assertEqual(runs.sorted("id").rule_id.mapped("name"), ["early", "late"])

    def test_stop_ends_the_sequence_for_that_case_and_occasion(self):
        self._new_rule(
            "stop",
            sequence=1,
            on_create=True,
            priority_min="3",
            stop_processing=True,
        )
        after = self._new_rule(
            "after", sequence=2, on_create=True, set_user_id=self.susan.id
        )
        stopped = self._new_case(priority="3")
        other = self._new_case()
        self.assertFalse(stopped.user_id)
        self.assertEqual(other.user_id, self.susan)
        run = self._runs(after, stopped)
        self.assertEqual(run.result, "skipped")
        self.assertIn("stop", run.detail)

    # ------------------------------------------------------------
    # CHAINS
    # ------------------------------------------------------------

    def test_rules_set_each_other_off_once(self):
        opens = self._new_rule("Opens", state_to="pending", set_state="open")
        waits = self._new_rule("Waits", state_to="open", set_state="pending")
        case = self._new_case()
        case.action_open()
        # open, Waits: pending, Opens: open, Waits has been there already
        self.assertEqual(case.state, "open")
        self.assertEqual(self._runs(waits).mapped("result"), ["done", "skipped"])
        self.assertEqual(self._runs(opens).mapped("result"), ["done"])
        first, last = self._runs(waits)
        self.assertEqual(last.detail, "Rules set each other off: Waits → Opens → Waits")
        self.assertEqual(self._runs(opens).parent_id, first)
        self.assertEqual(last.parent_id, self._runs(opens))

    def test_long_chains_end_and_so_do_all_their_branches(self):
        for index in range(8):
            self._new_rule(f"Opens {index}", state_to="pending", set_state="open")
            self._new_rule(f"Waits {index}", state_to="open", set_state="pending")
        case = self._new_case()
        case.action_open()
        runs = case.rule_run_ids
        done = runs.filtered(lambda run: run.result == "done")
        self.assertLessEqual(len(done), 16 * MAX_AGAIN)
        depths = [len(self._ancestors(run)) for run in done]
        self.assertEqual(max(depths) + 1, MAX_CHAIN)
        details = runs.filtered(lambda run: run.result == "skipped").mapped("detail")
        self.assertTrue([text for text in details if text.startswith("Too many")])

    def _ancestors(self, run):
        found = run.browse()
        while run := run.parent_id:
            found |= run
        return found

    # ------------------------------------------------------------
    # FAILURES
    # ------------------------------------------------------------

    def _failing_action(self, code="raise UserError('No luck with ' + record.name)"):
        return self.env["ir.actions.server"].create(
            {
                "name": "fails",
                "model_id": self.env["ir.model"]._get_id("crm.case"),
                "state": "code",
                "code": code,
            }
        )

    def test_failure_does_not_disturb_who_set_it_off(self):
        rule = self._new_rule(
            on_create=True,
            set_priority=HIGH,
            server_action_id=self._failing_action().id,
        )
        case = self._new_case()
        self.assertEqual(case.priority, "1", "what failed is undone as a whole")
        run = self._runs(rule, case)
        self.assertEqual(run.result, "failed")
        self.assertIn("No luck with Printer", run.detail)
        timer = self._timers(rule, case)
        self.assertEqual((timer.attempts, timer.occasion), (1, "create"))
        self.assertIn("No luck", timer.error)
        self.assertGreater(timer.due_at, self._now())

    def test_failure_is_tried_again_until_it_succeeds(self):
        action = self._failing_action()
        rule = self._new_rule(
            on_create=True, set_priority=HIGH, server_action_id=action.id
        )
        case = self._new_case()
        waits = []
        for attempt in (2, 3):
            timer = self._timers(rule, case)
            timer.action_retry()
            self._tick()
            timer = self._timers(rule, case)
            self.assertEqual(timer.attempts, attempt)
            waits.append(timer.due_at - self._now())
        self.assertGreater(waits[1], waits[0], "the delay must grow")
        action.code = "pass"
        self._timers(rule, case).action_retry()
        self._tick()
        self.assertEqual(case.priority, HIGH)
        self.assertFalse(self._timers(rule, case))
        self.assertEqual(
            self._runs(rule, case).mapped(lambda run: (run.occasion, run.result)),
            [
                ("create!1", "failed"),
                ("create!2", "failed"),
                ("create!3", "failed"),
                ("create", "done"),
            ],
        )

    def test_one_failing_case_does_not_hold_up_the_others(self):
        action = self._failing_action(
            "for one in records:\n"
            "    if one.name == 'bad': raise UserError('bad one')\n"
            "    one.write({'priority': '3'})"
        )
        rule = self._new_rule(on_create=True, server_action_id=action.id)
        cases = self.env["crm.case"].create(
            [
                {"name": "bad" if index == 7 else "good", "section_id": self.quality.id}
                for index in range(20)
            ]
        )
        bad = cases[7]
        self.assertEqual((cases - bad).mapped("priority"), ["3"] * 19)
        self.assertEqual(bad.priority, "1")
        self.assertEqual(self._runs(rule, result="failed").case_id, bad)
        self.assertEqual(self._runs(rule, result="done").case_id, cases - bad)

    def test_what_cannot_be_done_is_refused_with_the_reason(self):
        table = {
            "state": ({"set_state": "pending"}, "cannot become"),
            "escalation": ({"escalate": True}, "cannot be escalated"),
        }
        for name, (values, words) in table.items():
            with self.subTest(name):
                rule = self._new_rule(name, state_to="done", **values)
                case = self._new_case(section=self.quality)
                case.action_close()
                run = self._runs(rule, case)
                self.assertEqual(run.result, "skipped")
                self.assertIn(words, run.detail)
                rule.active = False

    def test_conditions_that_can_no_longer_be_read_hold_nobody_up(self):
        good = self._new_rule("good", date_type="create", delay=-1, set_priority=HIGH)
        timed = self._new_rule("timed", date_type="create", delay=-1)
        event = self._new_rule("event", on_create=True)
        due = self._new_case()
        self.assertTrue(self._timers(timed, due))
        broken = timed | event
        self.env.cr.execute(
            "UPDATE crm_case_rule SET filter_domain = %s WHERE id = ANY(%s)",
            ("[('field_that_is_gone', '=', 1)]", broken.ids),
        )
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        case = self._new_case()
        self.assertEqual(self._runs(event, case).result, "failed")
        self.assertIn("field_that_is_gone", self._timers(event, case).error)
        self._tick()
        self.assertEqual((due | case).mapped("priority"), [HIGH, HIGH])
        self.assertEqual(len(self._runs(good)), 3)
        timer = self._timers(timed, due)
        self.assertIn("field_that_is_gone", timer.error)
        self.assertGreater(timer.due_at, self._now())
