"""Read what Odoo wrote to its log: records, warnings, results of tests."""

import re
from dataclasses import dataclass, field

RECORD = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ (?P<level>[A-Z]+) (?P<db>\S+) "
    r"(?P<logger>\S+): (?P<message>.*)$"
)
STARTED = re.compile(r"^Starting (\S+) \.\.\.")
SKIPPED = re.compile(r"^skipped (\S+) : (.*)$")
# A method of a class, or "setUpClass (the class)".
BROKEN = re.compile(r"^(?:FAIL|ERROR): (?:Subtest )?(?P<test>[\w.]+\.\w+|\w+ \(\S+\))")
TOTAL = re.compile(
    r"(\d+) failed, (\d+) error\(s\) of (\d+) tests when loading database"
)
# What Odoo says again, on loading a module, of tests that have failed.
SUMMARY = re.compile(r"\d+ failures, \d+ errors of \d+ tests|At least one test failed")
LOUD = {"WARNING", "ERROR", "CRITICAL"}

# Odoo's own noise, which no addon can avoid: (what the line holds, why it is no fault).
# Keep it short: a line of ours is repaired, not listed.
ALLOWED = (
    (
        "Error received after termination: AssetsLoadingError",
        "the browser test has passed and closes the page, whose last loads break off",
    ),
)


@dataclass
class Record:
    """One record of the log, with the lines that continue it."""

    level: str
    logger: str
    lines: list = field(default_factory=list)

    @property
    def text(self):
        return "\n".join(self.lines).rstrip()

    def is_loud(self):
        """Tell whether somebody should look at this."""
        if self.level not in LOUD:
            return False
        return not any(part in self.text for part, _reason in ALLOWED)


def read_records(lines):
    r"""Group the lines of a log into records; what stands before the first is dropped.

    >>> first, second = read_records(
    ...     [
    ...         "2026-01-01 00:00:00,000 7 WARNING db odoo.x: one",
    ...         "  goes on",
    ...         "2026-01-01 00:00:00,000 7 INFO db odoo.x: two",
    ...     ]
    ... )
    >>> first.level, first.text, second.is_loud()
    ('WARNING', 'one\n  goes on', False)
    """
    records = []
    for line in lines:
        match = RECORD.match(line)
        if match:
            records.append(Record(match["level"], match["logger"], [match["message"]]))
        elif records:
            records[-1].lines.append(line.rstrip("\n"))
    return records


@dataclass
class Results:
    """What a test run came to.

    ``broken`` maps a test to its tracebacks; ``skipped`` a test to the reason.
    """

    started: set = field(default_factory=set)
    broken: dict = field(default_factory=dict)
    skipped: dict = field(default_factory=dict)
    finished: bool = False

    @property
    def passed(self):
        return len(self.started - set(self.broken) - set(self.skipped))


def read_results(records):
    """Collect the results of tests from the records of a run.

    A browser test that was skipped because the browser did not start counts as broken:
    it has shown nothing.

    >>> at = "2026-01-01 00:00:00,000 7"
    >>> results = read_results(read_records([
    ...     f"{at} INFO d odoo.a: Starting TestA.a ...",
    ...     f"{at} INFO d odoo.a: Starting TestA.b ...",
    ...     f"{at} ERROR d odoo.a: FAIL: Subtest TestA.b (x=1)",
    ...     f"{at} INFO d r: 1 failed, 0 error(s) of 2 tests when loading database 'd'",
    ... ]))
    >>> results.passed, list(results.broken), results.finished
    (1, ['odoo.a TestA.b'], True)
    """
    results = Results()
    for record in records:
        message = record.lines[0]
        if match := STARTED.match(message):
            results.started.add(f"{record.logger} {match[1]}")
        elif match := SKIPPED.match(message):
            _note_skipped(results, f"{record.logger} {match[1]}", match[2])
        elif record.level == "ERROR" and (match := BROKEN.match(message)):
            name = f"{record.logger} {match['test']}"
            results.broken.setdefault(name, []).append(record.text)
        elif TOTAL.search(message):
            results.finished = True
    return results


def _note_skipped(results, test, reason):
    if re.search("chrom|websocket|devtools", reason, re.IGNORECASE):
        results.broken[test] = [f"The browser did not start: {reason}"]
    else:
        results.skipped[test] = reason


def is_result(record):
    """Tell whether a record is the result of a test, which is counted elsewhere."""
    message = record.lines[0]
    return any(p.search(message) for p in (BROKEN, TOTAL, SUMMARY))
