from datetime import datetime, timedelta

from odoo.addons.mail.tests.common import freeze_all_time
from odoo.exceptions import AccessError
from odoo.tools import mute_logger
from psycopg2.errors import UniqueViolation

from .common import CrmRelationsCommon

_START = datetime(2026, 3, 2, 8, 0)


class TestCaseMoves(CrmRelationsCommon):
    """Each stay of a case is kept, so that time per state can be measured."""

    def _at(self, hours):
        return freeze_all_time(_START + timedelta(hours=hours))

    def _stays(self, case):
        """Give the stays oldest first."""
        self.env.flush_all()
        return case.move_ids.sorted("id")

    def _stay_begins(self, case, vals):
        """Check that writing ``vals`` ends the lasting stay and begins one."""
        before = self._stays(case)
        case.write(vals)
        after = self._stays(case)
        self.assertEqual(len(after), len(before) + 1)
        self.assertTrue(before[-1].date_end)
        self.assertEqual(after[-1].date, before[-1].date_end)
        self.assertFalse(after[-1].date_end)
        return after[-1]

    def _stay_lasts(self, case, vals):
        before = self._stays(case)
        case.write(vals)
        self.assertEqual(self._stays(case), before)

    # ------------------------------------------------------------
    # STAYS
    # ------------------------------------------------------------

    def test_creation_begins_the_first_stay(self):
        with self._at(0):
            case = self._new_case(user_id=self.agent.id)
            move = self._stays(case)
        self.assertRecordValues(
            move,
            [
                {
                    "date": _START,
                    "date_end": False,
                    "hours": 0.0,
                    "state_from": False,
                    "state": "draft",
                    "stage_id": case.stage_id.id,
                    "section_from_id": False,
                    "section_id": self.support1.id,
                    "user_id": self.agent.id,
                    "author_id": self.env.uid,
                    "company_id": self.env.company.id,
                    "is_escalation": False,
                }
            ],
        )

    def test_each_change_begins_a_stay(self):
        waiting = self.env["crm.case.stage"].create(
            {"name": "Also new", "state": "draft"}
        )
        table = [
            ({"state": "open"}, {"state": "open", "state_from": "draft"}),
            ({"stage_id": waiting.id}, {"stage_id": waiting, "state": "draft"}),
            (
                {"section_id": self.quality.id},
                {"section_id": self.quality, "section_from_id": self.support1},
            ),
            ({"user_id": self.agent.id}, {"user_id": self.agent}),
        ]
        for vals, expected in table:
            with self.subTest(vals=vals):
                move = self._stay_begins(self._new_case(), vals)
                for name, value in expected.items():
                    self.assertEqual(move[name], value)

    def test_several_changes_in_one_write_are_one_stay(self):
        move = self._stay_begins(
            self._new_case(),
            {
                "state": "open",
                "section_id": self.quality.id,
                "user_id": self.quality_user.id,
            },
        )
        self.assertEqual(move.state, "open")
        self.assertEqual(move.section_id, self.quality)
        self.assertEqual(move.user_id, self.quality_user)

    def test_archiving_takes_a_case_out_of_the_backlog_and_back(self):
        case = self._new_case()
        self.assertEqual(
            (self._stays(case).was_open, self._stays(case).is_open), (False, True)
        )
        move = self._stay_begins(case, {"active": False})
        self.assertEqual((move.was_open, move.is_open), (True, False))
        move = self._stay_begins(case, {"active": True})
        self.assertEqual((move.was_open, move.is_open), (False, True))
        self._stay_lasts(case, {"active": True})

    def test_unchanged_values_begin_no_stay(self):
        case = self._new_case(user_id=self.agent.id)
        for vals in (
            {"state": "draft"},
            {"stage_id": case.stage_id.id},
            {"section_id": self.support1.id},
            {"user_id": self.agent.id},
            {"name": "Printer still on fire", "priority": "3"},
        ):
            with self.subTest(vals=vals):
                self._stay_lasts(case, vals)

    def test_stay_keeps_its_dates_and_hours(self):
        with self._at(0):
            case = self._new_case()
            self.env.flush_all()
        with self._at(1.5):
            case.action_pending()
            self.env.flush_all()
        with self._at(4):
            case.action_close()
            self.env.flush_all()
        moves = self._stays(case)
        self.assertEqual(moves.mapped("hours"), [1.5, 2.5, 0.0])
        self.assertEqual(moves.mapped("state_from"), [False, "draft", "pending"])

    def test_time_per_state_sums_to_the_age(self):
        gestures = [
            (3, "action_open"),
            (4, "action_pending"),
            (10, "action_open"),
            (11, "action_close"),
            (12, "action_draft"),
            (20, "action_cancel"),
        ]
        with self._at(0):
            case = self._new_case()
            self.env.flush_all()
        for hours, gesture in gestures:
            with self._at(hours):
                getattr(case, gesture)()
                self.env.flush_all()
        groups = self.env["crm.case.move"]._read_group(
            [("case_id", "=", case.id)], ["state"], ["hours:sum"]
        )
        self.assertEqual(sum(hours for _state, hours in groups), 20.0)
        self.assertEqual(
            dict(groups),
            {"draft": 11.0, "open": 2.0, "pending": 6.0, "done": 1.0, "cancel": 0.0},
        )

    def test_batch_keeps_one_lasting_stay_per_case(self):
        cases = self.env["crm.case"].create(
            [
                {"name": f"Case {index}", "section_id": self.support1.id}
                for index in range(5)
            ]
        )
        cases[:2].action_pending()
        cases.write({"state": "open"})
        for case, stays in zip(cases, (3, 3, 2, 2, 2), strict=True):
            moves = self._stays(case)
            self.assertEqual(len(moves), stays)
            self.assertEqual(len(moves.filtered(lambda m: not m.date_end)), 1)

    def test_two_lasting_stays_of_a_case_cannot_be_stored(self):
        case = self._new_case()
        self.env.flush_all()
        with (
            self.assertRaises(UniqueViolation),
            mute_logger("odoo.sql_db"),
            self.cr.savepoint(),
        ):
            self.env["crm.case.move"].create(
                {"case_id": case.id, "date": _START, "state": "draft"}
            )

    def test_escalation_is_marked(self):
        case = self._new_case(user_id=self.agent.id)
        case.action_escalate()
        self.assertEqual(
            self._stays(case).mapped("is_escalation"),
            [False, True],
        )

    # ------------------------------------------------------------
    # NOBODY REWRITES THE PAST
    # ------------------------------------------------------------

    def test_nobody_writes_moves(self):
        case = self._new_case(user_id=self.boss.id)
        move = self._stays(case)
        vals = {"case_id": case.id, "date": _START, "state": "draft"}
        for user in (
            self.user_employee,
            self.agent,
            self.senior,
            self.susan,
            self.boss,
            self.foreigner,
        ):
            own = move.with_user(user)
            for verb, attempt in (
                ("create", lambda own=own: own.create(vals)),
                ("write", lambda own=own: own.write({"date": _START})),
                ("unlink", lambda own=own: own.unlink()),
            ):
                with (
                    self.subTest(user=user.login, verb=verb),
                    self.assertRaises(AccessError),
                ):
                    attempt()

    def test_moves_cannot_be_forged_through_the_case(self):
        case = self._new_case(user_id=self.boss.id).with_user(self.boss)
        with self.assertRaises(AccessError):
            case.write({"move_ids": [(0, 0, {"date": _START, "state": "done"})]})

    def test_moves_go_with_a_deleted_case(self):
        case = self._new_case()
        moves = self._stays(case)
        case.unlink()
        self.assertFalse(moves.exists())
