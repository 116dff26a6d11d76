from datetime import date, datetime, timedelta
from random import Random

from freezegun import freeze_time
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .common import CrmRelationsCommon

TODAY = date(2026, 3, 18)  # a Wednesday


@freeze_time("2026-03-18 12:00:00")
class TestTarget(CrmRelationsCommon):
    """Targets of people and sections, and how far they are."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Target = cls.env["crm.case.target"]

    def _new_target(self, measure="closed", value=10, **values):
        return self.Target.create(
            {
                "measure": measure,
                "value": value,
                "user_id": False,
                "section_id": self.support2.id,
                "period": "month",
                "date_from": TODAY,
                **values,
            }
        )

    def _close(self, moment, hours=4, **values):
        """Make a case that was closed at ``moment``, ``hours`` after it was opened."""
        case = self._new_case(**{"user_id": self.agent.id, **values})
        self._set_created(case, moment - timedelta(hours=hours))
        case.write({"state": "done", "date_closed": moment})
        return case

    def _set_created(self, case, moment):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE crm_case SET create_date = %s, day_created = %s WHERE id = %s",
            [moment, moment, case.id],
        )
        case.invalidate_recordset()

    # ------------------------------------------------------------
    # PERIODS
    # ------------------------------------------------------------

    def test_period_is_the_one_the_day_lies_in(self):
        for period, first, last, text in (
            ("week", date(2026, 3, 16), date(2026, 3, 22), "week of 16 Mar 2026"),
            ("month", date(2026, 3, 1), date(2026, 3, 31), "March 2026"),
            ("quarter", date(2026, 1, 1), date(2026, 3, 31), "Q1 2026"),
            ("year", date(2026, 1, 1), date(2026, 12, 31), "2026"),
        ):
            with self.subTest(period):
                target = self._new_target(period=period)
                self.assertEqual((target.date_from, target.date_to), (first, last))
                self.assertEqual(target.period_text, text)

    def test_period_changes_later(self):
        target = self._new_target()
        target.period = "year"
        self.assertEqual(target.date_from, date(2026, 1, 1))
        target.date_from = date(2027, 7, 7)
        self.assertEqual(target.date_to, date(2027, 12, 31))

    # ------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------

    def test_closed_counts_what_was_closed_in_the_period(self):
        target = self._new_target()
        self._close(datetime(2026, 3, 2, 10))
        self._close(datetime(2026, 3, 17, 10), section=self.support2)
        self._close(datetime(2026, 2, 27, 10))  # before
        self._close(datetime(2026, 3, 3, 10), section=self.quality)  # elsewhere
        self._close(datetime(2026, 3, 3, 10), section=self.foreign, user_id=False)
        self._new_case()  # not closed
        cancelled = self._new_case()
        cancelled.state = "cancel"
        self.assertEqual(target.actual, 2)
        self.assertEqual(target.actual_text, "2")

    def test_reopened_case_counts_no_longer(self):
        target = self._new_target()
        case = self._close(datetime(2026, 3, 2, 10))
        self.assertEqual(target.actual, 1)
        case.action_draft()
        target.invalidate_recordset()
        self.assertEqual(target.actual, 0)

    def test_case_of_a_colleague_does_not_count(self):
        mine = self._new_target(user_id=self.agent.id, section_id=False)
        self._close(datetime(2026, 3, 2, 10))
        self._close(datetime(2026, 3, 2, 10), user_id=self.colleague.id)
        self.assertEqual(mine.actual, 1)

    def test_figures_equal_those_of_a_slow_count(self):
        random = Random(6)
        self._make_cases(random)
        targets = self.Target.create(
            [
                {
                    "measure": measure,
                    "value": 50,
                    "user_id": user,
                    "section_id": section,
                    "period": period,
                    "date_from": TODAY,
                }
                for measure in self.Target._get_measures()
                for period in ("week", "month", "quarter")
                for user, section in (
                    (self.agent.id, False),
                    (False, self.support2.id),
                    (self.colleague.id, self.support1.id),
                )
                if measure in _ORACLE
            ]
        )
        known = 0
        for target in targets:
            with self.subTest(target.display_name):
                expected = self._count_slowly(target)
                self.assertEqual(target.has_actual, expected is not None)
                self.assertAlmostEqual(target.actual, expected or 0)
                known += expected is not None
        self.assertGreater(known, len(targets) // 2)

    def _make_cases(self, random):
        cases = self.env["crm.case"].create(
            [
                {
                    "name": "Case",
                    "section_id": random.choice(
                        (self.support1, self.support2, self.quality)
                    ).id,
                    "user_id": random.choice((self.agent, self.colleague)).id,
                    "planned_revenue": random.randrange(1000),
                    "probability": random.choice((10, 50)),
                }
                for _index in range(60)
            ]
        )
        for case in cases:
            made = datetime(2026, 1, 1) + timedelta(hours=random.randrange(24 * 75))
            self._set_created(case, made)
            later = made + timedelta(hours=random.randrange(1, 99))
            if random.random() < 0.5:
                case.date_first_response = later
            if random.random() < 0.7:
                state = random.choice(("done", "done", "cancel"))
                case.write({"state": state, "date_closed": later})
        self.env.cr.execute(
            "UPDATE crm_case SET sla_state = "
            "(ARRAY['met', 'missed', 'none'])[1 + id %% 3] WHERE id = ANY(%s)",
            [cases.ids],
        )
        self.env.invalidate_all()

    def _count_slowly(self, target):
        below = self.env["crm.case.section"].search(
            [("id", "child_of", target.section_id.id)]
        )
        cases = (
            self.env["crm.case"]
            .search([])
            .filtered(
                lambda case: (
                    case.company_id == target.company_id
                    and (not target.user_id or case.user_id == target.user_id)
                    and (not target.section_id or case.section_id in below)
                )
            )
        )
        day, wanted, reckon = _ORACLE[target.measure]
        values = [
            reckon(case)
            for case in cases
            if wanted(case)
            and case[day]
            and target.date_from <= case[day] <= target.date_to
        ]
        if not values:
            return None
        is_mean = not target._get_measure().grows
        return sum(values) / len(values) if is_mean else sum(values)

    def test_all_in_one_query_per_figure(self):
        targets = self.Target
        for user in (self.agent, self.colleague, self.senior):
            for measure in ("closed", "hours_close"):
                targets |= self._new_target(measure, user_id=user.id)
        self.env.flush_all()
        self.env.invalidate_all()
        targets.fetch(["measure", "value", "period", "date_from", "date_to"])
        with self.assertQueryCount(2):
            targets.mapped("actual")

    # ------------------------------------------------------------
    # ON TRACK
    # ------------------------------------------------------------

    def test_state_of_what_adds_up(self):
        # 18 of 31 days have passed: of 10 one expects 5.8
        target = self._new_target(value=10)
        self.assertEqual(target.state, "behind")
        self.assertAlmostEqual(target.expected, 10 * 18 / 31)
        for _index in range(6):
            self._close(datetime(2026, 3, 2, 10))
        target.invalidate_recordset()
        self.assertEqual((target.state, target.progress), ("on_track", 60))
        target.value = 6
        self.assertEqual(target.state, "reached")
        former = self._new_target(date_from=date(2026, 2, 1))
        self.assertEqual(former.state, "missed")
        coming = self._new_target(date_from=date(2026, 4, 1))
        self.assertEqual(coming.state, "upcoming")

    def test_state_of_a_mean_that_should_be_low(self):
        target = self._new_target("hours_close", value=8)
        self.assertEqual((target.state, target.progress), ("unknown", 0))
        self._close(datetime(2026, 3, 2, 10), hours=4)
        target.invalidate_recordset()
        self.assertEqual((target.state, target.progress), ("on_track", 100))
        self._close(datetime(2026, 3, 2, 10), hours=28)
        target.invalidate_recordset()
        self.assertEqual((target.state, target.progress), ("behind", 50))
        self.assertEqual(target.actual_text, "16.0 hours")

    # ------------------------------------------------------------
    # EVERY PERIOD
    # ------------------------------------------------------------

    def test_next_period_gets_the_same_target_once(self):
        target = self._new_target(date_from=date(2025, 12, 1), value=7)
        once = self._new_target("hours_close", date_from=date(2025, 12, 1))
        once.is_repeated = False
        self._new_target(date_from=date(2026, 2, 1), value=9)  # set by hand
        for _night in range(2):
            self.Target._cron_repeat()
            found = self.Target.search([("section_id", "=", target.section_id.id)])
            self.assertEqual(
                [
                    (one.measure, one.date_from.isoformat(), one.value)
                    for one in found.sorted(lambda one: (one.measure, one.date_from))
                ],
                [
                    ("closed", "2025-12-01", 7),
                    ("closed", "2026-01-01", 7),
                    ("closed", "2026-02-01", 9),
                    ("closed", "2026-03-01", 9),
                    ("hours_close", "2025-12-01", 10),
                ],
            )

    def test_who_has_left_gets_no_new_target(self):
        self._new_target(
            user_id=self.agent.id, section_id=False, date_from=date(2026, 2, 1)
        )
        self._new_target(
            user_id=self.colleague.id, section_id=False, date_from=date(2026, 2, 1)
        )
        self.agent.active = False
        # who works for another company now
        self.colleague.write(
            {"company_id": self.company_2.id, "company_ids": self.company_2.ids}
        )
        self.Target._cron_repeat()
        leavers = self.agent | self.colleague
        self.assertEqual(self.Target.search_count([("user_id", "in", leavers.ids)]), 2)

    # ------------------------------------------------------------
    # BAD INPUT
    # ------------------------------------------------------------

    @mute_logger("odoo.sql_db")
    def test_bad_values_are_refused(self):
        self._new_target()
        for reason, values in (
            ("nobody's", {"section_id": False, "user_id": False}),
            ("nothing", {"value": 0, "measure": "hours_close"}),
            ("a second", {}),
        ):
            with (
                self.subTest(reason),
                self.assertRaises(IntegrityError),
                self.cr.savepoint(),
            ):
                self._new_target(**values)
        with self.assertRaisesRegex(ValidationError, "100 %"):
            self._new_target("sla_share", value=101)

    # ------------------------------------------------------------
    # ON THE TEAM'S PAGE
    # ------------------------------------------------------------

    def test_team_page_shows_what_runs_now(self):
        team = self._new_target(section_id=self.support1.id)
        own = self._new_target(user_id=self.senior.id, section_id=False)
        self._new_target(section_id=self.support1.id, date_from=date(2026, 2, 1))
        self._new_target(section_id=self.quality.id)
        self._close(datetime(2026, 3, 2, 10))
        section = self.support1.with_user(self.senior)
        rows = section.get_team_page(section.id)["targets"]
        self.assertEqual({row["id"] for row in rows}, {team.id, own.id})
        [row] = [row for row in rows if row["id"] == team.id]
        self.assertEqual(
            (row["actual"], row["value"], row["progress"]), ("1", "10", 10)
        )
        self.assertEqual(row["state"], "behind")

    # ------------------------------------------------------------
    # WHO MAY
    # ------------------------------------------------------------

    def test_who_sees_which(self):
        team = self._new_target(section_id=self.support1.id)
        own = self._new_target(user_id=self.agent.id, section_id=False)
        other = self._new_target(section_id=self.quality.id)
        foreign = self._new_target(
            section_id=self.foreign.id, company_id=self.company_2.id
        )
        targets = team | own | other | foreign
        for user, seen in (
            (self.agent, own),
            (self.colleague, self.Target),
            (self.senior, team),
            (self.boss, team | own | other),
            (self.foreigner, foreign),
        ):
            with self.subTest(user.login):
                found = self.Target.with_user(user).search([("id", "in", targets.ids)])
                self.assertEqual(found, seen)

    def test_own_progress_counts_cases_one_no_longer_sees_alike(self):
        own = self._new_target(user_id=self.agent.id, section_id=False)
        self._close(datetime(2026, 3, 2, 10))
        self.assertEqual(own.with_user(self.agent).actual, 1)
        self.assertEqual(own.with_user(self.boss).actual, 1)

    def test_only_managers_set_targets(self):
        own = self._new_target(user_id=self.agent.id, section_id=False)
        for user in (self.agent, self.senior):
            with self.assertRaises(AccessError):
                own.with_user(user).value = 1
        own.with_user(self.boss).value = 1

    def test_click_opens_the_cases_that_count(self):
        for measure in ("closed", "weighted_revenue"):
            target = self._new_target(measure)
            case = self._close(
                datetime(2026, 3, 2, 10), planned_revenue=10, probability=50
            )
            self._close(datetime(2026, 2, 2, 10))
            action = target.action_view_records()
            found = self.env["crm.case"].search(action["domain"])
            self.assertEqual(len(found), 1 if measure == "closed" else 2)
            self.assertIn(case, found)


# figure: (day, condition, value), as one would say it
_ORACLE = {
    "closed": ("day_closed", lambda case: case.state == "done", lambda case: 1),
    "hours_close": (
        "day_closed",
        lambda case: case.state == "done",
        lambda case: (case.date_closed - case.create_date).total_seconds() / 3600,
    ),
    "hours_first_response": (
        "day_created",
        lambda case: case.date_first_response,
        lambda case: (
            (case.date_first_response - case.create_date).total_seconds() / 3600
        ),
    ),
    "sla_share": (
        "day_closed",
        lambda case: case.state == "done" and case.sla_state in ("met", "missed"),
        lambda case: 100 * (case.sla_state == "met"),
    ),
    "weighted_revenue": (
        "day_created",
        lambda case: True,
        lambda case: case.planned_revenue * case.probability / 100,
    ),
    "revenue_closed": (
        "day_closed",
        lambda case: case.state == "done",
        lambda case: case.planned_revenue,
    ),
}
