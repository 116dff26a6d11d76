"""Falls of a class under kill -9 and with several workers, with real transactions."""

from unittest.mock import patch

from odoo.tests import tagged

from .worker_common import WorkerCommon, die

_WORKERS = 4
_SETTINGS = ("quality_months", "quality_bound_a", "quality_bound_b")


@tagged("post_install", "-at_install", "crm_relations", "crm_relations_quality")
class TestQualityCrash(WorkerCommon):
    def setUp(self):
        super().setUp()
        with self._env() as env:
            company = env.company
            self.settings = company.read([*_SETTINGS, "quality_fall_section_id"])[0]
            criterion = env["crm.quality.score.criterion"].create(
                {
                    "measure": "case_count",
                    "best": 0,
                    "worst": 10,
                    "company_id": company.id,
                }
            )
            quality, falls = env["crm.case.section"].create(
                [{"name": "Crash", "is_quality": True}, {"name": "Falls"}]
            )
            supplier = env["res.partner"].create({"name": "Crash", "is_company": True})
            company.write(
                {
                    "quality_months": 12,
                    "quality_bound_a": 90,
                    "quality_bound_b": 70,
                    "quality_fall_section_id": falls.id,
                }
            )
            self.ids = criterion.id, quality.id, falls.id, supplier.id
            self.addCleanup(self._clean)
            self._add_faults(env, 1)
            self._compute(env)
        self.assertEqual(self._look(), ("a", 0))

    def _clean(self):
        criterion_id, quality_id, falls_id, supplier_id = self.ids
        with self._env() as env:
            section_ids = [quality_id, falls_id]
            env["crm.case"].search([("section_id", "in", section_ids)]).unlink()
            fall = self.settings["quality_fall_section_id"]
            env.company.write(
                {name: self.settings[name] for name in _SETTINGS}
                | {"quality_fall_section_id": fall and fall[0]}
            )
            env["crm.case.section"].browse(section_ids).unlink()
            env["crm.quality.score.criterion"].browse(criterion_id).unlink()
            env["crm.quality.score"].search([("partner_id", "=", supplier_id)]).unlink()
            env["res.partner"].browse(supplier_id).unlink()

    def _add_faults(self, env, count):
        _criterion_id, quality_id, _falls_id, supplier_id = self.ids
        env["crm.case"].create(
            [
                {"name": "Fault", "section_id": quality_id, "partner_id": supplier_id}
                for _index in range(count)
            ]
        )

    def _compute(self, env):
        env["crm.quality.score"]._compute_company(env.company, [self.ids[-1]])

    def _look(self):
        """Give the supplier's class, and how many falls were told."""
        with self._env() as env:
            supplier = env["res.partner"].browse(self.ids[-1])
            count = env["crm.case"].search_count([("section_id", "=", self.ids[2])])
            return supplier.quality_class, count

    def test_many_workers_tell_a_fall_once(self):
        with self._env() as env:
            self._add_faults(env, 1)
        codes = self._wait(*[self._fork(self._compute) for _index in range(_WORKERS)])
        # who came too late is refused by PostgreSQL, and would be repeated by Odoo
        self.assertLessEqual(codes, {0, 1})
        self.assertIn(0, codes)
        self.assertEqual(self._look(), ("b", 1))
        self._wait(self._fork(self._compute))
        self.assertEqual(self._look(), ("b", 1))

    def test_a_fall_outlives_whoever_is_killed_while_telling_it(self):
        for step in ("_store_rows", "_prepare_fall_case", "invalidate_model"):
            with self.subTest(step=step):
                before = self._look()[1]
                with self._env() as env:
                    self._add_faults(env, 1)

                def fault(env, step=step):
                    return patch.object(type(env["crm.quality.score"]), step, die)

                self.assertEqual(self._wait(self._fork(self._compute, fault)), {-9})
                self.assertEqual(self._look(), ("a", before), "half of it was kept")
                self.assertEqual(self._wait(self._fork(self._compute)), {0})
                self.assertEqual(self._look(), ("b", before + 1))
                with self._env() as env:
                    faults = env["crm.case"].search([("section_id", "=", self.ids[1])])
                    faults[1:].unlink()
                    self._compute(env)
                self.assertEqual(self._look(), ("a", before + 1))
