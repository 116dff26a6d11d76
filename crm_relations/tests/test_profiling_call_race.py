import time
from functools import partial
from itertools import pairwise

from odoo import Command
from odoo.exceptions import ConcurrencyError
from odoo.service.model import retrying
from odoo.tests import tagged
from psycopg2.errors import SerializationFailure

from .worker_common import WorkerCommon

_PARTNERS, _OPERATORS = 12, 4


@tagged("post_install", "-at_install", "crm_relations", "crm_relations_profiling")
class TestProfilingCallRace(WorkerCommon):
    """Operators who click at once, in processes and transactions of their own.

    Two campaigns have the same partners on their lists.
    """

    def setUp(self):
        super().setUp()
        with self._env() as env:
            users = env["res.users"].create(
                [
                    {
                        "name": f"Operator {index}",
                        "login": f"race.operator.{index}@example.com",
                        "group_ids": [
                            Command.link(
                                env.ref("crm_relations.crm_relations_group_user").id
                            )
                        ],
                    }
                    for index in range(_OPERATORS)
                ]
            )
            partners = env["res.partner"].create(
                [{"name": f"Race {index}"} for index in range(_PARTNERS)]
            )
            questionnaire = env["crm.profiling.questionnaire"].create({"name": "Race"})
            campaigns = env["crm.profiling.campaign"].create(
                [
                    {
                        "name": f"Race {index}",
                        "questionnaire_id": questionnaire.id,
                        "state": "running",
                        "hour_from": 0,
                        "hour_to": 24,
                        "on_weekends": True,
                        "operator_line_ids": [
                            Command.create({"user_id": user.id}) for user in users
                        ],
                        "call_ids": [
                            Command.create({"partner_id": partner.id})
                            for partner in partners
                        ],
                    }
                    for index in range(2)
                ]
            )
            self.records = [
                (record._name, record.ids)
                for record in (partners, campaigns, questionnaire, users)
            ]
            self.user_ids, self.campaign_ids = users.ids, campaigns.ids
        self.addCleanup(self._clear)

    def _clear(self):
        with self._env() as env:
            for model, ids in self.records:
                env[model].browse(ids).unlink()

    def _calls_of(self, env, user_id):
        return env(user=user_id)["crm.profiling.call"]

    # ------------------------------------------------------------
    # TRANSACTIONS SIDE BY SIDE
    # ------------------------------------------------------------

    def test_second_operator_does_not_wait_and_gets_another_partner(self):
        one, two = self.user_ids[:2]
        with self._env() as first, self._env() as second:
            second.cr.execute("SET LOCAL lock_timeout = '300ms'")
            desks = [
                self._calls_of(env, user).take_next(self.campaign_ids[0])
                for env, user in ((first, one), (second, two))
            ]
        partners = {desk["call"]["partner_id"] for desk in desks}
        self.assertEqual(len(partners), 2)

    def test_who_began_before_another_had_taken_begins_anew(self):
        one, two = self.user_ids[:2]
        with self._env() as second:
            # it sees the lists as they are now
            second.cr.execute("SELECT 1 FROM crm_profiling_call LIMIT 1")
            with self._env() as first:
                desk = self._calls_of(first, one).take_next(self.campaign_ids[0])
            # the same line; and the same partner on the list of the other campaign
            for campaign_id, error in zip(
                self.campaign_ids, (SerializationFailure, ConcurrencyError), strict=True
            ):
                with (
                    self.subTest(error=error.__name__),
                    self.assertRaises(error),
                    second.cr.savepoint(),
                ):
                    self._calls_of(second, two).take_next(campaign_id)
            second.cr.rollback()
            other = self._calls_of(second, two).take_next(self.campaign_ids[1])
        self.assertNotEqual(desk["call"]["partner_id"], other["call"]["partner_id"])

    def test_two_windows_of_one_operator_show_one_partner(self):
        user = self.user_ids[0]
        with self._env() as second:
            second.cr.execute("SELECT 1 FROM crm_profiling_call LIMIT 1")
            with self._env() as first:
                desk = self._calls_of(first, user).take_next(self.campaign_ids[0])
            with self.assertRaises(ConcurrencyError), second.cr.savepoint():
                # nothing of this line, nor of its partner, is in the way
                last = second["crm.profiling.call"].search([], order="id desc", limit=1)
                last.with_user(user).action_take()
            second.cr.rollback()
            again = self._calls_of(second, user).take_next(self.campaign_ids[1])
        self.assertEqual(again["call"]["id"], desk["call"]["id"])

    # ------------------------------------------------------------
    # PROCESSES
    # ------------------------------------------------------------

    def test_each_partner_is_called_once_for_each_campaign(self):
        self.assertEqual(
            self._wait(
                *(self._fork(partial(self._work, user)) for user in self.user_ids)
            ),
            {0},
        )
        with self._env() as env:
            attempts = env["crm.profiling.attempt"].search(
                [("campaign_id", "in", self.campaign_ids)]
            )
            self.assertEqual(len(attempts.call_id), 2 * _PARTNERS)
            self.assertEqual(len(attempts), 2 * _PARTNERS)
            self.assertEqual(set(attempts.mapped("result")), {"refused"})
            self.assertGreater(len(attempts.user_id), 1)
            self._check_apart(env)

    def _work(self, user_id, env):
        """Call until nobody is left, as requests of one operator do."""
        calls = self._calls_of(env, user_id)
        while True:
            desk = retrying(calls.take_next, calls.env)
            if desk["call"]:
                time.sleep(0.01)  # so that others meet what is in hand
                call = calls.browse(desk["call"]["id"])
                retrying(partial(call.action_refuse), calls.env)
            elif not desk["waiting"]["count"]:
                return

    def _check_apart(self, env):
        """No partner was in two hands at any moment."""
        env.cr.execute(
            """SELECT partner_id, create_date - minutes * interval '1 minute',
                      create_date
                 FROM crm_profiling_attempt WHERE campaign_id IN %s
                ORDER BY partner_id, create_date""",
            [tuple(self.campaign_ids)],
        )
        for (one, _from, end), (other, begin, _to) in pairwise(env.cr.fetchall()):
            if one == other:
                self.assertLessEqual(end, begin)
