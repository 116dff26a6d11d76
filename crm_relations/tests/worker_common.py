"""Workers in processes of their own, with real transactions.

Everything they do is committed, and removed again by whoever tests with them: a crash
cannot be tried in a transaction that the test rolls back.
"""

import logging
import os
import signal
import time
from contextlib import contextmanager

from odoo import SUPERUSER_ID, api, sql_db
from odoo.modules.registry import Registry
from odoo.tests import BaseCase, get_db_name
from odoo.tools import config

_TIMEOUT = 60  # seconds for a child


def die(*_args, **_kwargs):
    """End this process as kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


class WorkerCommon(BaseCase):
    """Environments that commit, and processes that may be killed."""

    context = {"tracking_disable": True}

    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())

    @contextmanager
    def _env(self):
        """Give an environment whose changes are kept."""
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, self.context)

    def _fork(self, work, patcher=None):
        """Do ``work(env)`` in a process of its own.

        :param patcher: gives a patch made of an environment: the fault, if any
        :return: its process id
        """
        pid = os.fork()
        if pid:
            return pid
        try:
            # connections are the parent's: made anew here, and not closed
            sql_db._Pool = sql_db._Pool_readonly = None
            config["db_app_name"] = "odoo-{pid}"  # by which its connections are known
            self.registry._db = sql_db.db_connect(self.registry.db_name)
            self.registry._db_readonly = None
            logging.disable(logging.CRITICAL)
            with self._env() as env:
                if patcher:
                    patcher(env).start()
                work(env)
                env.cr.commit()  # pylint: disable=invalid-commit
        except BaseException:
            os._exit(1)
        finally:
            os._exit(0)

    def _wait(self, *pids):
        """Wait for children.

        :return: set of their exit codes, -9 for those that were killed
        """
        codes, deadline = set(), time.monotonic() + _TIMEOUT
        for pid in pids:
            done, status = os.waitpid(pid, os.WNOHANG)
            while not done and time.monotonic() < deadline:
                time.sleep(0.02)
                done, status = os.waitpid(pid, os.WNOHANG)
            if not done:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self.fail("a worker did not end")
            codes.add(os.waitstatus_to_exitcode(status))
        return codes
