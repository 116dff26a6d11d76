"""A large spreadsheet of answers: read, looked up and imported.

    DB=my_database scripts/bench bench/scenario_import.py
    DB=my_database ROWS=50000 APPLY=2000 scripts/bench bench/scenario_import.py

A CSV of ROWS (1,000,000) prospects with six answers each; half of them are partners
already, a tenth of the answers of one column are misspelt. Everything up to the preview
for all rows, beside only counting them with Python's own reader; then APPLY (10,000) of
the rows are imported, partners created and answers saved. Rolled back. `memory_mb` is
what the process has had at most, above what it had before.
"""

import csv
import os
import tempfile
from contextlib import contextmanager
from unittest.mock import patch

from common import Meter, boot, emit, emit_machine, environment
from scenario_segments import memory

ROWS = int(os.environ.get("ROWS", "1000000"))
APPLY = int(os.environ.get("APPLY", "10000"))
QUESTIONS, ANSWERS = 6, 4


def main():
    emit_machine()
    registry = boot(os.environ["BENCH_DB"])
    with environment(registry) as env, tempfile.NamedTemporaryFile() as file:
        make_questions(env)
        make_partners(env)
        write_file(file.name)
        time_import(env, file.name)


def make_questions(env):
    env["crm.profiling.question"].create(
        [
            {
                "name": f"Bench {number}",
                "answer_ids": [(0, 0, {"name": f"Answer {n}"}) for n in range(ANSWERS)],
            }
            for number in range(QUESTIONS)
        ]
    )


def make_partners(env):
    """Insert half of the file's prospects by SQL; the ORM takes an hour for so many."""
    names = ["name", "complete_name", "email", "email_normalized"]
    # what other addons require
    fixed = {
        "autopost_bills": "ask",
        "active": True,
        "type": "contact",
        "lang": "en_US",
    }
    fixed = {n: v for n, v in fixed.items() if n in env["res.partner"]._fields}
    columns = ", ".join([*names, *fixed])
    texts = "'Bench ' || n, 'Bench ' || n" + ", 'p' || n || '@bench.example'" * 2
    env.cr.execute(
        f"INSERT INTO res_partner ({columns}) SELECT {texts}"
        + ", %s" * len(fixed)
        + " FROM generate_series(0, %s, 2) n",
        [*fixed.values(), ROWS - 1],
    )
    env.cr.execute(
        "UPDATE res_partner SET commercial_partner_id = id"
        " WHERE commercial_partner_id IS NULL"
    )
    env.cr.execute("ANALYZE res_partner")


def write_file(path):
    with open(path, "w", newline="") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(
            ["Name", "Mail", "Phone", *(f"Bench {q}" for q in range(QUESTIONS))]
        )
        for n in range(ROWS):
            answers = [f"Answer {(n // (q + 1)) % ANSWERS}" for q in range(QUESTIONS)]
            if n % 10 == 0:
                answers[0] = answers[0].replace("Answer", "Anwser")
            writer.writerow([f"Bench {n}", f"p{n}@bench.example", f"+1 {n}", *answers])


def time_import(env, path):
    with Meter() as floor, open(path, newline="") as stream:
        count = sum(1 for _row in csv.reader(stream, delimiter=";")) - 1
    job = env["crm.profiling.import"].create({"name": "bench.csv", "file": b"YQ=="})
    with patch.object(type(job), "_open_file", lambda _job: opened(path)):
        before = memory()
        job.action_read_columns()
        job.state = "reading"
        with Meter() as meter:
            job._stage()
    emit(
        bench="import preview",
        rows=count,
        file_mb=os.path.getsize(path) >> 20,
        seconds=round(meter.wall, 1),
        rows_s=round(count / meter.wall),
        statements=meter.queries,
        found=job.found_count,
        new=job.new_count,
        unknown=len(job.value_ids),
        csv_reader_alone_s=round(floor.wall, 1),
        memory_mb=memory() - before,
        target="memory does not grow with the rows",
    )
    job.value_ids.action_take_nearest()
    job.state = "working"
    before = memory()
    with Meter() as meter:
        while job.done_count < min(APPLY, count):
            job._apply_batch()
            env.flush_all()
            env.invalidate_all()
    emit(
        bench="import applied",
        rows=job.done_count,
        failed=job.failed_count,
        rows_s=round(job.done_count / meter.wall),
        statements_per_row=round(meter.queries / job.done_count, 2),
        memory_mb=memory() - before,
    )


@contextmanager
def opened(path):
    with open(path, "rb") as stream:
        yield stream


if __name__ == "__main__":
    main()
