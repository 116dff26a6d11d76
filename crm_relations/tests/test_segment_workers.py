"""The night's run under kill -9, beside other workers and beside who saves answers."""

import os
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from odoo import Command
from odoo.tests import tagged

from .worker_common import WorkerCommon, die

_PARTNERS, _ANSWERS, _SEGMENTS = 30, 4, 9
_TIMEOUT = 30  # seconds for what another process does
_BATCH = "odoo.addons.crm_relations.models.crm_segment_night_mixin.BATCH"


def _after(env, name, times=1):
    """Give a patch that kills the process after so many calls of a method."""
    owner, calls = type(env["crm.segment"]), []
    original = getattr(owner, name)

    def call(*args, **kwargs):
        result = original(*args, **kwargs)
        calls.append(1)
        if len(calls) == times:
            die()
        return result

    return patch.object(owner, name, call)


# Where a worker is killed, in the order of the work: (after which method, which time)
_STEPS = (
    ("_get_marks", 1),
    ("_lock_due", 1),
    ("_write_down_differences", 1),
    ("_apply_differences", 1),
    ("_compute_due", 1),
    ("_lock_due", 2),
    ("_apply_differences", 3),
)


@tagged("post_install", "-at_install", "crm_relations", "crm_relations_segment")
class TestSegmentWorkers(WorkerCommon):
    def setUp(self):
        super().setUp()
        small = patch(_BATCH, 2)
        small.start()
        self.addCleanup(small.stop)
        with self._env() as env:
            question = env["crm.profiling.question"].create(
                {
                    "name": "Workers?",
                    "kind": "multiple",
                    "answer_ids": [
                        Command.create({"name": str(number)})
                        for number in range(_ANSWERS)
                    ],
                }
            )
            partners = env["res.partner"].create(
                [{"name": f"Worker {number}"} for number in range(_PARTNERS)]
            )
            self.answer_ids, self.partner_ids = question.answer_ids.ids, partners.ids
            self._answer(env, lambda place: (place % _ANSWERS, place % 3))
            categories = env["res.partner.category"].create(
                [{"name": f"Workers {number}"} for number in range(_SEGMENTS)]
            )
            # each asks for one answer, and not for another
            segments = env["crm.segment"].create(
                [
                    {
                        "name": f"Workers {number}",
                        "category_id": category.id,
                        "answer_yes_ids": [
                            Command.link(self.answer_ids[number % _ANSWERS])
                        ],
                        "answer_no_ids": [
                            Command.link(self.answer_ids[(number + 1) % _ANSWERS])
                        ],
                    }
                    for number, category in enumerate(categories)
                ]
            )
            self.segment_ids = segments.ids
            self.records = [
                (one._name, one.ids) for one in (segments, partners, categories)
            ]
            self.records.append((question._name, question.ids))
        self.addCleanup(self._clear)

    def _clear(self):
        with self._env() as env:
            for model, ids in self.records:
                env[model].browse(ids).unlink()

    def _answer(self, env, choose):
        """Have each partner answer, past what follows at once."""
        rows = [
            (partner, self.answer_ids[answer])
            for place, partner in enumerate(self.partner_ids)
            for answer in set(choose(place))
        ]
        env["crm.profiling.response"].with_context(crm_profiling_saving=True).create(
            [{"partner_id": partner, "answer_id": answer} for partner, answer in rows]
        )

    # ------------------------------------------------------------
    # THE ORACLE
    # ------------------------------------------------------------

    def _check(self, message, once=True):
        """Compare members, memberships and categories with what the answers say."""
        with self._env() as env:
            known = {
                partner: set(partner.answer_ids.ids)
                for partner in env["res.partner"].browse(self.partner_ids)
            }
            for number, segment in enumerate(
                env["crm.segment"].browse(self.segment_ids)
            ):
                wanted = self.answer_ids[number % _ANSWERS]
                unwanted = self.answer_ids[(number + 1) % _ANSWERS]
                expected = {
                    partner
                    for partner, answers in known.items()
                    if wanted in answers and unwanted not in answers
                }
                self.assertTrue(expected)
                self.assertEqual(set(segment.partner_ids), expected, message)
                self.assertEqual(
                    set(segment.category_id.partner_ids), expected, message
                )
                rows = segment.membership_ids
                if not once:  # somebody may have left already
                    rows = rows.filtered(lambda row: not row.date_end)
                self.assertEqual(len(rows), len(expected), f"double: {message}")

    def _count_due(self):
        with self._env() as env:
            segments = env["crm.segment"].browse(self.segment_ids)
            return len(segments.filtered("is_due"))

    @staticmethod
    def _work(env):
        env["crm.segment"]._cron_compute()

    # ------------------------------------------------------------
    # TESTS
    # ------------------------------------------------------------

    def test_two_workers_share_the_segments(self):
        with tempfile.TemporaryDirectory() as folder:
            journal = Path(folder) / "journal"

            def note(env):
                owner = type(env["crm.segment"])
                original = owner._compute_due

                def call(segments, marks):
                    done = original(segments, marks)
                    with journal.open("a") as lines:
                        lines.writelines(
                            f"{os.getpid()} {one}\n" for one in segments.ids
                        )
                    time.sleep(0.1)  # or the first one has it all
                    return done

                return patch.object(owner, "_compute_due", call)

            pids = [self._fork(self._work, note) for _index in range(2)]
            self.assertEqual(self._wait(*pids), {0})
            lines = [line.split() for line in journal.read_text().splitlines()]
        own = [int(key) for _pid, key in lines if int(key) in self.segment_ids]
        self.assertEqual(sorted(own), sorted(self.segment_ids), "each one once")
        self.assertEqual({int(pid) for pid, _key in lines}, set(pids), "both worked")
        self._check("two workers")
        self.assertFalse(self._count_due())

    def test_killed_worker_is_replaced(self):
        for name, times in _STEPS:
            with self.subTest(killed_after=name, times=times):
                pid = self._fork(
                    self._work,
                    lambda env, name=name, times=times: _after(env, name, times),
                )
                self.assertEqual(self._wait(pid), {-9})
                left = self._count_due()
                self.assertTrue(left)
                self.assertEqual(self._wait(self._fork(self._work)), {0})
                self._check(f"killed after {name}")
                self.assertFalse(self._count_due())
                self._begin_anew()

    def _begin_anew(self):
        """Leave no trace of the run before."""
        with self._env() as env:
            segments = env["crm.segment"].browse(self.segment_ids)
            segments._end_memberships()
            segments.membership_ids.unlink()
            segments.stamp = False

    def test_killed_worker_leaves_what_is_done(self):
        pid = self._fork(self._work, lambda env: _after(env, "_apply_differences", 3))
        self.assertEqual(self._wait(pid), {-9})
        with self._env() as env:
            segments = env["crm.segment"].browse(self.segment_ids)
            done = segments.filtered("date_computed")
            self.assertTrue(done)
            self.assertEqual(segments - done, segments.filtered("is_due"))
            self.assertFalse((segments - done).partner_ids)
            moments = {one: one.membership_ids.ids for one in done}
        self.assertEqual(self._wait(self._fork(self._work)), {0})
        with self._env() as env:
            for one, ids in moments.items():
                self.assertEqual(one.with_env(env).membership_ids.ids, ids)
        self._check("gone on")

    def test_answers_saved_meanwhile_are_not_undone(self):
        with tempfile.TemporaryDirectory() as folder:
            read, saved = Path(folder) / "read", Path(folder) / "saved"

            def wait(env):
                owner = type(env["crm.segment"])
                original = owner._write_down_differences

                def call(segments):
                    counts = original(segments)
                    read.touch()
                    self._await(saved)
                    return counts

                return patch.object(owner, "_write_down_differences", call)

            pid = self._fork(self._work, wait)
            self._await(read)
            with self._env() as env:
                partner = env["res.partner"].browse(self.partner_ids[0])
                answer = env["crm.profiling.answer"].browse(self.answer_ids[3])
                env["crm.profiling.response"]._save_answers(
                    {partner: {answer.question_id: answer}}
                )
            saved.touch()
            self.assertEqual(self._wait(pid), {0})
        self._check("saved meanwhile", once=False)
        self.assertFalse(self._count_due())

    @staticmethod
    def _await(path):
        deadline = time.monotonic() + _TIMEOUT
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
