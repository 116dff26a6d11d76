"""Run Odoo on databases of our own, which go away afterwards."""

import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from suite.odoo_log import read_records

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / ".dev"
# Two suites may run at the same time; each has its own logs and databases.
LOGS = DEV / "log" / f"test_{os.getpid()}"
TIME_LIMIT = 1500  # seconds for one run of Odoo; all of them should need less than 1200
PREFIX = "crm_relations_test_"
running = set()  # processes to end if the person loses patience


@dataclass
class Run:
    """One run of Odoo that has ended."""

    code: int
    log: Path

    @property
    def records(self):
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return read_records(lines)

    def faults(self):
        """Say what is wrong: lines of the log, and a bad end."""
        found = [f"{r.level} {r.logger}: {r.text}" for r in self.records if r.is_loud()]
        if self.code:
            found.append(f"Odoo ended with {self.code}; its log is {self.log}")
        return found


def script(name, *arguments):
    """Run one of our scripts and return what it prints.

    :raise RuntimeError: with what it said, if it fails
    """
    done = subprocess.run(
        [ROOT / "scripts" / name, *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip())
    return done.stdout.strip()


def sql(database, statement):
    """Return the rows of a statement, each as one text."""
    command = ("psql", "-d", database, "-qAt", "-v", "ON_ERROR_STOP=1", "-c", statement)
    return script("postgres", *command).splitlines()


def template(label, kind, addons):
    """Return the name of a database with the dependencies of addons installed."""
    return script("template", label, kind, *addons)


@contextmanager
def database(name, source):
    """Copy the template ``source``; the copy is dropped at the end."""
    full_name = f"{PREFIX}{os.getpid()}_{name}"
    script("postgres", "copy", full_name, source)
    try:
        yield full_name
    finally:
        script("postgres", "drop", full_name)


def drop_leftovers():
    """Drop the databases of earlier runs that were killed before they could.

    Only on our own server: on another one they may be those of another machine.
    """
    if os.environ["PGHOST"] != os.environ["CRM_SOCKETS"]:
        return
    statement = f"SELECT datname FROM pg_database WHERE datname LIKE '{PREFIX}%'"
    for name in sql("postgres", statement):
        if has_ended(name.removeprefix(PREFIX)):
            script("postgres", "drop", name)


def forget_ended():
    """Delete the logs and pictures of earlier runs."""
    for folder in (DEV / "log").glob("test_*"):
        if has_ended(folder.name.removeprefix("test_")):
            shutil.rmtree(folder)
    for folder in (DEV / "screenshots").glob(f"{PREFIX}*"):
        if has_ended(folder.name.removeprefix(PREFIX)):
            shutil.rmtree(folder)


def has_ended(name):
    """Tell whether the suite whose process id a name begins with has ended."""
    process = re.match(r"\d+", name)
    return bool(process) and not Path("/proc", process[0]).exists()


def odoo(name, *arguments, stdin=""):
    """Run Odoo's command line to its end, its log going to LOGS/NAME.log."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    command = [sys.executable, DEV / "odoo-bin", *arguments]
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=DEV
        )
        running.add(process)
        try:
            process.communicate(stdin.encode(), timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            running.discard(process)
    return Run(process.returncode, log)


def free_port():
    """Find a port that nobody listens on, so that tests run beside ``make run``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
