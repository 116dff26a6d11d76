from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .analysis_common import (
    DOMAINS,
    GROUPINGS,
    LIVE_DOMAINS,
    LIVE_GROUPINGS,
    MEASURES,
    PEOPLE,
    QUICK,
    AnalysisCommon,
)

_index = st.integers(0, 10**6)
_case = st.fixed_dictionaries(
    {
        "section": st.sampled_from(("support1", "support2", "quality", "foreign")),
        "user": st.sampled_from((None, "agent", "colleague", "senior")),
        "state": st.sampled_from(("draft", "open", "pending", "done", "cancel")),
        "priority": st.sampled_from("0123"),
        "category": st.booleans(),
        "channel": st.booleans(),
        "partner": st.sampled_from((None, "jane", "walter")),
        "active": st.sampled_from((True, True, True, False)),
        "revenue": st.integers(0, 500),
        "sentiment": st.sampled_from((False, 0, 7)),
        "days": st.tuples(st.integers(1, 12), st.integers(1, 28), st.integers(0, 90)),
        "hours": st.integers(0, 400),
        "sla": st.sampled_from(("none", "met", "missed", "on_track")),
        "rating": st.sampled_from((None, 1, 5)),
    }
)
_gesture = st.tuples(
    st.sampled_from(
        ("move", "escalate", "transfer", "assign", "value", "archive", "delete", "fold")
    ),
    _index,
)


@tagged("crm_relations_analysis")
class TestAnalysis(AnalysisCommon):
    """Kept sums, what the cases say, and plain Python: all the same, for everybody."""

    @seed(20261123)
    @settings(
        max_examples=12,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(_case, min_size=1, max_size=14),
        st.lists(_gesture, max_size=10),
        st.lists(st.tuples(_index, _index, _index), min_size=6, max_size=6),
    )
    def test_kept_live_and_plain_python_agree(self, drawn, gestures, questions):
        with self.env.cr.savepoint() as savepoint:
            self._create(drawn)
            for gesture, index in gestures:
                self._do(gesture, index)
            for who, where, what in questions:
                person = self.env["res.users"].search(
                    [("login", "=", PEOPLE[who % len(PEOPLE)])]
                )
                domain = DOMAINS[where % (len(DOMAINS) - LIVE_DOMAINS)](self)
                specs = GROUPINGS[what % len(GROUPINGS)]
                level = self._find_level(person, domain, specs)
                self._check(person, domain, specs, level is not None)
            savepoint.rollback()
            self.env.invalidate_all()

    def _find_level(self, person, domain, specs):
        quick = self.env["crm.case"].with_user(person).with_context(**QUICK)
        return quick._get_figures(domain, specs, MEASURES, "")[0]

    def test_every_grouping_and_domain_for_everybody(self):
        self._create(self._sample())
        people = self.env["res.users"].search([("login", "in", PEOPLE)])
        kept = DOMAINS[: len(DOMAINS) - LIVE_DOMAINS]
        for index, person in enumerate(people):
            for specs in GROUPINGS:
                self._check(person, [], specs, True)
            for specs in LIVE_GROUPINGS[index % 2 :: 2]:
                self._check(person, [], specs, False)
            for domain in kept:
                level = self._find_level(person, domain(self), ("day_created:month",))
                self._check(
                    person, domain(self), ("day_created:month",), level is not None
                )
            for domain in DOMAINS[len(kept) :]:
                self._check(person, domain(self), ("user_id",), False)

    # ------------------------------------------------------------
    # ACCESS
    # ------------------------------------------------------------

    def test_no_total_leaks_another_company(self):
        self._create(self._sample())
        for login, companies in (
            ("boss", self.env.company),
            ("foreigner", self.company_2),
        ):
            person = self.env["res.users"].search([("login", "=", login)])
            model = self.env["crm.case"].with_user(person).with_context(**QUICK)
            for domain in ([], [("company_id", "!=", companies.id)]):
                rows = model._read_group(domain, ["company_id"], ["__count"])
                seen = model.browse().company_id.union(*(row[0] for row in rows))
                self.assertEqual(seen, companies if not domain else seen.browse())

    def test_who_may_not_read_cases_gets_no_figures(self):
        model = self.env["crm.case"].with_user(self.user_employee)
        for ask in (
            lambda: model.formatted_read_group([], ["user_id"], ["__count"]),
            lambda: model.formatted_read_grouping_sets([], [[]], ["__count"]),
        ):
            with self.assertRaises(AccessError):
                ask()

    def test_language_and_time_zone_of_the_viewer_change_nothing(self):
        self._create(self._sample())
        self.env["res.lang"]._activate_lang("fr_FR")
        sets = [[], ["day_created:month"], ["day_created:month", "section_id"]]
        found = []
        for lang, tz in (
            ("en_US", "UTC"),
            ("fr_FR", "Pacific/Auckland"),
            ("en_US", "America/Los_Angeles"),
        ):
            model = self.env["crm.case"].with_user(self.boss)
            model = model.with_context(lang=lang, tz=tz, **QUICK)
            found.append(model._read_grouping_sets([], sets, ["__count"]))
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0], found[2])

    def test_each_figure_opens_its_cases(self):
        self._create(self._sample())
        model = self.env["crm.case"].with_user(self.boss)
        specs = ["day_created:month", "section_id", "state"]
        groups = model.formatted_read_group([], specs, ["__count"])
        self.assertTrue(groups)
        for group in groups:
            self.assertEqual(
                model.search_count(group["__extra_domain"]), group["__count"]
            )

    def test_labels_and_domains_are_those_of_odoo(self):
        """Values are named once for all cells; Odoo does it cell by cell."""
        self._create(self._sample())
        model = self.env["crm.case"].with_user(self.boss)
        sets = [[], ["priority", "user_id"], ["day_closed:month", "category_id"]]
        ours = model.formatted_read_grouping_sets([], sets, ["__count"])
        uncached = patch(
            "odoo.addons.crm_relations.models.crm_case_analysis_mixin.lru_cache",
            lambda **_options: lambda function: function,
        )
        with uncached:
            plain = model.formatted_read_grouping_sets([], sets, ["__count"])
        self.assertEqual(ours, plain)
