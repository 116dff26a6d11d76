from datetime import datetime, timedelta

from odoo import Command
from odoo.addons.crm_relations.exceptions import CaseMoveError, NoStageError
from odoo.addons.crm_relations.tools import transitions
from odoo.addons.mail.tests.common import freeze_all_time
from odoo.exceptions import UserError, ValidationError
from odoo.tests import users

from .common import CrmRelationsCommon

_BUTTONS = {
    transitions.OPEN: "action_open",
    transitions.PENDING: "action_pending",
    transitions.DONE: "action_close",
    transitions.CANCEL: "action_cancel",
    transitions.DRAFT: "action_draft",
}
# the contract, spelled out once more: the table under test cannot be its own oracle
_ALLOWED = {
    ("draft", "open"),
    ("draft", "pending"),
    ("draft", "done"),
    ("draft", "cancel"),
    ("open", "pending"),
    ("open", "done"),
    ("open", "cancel"),
    ("pending", "open"),
    ("pending", "done"),
    ("pending", "cancel"),
    ("done", "draft"),
    ("cancel", "draft"),
}
_MORNING = datetime(2026, 3, 2, 8, 0)


class TestCaseState(CrmRelationsCommon):
    """The table of allowed moves, whichever way a case is moved."""

    @classmethod
    def _stage(cls, state):
        return cls.env.ref(f"crm_relations.crm_case_stage_{state}")

    def _for_each_pair(self, check):
        """Try a fresh case in each state with each state to go to."""
        for source in _BUTTONS:
            for target in _BUTTONS:
                with self.subTest(source=source, target=target):
                    check(self._new_case(state=source), source, target)

    def _move_ok(self, case, target):
        self.assertEqual(case.state, target)
        self.assertEqual(case.stage_id.state, target)

    def _move_refused(self, case, move):
        """Refuse the move with a text that names the case and the way out."""
        state, stage = case.state, case.stage_id
        with self.assertRaises(CaseMoveError) as refusal:
            move()
        labels = dict(transitions.STATES)
        text = str(refusal.exception)
        self.assertIn(case.display_name, text)
        self.assertIn(labels[state], text)
        for source, allowed in _ALLOWED:
            if source == state:
                self.assertIn(labels[allowed], text)
        case.invalidate_recordset()
        self.assertEqual((case.state, case.stage_id), (state, stage))

    # ------------------------------------------------------------
    # MOVES
    # ------------------------------------------------------------

    def test_every_button_from_every_state(self):
        def check(case, source, target):
            button = getattr(case, _BUTTONS[target])
            if (source, target) in _ALLOWED:
                self.assertTrue(button())
                self._move_ok(case, target)
            else:
                self._move_refused(case, button)

        self._for_each_pair(check)

    def _check_write(self, case, source, target, vals):
        # staying is no move, so that saving a form is no error
        if (source, target) in _ALLOWED or source == target:
            case.write(vals)
            self._move_ok(case, target)
        else:
            self._move_refused(case, lambda: case.write(vals))

    def test_writing_the_state_obeys_the_same_table(self):
        self._for_each_pair(
            lambda case, source, target: self._check_write(
                case, source, target, {"state": target}
            )
        )

    def test_writing_the_stage_obeys_the_same_table(self):
        self._for_each_pair(
            lambda case, source, target: self._check_write(
                case, source, target, {"stage_id": self._stage(target).id}
            )
        )

    def test_one_case_that_may_not_move_keeps_all_where_they_are(self):
        draft, done = self._new_case(state="draft"), self._new_case(state="done")
        with self.assertRaises(CaseMoveError):
            (draft | done).action_pending()
        with self.assertRaises(CaseMoveError):
            (draft | done).write({"state": "pending"})
        self.assertEqual((draft.state, done.state), ("draft", "done"))

    def test_cases_in_different_states_move_together(self):
        cases = self._new_case(state="draft") | self._new_case(state="pending")
        cases.action_open()
        self.assertEqual(cases.mapped("state"), ["open", "open"])

    def test_bad_state_or_stage_is_refused(self):
        table = [
            ({"state": "finished"}, UserError),
            ({"state": False}, UserError),
            ({"stage_id": False}, UserError),
        ]
        for vals, error in table:
            with self.subTest(vals=vals):
                case = self._new_case(state="open")
                with self.assertRaises(error) as refusal:
                    case.write(vals)
                self.assertRegex(str(refusal.exception), "^(State|Stage): ")
                self.assertEqual(case.state, "open")

    # ------------------------------------------------------------
    # CREATION
    # ------------------------------------------------------------

    def test_new_case_is_a_draft_in_the_first_stage(self):
        case = self._new_case()
        self.assertEqual(case.state, "draft")
        self.assertEqual(case.stage_id, self._stage("draft"))

    def test_case_can_be_created_in_every_state(self):
        for state in _BUTTONS:
            with self.subTest(state=state):
                self._move_ok(self._new_case(state=state), state)

    def test_case_can_be_created_in_every_stage(self):
        for state in _BUTTONS:
            with self.subTest(state=state):
                stage = self._stage(state)
                self._move_ok(self._new_case(stage_id=stage.id), state)

    def test_column_of_a_board_is_the_default_of_a_new_card(self):
        model = self.env["crm.case"]
        for key, value in (
            ("default_stage_id", self._stage("pending").id),
            ("default_state", "pending"),
        ):
            with self.subTest(default=key):
                case = model.with_context(**{key: value}).create(
                    {"name": "From the board", "section_id": self.support1.id}
                )
                self._move_ok(case, "pending")

    def test_unknown_state_at_creation_is_refused(self):
        with self.assertRaises(NoStageError) as refusal:
            self._new_case(state="finished")
        self.assertIn("finished", str(refusal.exception))

    # ------------------------------------------------------------
    # BOARDS
    # ------------------------------------------------------------

    def _own_board(self, *states):
        """Give Quality a board of its own."""
        stages = self.env["crm.case.stage"].create(
            [
                {"name": f"Quality {state}", "state": state, "sequence": position}
                for position, state in enumerate(states)
            ]
        )
        self.quality.stage_ids = stages
        return stages

    def test_state_picks_the_first_stage_of_the_own_board(self):
        analysis, action, _closed = self._own_board("open", "open", "done")
        case = self._new_case(section=self.quality)
        case.action_open()
        self.assertEqual(case.stage_id, analysis)
        case.stage_id = action
        self.assertEqual(case.state, "open")

    def test_state_missing_on_the_own_board_falls_back_to_the_shared_one(self):
        self._own_board("draft", "open")
        case = self._new_case(section=self.quality, state="open")
        case.action_close()
        self.assertEqual(case.stage_id, self._stage("done"))

    def test_archived_stage_is_on_no_board(self):
        draft, _open = self._own_board("draft", "open")
        draft.active = False
        self.assertNotIn(draft, self.quality.board_stage_ids)
        self.assertEqual(
            self._new_case(section=self.quality).stage_id, self._stage("draft")
        )

    def test_section_without_own_board_uses_the_shared_one(self):
        own = self._own_board("draft", "open")
        self.assertEqual(self.quality.board_stage_ids, own)
        self.assertIn(self._stage("pending"), self.support1.board_stage_ids)
        self.assertFalse(self.support1.board_stage_ids & own)

    def test_stage_of_another_board_is_refused(self):
        own = self._own_board("draft", "open")
        case = self._new_case()
        with self.assertRaises(ValidationError) as refusal:
            case.stage_id = own[1]
        self.assertIn(own[1].name, str(refusal.exception))
        self.assertIn("Support 1", str(refusal.exception))

    def test_missing_stage_is_named_with_the_way_out(self):
        self._stage("pending").active = False
        case = self._new_case()
        with self.assertRaises(NoStageError) as refusal:
            case.action_pending()
        self.assertIn("Pending", str(refusal.exception))
        self.assertIn("Support 1", str(refusal.exception))
        self.assertEqual(case.state, "draft")

    def test_changing_section_keeps_the_state(self):
        own = self._own_board("draft", "open", "pending", "done", "cancel")
        for stage in own:
            with self.subTest(state=stage.state):
                case = self._new_case(state=stage.state)
                case.section_id = self.quality
                self.assertEqual((case.state, case.stage_id), (stage.state, stage))
                case.section_id = self.support1
                self.assertEqual(case.state, stage.state)
                self.assertFalse(case.stage_id.section_ids)

    def test_section_and_state_change_in_one_write(self):
        own = self._own_board("draft", "open", "pending")
        case = self._new_case()
        case.write({"section_id": self.quality.id, "state": "pending"})
        self.assertEqual(case.stage_id, own[2])

    def test_board_shows_its_empty_columns(self):
        own = self._own_board("draft", "open")
        self._new_case(section=self.quality)
        columns = self._columns(self.quality)
        self.assertEqual(columns, own.ids)
        self.assertIn(self._stage("pending").id, self._columns(self.support1))

    def _columns(self, section):
        groups = (
            self.env["crm.case"]
            .with_context(default_section_id=section.id, read_group_expand=True)
            .web_read_group([("section_id", "=", section.id)], ["stage_id"])
        )
        return [group["stage_id"][0] for group in groups["groups"]]

    def test_stage_moved_to_another_state_takes_its_cases_along(self):
        stage = self.env["crm.case.stage"].create({"name": "Test", "state": "open"})
        case = self._new_case(stage_id=stage.id)
        stage.state = "done"
        self.assertEqual(case.state, "done")
        self.assertTrue(case.date_closed)
        lasting = case.move_ids.filtered(lambda move: not move.date_end)
        self.assertEqual(lasting.state, "done")

    # ------------------------------------------------------------
    # RESPONSIBLE
    # ------------------------------------------------------------

    @users("agent")
    def test_opening_an_unassigned_case_assigns_the_user(self):
        case = self._new_case().with_user(self.env.user)
        case.action_open()
        self.assertEqual(case.user_id, self.agent)

    @users("expert")
    def test_opening_an_assigned_case_keeps_its_responsible(self):
        case = self._new_case(user_id=self.agent.id).with_user(self.env.user)
        case.action_open()
        self.assertEqual(case.user_id, self.agent)

    @users("agent")
    def test_other_buttons_assign_nobody(self):
        for button in ("action_pending", "action_close", "action_cancel"):
            with self.subTest(button=button):
                case = self._new_case().with_user(self.env.user)
                getattr(case, button)()
                self.assertFalse(case.user_id)

    # ------------------------------------------------------------
    # DATES
    # ------------------------------------------------------------

    def _at(self, hours):
        return freeze_all_time(_MORNING + timedelta(hours=hours))

    def test_dates_follow_the_life_of_a_case(self):
        with self._at(0):
            case = self._new_case()
            self.env.flush_all()
        self.assertEqual((case.date_open, case.date_closed), (False, False))
        with self._at(1):
            case.action_open()
            self.env.flush_all()
        self.assertEqual(case.date_open, _MORNING + timedelta(hours=1))
        with self._at(5):
            case.action_close()
            self.env.flush_all()
        self.assertEqual(case.date_closed, _MORNING + timedelta(hours=5))
        self.assertEqual(case.hours_close, 5.0)

    def test_first_opening_counts_and_reopening_clears_the_end(self):
        with self._at(0):
            case = self._new_case(state="open")
            self.env.flush_all()
        with self._at(2):
            case.action_cancel()
            self.env.flush_all()
        self.assertEqual(case.hours_close, 2.0)
        with self._at(3):
            case.action_draft()
            self.env.flush_all()
        self.assertEqual((case.date_closed, case.hours_close), (False, 0.0))
        with self._at(4):
            case.action_open()
            self.env.flush_all()
        self.assertEqual(case.date_open, _MORNING)
        with self._at(9):
            case.action_close()
            self.env.flush_all()
        self.assertEqual(case.hours_close, 9.0)

    def test_import_may_bring_its_own_dates(self):
        opened, closed = _MORNING, _MORNING + timedelta(hours=3)
        case = self._new_case(state="done", date_open=opened, date_closed=closed)
        self.assertEqual((case.date_open, case.date_closed), (opened, closed))
        # closed before it was imported: no negative time
        self.assertEqual(case.hours_close, 0.0)

    def test_section_board_set_from_the_stage_side(self):
        stage = self.env["crm.case.stage"].create(
            {
                "name": "Only Quality",
                "state": "draft",
                "section_ids": [Command.set(self.quality.ids)],
            }
        )
        self.assertEqual(self._new_case(section=self.quality).stage_id, stage)
