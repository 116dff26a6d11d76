from datetime import timedelta
from random import Random

from odoo import fields
from odoo.addons.crm_relations.tools.working_time import Schedule

from .sla_common import MONDAY, SlaCommon
from .test_working_time import Oracle

_MINUTE = timedelta(minutes=1)
_HOURS = ((480, 720), (780, 1020))
_OFFICE = Schedule("UTC", ((_HOURS,) * 5 + ((), ()),))
_RUNNING = ("draft", "open")


class TestSlaOracle(SlaCommon):
    """Lives of cases drawn by lot, against a clock that looks at every minute."""

    def _live(self, random):
        """Let a case live for some days.

        :return: (crm.case, [(instant, state)], instant of the first answer or None)
        """
        case = self._new_case()
        life, answered = [(fields.Datetime.now(), "draft")], None
        for _index in range(random.randrange(8)):
            self._set_clock(fields.Datetime.now() + random.randrange(1, 900) * _MINUTE)
            if not answered and random.random() < 0.3:
                self._answer(case)
                answered = fields.Datetime.now()
                continue
            state = random.choice(["open", "pending", "done", "draft"])
            moves = {"draft": ("done",), "done": ("open", "pending", "draft")}
            if case.state == state or case.state not in moves.get(
                state, ("draft", "open", "pending")
            ):
                continue
            case.state = state
            life.append((fields.Datetime.now(), state))
        self._set_clock(fields.Datetime.now() + random.randrange(1, 600) * _MINUTE)
        return case, life, answered

    def _watch(self, life, answered, minutes):
        """Count a promise minute by minute, up to now.

        :return: (state, when it was missed)
        """
        oracle, now, used = Oracle(_OFFICE), fields.Datetime.now(), 0
        at, state, later = life[0][0], life[0][1], life[1:]
        missed = None
        while at < now:
            while later and later[0][0] <= at:
                state = later.pop(0)[1]
            if not (answered and answered <= at) and state in _RUNNING:
                used += oracle.is_working(at)
                if used == minutes and not missed:
                    missed = at + _MINUTE
            at += _MINUTE
        return missed, used

    def test_lives_drawn_by_lot(self):
        for seed in range(25):
            random = Random(seed)
            self._set_clock(MONDAY + random.randrange(4000) * _MINUTE)
            case, life, answered = self._live(random)
            self.env["crm.case.timer"].search(
                [("due_at", "<=", fields.Datetime.now())]
            )._fire_locked()
            for target, minutes, end in (
                ("first_response", 240, answered),
                ("resolution", 960, None),
            ):
                with self.subTest(seed=seed, target=target):
                    missed, used = self._watch(life, end, minutes)
                    status = self._status(case, target)
                    is_ended = bool(end) or life[-1][1] == "done"
                    if missed and not (is_ended and used == minutes):
                        self.assertEqual(status.state, "missed")
                        self.assertEqual(status.date_missed, missed)
                    elif is_ended:
                        self.assertIn(status.state, ("met", "missed"))
                        self.assertEqual(round(status.hours_used * 60), used)
                    elif life[-1][1] == "pending":
                        self.assertEqual(status.state, "paused")
                        self.assertEqual(round(status.hours_used * 60), used)
                    else:
                        left = minutes - used
                        expected = Oracle(_OFFICE).add(fields.Datetime.now(), left)
                        self.assertEqual(status.deadline, expected)
