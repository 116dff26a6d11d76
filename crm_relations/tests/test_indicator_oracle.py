import itertools
from datetime import datetime, timedelta
from random import Random

from odoo.addons.mail.tests.common import freeze_all_time
from odoo.tests import tagged

from ..tools.local_day import get_local_day
from ..tools.local_period import get_first_day, move
from .indicator_common import TODAY, ZONE, IndicatorCommon

_CLOSED = ("done", "cancel")
_PERIODS = ("day", "week", "month")
_OF_CORE = {
    *("created", "closed", "reopened", "escalated", "backlog", "sla_met_share"),
    *("sla_missed_share", "reopened_share", "hours_first_response", "hours_close"),
    *("hours_working_first_response", "hours_working_close", "messages", "rating"),
    *("cost", "quality_cases", "defective_quantity"),
}


def _is_reopening(stay):
    return stay.state_from in _CLOSED and stay.state not in _CLOSED


class Reading:
    """What happened to cases in a period, found by looking at each of them.

    :param is_in: tells whether a moment is in the period
    """

    def __init__(self, cases, is_in):
        self.cases = cases
        self.created = cases.filtered(lambda one: is_in(one.create_date))
        self.closed = cases.filtered(lambda one: is_in(one.date_closed))
        self.answered = cases.filtered(lambda one: is_in(one.date_first_response))
        self.promised = self.closed.filtered(
            lambda one: one.sla_state in ("met", "missed")
        )
        self.reopened = cases.filtered(
            lambda one: any(_is_reopening(s) and is_in(s.date) for s in one.move_ids)
        )
        self.escalated = cases.filtered(
            lambda one: any(s.is_escalation and is_in(s.date) for s in one.move_ids)
        )

    def get_open_at(self, day):
        """Give the cases that were in the backlog when a day began."""

        def is_open(one):
            stays = [s for s in one.move_ids if get_local_day(s.date, ZONE) < day]
            return stays and max(stays, key=lambda s: s.id).state not in _CLOSED

        return self.cases.filtered(is_open)

    def get_count(self, cases):
        return cases, len(cases)

    def get_share(self, cases, holds):
        return cases, len(cases.filtered(holds)) / len(cases) if cases else None

    def get_mean(self, cases, field):
        known = cases.filtered(lambda one: one[field] is not False)
        return known, sum(known.mapped(field)) / len(known) if known else None

    def read_created(self):
        return self.get_count(self.created)

    def read_closed(self):
        return self.get_count(self.closed)

    def read_reopened(self):
        return self.get_count(self.reopened)

    def read_escalated(self):
        return self.get_count(self.escalated)

    def read_quality_cases(self):
        return self.get_count(
            self.created.filtered(lambda one: one.section_id.is_quality)
        )

    def read_sla_met_share(self):
        return self.get_share(self.promised, lambda one: one.sla_state == "met")

    def read_sla_missed_share(self):
        return self.get_share(self.promised, lambda one: one.sla_state == "missed")

    def read_reopened_share(self):
        return self.get_share(
            self.closed, lambda one: any(map(_is_reopening, one.move_ids))
        )

    def read_hours_first_response(self):
        return self.get_mean(self.answered, "hours_first_response")

    def read_hours_working_first_response(self):
        return self.get_mean(self.answered, "hours_working_first_response")

    def read_hours_close(self):
        return self.get_mean(self.closed, "hours_close")

    def read_hours_working_close(self):
        return self.get_mean(self.closed, "hours_working_close")

    def read_messages(self):
        return self.get_mean(self.closed, "message_count")

    def read_rating(self):
        return self.get_mean(self.closed, "rating_value")

    def read_cost(self):
        costs = [one.actual_cost or one.planned_cost for one in self.closed]
        return self.closed, sum(costs)

    def read_defective_quantity(self):
        return self.created, sum(self.created.mapped("defective_quantity"))


