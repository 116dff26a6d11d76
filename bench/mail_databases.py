"""The databases of the mail benchmark: with our addon beside crm, and crm alone.

The peer is compared as it is installed: an index and a cache of ours would speed it up
as well. Both have the same contacts and are made anew for each run, or kept (KEEP=1).
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATABASES = {
    "crm_relations_bench_mail": "crm,crm_relations",
    "crm_relations_bench_mail_peer": "crm",
}


def prepare_databases():
    """Make both databases, side by side.

    :return: (name of ours, name of the peer's)
    """
    keep = os.environ.get("KEEP")
    template = _script("template", "core", "plain", "crm_relations")
    missing = [name for name in DATABASES if not (keep and _exists(name))]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: _make(name, template), missing))
    return tuple(DATABASES)


def _make(name, template):
    _script("postgres", "drop", name)
    _script("postgres", "copy", name, template)
    options = ("-i", DATABASES[name], "--stop-after-init", "--no-http")
    subprocess.run(
        [sys.executable, ROOT / ".dev" / "odoo-bin", "-d", name, *options]
        + ["--log-level=warn"],
        check=True,
        stdin=subprocess.DEVNULL,
    )


def _exists(name):
    statement = f"SELECT 1 FROM pg_database WHERE datname = '{name}'"
    return bool(_script("postgres", "psql", "-d", "postgres", "-qAtc", statement))


def _script(name, *arguments):
    command = [ROOT / "scripts" / name, *arguments]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
