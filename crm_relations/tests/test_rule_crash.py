"""Rules by time under kill -9 and with several workers, with real transactions.

Everything here is committed and removed again: a crash cannot be tried in a
transaction that the test rolls back.
"""

import time
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from .worker_common import WorkerCommon, die

_COUNT = 40
_DOMAIN = "crash.example"


def _before(owner, name):
    return patch.object(owner, name, die)


def _after(owner, name, times=1):
    original, calls = getattr(owner, name), []

    def call(*args, **kwargs):
        result = original(*args, **kwargs)
        calls.append(1)
        if len(calls) == times:
            die()
        return result

    return patch.object(owner, name, call)


def _cls(env, model):
    return type(env[model])


# Where a worker is killed: (what happens there, patch made of an environment). The
# order is the order of the work.
_STEPS = (
    ("nothing locked", lambda env: _before(_cls(env, "crm.case.timer"), "_lock_due")),
    ("locked", lambda env: _after(_cls(env, "crm.case.timer"), "_lock_due")),
    ("weighed", lambda env: _after(_cls(env, "crm.case.rule"), "_match")),
    ("in the ledger", lambda env: _after(_cls(env, "crm.case.rule"), "_write_runs")),
    ("timers gone", lambda env: _after(_cls(env, "crm.case.timer"), "_go_on")),
    ("case written", lambda env: _after(_cls(env, "crm.case.rule"), "_apply_values")),
    ("mail queued", lambda env: _after(_cls(env, "crm.case.rule"), "_apply_mail")),
    ("batch fired", lambda env: _after(_cls(env, "crm.case.timer"), "_fire_batch")),
    (
        "second batch fired",
        lambda env: _after(_cls(env, "crm.case.timer"), "_fire_batch", times=2),
    ),
)
_BATCH = "odoo.addons.crm_relations.models.crm_case_timer.BATCH"