@tagged("crm_relations_indicator")
class TestIndicatorOracle(IndicatorCommon):
    """Every measure and period, against a slow reading of generated cases.

    The cases live from September to November, over a change of the clock, at hours
    where UTC, New York and Brussels are not on the same day.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.sla.policy"].create(
            {"name": "Promise", "hours_first_response": 30, "hours_resolution": 60}
        )
        cls.support2.is_quality = True
        cls.cases = cls.env["crm.case"]
        random, now = Random(7), datetime(2026, 8, 30, 21, 30)
        while now < datetime(2026, 11, 3, 9):
            with freeze_all_time(now):
                cls._happen(random)
                cls.env.flush_all()
            now += timedelta(minutes=random.randrange(30, 1300))

    @classmethod
    def _happen(cls, random):
        """Let something happen: a new case, an answer, or a move of an old one."""
        if len(cls.cases) < 5 or random.random() < 0.4:
            section = random.choice([cls.support1, cls.support2, cls.quality])
            cls.cases |= cls._new_case(
                section=section,
                partner_id=random.choice([cls.jane, cls.walter]).id,
                planned_cost=random.randrange(100),
                actual_cost=random.randrange(50) * random.randrange(2),
                defective_quantity=random.randrange(3),
            )
            return
        case = random.choice(cls.cases[-6:])
        if case.state in _CLOSED:
            if random.random() < 0.8:
                case._reopen()
        elif random.random() < 0.3:
            case.with_user(cls.boss).message_post(
                body="Answer", message_type="comment", subtype_xmlid="mail.mt_comment"
            )
        elif random.random() < 0.15 and case.section_id.parent_id:
            case.action_escalate()
        else:
            case.state = random.choice(["open", "pending", "done", "done", "cancel"])
        if case.state in _CLOSED and random.random() < 0.4:
            case.rating_value = random.randrange(1, 6)

    # ------------------------------------------------------------
    # ORACLE
    # ------------------------------------------------------------

    def _is_in(self, moment, first, period):
        if not moment:
            return False
        day = get_local_day(moment, ZONE)
        return first <= day < move(period, first, 1)

    def _read(self, measure, cases, first, period):
        """Give (cases behind the point, value) as somebody would by hand."""
        by_hand = Reading(cases, lambda moment: self._is_in(moment, first, period))
        if measure == "backlog":
            return by_hand.get_count(by_hand.get_open_at(move(period, first, 1)))
        return getattr(by_hand, f"read_{measure}")()

    def _check(self, indicator, cases):
        first_day = get_first_day(
            indicator.period, get_local_day(min(cases.mapped("create_date")), ZONE)
        )
        points = indicator.point_ids.sorted("date")
        self.assertEqual(points[0].date, first_day)
        self.assertEqual(points[-1].date, get_first_day(indicator.period, TODAY))
        for before, after in itertools.pairwise(points):
            self.assertEqual(move(indicator.period, before.date, 1), after.date)
        for point in points:
            found, value = self._read(
                indicator.measure, cases, point.date, indicator.period
            )
            self.assertEqual(point.n, len(found), point.date)
            if value is None:
                self.assertIs(point.value, False)
            else:
                self.assertIsNot(point.value, False)
                self.assertAlmostEqual(point.value, value, places=6, msg=point.date)
            action = point.action_view_cases()
            behind = self.env["crm.case"].search(action["domain"])
            self.assertEqual(behind, found.sorted(), point.date)

    # ------------------------------------------------------------
    # TESTS
    # ------------------------------------------------------------

    def test_every_measure_by_week(self):
        cases = self.cases.filtered(lambda one: one.section_id != self.quality)
        seen = set()
        for measure in self.env["crm.quality.indicator"]._get_measures():
            with self.subTest(measure=measure):
                indicator = self._new_indicator(
                    measure=measure, section_id=self.support2.id
                )
                if measure in _OF_CORE:
                    self._check(indicator, cases)
                    seen |= {measure} if any(self._values(indicator)) else set()
        self.assertEqual(seen, _OF_CORE, "what never happens shows nothing")

    def test_every_period_and_scope(self):
        scopes = {
            "all": ({"section_id": False}, lambda one: True),
            "section": (
                {"section_id": self.quality.id},
                lambda one: one.section_id == self.quality,
            ),
            "partner": (
                {"section_id": False, "partner_id": self.acme.id},
                lambda one: one.partner_id == self.jane,
            ),
            "filter": (
                {"section_id": False, "filter_domain": "[('planned_cost', '>', 50)]"},
                lambda one: one.planned_cost > 50,
            ),
        }
        for (name, (scope, holds)), period in itertools.product(
            scopes.items(), _PERIODS
        ):
            for measure in ("closed", "backlog"):
                with self.subTest(scope=name, period=period, measure=measure):
                    indicator = self._new_indicator(
                        measure=measure, period=period, point_count=100, **scope
                    )
                    self._check(indicator, self.cases.filtered(holds))

    def test_who_looks_changes_no_figure(self):
        before = self._values(self._new_indicator(measure="closed", period="day"))
        self.env.user.tz = "Pacific/Auckland"
        self.env["res.lang"]._activate_lang("fr_FR")
        Indicator = self.env["crm.quality.indicator"].with_context(
            lang="fr_FR", tz="America/Los_Angeles"
        )
        other = Indicator.create(
            {
                "name": "Autre",
                "measure": "closed",
                "period": "day",
                "section_id": self.support1.id,
            }
        )
        self.assertEqual(self._values(other), before)
        self.assertTrue(any(before))

    def test_figures_are_of_one_company(self):
        self._new_case(section=self.foreign)
        indicator = self._new_indicator(section_id=False)
        with self.subTest("this company"):
            self._check(indicator, self.cases)
        self.assertEqual(
            sum(indicator.point_ids.mapped("n")), len(self.cases), "not the foreign one"
        )

    def test_late_corrections_are_followed(self):
        indicator = self._new_indicator(measure="closed")
        late = self.cases.filtered(
            lambda one: one.date_closed and one.section_id == self.support1
        ).sorted("date_closed")[0]
        late.section_id = self.quality
        self._set_today(TODAY + timedelta(days=1))
        self._run_night()
        cases = self.cases.filtered(lambda one: one.section_id == self.support1)
        self.assertNotIn(late, cases)
        self._check_values(indicator, cases)

    def _check_values(self, indicator, cases):
        for point in indicator.point_ids:
            found, _value = self._read("closed", cases, point.date, "week")
            self.assertEqual(point.n, len(found), point.date)
