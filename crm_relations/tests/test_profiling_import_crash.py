"""Imports under kill -9 and with several workers, with real transactions."""

import base64
import time
from unittest.mock import patch

from odoo.tests import tagged

from .worker_common import WorkerCommon, die

_COUNT = 60
_MODELS = "odoo.addons.crm_relations.models.crm_profiling_import"


def _after(name, times=1):
    """Kill the worker after the method was called so many times."""

    def patcher(env):
        owner = type(env["crm.profiling.import"])
        original, calls = getattr(owner, name), []

        def call(*args, **kwargs):
            result = original(*args, **kwargs)
            calls.append(1)
            if len(calls) == times:
                die()
            return result

        return patch.object(owner, name, call)

    return patcher


# in the order of the work: four chunks are read, then four batches are imported
_READING = (("_copy", 1), ("_copy", 3), ("_match", 1), ("_find_unknown", 1))
_IMPORTING = (
    ("_lock_next_rows", 1),
    ("_create_partners", 1),
    ("_save", 1),
    ("_mark", 1),
    ("_apply_batch", 1),
    ("_create_partners", 3),
    ("_apply_batch", 2),
    ("_finish", 1),
)


@tagged("post_install", "-at_install", "crm_relations", "crm_relations_import")
class TestProfilingImportCrash(WorkerCommon):
    def setUp(self):
        super().setUp()
        for constant, value in (
            ("_stage_mixin.CHUNK", 17),
            ("_apply_mixin.BATCH", 17),
            (".BATCH", 17),
            ("_stage_mixin._AT_ONCE", 10),
        ):
            small = patch(_MODELS + constant, value)
            small.start()
            self.addCleanup(small.stop)
        with self._env() as env:
            question = env["crm.profiling.question"].create(
                {
                    "name": "Crash?",
                    "answer_ids": [(0, 0, {"name": name}) for name in ("yes", "no")],
                }
            )
            self.question_id = question.id
        self.turn = 0
        self.addCleanup(self._clean)

    def _clean(self):
        with self._env() as env:
            env["crm.profiling.import"].search([("name", "=", "crash.csv")]).unlink()
            env["res.partner"].search([("email", "like", "@crash.example")]).unlink()
            env["crm.profiling.question"].browse(self.question_id).unlink()

    def _new_import(self):
        self.turn += 1
        lines = ["Mail,Name,Crash?"] + [
            f"p{index}.{self.turn}@crash.example,Person {index},"
            + ("yes", "no", "may be")[index % 3]
            for index in range(_COUNT)
        ]
        with self._env() as env:
            job = env["crm.profiling.import"].create(
                {
                    "name": "crash.csv",
                    "file": base64.b64encode("\n".join(lines).encode()),
                }
            )
            job.action_read_columns()
            job.action_preview()
            self.assertEqual(job.state, "reading")
        return job.id

    def _accept(self, job_id):
        with self._env() as env:
            job = env["crm.profiling.import"].browse(job_id)
            self.assertEqual(job.state, "preview")
            self.assertEqual([job.new_count, len(job.value_ids)], [_COUNT, 1])
            self.assertEqual(
                sorted(job.row_ids.mapped("number")), list(range(2, _COUNT + 2))
            )
            job.action_apply()
            self.assertEqual(job.state, "working")

    def _tick(self, env):
        env["crm.profiling.import"]._cron_process()

    def _work(self, patcher=None):
        return self._wait(self._fork(self._tick, patcher))

    def _check_each_once(self, job_id):
        with self._env() as env:
            job = env["crm.profiling.import"].browse(job_id)
            self.assertEqual(
                [job.state, job.done_count, job.failed_count], ["done", _COUNT, 0]
            )
            partners = env["res.partner"].search(
                [("email", "like", f".{self.turn}@crash.example")]
            )
            self.assertEqual(len(partners), _COUNT)
            self.assertEqual(job.row_ids.partner_id, partners)
            responses = (
                env["crm.profiling.response"]
                .with_context(active_test=False)
                .search([("partner_id", "in", partners.ids)])
            )
            self.assertEqual(len(responses), _COUNT * 2 // 3)
            self.assertEqual(len(responses.partner_id), len(responses))

    def test_killed_anywhere_each_row_is_read_and_imported_once(self):
        job_id = self._new_import()
        for name, times in _READING:
            with self.subTest("reading", name=name, times=times):
                self.assertEqual(self._work(_after(name, times)), {-9})
        self.assertEqual(self._work(), {0})
        self._accept(job_id)
        for name, times in _IMPORTING:
            with self.subTest("importing", name=name, times=times):
                self.assertEqual(self._work(_after(name, times)), {-9})
        self.assertEqual(self._work(), {0})
        self._check_each_once(job_id)

    def test_four_workers_import_each_row_once(self):
        job_id = self._new_import()
        self.assertEqual(self._work(), {0})
        self._accept(job_id)
        begin = time.monotonic() + 1

        def tick(env):
            time.sleep(max(0, begin - time.monotonic()))
            self._tick(env)

        pids = [self._fork(tick) for _index in range(4)]
        self.assertEqual(self._wait(*pids), {0})
        self.assertEqual(self._work(), {0})
        self._check_each_once(job_id)

    def test_file_that_breaks_off_says_where_and_is_read_no_further(self):
        job_id = self._new_import()
        with self._env() as env:
            job = env["crm.profiling.import"].browse(job_id)
            file = base64.b64decode(job.file) + b'\n"' + b"x" * 1_100_000
            job.file = base64.b64encode(file)
            job.action_read_columns()
            job.action_preview()
        self.assertEqual(self._work(), {0})
        with self._env() as env:
            job = env["crm.profiling.import"].browse(job_id)
            self.assertEqual(job.state, "columns")
            self.assertIn(f"row {_COUNT + 1}", job.message)
