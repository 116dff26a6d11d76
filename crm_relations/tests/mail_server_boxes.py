"""The mailboxes of the test mail system: Maildir folders and password files.

See ``mail_server.py``, which is what tests use. No Odoo here.
"""

import contextlib
import itertools
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# No "/" nor "%": an address becomes a file name in Dovecot's configuration.
ADDRESS = re.compile(r"[a-z0-9_][a-z0-9._+='&~-]*@[a-z0-9][a-z0-9.-]*")
MAILDIR_FLAGS = {
    "D": "\\Draft",
    "F": "\\Flagged",
    "R": "\\Answered",
    "S": "\\Seen",
    "T": "\\Deleted",
}
READ_ATTEMPTS = 50  # of a mailbox that Dovecot works on at the same instant

_delivery_numbers = itertools.count(1)


class MailServerError(Exception):
    """The mail system cannot do what was asked; the text says why, for a person."""


class MailServerMissingError(MailServerError):
    """This machine lacks a program or library; the text names what to install."""


class PortTakenError(MailServerError):
    """A port is in use; worth another try when the number was ours to choose."""


class Message(NamedTuple):
    """One message in an INBOX: its bytes as delivered and its IMAP flags."""

    raw: bytes
    flags: frozenset[str]


class Mailboxes:
    """The mailboxes below a folder; the files are the only state.

    ``users/<address>`` holds a mailbox's password, ``mailboxes/<address>/Maildir`` its
    messages. Addresses are compared in lower case.
    """

    def __init__(self, folder: Path) -> None:
        self.users = folder / "users"
        self.homes = folder / "mailboxes"

    def prepare(self) -> None:
        for folder in (self.users, self.homes):
            folder.mkdir(parents=True, exist_ok=True)

    def addresses(self) -> list[str]:
        return sorted(path.name for path in self.users.iterdir())

    def add(self, address: str, password: str) -> None:
        address = _checked_address(address)
        if not password or set(password) & set(":\r\n"):
            raise MailServerError(
                f"The password of {address} must not be empty nor contain a colon or "
                "a line break: Dovecot's password file cannot hold it."
            )
        for name in ("tmp", "new", "cur"):
            (self.homes / address / "Maildir" / name).mkdir(parents=True, exist_ok=True)
        draft = self.homes / address / "password.tmp"
        draft.write_text(f"{address}:{{PLAIN}}{password}::::::\n")
        draft.rename(self.users / address)

    def find(self, address: str) -> str | None:
        """Return the mailbox of an address, found without ``+tag`` too, or None."""
        address = address.lower()
        local, _at, domain = address.rpartition("@")
        for candidate in (address, f"{local.partition('+')[0]}@{domain}"):
            if ADDRESS.fullmatch(candidate) and (self.users / candidate).exists():
                return candidate
        return None

    def deliver(self, address: str, raw: bytes) -> None:
        """Put a message in place in one step: no reader ever sees half of it."""
        maildir = self._maildir(address)
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        name = (
            f"{seconds}.M{nanoseconds // 1000}P{os.getpid()}"
            f"Q{next(_delivery_numbers)}.localhost"
        )
        (maildir / "tmp" / name).write_bytes(raw)
        (maildir / "tmp" / name).rename(maildir / "new" / name)

    def messages(self, address: str) -> list[Message]:
        maildir = self._maildir(address)
        for _attempt in range(READ_ATTEMPTS):
            # A file that Dovecot renames between the two is listed again.
            with contextlib.suppress(FileNotFoundError):
                return [
                    Message(path.read_bytes(), _maildir_flags(path.name))
                    for path in _maildir_files(maildir)
                ]
        raise MailServerError(f"The mailbox {address} cannot be read: {maildir}.")

    def clear(self, address: str) -> None:
        for path in _maildir_files(self._maildir(address)):
            path.unlink(missing_ok=True)

    def _maildir(self, address: str) -> Path:
        address = _checked_address(address)
        if not (self.users / address).exists():
            raise MailServerError(
                f"There is no mailbox {address}: add_mailbox() first."
            )
        return self.homes / address / "Maildir"


def _checked_address(address: str) -> str:
    lowered = address.lower()
    if not ADDRESS.fullmatch(lowered):
        raise MailServerError(
            f"{address!r} cannot be a mailbox here: a name@domain of plain letters, "
            "digits and . _ + = ' & ~ - is expected."
        )
    return lowered


def _maildir_files(maildir: Path) -> list[Path]:
    """Return a Maildir's messages, oldest first.

    ``new`` is listed before ``cur`` because Dovecot moves messages that way: one that
    moves meanwhile is seen twice, and counted once, rather than missed.
    """
    found = {}
    for path in _entries(maildir / "new", maildir / "cur"):
        found[path.name.partition(":")[0]] = path
    return [found[name] for name in sorted(found, key=_arrival)]


def _entries(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from list(folder.iterdir())


def _arrival(name: str) -> tuple[int, ...]:
    """Return the numbers of a Maildir name, seconds.Mmicroseconds…, for sorting."""
    return tuple(int(number) for number in re.findall(r"\d+", name.rpartition(".")[0]))


def _maildir_flags(name: str) -> frozenset[str]:
    letters = name.partition(":2,")[2]
    return frozenset(MAILDIR_FLAGS[x] for x in letters if x in MAILDIR_FLAGS)