@tagged("post_install", "-at_install", "crm_relations", "crm_relations_rules")
class TestRuleCrash(WorkerCommon):
    def setUp(self):
        super().setUp()
        # several batches, so that a worker dies between them too
        small = patch(_BATCH, 15)
        small.start()
        self.addCleanup(small.stop)
        with self._env() as env:
            self.others = env["crm.case.rule"].search([]).ids
            env["crm.case.rule"].browse(self.others).active = False
            section = env["crm.case.section"].create({"name": "Crash"})
            self.section_id = section.id
        self.rule_ids = []
        self.addCleanup(self._clean)

    def _clean(self):
        with self._env() as env:
            cases = env["crm.case"].search([("section_id", "=", self.section_id)])
            env["mail.mail"].search(
                [("model", "=", "crm.case"), ("res_id", "in", cases.ids)]
            ).unlink()
            cases.unlink()
            env["crm.case.automatic.mail"].search(
                [("address", "like", f"@{_DOMAIN}")]
            ).unlink()
            env["crm.case.rule"].browse(self.rule_ids).with_context(
                active_test=False
            ).unlink()
            env["crm.case.section"].browse(self.section_id).unlink()
            env["crm.case.rule"].browse(self.others).active = True

    def _new_cases(self, count=_COUNT):
        """Commit cases that are due, and the rule for them."""
        mark = f"Turn {len(self.rule_ids)}"
        with self._env() as env:
            cases = env["crm.case"].create(
                [
                    {
                        "name": f"{mark} number {index}",
                        "section_id": self.section_id,
                        "user_id": False,
                        # an address each, for no address gets many automatic mails
                        "email_from": f"c{index}.{len(self.rule_ids)}@{_DOMAIN}",
                        "priority": "1",
                        "date": fields.Datetime.now() - timedelta(days=3),
                    }
                    for index in range(count)
                ]
            )
            rule = env["crm.case.rule"].create(
                {
                    "name": "Crash",
                    "section_id": self.section_id,
                    "subject_pattern": f"^{mark} ",
                    "date_type": "date",
                    "delay": 2,
                    "set_priority": "3",
                    "mail_to_partner": True,
                }
            )
            self.rule_ids.append(rule.id)
        return rule.id, cases.ids

    def _tick(self, env):
        env["crm.case.timer"]._cron_fire()

    def _check_each_once(self, rule_id, case_ids):
        """Check that each case was acted on once: ledger, field, mail, note."""
        with self._env() as env:
            cases = env["crm.case"].browse(case_ids)
            self.assertEqual(set(cases.mapped("priority")), {"3"})
            runs = env["crm.case.rule.run"].search([("rule_id", "=", rule_id)])
            self.assertEqual(set(runs.mapped("result")), {"done"})
            self.assertEqual(sorted(runs.case_id.ids), sorted(case_ids))
            self.assertEqual(len(runs), len(case_ids))
            mails = env["mail.mail"].search(
                [("model", "=", "crm.case"), ("res_id", "in", case_ids)]
            )
            self.assertEqual(sorted(mails.mapped("res_id")), sorted(case_ids))
            notes = env["mail.message"].search(
                [
                    ("model", "=", "crm.case"),
                    ("res_id", "in", case_ids),
                    ("body", "like", "Rule “Crash”"),
                ]
            )
            self.assertEqual(sorted(notes.mapped("res_id")), sorted(case_ids))
            self.assertFalse(env["crm.case.timer"].search([("rule_id", "=", rule_id)]))

    # ------------------------------------------------------------
    # KILLED
    # ------------------------------------------------------------

    def test_killed_anywhere_fires_each_case_once(self):
        for step, patcher in _STEPS:
            with self.subTest(step):
                rule_id, case_ids = self._new_cases()
                self.assertEqual(self._wait(self._fork(self._tick, patcher)), {-9})
                self.assertEqual(self._wait(self._fork(self._tick)), {0})
                self._check_each_once(rule_id, case_ids)
                with self._env() as env:
                    env["crm.case.rule"].browse(rule_id).active = False

    def test_killed_while_an_event_fires_loses_event_and_effect_alike(self):
        with self._env() as env:
            rule = env["crm.case.rule"].create(
                {
                    "name": "Event",
                    "section_id": self.section_id,
                    "on_create": True,
                    "set_priority": "3",
                }
            )
            self.rule_ids.append(rule.id)

        def open_case(env):
            env["crm.case"].create({"name": "Made", "section_id": self.section_id})
            env.cr.commit()  # pylint: disable=invalid-commit

        for name in ("_write_runs", "_apply_values", "_log_note"):
            with self.subTest(name):

                def patcher(env, name=name):
                    return _after(_cls(env, "crm.case.rule"), name)

                self.assertEqual(self._wait(self._fork(open_case, patcher)), {-9})
                with self._env() as env:
                    domain = [("section_id", "=", self.section_id)]
                    self.assertFalse(env["crm.case"].search(domain))
        self.assertEqual(self._wait(self._fork(open_case)), {0})
        with self._env() as env:
            case = env["crm.case"].search([("section_id", "=", self.section_id)])
            self.assertEqual(case.priority, "3")
            self.assertEqual(case.rule_run_ids.mapped("result"), ["done"])

    # ------------------------------------------------------------
    # SIDE BY SIDE
    # ------------------------------------------------------------

    def test_four_workers_fire_each_case_once(self):
        rule_id, case_ids = self._new_cases(200)
        begin = time.monotonic() + 1

        def tick(env):
            time.sleep(max(0, begin - time.monotonic()))
            self._tick(env)

        pids = [self._fork(tick) for _index in range(4)]
        self.assertEqual(self._wait(*pids), {0})
        # what one of them held while another looked is for the next tick
        self.assertEqual(self._wait(self._fork(self._tick)), {0})
        self._check_each_once(rule_id, case_ids)

    def test_case_in_somebodys_hands_waits_and_holds_nobody_up(self):
        rule_id, case_ids = self._new_cases()
        with self._env() as env:
            # somebody has written to the case and not committed yet
            env.cr.execute(
                "SELECT id FROM crm_case WHERE id = %s FOR UPDATE", (case_ids[0],)
            )
            self.assertEqual(self._wait(self._fork(self._tick)), {0})
            with self._env() as later:
                runs = later["crm.case.rule.run"].search([("rule_id", "=", rule_id)])
                self.assertEqual(len(runs), _COUNT - 1)
        self.assertEqual(self._wait(self._fork(self._tick)), {0})
        self._check_each_once(rule_id, case_ids)
