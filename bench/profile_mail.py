"""The SQL statements of one new mail and of one answer, in order, each with its cause.

    DB=my_database scripts/bench bench/profile_mail.py
    DB=my_database TARGET=lead scripts/bench bench/profile_mail.py

The database is used as it is and keeps the mails. Each line: number, milliseconds, the
statement's beginning, then the frames that asked for it, innermost first, those of the
ORM left out.
"""

import os
import sys
import threading

from common import boot, environment
from mail_gateway import fill_missing_contacts, make_feeds, process, warm_up

HEAD = 110  # characters of a statement that are shown
FRAMES = 4  # causes that are shown


def causes(frame):
    """Give the frames that led to a statement, innermost first."""
    found = []
    while frame and len(found) < FRAMES:
        name = frame.f_code.co_filename
        if "/bench/" in name:
            break
        if "/models/" in name:  # of an addon; what is between them asks for others
            addon, _models, file = name.rpartition("/models/")
            short = f"{addon.rpartition('/')[2]}/{file}"
            found.append(f"{short}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return found


class Statements:
    """Collect the statements of a block in this thread."""

    def __enter__(self):
        self.found = []
        threading.current_thread().query_hooks = [self._note]
        return self

    def __exit__(self, *_exception):
        del threading.current_thread().query_hooks

    def _note(self, _cr, query, _params, _start, delay):
        head = " ".join(str(query).split())
        self.found.append((head, 1000 * delay, causes(sys._getframe(2))))

    def show(self, title):
        wall = sum(delay for _head, delay, _causes in self.found)
        print(f"\n{title}: {len(self.found)} statements, {wall:.1f} ms inside them")
        for number, (head, delay, found) in enumerate(self.found, 1):
            print(f"{number:3}. {delay:5.1f} ms  {shorten(head)}")
            print(f"        — {' < '.join(found) or 'commit'}")


def shorten(head):
    """Leave the columns of a long SELECT or INSERT out; the table says enough."""
    if len(head) <= HEAD:
        return head
    first, found, rest = head.partition(" FROM ")
    if head.startswith("SELECT") and found:
        return f"{first[:40]} … FROM {rest}"[: HEAD + 40]
    return f"{head[:HEAD]} …"


def main():
    registry = boot(os.environ["BENCH_DB"])
    target = os.environ.get("TARGET", "case")
    with environment(registry) as env:
        fill_missing_contacts(env, int(os.environ.get("PARTNERS", "1000")))
        feed = make_feeds(env, [target])[target]
        warm_up(env, {target: feed})
        for kind in ("new", "reply"):
            for title in (f"{kind}, from a contact", f"{kind}, from a stranger"):
                mails = getattr(feed, kind)(1)
                with Statements() as statements:
                    process(env, mails)
                statements.show(title)


if __name__ == "__main__":
    main()
