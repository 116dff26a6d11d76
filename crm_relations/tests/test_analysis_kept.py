from datetime import date
from unittest.mock import patch

from odoo.addons.crm_relations.models import crm_case_figure_keeping_mixin
from odoo.tests import tagged

from .analysis_common import MEASURES, QUICK, AnalysisCommon


@tagged("crm_relations_analysis")
class TestAnalysisKept(AnalysisCommon):
    """Keeping sums, and what is measured without being a column."""

    # ------------------------------------------------------------
    # KEEPING
    # ------------------------------------------------------------

    def test_the_nightly_check_finds_and_corrects_what_is_wrong(self):
        self._create(self._sample())
        Figure = self.env["crm.case.figure"]
        with patch.object(crm_case_figure_keeping_mixin, "_FOLD_FROM", 0):
            Figure._fold()
        self.assertEqual(Figure._check(), 0)
        self.env.cr.execute(
            "UPDATE crm_case_figure SET n = n + 1, planned_revenue = 7 WHERE ctid IN "
            "(SELECT ctid FROM crm_case_figure WHERE level = 1 LIMIT 1)"
        )
        logger = "odoo.addons.crm_relations.models.crm_case_figure_keeping_mixin"
        with self.assertLogs(logger, "ERROR") as log:
            Figure._cron_check()
        self.assertIn("1 kept figures", log.output[0])
        self.assertEqual(Figure._check(), 0)
        self._check(self.boss, [], ("day_created:month", "user_id"), True)

    def test_folding_and_compacting_change_no_figure(self):
        self._create(self._sample())
        Figure, model = self.env["crm.case.figure"], self.env["crm.case"]
        quick = model.with_user(self.boss).with_context(**QUICK)
        specs = ("day_created:month", "state", "category_id")
        before = quick._read_group([], specs, MEASURES)
        for _turn in range(2):
            with patch.object(crm_case_figure_keeping_mixin, "_FOLD_FROM", 0):
                Figure._fold()
            self.env.cr.execute("SELECT count(*) FROM crm_case_figure_change")
            self.assertEqual(self.env.cr.fetchone(), (0,))
            Figure._compact()
            self._assert_same(quick._read_group([], specs, MEASURES), before, "")

    def test_few_changes_wait(self):
        Figure = self.env["crm.case.figure"]
        self._new_case()
        self.env.flush_all()
        self.assertFalse(Figure._fold())

    def test_what_is_no_figure_is_not_noted(self):
        case = self._new_case()
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM crm_case_figure_change")
        case.write({"name": "Other", "email_cc": "a@b.example"})
        self.env.flush_all()
        self.env.cr.execute("SELECT count(*) FROM crm_case_figure_change")
        self.assertEqual(self.env.cr.fetchone(), (0,))
        case.priority = "3"
        self.env.flush_all()
        self.env.cr.execute("SELECT n, priority FROM crm_case_figure_change ORDER BY n")
        self.assertEqual(self.env.cr.fetchall(), [(-1, "1"), (1, "3")])

    # ------------------------------------------------------------
    # COMPARING
    # ------------------------------------------------------------

    def test_periods_are_compared_like_with_like(self):
        for today, name, former, now in (
            (
                "2026-03-31",
                "compared_month",
                ("2026-02-01", "2026-02-28"),
                ("2026-03-01", "2026-03-31"),
            ),
            (
                "2026-03-10",
                "compared_month",
                ("2026-02-01", "2026-02-10"),
                ("2026-03-01", "2026-03-10"),
            ),
            (
                "2024-02-29",
                "compared_year",
                ("2023-01-01", "2023-02-28"),
                ("2024-01-01", "2024-02-29"),
            ),
            (
                "2026-01-01",
                "compared_year",
                ("2025-01-01", "2025-01-01"),
                ("2026-01-01", "2026-01-01"),
            ),
        ):
            with (
                self.subTest(today=today, name=name),
                patch(
                    "odoo.fields.Date.context_today",
                    lambda *_, today=today: date.fromisoformat(today),
                ),
            ):
                days = self.env["crm.case"]._get_compared_days(name)
                self.assertEqual(
                    {key: tuple(map(str, value)) for key, value in days.items()},
                    {"former": former, "now": now},
                )

    def test_compared_periods_group_search_and_read_alike(self):
        cases = self._create(self._sample()).filtered("active")
        with patch("odoo.fields.Date.context_today", lambda *_: date(2025, 8, 9)):
            for name, keys in (
                ("compared_month", {"former", "now", False}),
                ("compared_year", {"now", False}),
            ):
                groups = dict(
                    cases._read_group([("id", "in", cases.ids)], [name], ["__count"])
                )
                self.assertEqual(set(groups), keys)
                for key, count in groups.items():
                    found = cases.search([("id", "in", cases.ids), (name, "=", key)])
                    self.assertEqual(len(found), count)
                    self.assertEqual(set(found.mapped(name)), {key})

    def test_measures_that_are_no_columns_can_be_read_on_a_case(self):
        case = self._create(self._sample()[3:4])
        self.assertEqual(case.hours_close_p90, case.hours_close)
        self.assertEqual(case.top_section_id, self.foreign)
        child = self._new_case(state="done")
        self.assertEqual(child.top_section_id, self.support2)
        self.assertIn(child, child.search([("top_section_id", "=", self.support2.id)]))
        self.assertEqual((child.reopened, child.escalated), (0, 0))
        child.action_draft()
        child.action_escalate()
        self.assertEqual((child.reopened, child.escalated), (1, 1))
        self.assertIs(child.sla_met_share, False)
