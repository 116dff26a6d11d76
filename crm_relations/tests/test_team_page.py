from datetime import datetime, timedelta
from statistics import median

from odoo.addons.mail.tests.common import freeze_all_time
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged, users, warmup

from ..tools import transitions
from .backlog_common import BacklogCommon

_ZONE = "Europe/Brussels"
_NOW = datetime(2026, 4, 2, 13, 30)  # a Thursday, in the week after summer time began


@tagged("crm_relations_backlog")
class TestTeamPage(BacklogCommon):
    """The team's page against what is known of the cases."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_zone(_ZONE)
        cls.past = cls._tell_past("team", datetime(2026, 3, 16, 8), 17, 60)
        cls.below = cls.support1 | cls.support2
        cls.enterClassContext(freeze_all_time(_NOW))
        cases = cls.env["crm.case"].browse(cls.past)
        for index, case in enumerate(cases):
            case.date_deadline = _NOW + timedelta(hours=index % 7 - 3)
            if index % 3:
                case.date_first_response = case.create_date + timedelta(hours=index % 9)
            if index % 5 == 1:
                case.date_first_response = _NOW - timedelta(hours=index)
        cls.env.flush_all()

    def _page(self, section=None, user=None):
        Section = self.env["crm.case.section"].with_user(user or self.boss)
        return Section.get_team_page((section or self.support2).id)

    def _open(self, key, user_id=None, user=None):
        section = self.support2.with_user(user or self.boss)
        action = section.action_view_team_figure(key, user_id)
        cases = self.env["crm.case"].with_user(user or self.boss)
        return cases.with_context(**action["context"]).search(action["domain"])

    def _unclosed(self):
        return (
            self.env["crm.case"]
            .search([("section_id", "in", self.below.ids)])
            .filtered(lambda case: case.state in transitions.UNCLOSED)
        )

    # ------------------------------------------------------------
    # NOW
    # ------------------------------------------------------------

    def test_figures_of_now_open_what_they_count(self):
        cases = self._unclosed()
        expected = {
            "open": cases,
            "waiting": cases.filtered(lambda case: case.state != "pending"),
            "unassigned": cases.filtered(lambda case: not case.user_id),
            "late": cases.filtered("is_late"),
            "at_risk": cases.browse(),
        }
        figures = {one["key"]: one["value"] for one in self._page()["now"]}
        self.assertEqual(figures.keys(), expected.keys())
        for key, wanted in expected.items():
            with self.subTest(key=key):
                self.assertEqual(figures[key], len(wanted))
                self.assertEqual(self._open(key), wanted)
        self.assertGreater(figures["open"], figures["waiting"])
        self.assertGreater(figures["late"], 0)

    def test_members_carry_their_cases(self):
        self.env["crm.case.section.member"].search(
            [("section_id", "=", self.support1.id), ("user_id", "=", self.agent.id)]
        ).capacity = 9
        cases = self._unclosed()
        members = {one["id"]: one for one in self._page()["members"]}
        people = self.below.member_ids | self.below.user_id | cases.user_id
        self.assertEqual(set(members), set(people.ids))
        for user in people:
            own = cases.filtered(lambda case, user=user: case.user_id == user)
            with self.subTest(user=user.login):
                self.assertEqual(members[user.id]["open"], len(own))
                self.assertEqual(self._open("open", user.id), own)
                late = own.filtered("is_late")
                self.assertEqual(members[user.id]["late"], len(late))
                self.assertEqual(self._open("late", user.id), late)
        self.assertEqual(members[self.agent.id]["capacity"], 9)
        self.assertEqual(members[self.colleague.id]["capacity"], 0)
        counts = [one["open"] for one in self._page()["members"]]
        self.assertEqual(counts, sorted(counts, reverse=True))

    def test_who_is_away_is_marked(self):
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Away",
                "resource_id": self.env["resource.resource"]
                .create({"name": "Agent", "user_id": self.agent.id})
                .id,
                "date_from": _NOW - timedelta(days=1),
                "date_to": _NOW + timedelta(days=1),
                "time_type": "leave",
            }
        )
        away = [one["id"] for one in self._page()["members"] if one["is_away"]]
        self.assertEqual(away, self.agent.ids)

    def test_the_oldest_unanswered_come_first(self):
        cases = self._unclosed().filtered(lambda case: not case.date_first_response)
        cases = cases.sorted(lambda case: (case.create_date, case.id))
        waiting = self._page()["waiting"]
        self.assertEqual([one["id"] for one in waiting], cases[:8].ids)
        self.assertEqual(set(self._open("unanswered").ids), set(cases.ids))

    # ------------------------------------------------------------
    # WEEKS
    # ------------------------------------------------------------

    def _spans(self):
        """Give this week up to now and last week up to the same hour of Brussels."""
        # that night had 23 hours, so that in UTC last week's Thursday was an hour late
        return (
            (datetime(2026, 3, 29, 22), _NOW),
            (datetime(2026, 3, 22, 23), datetime(2026, 3, 26, 14, 30)),
        )

    def _moved(self, span):
        """Give the cases that came into the backlog of these sections, and left it."""
        opened, closed = [], []
        for case_id, states in self.past.items():
            was_open = False
            for moment, _state, section, _user, is_open in states:
                in_span = span[0] <= moment < span[1] and section in self.below.ids
                if in_span and is_open != was_open:
                    (opened if is_open else closed).append(case_id)
                was_open = is_open
        return opened, closed

    def test_weeks_are_as_the_oracle_counts_them(self):
        figures = {one["key"]: one for one in self._page()["weeks"]}
        for name, key, span in zip(
            ("value", "former"), ("week", "former"), self._spans(), strict=True
        ):
            with self.subTest(week=name):
                for kind, moved in zip(
                    ("opened", "closed"), self._moved(span), strict=True
                ):
                    self.assertEqual(figures[kind][name], len(moved))
                    self.assertEqual(set(self._open(f"{key}:{kind}").ids), set(moved))
                self._check_median(figures["answer"][name], key, span)
        self.assertTrue(figures["opened"]["value"] and figures["opened"]["former"])

    def _check_median(self, value, key, span):
        cases = self.env["crm.case"].search([("section_id", "in", self.below.ids)])
        answered = cases.filtered(
            lambda case: (
                case.date_first_response
                and span[0] <= case.date_first_response < span[1]
            )
        )
        self.assertEqual(self._open(f"{key}:answer"), answered)
        self.assertAlmostEqual(
            value, median(answered.mapped("hours_first_response")), places=4
        )

    def test_promises_and_time_to_close(self):
        cases = self.env["crm.case"].create(
            [
                {"name": name, "section_id": self.support1.id, "state": "open"}
                for name in ("Kept", "Kept too", "Broken", "No promise")
            ]
        )
        before = {one["key"]: one["value"] for one in self._page()["weeks"]}
        cases.action_close()
        cases.date_closed = _NOW - timedelta(minutes=5)
        self.env.flush_all()
        # only the clocks write it, see `crm.case.sla.mixin`
        self.env.cr.execute(
            "UPDATE crm_case SET sla_state = 'met' WHERE id = ANY(%s)", [cases[:2].ids]
        )
        self.env.cr.execute(
            "UPDATE crm_case SET sla_state = 'missed' WHERE id = %s", [cases[2].id]
        )
        self.env.invalidate_all()
        figures = {one["key"]: one["value"] for one in self._page()["weeks"]}
        self.assertEqual(before["promise"], None)
        self.assertAlmostEqual(figures["promise"], 100 * 2 / 3)
        self.assertEqual(self._open("week:promise"), cases[:3].sorted())
        closed = self._open("week:close")
        self.assertLessEqual(set(cases.ids), set(closed.ids))
        self.assertAlmostEqual(
            figures["close"], median(closed.mapped("hours_close")), places=4
        )

    def test_chart_ends_with_what_is_open_now(self):
        page = self._page()
        self.assertEqual(len(page["chart"]["days"]), 30)
        self.assertEqual(page["chart"]["open"][-1], page["now"][0]["value"])

    # ------------------------------------------------------------
    # WHO SEES WHAT
    # ------------------------------------------------------------

    def test_page_opens_with_the_own_section(self):
        Section = self.env["crm.case.section"]
        for user, section in (
            (self.agent, self.support1),
            (self.senior, self.support2),
            (self.quality_user, self.quality),
            (self.foreigner, self.foreign),
        ):
            with self.subTest(user=user.login):
                page = Section.with_user(user).get_team_page()
                self.assertEqual(page["section"]["id"], section.id)
                names = [one["id"] for one in page["sections"]]
                self.assertEqual(self.foreign.id in names, user == self.foreigner)

    def test_each_counts_the_cases_that_he_sees(self):
        self._new_case("Own", user_id=self.agent.id)
        for user in (self.agent, self.senior, self.boss, self.foreigner):
            with self.subTest(user=user.login):
                cases = self.env["crm.case"].with_user(user)
                page = self._page(user=user)
                if user == self.foreigner:
                    # what he cannot see is not there; his own section is
                    self.assertEqual(page["section"]["id"], self.foreign.id)
                    self.assertEqual(page["now"][0]["value"], 0)
                    continue
                seen = cases.search([("id", "in", self._unclosed().ids)])
                self.assertEqual(page["now"][0]["value"], len(seen))
                self.assertEqual(self._open("open", user=user), seen)
                self.assertEqual(page["is_partial"], user == self.agent)

    def test_a_figure_that_is_not_there_is_refused_by_name(self):
        with self.assertRaisesRegex(UserError, "nonsense"):
            self._open("nonsense")
        with self.assertRaises(AccessError):
            self._open("open", user=self.foreigner)

    def test_card_opens_the_page(self):
        action = self.support1.action_view_team()
        self.assertEqual(action["tag"], "crm_relations.team_page")
        self.assertEqual(action["context"]["active_id"], self.support1.id)

    # ------------------------------------------------------------
    # COST
    # ------------------------------------------------------------

    @users("expert")
    @warmup
    def test_page_costs_the_same_for_any_number(self):
        Section = self.env["crm.case.section"]
        for count in (0, 30):
            for index in range(count):
                self._new_case(f"More {index}", user_id=self.agent.id)
            self.env.flush_all()
            self.env.invalidate_all()
            with self.subTest(more=count), self.assertQueryCount(17):
                Section.get_team_page(self.support2.id)
