"""Run the whole test suite; see scripts/test, which prepares what this needs."""

import argparse
import doctest
import importlib
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

from suite import addon_tests, life_cycle, odoo_process
from suite.report import Outcome, Timer, show

MODULES_WITH_DOCTESTS = ("suite.odoo_log", "suite.report", "steps.database_url")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/test")
    parser.add_argument(
        "--module", action="append", help="only the tests of this addon"
    )
    parser.add_argument("--tags", help="only these tests (as Odoo's --test-tags)")
    return parser.parse_args()


def addons_here():
    """Return the addons of the repository: the main one, and the bridges."""
    found = sorted(
        path.parent.name for path in odoo_process.ROOT.glob("*/__manifest__.py")
    )
    return ["crm_relations"], [name for name in found if name != "crm_relations"]


def groups(arguments):
    """Return (label, addons to install, addons to test) for each kind of installation.

    The main addon is tested alone: with the bridges and all they bring, a missing
    dependency of it would not be seen.
    """
    main, bridges = addons_here()
    found = [("core", main, main)]
    if bridges:
        found.append(("all", [*main, *bridges], bridges))
    if arguments.module:
        wanted = set(arguments.module)
        found = [
            (label, install, [name for name in tested if name in wanted])
            for label, install, tested in found
            if wanted & set(tested)
        ]
    return found


def selected_tests(arguments):
    """Yield the jobs for --tags and --module: tests only, in one process per group."""
    for label, install, tested in groups(arguments):
        tags = arguments.tags or ",".join(f"/{name}" for name in tested)
        if arguments.tags and not arguments.module and label == "all":
            continue  # a selection runs on the main addon, unless a bridge is named
        source = odoo_process.template(label, "plain", install)
        yield addon_tests.run_tests, (f"tests_{label}", source, install, tags)


def everything(arguments):
    """Yield all jobs, the longest first."""
    for label, install, tested in groups(arguments):
        source = odoo_process.template(label, "plain", install)
        shards = addon_tests.shards(tested, addon_tests.most_shards())
        for number, tags in enumerate(shards, start=1):
            name = f"tests_{label}_{number}"
            yield addon_tests.run_tests, (name, source, install, tags)
        if label == "core":
            yield addon_tests.run_odoo_mail_tests, ("odoo_mail", source, install)
        yield life_cycle.whole_life, (f"life_{label}", source, install)
        yield life_cycle.with_demo, (f"demo_{label}", label, install)
        if label == "core":
            yield life_cycle.beside_crm, ("beside_crm", source, install)
        else:
            yield life_cycle.without_bridges, ("bridges_go", source, install, tested)


def check_own_doctests(outcome):
    """Run the examples in the docstrings of this suite, which reads the results."""
    for name in MODULES_WITH_DOCTESTS:
        result = doctest.testmod(importlib.import_module(name))
        faults = [f"{result.failed} examples are wrong"] if result.failed else []
        outcome.check(f"the examples in {name} are right", faults)


def run_job(function, arguments):
    timer = Timer()
    try:
        outcome = function(*arguments)
    except Exception as error:
        outcome = Outcome()
        outcome.fail(arguments[0], f"{type(error).__name__}: {error}")
    counts = f"{outcome.passed} passed, {len(outcome.failures)} failed"
    show(f"  {arguments[0]}: {counts} ({timer})")
    return outcome


def run_jobs(jobs, total):
    # A job waits much (for PostgreSQL, for the browser), so two cores bear three.
    workers = min(4, (os.cpu_count() or 2) + 1)
    with ThreadPoolExecutor(workers) as pool:
        pending = [pool.submit(run_job, *job) for job in jobs]
        try:
            for future in as_completed(pending):
                total.add(future.result())
        except BaseException:
            for future in pending:
                future.cancel()
            for process in list(odoo_process.running):
                process.kill()
            raise


def main():
    # An end from outside (a CI that gives up) must drop the databases like Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ.pop("PYTHONPATH", None)  # it led here; Odoo is not to see it
    arguments = parse_arguments()
    odoo_process.forget_ended()
    odoo_process.drop_leftovers()
    total = Outcome()
    timer = Timer()
    show(f"Testing (logs in .dev/log/{odoo_process.LOGS.name})")
    if arguments.tags or arguments.module:
        jobs = selected_tests(arguments)
    else:
        check_own_doctests(total)
        jobs = everything(arguments)
    run_jobs(jobs, total)
    show(f"\nTests took {timer}")
    if not total.tests and not total.failures:
        total.fail("the addons are tested", "no test ran: is the selection right?")
    total.print()
    return 1 if total.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted; the databases of the tests are dropped")
    except RuntimeError as error:
        sys.exit(str(error))
