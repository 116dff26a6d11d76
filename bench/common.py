"""What the benchmarks share: Odoo in this process, a meter, one line per figure.

Run them with `make bench`, which sets the paths and makes the database. Figures of
different days or machines do not compare; the ratio to the peer, taken in the same run
on the same rows, does.
"""

import contextlib
import json
import os
import platform
import statistics
import threading
import time


def boot(database):
    """Load the registry of ``database`` in this process."""
    from odoo.modules.registry import Registry
    from odoo.tools import config

    config.parse_config(
        ["-c", os.environ["ODOO_RC"], "-d", database, "--no-http", "--log-level=warn"],
        setup_logging=True,
    )
    threading.current_thread().dbname = database
    return Registry(database)


@contextlib.contextmanager
def environment(registry, uid=1, commit=False):
    """Give an environment of ``uid``; roll back at the end unless told otherwise."""
    from odoo import api

    with registry.cursor() as cr:
        context = {"lang": "en_US", "tz": "UTC", "uid": uid}
        yield api.Environment(cr, uid, context)
        if commit:
            cr.commit()
        else:
            cr.rollback()


def vacuum(database):
    """Do what autovacuum has done in a database that is in use."""
    import psycopg2
    from odoo.sql_db import connection_info_for

    _name, info = connection_info_for(database)
    connection = psycopg2.connect(**info)
    connection.autocommit = True  # VACUUM runs in no transaction
    with connection.cursor() as cr:
        cr.execute("VACUUM ANALYZE")
    connection.close()


def measure(env, call, repeat=5):
    """Time a call, warm, each time with an empty record cache.

    :return: (median in milliseconds, number of SQL statements)
    """
    call()
    walls = []
    thread = threading.current_thread()
    for _index in range(repeat):
        env.invalidate_all()
        thread.query_count, thread.query_time = 0, 0.0
        start = time.perf_counter()
        call()
        walls.append(1000 * (time.perf_counter() - start))
    return statistics.median(walls), thread.query_count


class Meter:
    """Wall and processor time, and SQL statements, of a block in this thread."""

    def __enter__(self):
        self._thread = threading.current_thread()
        self._thread.query_count, self._thread.query_time = 0, 0.0
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_exception):
        self.wall = time.perf_counter() - self._start[0]
        self.cpu = time.process_time() - self._start[1]
        self.queries = self._thread.query_count
        self.sql = self._thread.query_time


def emit_machine():
    """Print what the machine is and does at this moment, as the first line."""
    start = time.perf_counter()
    sum(number * number % 7 for number in range(3_000_000))
    loop = time.perf_counter() - start
    emit(
        bench="machine",
        cores=os.cpu_count(),
        python=platform.python_version(),
        date=time.strftime("%Y-%m-%d"),
        load=round(os.getloadavg()[0], 1),
        python_loop_s=round(loop, 3),
    )


def emit(**figures):
    """Print one figure as a JSON line."""
    print(json.dumps(figures), flush=True)
