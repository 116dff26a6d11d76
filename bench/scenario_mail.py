"""Incoming mail, beside Odoo's own lead gateway: the same mails, in turns.

    scripts/bench bench/scenario_mail.py            several minutes
    DB=none ROWS=0 COUNT=50 PARTNERS=1000 scripts/bench bench/scenario_mail.py

The second takes one minute. COUNT mails of each kind (200), in rounds; a figure is the
median of its rounds. PARTNERS contacts (100,000), of whom half of the mails come. ROWS
cases in the database that is compared with the empty one (1,000,000, as
`scenario_views.py` fills it; 0 leaves this out, and DB=none then spares the upgrade of
that database). KEEP=1 uses the databases of the last run. `target` is what is to be
reached, if anything is.
"""

import importlib
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from imaplib import IMAP4
from pathlib import Path
from statistics import median
from types import ModuleType

from common import Meter, boot, emit, emit_machine, environment, vacuum
from mail_databases import ROOT, prepare_databases
from mail_gateway import fill_missing_contacts, make_feeds, process, warm_up
from mail_messages import message_id
from populate import fill

COUNT = int(os.environ.get("COUNT", "200"))
PARTNERS = int(os.environ.get("PARTNERS", "100000"))
ROWS = int(os.environ.get("ROWS", "1000000"))
ROUND = 25  # mails before it is another target's turn
FETCH_ROUND = 200  # mails in the mailbox, as many as one visit takes
PASSWORD = "bench"


def main():
    emit_machine()
    ours_name, peer_name = prepare_databases()
    with ExitStack() as stack:
        ours = open_database(stack, ours_name)
        peer = open_database(stack, peer_name)
        targets = {
            "ours": (ours, make_feeds(ours, ["case"])["case"]),
            "peer": (peer, make_feeds(peer, ["lead"])["lead"]),
            # what our index and caches give the peer is not to be called our speed
            "peer_indexed": (ours, make_feeds(ours, ["lead"])["lead"]),
        }
        if ROWS:
            large = open_large(stack)
            targets["large"] = (large, make_feeds(large, ["case"])["case"])
        for env, feed in targets.values():
            warm_up(env, {"": feed})
        time_gateway(targets)
        time_storing(*targets["ours"])
        with mail_server() as server:
            time_fetching(server, targets)
        time_workers(ours_name, *targets["ours"])


def open_database(stack, name):
    env = stack.enter_context(environment(boot(name)))
    fill_missing_contacts(env, PARTNERS)
    env.cr.commit()
    vacuum(name)
    return env


