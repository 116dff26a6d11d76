from datetime import datetime, timedelta

from odoo.addons.mail.tests.common import freeze_all_time
from odoo.exceptions import AccessError
from odoo.fields import Date
from odoo.tests import tagged

from ..tools.local_day import get_days
from .backlog_common import BacklogCommon

# over the night to summer time of Brussels, which Los Angeles has had already
_BEGIN = datetime(2026, 3, 20, 12)
_DAYS = 16
_ZONES = ("Europe/Brussels", "America/Los_Angeles", "Pacific/Auckland")


@tagged("crm_relations_backlog")
class TestBacklog(BacklogCommon):
    """The backlog of each day against a slow count of what is known of the cases."""

    def _get(self, zone, **scope):
        """Read the screen at the end of the story, and the days that it shows."""
        with freeze_all_time(_BEGIN + timedelta(days=_DAYS)):
            today = self.env.company._get_today()
            days = get_days(today - timedelta(days=_DAYS + 1), today)
            figures = self.env["crm.case.backlog"].get_backlog(
                days[0], Date.to_string(days[-1]), scope
            )
        return figures, days

    def _check(self, past, zone, scope, wanted):
        """Compare a screen with the oracle; give it and the ends of its days."""
        figures, days = self._get(zone, **scope)
        self.assertEqual(figures["days"], [Date.to_string(day) for day in days])
        ends = [self._end_of(day, zone) for day in days]
        seen = [self._open_at(past, end, wanted) for end in ends]
        self.assertEqual(figures["open"], [len(ids) for ids in seen])
        for state, counts in figures["states"].items():
            in_state = self._in_state(past, ends, state)
            self.assertEqual(
                counts,
                [len(ids & now) for ids, now in zip(seen, in_state, strict=True)],
            )
        return figures, ends

    def _in_state(self, past, ends, state):
        return [self._open_at(past, end, lambda one: one[1] == state) for end in ends]

    def _get_scopes(self):
        """Give (what the screen is asked for, the same for the oracle)."""
        below = (self.support1 | self.support2).ids
        section, agent = self.support1.id, self.agent.id
        return (
            ({}, lambda one: True),
            ({"section_id": self.support2.id}, lambda one: one[2] in below),
            ({"section_id": section}, lambda one: one[2] == section),
            ({"user_id": agent}, lambda one: one[3] == agent),
            ({"state": "pending"}, lambda one: one[1] == "pending"),
        )

    def test_each_day_is_as_the_oracle_counts_it(self):
        for seed, zone in enumerate(_ZONES):
            self._set_zone(zone)
            past = self._tell_past(seed, _BEGIN, _DAYS, 26)
            for scope, wanted in self._get_scopes():
                with self.subTest(seed=seed, zone=zone, scope=scope):
                    figures, ends = self._check(past, zone, scope, wanted)
                    if not scope:
                        self._check_flows(past, figures, ends)
            self.env["crm.case"].with_context(active_test=False).search([]).unlink()

    def _check_flows(self, past, figures, ends):
        begins = [ends[0] - timedelta(days=1), *ends]
        flows = [
            self._flows_between(past, begin, end)
            for begin, end in zip(begins, ends, strict=False)
        ]
        self.assertTrue(max(figures["open"]) and max(figures["closed"]))
        self.assertEqual(figures["opened"], [len(opened) for opened, _c in flows])
        self.assertEqual(figures["closed"], [len(closed) for _o, closed in flows])

    def test_figures_open_their_cases(self):
        zone = _ZONES[0]
        self._set_zone(zone)
        past = self._tell_past("figures", _BEGIN, _DAYS, 24)
        scope = {"section_id": self.support2.id}
        below = (self.support1 | self.support2).ids
        for day in get_days(_BEGIN.date(), (_BEGIN + timedelta(days=_DAYS)).date()):
            end = self._end_of(day, zone)
            with self.subTest(day=day):
                cases = self._open("open", day, day, scope)
                expected = self._open_at(past, end, lambda one: one[2] in below)
                self.assertEqual(set(cases.ids), expected)
                found = self.env["crm.case"].with_context(active_test=False)
                found = found.search([("open_on_day", "=", day)])
                self.assertEqual(set(found.ids), self._open_at(past, end))
                opened, closed = self._flows_between(
                    past, self._end_of(day - timedelta(days=1), zone), end
                )
                self.assertEqual(set(self._open("opened", day, day).ids), set(opened))
                self.assertEqual(set(self._open("closed", day, day).ids), set(closed))

    def _open(self, kind, first, last, scope=None):
        action = self.env["crm.case.backlog"].action_view_cases(
            kind, Date.to_string(first), Date.to_string(last), scope
        )
        self.assertEqual(action["res_model"], "crm.case")
        cases = self.env["crm.case"].with_context(**action["context"])
        return cases.search(action["domain"])

    def test_sums_up_to_a_day_are_what_was_open(self):
        zone = _ZONES[0]
        self._set_zone(zone)
        past = self._tell_past("sums", _BEGIN, _DAYS, 30)
        day = (_BEGIN + timedelta(days=9)).date()
        end = self._end_of(day, zone)
        sums = self.env["crm.case.backlog"]._read_group(
            [("day", "<=", day)], ["section_id", "user_id", "state"], ["change:sum"]
        )
        for section, user, state, change in sums:
            expected = self._open_at(
                past,
                end,
                lambda one, key=(state, section.id, user.id): one[1:4] == key,
            )
            with self.subTest(section=section.name, user=user.name, state=state):
                self.assertEqual(change, len(expected))

    def test_summed_rows_say_what_the_rows_say(self):
        self._tell_past("summed", _BEGIN, _DAYS, 30)
        day = (_BEGIN + timedelta(days=9)).date()
        aggregates = ["__count", "change:sum", "opened:sum", "closed:sum"]
        Backlog = self.env["crm.case.backlog"]
        for user in (self.boss, self.senior, self.agent):
            rows = Backlog.with_user(user)
            for domain, groupby in (
                ([], []),
                ([("day", "<=", day)], ["section_id", "user_id"]),
                ([("section_id", "child_of", self.support2.id)], ["day:week", "state"]),
                ([("section_id.name", "=", "Support 1")], ["company_id"]),
                ([("opened", "=", 1)], ["day:month"]),
            ):
                with self.subTest(user=user.login, domain=domain):
                    # the identifier is asked for, so that rows are read one by one
                    plain = rows._read_group(
                        domain, groupby, [*aggregates, "id:count_distinct"]
                    )
                    self.assertTrue(plain[0][-1])
                    summed = rows._read_group(domain, groupby, aggregates)
                    self.assertEqual(summed, [group[:-1] for group in plain])
                    for group in plain:
                        self.assertEqual(group[-1], group[len(groupby)])

    def test_pivot_is_its_groups(self):
        self._tell_past("pivot", _BEGIN, _DAYS, 20)
        Backlog = self.env["crm.case.backlog"].with_user(self.senior)
        sets = [[], ["section_id"], ["day:week", "section_id"]]
        aggregates = ["__count", "change:sum"]
        for groups, found in zip(
            sets, Backlog._read_grouping_sets([], sets, aggregates), strict=True
        ):
            with self.subTest(groups=groups):
                expected = Backlog._read_group([], groups, aggregates)
                self.assertEqual(sorted(map(str, found)), sorted(map(str, expected)))
                self.assertTrue(expected[0][-2])

    def test_ages_open_their_cases(self):
        self._set_zone("Europe/Brussels")
        now = datetime(2026, 4, 1, 10)
        ages = (0, 0, 1, 2, 3, 4, 7, 8, 14, 15, 30, 31, 90, 91, 400)
        for age in ages:
            # an hour after midnight and an hour before, both in Brussels
            for hour in (-1, 21):
                day = datetime(2026, 4, 1) - timedelta(days=age)
                with freeze_all_time(min(day + timedelta(hours=hour), now)):
                    self._new_case(f"{age} days")
        with freeze_all_time(now):
            bars = self.env["crm.case.backlog"].get_backlog("2026-03-01", now.date())
            bounds = [(0, 1), (2, 3), (4, 7), (8, 14), (15, 30), (31, 90), (91, 999)]
            self.assertEqual(len(bars["ages"]), len(bounds))
            for index, (bar, (low, high)) in enumerate(
                zip(bars["ages"], bounds, strict=True)
            ):
                with self.subTest(bar=bar["label"]):
                    action = self.env["crm.case"].action_view_age(index)
                    cases = self.env["crm.case"].search(action["domain"])
                    self.assertEqual(bar["count"], len(cases))
                    expected = [f"{age} days" for age in ages if low <= age <= high]
                    self.assertEqual(sorted(cases.mapped("name")), sorted(expected * 2))

    # ------------------------------------------------------------
    # WHO SEES WHAT
    # ------------------------------------------------------------

    def test_each_counts_the_cases_that_he_sees(self):
        self._tell_past("people", _BEGIN, _DAYS, 30)
        self._new_case("Theirs", section=self.foreign)
        people = self.agent | self.senior | self.susan | self.boss | self.foreigner
        Backlog = self.env["crm.case.backlog"]
        for user in people | self.quality_user:
            with self.subTest(user=user.login):
                # what they see of the cases decides, whatever happened to those since
                cases = self.env["crm.case"].with_user(user)
                cases = cases.with_context(active_test=False).search([])
                expected = Backlog.search([("case_id", "in", cases.ids)])
                self.assertTrue(expected)
                self.assertEqual(Backlog.with_user(user).search([]), expected)

    def test_companies_are_apart(self):
        ours = self._new_case("Ours")
        theirs = self._new_case("Theirs", section=self.foreign)
        today = self.env.company._get_today()
        self.boss.company_ids |= self.company_2
        Backlog = self.env["crm.case.backlog"].with_user(self.boss)
        both = (self.env.company | self.company_2).ids
        for companies, count in (
            (self.env.company.ids, 1),
            (self.company_2.ids, 1),
            (both, 2),
        ):
            with self.subTest(companies=companies):
                some = Backlog.with_context(allowed_company_ids=companies)
                figures = some.get_backlog(today, today)
                self.assertEqual(figures["open"], [count])
                self.assertEqual(figures["opened"], [count])
                self.assertEqual(sum(bar["count"] for bar in figures["ages"]), count)
        # a case that changes hands takes its past along
        ours.section_id = self.foreign
        some = Backlog.with_context(allowed_company_ids=self.env.company.ids)
        self.assertEqual(some.get_backlog(today, today)["open"], [0])
        self.assertEqual(some.search([]).case_id, theirs.browse())

    def test_a_stranger_to_cases_gets_nothing(self):
        with self.assertRaises(AccessError):
            self.env["crm.case.backlog"].with_user(self.user_employee).get_backlog(
                "2026-01-01", "2026-01-02"
            )
