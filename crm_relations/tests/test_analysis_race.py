from unittest.mock import patch

from odoo import SUPERUSER_ID, api
from odoo.addons.crm_relations.models import crm_case_figure_keeping_mixin
from odoo.tests import tagged

from .worker_common import WorkerCommon, die

_SPECS = ["state", "user_id"]
_MEASURES = ["__count", "planned_revenue:sum"]


@tagged("post_install", "-at_install", "crm_relations", "crm_relations_analysis")
class TestAnalysisRace(WorkerCommon):
    """Kept sums with real transactions: late ones, several at once, killed ones."""

    def setUp(self):
        super().setUp()
        at_once = patch.object(crm_case_figure_keeping_mixin, "_FOLD_FROM", 1)
        at_once.start()
        self.addCleanup(at_once.stop)
        with self._env() as env:
            section = env["crm.case.section"].create({"name": "Race"})
            section.allow_unlink = True
            self.section_id = section.id
            self._create(env, 5)
        self.addCleanup(self._clean)

    def _clean(self):
        with self._env() as env:
            section = env["crm.case.section"].browse(self.section_id)
            self._cases(env).unlink()
            section.unlink()

    def _create(self, env, count):
        return env["crm.case"].create(
            [
                {
                    "name": f"Race {index}",
                    "section_id": self.section_id,
                    "user_id": False,
                    "planned_revenue": index,
                }
                for index in range(count)
            ]
        )

    def _cases(self, env):
        return env["crm.case"].search([("section_id", "=", self.section_id)])

    def _assert_right(self, count):
        with self._env() as env:
            model, domain = env["crm.case"], [("section_id", "=", self.section_id)]
            quick = model.with_context(crm_case_quick_figures=True)
            self.assertIsNotNone(
                quick._get_figures(domain, _SPECS, _MEASURES, "")[0], "not quick at all"
            )
            live = model._read_group(domain, _SPECS, _MEASURES)
            self.assertEqual(quick._read_group(domain, _SPECS, _MEASURES), live)
            self.assertEqual(sum(row[-2] for row in live), count)
            self.assertEqual(env["crm.case.figure"]._check(), 0)

    @staticmethod
    def _fold(env):
        env["crm.case.figure"]._cron_fold()

    def test_a_transaction_that_commits_late_is_not_missed(self):
        with self.registry.cursor() as late:
            self._create(api.Environment(late, SUPERUSER_ID, self.context), 3)
            late.flush()
            with self._env() as env:
                self.assertTrue(env["crm.case.figure"]._fold())
            self._assert_right(5)
            late.commit()
        self._assert_right(8)
        with self._env() as env:
            self.assertTrue(env["crm.case.figure"]._fold())
        self._assert_right(8)

    def test_what_is_rolled_back_leaves_no_trace(self):
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, self.context)
            self._create(env, 3)
            self._cases(env).write({"planned_revenue": 1000})
            cr.flush()
            cr.rollback()
        self._assert_right(5)

    def test_a_killed_folder_has_changed_nothing(self):
        for name in ("_get_insert_sql", "_fold"):
            with self.subTest(killed_in=name):
                pid = self._fork(self._fold, lambda env, name=name: _after(env, name))
                self.assertEqual(self._wait(pid), {-9})
                self._assert_right(5)
        self.assertEqual(self._wait(self._fork(self._fold)), {0})
        self._assert_right(5)

    def test_many_who_write_and_fold_at_once(self):
        def work(env):
            for _turn in range(5):
                self._create(env, 2)
                env.cr.commit()  # pylint: disable=invalid-commit
                self._fold(env)
                env.cr.commit()  # pylint: disable=invalid-commit

        def check(env):
            env["crm.case.figure"]._cron_check()

        pids = [self._fork(work) for _worker in range(3)]
        pids += [self._fork(check) for _worker in range(2)]
        self.assertEqual(self._wait(*pids), {0})
        self._assert_right(5 + 3 * 5 * 2)


def _after(env, name):
    """Kill the worker when a method of the figures has done its work."""
    owner = type(env["crm.case.figure"])
    original = getattr(owner, name)

    def call(*args, **kwargs):
        original(*args, **kwargs)
        die()

    return patch.object(owner, name, call)