def open_large(stack):
    """Open the database of a million cases, filling it if need be."""
    name = os.environ["BENCH_DB"]
    env = stack.enter_context(environment(boot(name)))
    env.cr.execute("SELECT count(*) FROM crm_case WHERE number LIKE 'B%%'")
    if env.cr.fetchone()[0] != ROWS:
        fill(env, ROWS, max(ROWS // 10, 100))
        env.cr.commit()
    vacuum(name)
    return env


# --- through message_process ----------------------------------------------------------


def time_gateway(targets):
    for kind, ratios, statements in (
        ("new", {"peer": 4, "peer_indexed": 2}, 24),
        ("reply", {"peer": 3, "peer_indexed": 1.7}, 28),
    ):
        meters = {name: [] for name in targets}
        for _round in range(max(COUNT // ROUND, 1)):
            for name, (env, feed) in targets.items():
                mails = getattr(feed, kind)(ROUND)
                with Meter() as meter:
                    process(env, mails)
                meters[name].append(meter)
        show_rates(f"message_process, {kind}", meters, ROUND, ratios, statements)


def show_rates(figure, meters, count, ratios, statements=None):
    """Print our rate beside those of the others.

    :param meters: {target: [Meter of each round]}
    :param count: mails in a round
    :param ratios: {target: what our rate divided by its is to be}
    :param statements: how many a mail may take at most
    """
    rates = {
        name: median(count / meter.wall for meter in found)
        for name, found in meters.items()
    }
    emit(
        bench="mail",
        figure=figure,
        contacts=PARTNERS,
        per_second=round(rates["ours"], 1),
        **describe(meters["ours"], count),
        **({"statements_target": statements} if statements else {}),
    )
    for name in sorted(meters.keys() - {"ours", "large"}):
        emit(
            bench="mail",
            figure=f"{figure}, {name.replace('_', ' ')}",
            per_second=round(rates[name], 1),
            **describe(meters[name], count),
            ratio=round(rates["ours"] / rates[name], 2),
            target=ratios.get(name),
        )
    if "large" in meters:
        emit(
            bench="mail",
            figure=f"{figure}, {ROWS} cases",
            per_second=round(rates["large"], 1),
            **describe(meters["large"], count),
            ratio_to_empty=round(rates["large"] / rates["ours"], 2),
            target=0.9,
        )


def describe(meters, count):
    """Give what moves less than the rate on a busy machine, per mail."""
    rates = [count / meter.wall for meter in meters]
    return {
        "slowest": round(min(rates), 1),
        "fastest": round(max(rates), 1),
        "statements": round(median(meter.queries for meter in meters) / count, 1),
        "cpu_ms": round(1000 * median(meter.cpu for meter in meters) / count, 1),
        "sql_ms": round(1000 * median(meter.sql for meter in meters) / count, 1),
    }


# --- the ledger -----------------------------------------------------------------------


def store(env, mails):
    """Store mails as a mailbox's fetch does, 50 to a commit; nobody processes them."""
    Intake, none = env["crm.mail.intake"], env["fetchmail.server"]
    section = env["crm.case.section"]
    keyed = [(f"bench {time.time_ns()} {n}", raw) for n, raw in enumerate(mails)]
    for start in range(0, len(keyed), 50):
        Intake._store(keyed[start : start + 50], none, section)
        env.cr.commit()


def time_storing(env, feed):
    meters = []
    for _round in range(5):
        mails = feed.new(500)
        del feed.written[-500:]  # they become no cases that could be answered
        with Meter() as meter:
            store(env, mails)
        meters.append(meter)
        env.cr.execute("DELETE FROM crm_mail_intake WHERE state = 'new'")
        env.cr.commit()
    emit(
        bench="mail",
        figure="stored in the ledger",
        per_second=round(median(500 / meter.wall for meter in meters)),
        target=2000,
    )


def time_workers(name, env, feed):
    """Let one and then two processes work on what waits, several times."""
    with workers(name, 2) as processes:
        walls = {1: [], 2: []}
        for _round in range(max(COUNT // 50, 2)):
            for count, found in walls.items():
                store(env, feed.new(100))
                start = time.perf_counter()
                run(processes[:count])
                found.append(time.perf_counter() - start)
        env.cr.execute("SELECT count(*) FROM crm_mail_intake WHERE state != 'done'")
        left = env.cr.fetchone()[0]
    if left:
        raise RuntimeError(f"{left} mails are not done: the figure would be void")
    one, two = (100 / median(found) for found in walls.values())
    emit(
        bench="mail",
        figure="two workers",
        per_second=round(two, 1),
        one_per_second=round(one, 1),
        ratio=round(two / one, 2),
        target=1.7,
    )


@contextmanager
def workers(name, count):
    """Start processes that work on the ledger when told."""
    found = [
        subprocess.Popen(
            [sys.executable, Path(__file__).with_name("mail_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"BENCH_DB": name},
        )
        for _number in range(count)
    ]
    try:
        for process_ in found:
            process_.stdout.readline()
        yield found
    finally:
        for process_ in found:
            process_.stdin.close()
            process_.wait(30)


def run(processes):
    for process_ in processes:
        process_.stdin.write("go\n")
        process_.stdin.flush()
    for process_ in processes:
        if process_.stdout.readline() != "done\n":
            raise RuntimeError("a worker ended: the figure would be void")


# --- from a mailbox -------------------------------------------------------------------


@contextmanager
def mail_server():
    """Run the Dovecot of the addon's tests, which need Odoo's test framework."""
    package = ModuleType("bench_mail_server")
    package.__path__ = [str(ROOT / "crm_relations" / "tests")]
    sys.modules["bench_mail_server"] = package
    module = importlib.import_module("bench_mail_server.mail_server")
    with tempfile.TemporaryDirectory() as folder:  # noqa: SIM117 - stopped, then removed
        with module.MailServer(folder) as server:
            yield server


def time_fetching(server, targets):
    boxes = {
        name: open_mailbox(server, name, *targets[name]) for name in ("ours", "peer")
    }
    meters = {name: [] for name in boxes}
    commands = {name: [] for name in boxes}
    for _round in range(max(COUNT // 70, 1)):
        for name, box in boxes.items():
            feed = targets[name][1]
            for raw in feed.new(FETCH_ROUND):
                server.deliver(box.user, raw)
            with counted_commands() as found, Meter() as meter:
                error = box._fetch_mail(batch_limit=FETCH_ROUND)
            if error:
                raise error
            check_arrived(box.env, feed.written[-FETCH_ROUND:])
            meters[name].append(meter)
            commands[name].append(len(found) / FETCH_ROUND)
    show_rates("from an IMAP mailbox", meters, FETCH_ROUND, {"peer": 4})
    emit(
        bench="mail",
        figure="IMAP commands per mail",
        value=round(median(commands["ours"]), 2),
        peer=round(median(commands["peer"]), 2),
        target=0.1,
    )


def open_mailbox(server, name, env, feed):
    address = f"{name}@{feed.to.partition('@')[2]}"
    server.add_mailbox(address, PASSWORD)
    values = {
        "name": f"Bench {time.time_ns()}",
        "server": server.host,
        "port": server.imap_port,
        "server_type": "imap",
        "is_ssl": False,
        "user": address,
        "password": PASSWORD,
    }
    if name == "ours":
        section = env["crm.case.section"].search(
            [("alias_name", "=", feed.to.partition("@")[0])]
        )
        values["section_id"] = section.id
    box = env["fetchmail.server"].create(values)
    box.button_confirm_login()
    env.cr.commit()
    return box


@contextmanager
def counted_commands():
    """Give a list that receives the name of each IMAP command."""
    found, original = [], IMAP4._command

    def counted(connection, name, *arguments):
        found.append(name)
        return original(connection, name, *arguments)

    IMAP4._command = counted
    try:
        yield found
    finally:
        IMAP4._command = original


def check_arrived(env, written):
    """A fetch counts a mail that found no place as handled; a figure must not."""
    env.cr.execute(
        "SELECT count(*) FROM mail_message WHERE message_id = ANY(%s)",
        ([message_id(key) for key, _sender in written],),
    )
    arrived = env.cr.fetchone()[0]
    env.cr.commit()
    if arrived != len(written):
        raise RuntimeError(f"{arrived} of {len(written)} mails became messages")


if __name__ == "__main__":
    main()
