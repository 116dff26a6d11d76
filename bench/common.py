"""What the benchmarks share: Odoo in this process, a meter, one line per figure.

Run them with `make bench`, which sets the paths and makes the database. Figures of
different days or machines do not compare; the ratio to the peer, taken in the same run
on the same rows, does.
"""

import contextlib
import json
import os
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


def emit(**figures):
    """Print one figure as a JSON line."""
    print(json.dumps(figures), flush=True)
