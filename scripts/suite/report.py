"""What tests and checks came to, and how it is shown."""

import threading
import time
from dataclasses import dataclass, field

_screen = threading.Lock()


def show(text):
    """Print a line at once: a person or a CI log is waiting for it."""
    with _screen:
        print(text, flush=True)


@dataclass
class Outcome:
    """Counts of one part of the suite.

    ``failures`` lists (name, explanation); ``skipped`` maps a test to the reason.
    """

    passed: int = 0
    tests: int = 0  # tests of the addons among those that passed
    failures: list = field(default_factory=list)
    skipped: dict = field(default_factory=dict)

    def fail(self, name, explanation):
        self.failures.append((name, explanation))

    def check(self, name, faults):
        """Count a check as one test: passed if ``faults`` is empty."""
        if faults:
            self.fail(name, "\n".join(faults))
            show(f"  FAIL  {name}")
        else:
            self.passed += 1
            show(f"  ok    {name}")
        return not faults

    def add(self, other):
        self.passed += other.passed
        self.tests += other.tests
        self.failures += other.failures
        self.skipped |= other.skipped

    def print(self):
        """Print the failures in full, then the counts as the very last line."""
        for name, reason in sorted(self.skipped.items()):
            show(f"\nSkipped: {name}: {reason}")
        for name, explanation in self.failures:
            show(f"\n{'=' * 88}\nFAILED: {name}\n{'-' * 88}\n{explanation}")
        show(f"\n{self.passed} passed, {len(self.failures)} failed")


class Timer:
    """Seconds since it was made.

    >>> str(Timer())
    '0 s'
    """

    def __init__(self):
        self.begin = time.monotonic()

    def __str__(self):
        return f"{time.monotonic() - self.begin:.0f} s"
