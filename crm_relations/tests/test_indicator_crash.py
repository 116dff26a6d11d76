"""Indicators under kill -9 and with several workers, with real transactions.

Everything here is committed and removed again: a crash cannot be tried in a
transaction that the test rolls back.
"""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from .indicator_common import ONLY_RULE_1
from .worker_common import WorkerCommon, die

_STEADY = [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]
_NAME = "Crash of indicators"


def _after(owner, name):
    original = getattr(owner, name)

    def call(*args, **kwargs):
        original(*args, **kwargs)
        die()

    return patch.object(owner, name, call)


# where a worker is killed, in the order of the work
_STEPS = (
    ("locked", "crm.quality.indicator", "_lock_next_due"),
    ("points stored", "crm.quality.point", "_store"),
    ("owner told", "crm.quality.indicator", "activity_schedule"),
    ("case opened", "crm.quality.signal", "_open_case"),
    ("signals recorded", "crm.quality.signal", "_record"),
    ("computed", "crm.quality.indicator", "_compute_due"),
)


@tagged("post_install", "-at_install", "crm_relations", "crm_relations_indicator")
class TestIndicatorCrash(WorkerCommon):
    """Whatever happens to workers: one signal, one case, told once."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self._clean)
        with self._env() as env:
            self.others = env["crm.quality.indicator"].search([]).ids
            env["crm.quality.indicator"].browse(self.others).active = False
            section = env["crm.case.section"].create({"name": _NAME})
            cases = env["crm.case"].create(
                [
                    {"name": _NAME, "section_id": section.id, "user_id": False}
                    for _n in range(sum(_STEADY))
                ]
            )
            self.section_id, self.case_ids, taken = section.id, cases.ids, 0
            for index, count in enumerate(_STEADY):
                self._put(
                    env, cases[taken : taken + count], days=index - len(_STEADY) - 2
                )
                taken += count
            self.indicator_id = (
                env["crm.quality.indicator"]
                .create(
                    {
                        "name": _NAME,
                        "period": "day",
                        "chart": "xmr",
                        "section_id": section.id,
                        "case_section_id": section.id,
                        "owner_id": env.ref("base.user_admin").id,
                        **ONLY_RULE_1,
                    }
                )
                .id
            )

    def _put(self, env, cases, days):
        env.flush_all()
        env.cr.execute(
            "UPDATE crm_case SET create_date = %s WHERE id = ANY(%s)",
            [fields.Datetime.now() + timedelta(days=days), cases.ids],
        )

    def _get_found(self, env):
        indicator = env["crm.quality.indicator"].browse(self.indicator_id)
        opened = env["crm.case"].search([("name", "=like", f"Signal: {_NAME}%")])
        return indicator, opened

    def _clean(self):
        with self._env() as env:
            indicator, opened = self._get_found(env)
            indicator.exists().unlink()
            section = env["crm.case.section"].browse(self.section_id).exists()
            section.allow_unlink = True
            (opened | env["crm.case"].browse(self.case_ids)).exists().unlink()
            section.unlink()
            env["crm.quality.indicator"].browse(self.others).active = True

    def _prepare(self):
        """Let a day have gone out of control, and the indicator be due."""
        with self._env() as env:
            section = {"section_id": self.section_id, "user_id": False}
            cases = env["crm.case"].create([{"name": _NAME, **section}] * 15)
            self.case_ids += cases.ids
            self._put(env, cases, days=-1)
            indicator, _opened = self._get_found(env)
            indicator.date_due = fields.Datetime.now() - timedelta(hours=1)

    def _assert_once(self):
        with self._env() as env:
            indicator, opened = self._get_found(env)
            self.assertEqual(indicator.state, "signal")
            self.assertEqual(indicator.signal_ids.mapped("rule"), ["1"])
            self.assertEqual(len(opened), 1)
            self.assertEqual(indicator.signal_ids.case_id, opened)
            self.assertEqual(len(indicator.activity_ids), 1)
            self.assertGreater(indicator.date_due, fields.Datetime.now())

    @staticmethod
    def _work(env):
        env["crm.quality.indicator"]._cron_compute()

    def _test_killed(self, model, method):
        self._prepare()
        pid = self._fork(self._work, lambda env: _after(env.registry[model], method))
        self.assertEqual(self._wait(pid), {-9})
        with self._env() as env:
            self.assertFalse(self._get_found(env)[1], "half done")
        self.assertEqual(self._wait(self._fork(self._work)), {0})
        self._assert_once()

    def test_killed_anywhere_before_the_end(self):
        for what, model, method in _STEPS:
            with self.subTest(killed_when=what):
                self._test_killed(model, method)
                self._clean()
                self.setUp()

    def test_several_workers_at_once(self):
        self._prepare()
        workers = [self._fork(self._work) for _n in range(4)]
        self.assertEqual(self._wait(*workers), {0})
        self._assert_once()
