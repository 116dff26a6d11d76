"""A process that works on the mail ledger when told to, as a cron worker does.

Each line it reads makes it process what waits; it answers with a line when it is done.
"""

import os
import sys

from common import boot, environment


def main():
    registry = boot(os.environ["BENCH_DB"])
    print("ready", flush=True)
    for _line in sys.stdin:
        with environment(registry, commit=True) as env:
            env["crm.mail.intake"]._cron_process()
        print("done", flush=True)


if __name__ == "__main__":
    main()
