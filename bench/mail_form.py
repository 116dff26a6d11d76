"""Hostile and large mails: seconds and peak memory of each, in a process of its own.

    DB=my_database scripts/bench bench/mail_form.py

``times`` is the peak of the resident memory above what the process had before it held
the mail, in sizes of the mail; ``above`` is the same in MB without the mail itself.
Small mails have large ``times``: reading any mail takes some MB.
"""

import base64
import ctypes
import gc
import os
import tempfile
import threading
import time
from functools import partial

from common import boot, emit, environment

HEAD = "From: jane@acme.example\r\nSubject: Bench\r\nMIME-Version: 1.0\r\n"
BOX = HEAD + "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
MB = 1 << 20


def _text(body, kind="text/plain", to=1):
    recipients = ", ".join(f"u{number}@x.example" for number in range(to))
    head = f"{HEAD}To: {recipients}\r\nContent-Type: {kind}; charset=utf-8\r\n"
    return f"{head}\r\n{body}".encode()


def _box(text, count):
    return (BOX + f"--b\r\n\r\n{text}\r\n" * count).encode()


def _files(count, size):
    """Build a mail with files that do not compress."""
    pieces = [BOX.encode(), b"--b\r\n\r\nSee the files.\r\n"]
    for number in range(count):
        head = f"Content-Disposition: attachment; filename=f{number}.bin\r\n"
        pieces += [
            f"--b\r\n{head}Content-Transfer-Encoding: base64\r\n\r\n".encode(),
            base64.encodebytes(os.urandom(size)).replace(b"\n", b"\r\n"),
        ]
    return b"".join((*pieces, b"--b--\r\n"))


MAILS = {
    "text of 20 KB": lambda: _text("some words \r\n" * 1600),
    "text of 380 KB": lambda: _text("some words \r\n" * 29_000),
    "text of 20 MB": lambda: _text("some words \r\n" * 1_680_000),
    "9,800 tags": lambda: _text("<p>some words</p>\r\n" * 4_900, "text/html"),
    "HTML of 5 MB": lambda: _text("<p>some words</p>\r\n" * 270_000, "text/html"),
    "20 MB of <": lambda: _text("<" * (20 * MB), "text/html"),
    "20 MB of zeros": partial(bytes, 20 * MB),
    "20 MB of line ends": lambda: b"\n" * (20 * MB),
    "file of 1 MB": partial(_files, 1, MB),
    "file of 10 MB": partial(_files, 1, 10 * MB),
    "file of 50 MB": partial(_files, 1, 50 * MB),
    "20 files of 1 MB": partial(_files, 20, MB),
    "2,000 files of 1 KB": partial(_files, 2000, 1024),
    "10,000 parts": lambda: _box("word", 10_000),
    "3,000 nested": lambda: "".join(
        [HEAD]
        + [
            f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"
            for n in range(3000)
        ]
    ).encode(),
    "10,000 recipients": lambda: _text("Hi", to=10_000),
}


def _in_child(work):
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def _resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class _Peak:
    """The highest resident memory while it is open."""

    def __enter__(self):
        self.highest, self.is_open = _resident(), True
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while self.is_open:
            self.highest = max(self.highest, _resident())
            time.sleep(0.002)

    def __exit__(self, *_error):
        self.is_open = False
        self.thread.join()


def _measure(name, path):
    """Take one mail in, as a mail server hands it in, and undo it."""
    with environment(boot(os.environ["BENCH_DB"])) as env:
        set_param = env["ir.config_parameter"].set_param
        set_param("crm_relations.mail_attachment_limit_mb", 100)
        thread = env["mail.thread"]
        thread.message_process("crm.case", _text("warm"))
        with open(path, "rb", buffering=0) as file:
            raw = file.read()
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        before = _resident() - len(raw)
        cpu, begin = time.process_time(), time.perf_counter()
        with _Peak() as peak:
            thread.message_process("crm.case", raw)
            env.flush_all()
        row = env["crm.mail.intake"].search([], limit=1)
        above = peak.highest - before
        emit(
            bench="mail_form",
            mail=name,
            mb=round(len(raw) / MB, 2),
            seconds=round(time.perf_counter() - begin, 2),
            cpu=round(time.process_time() - cpu, 2),
            times=round(above / len(raw), 1),
            above=round((above - len(raw)) / MB, 1),
            state=row.state,
            form=row.form or "as_is",
        )


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mail")
        for name, build in MAILS.items():

            def write(build=build):
                with open(path, "wb") as file:
                    file.write(build())

            # built elsewhere: what building it leaves behind would hide the peak
            if _in_child(write) or _in_child(lambda name=name: _measure(name, path)):
                raise SystemExit(f"{name}: failed")


if __name__ == "__main__":
    main()
