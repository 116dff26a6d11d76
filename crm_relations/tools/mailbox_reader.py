"""Reading a mailbox without changing it, until somebody has stored what was read.

Both readers work on the connections of Python's standard library that Odoo opens.
They read in groups, so that storing and marking cost little per mail, and keep one
mail that cannot be read from hiding the others.
"""

import hashlib
import imaplib
import poplib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

GROUP = 50  # mails fetched, stored and marked together over IMAP
POP_GROUP = 20  # mails per POP3 session
GROUP_BYTES = (
    8 * 1024 * 1024
)  # or this much, whichever comes first; one mail may exceed
MARK_GROUP = 500  # numbers per command: servers limit the length of a line

_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_LITERAL = re.compile(rb"\{(\d+)\}$")
_EMPTY_BODY = re.compile(rb'BODY\[\] (?:NIL|"")')
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class UnreadableMailError(Exception):
    """The server lists mails that it does not give; they stay there."""


def raise_unreadable(names: Iterable[object]) -> None:
    """Say which mails the server withheld, if any.

    :raise UnreadableMailError: there are
    """
    names = sorted(str(name) for name in names)
    if names:
        raise UnreadableMailError(
            f"The server did not give these mails: {', '.join(names)}"
        )


def digest(*parts: object) -> str:
    """Give a short name for what ``parts`` say together."""
    text = "\0".join(str(part) for part in parts)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


class ImapBox:
    """An INBOX, by the numbers (UID) that stay the same between sessions."""

    def __init__(self, connection: imaplib.IMAP4, account: str) -> None:
        """Open the INBOX.

        :param account: name of the account, part of every key
        """
        self.connection = connection
        _check(connection.select())
        validity = connection.response("UIDVALIDITY")[1][0] or b"0"
        self.name = f"{account}/{validity.decode()}"
        self._next_uid = connection.response("UIDNEXT")[1][0]

    def key(self, uid: int) -> str:
        return f"{self.name}/{uid}"

    def find_new(self, last_uid: int, since: datetime | None = None) -> list[int]:
        """List what is unread, and what is newer than ``last_uid`` though read.

        :param last_uid: highest number known, 0 at first contact: then only what is
            unread is new, not the whole archive
        :param since: read everything from the day before this on
        """
        found = set(self._search("UNSEEN"))
        if last_uid:
            # "n:*" always holds the last mail, however small its number
            newer = self._search("UID", f"{last_uid + 1}:*")
            found.update(uid for uid in newer if uid > last_uid)
        if since:
            day = since - timedelta(days=1)
            # not strftime: names of months must be English whatever the locale
            text = f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"
            found.update(self._search("SINCE", text))
        return sorted(found)

    def fetch(self, uids: list[int], failed: list[int]) -> Iterator[list]:
        """Read mails in groups, without marking them.

        :param failed: receives the numbers that the server does not give; those that
            somebody else has removed meanwhile are passed over
        :return: lists of (number, bytes)
        """
        for group in _group(self._read_sizes(uids)):
            try:
                found = self._read_group(group)
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error:
                # one of them is at fault: the others must not wait for it
                found = self._read_singly(group)
            missing = set(group) - {uid for uid, _raw in found}
            failed += self._read_sizes(sorted(missing))
            yield found

    def advance(self, last_uid: int, left: list[int]) -> int:
        """Give the number up to which all is known, for the next visit.

        :param last_uid: what it was
        :param left: numbers that are new still. At first contact they are known by
            nothing but being unread, so that first contact is not over with them.
        """
        if left:
            return max(last_uid, min(left) - 1) if last_uid else 0
        return max(last_uid, int(self._next_uid or 1) - 1)

    def mark_seen(self, uids: list[int]) -> None:
        for start in range(0, len(uids), MARK_GROUP):
            numbers = _join(uids[start : start + MARK_GROUP])
            _check(self.connection.uid("STORE", numbers, "+FLAGS.SILENT", r"(\Seen)"))

    def _search(self, *criteria: str) -> list[int]:
        data = _check(self.connection.uid("SEARCH", *criteria))
        return [int(number) for line in data if line for number in line.split()]

    def _read_sizes(self, uids: list[int]) -> dict[int, int]:
        sizes = {}
        for start in range(0, len(uids), MARK_GROUP):
            numbers = _join(uids[start : start + MARK_GROUP])
            data = _check(self.connection.uid("FETCH", numbers, "(UID RFC822.SIZE)"))
            for line in filter(None, data):
                uid, size = _UID.search(line), _SIZE.search(line)
                if uid and size:
                    sizes[int(uid[1])] = int(size[1])
        return {uid: sizes[uid] for uid in uids if uid in sizes}

    def _read_singly(self, uids: list[int]) -> list:
        return [mail for uid in uids for mail in self._read_if_given(uid)]

    def _read_if_given(self, uid: int) -> list:
        try:
            return self._read_group([uid])
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            return []

    def _read_group(self, uids: list[int]) -> list[tuple[int, bytes]]:
        data = _check(self.connection.uid("FETCH", _join(uids), "(UID BODY.PEEK[])"))
        found = {}
        for position, item in enumerate(data):
            if isinstance(item, tuple):
                # the number may stand before the text or after it
                after = data[position + 1] if position + 1 < len(data) else b""
                uid = _UID.search(item[0]) or _UID.search(
                    after if isinstance(after, bytes) else b""
                )
                size = _LITERAL.search(item[0])
                if uid and size and int(size[1]) == len(item[1]):
                    found[int(uid[1])] = item[1]
            elif item and _EMPTY_BODY.search(item) and (uid := _UID.search(item)):
                found[int(uid[1])] = b""
        return [(uid, found[uid]) for uid in uids if uid in found]


class PopBox:
    """A maildrop. Its keys hold the bytes as well: servers reuse their own names."""

    def __init__(self, connection: poplib.POP3, account: str) -> None:
        self.connection = connection
        self.account = account

    def fetch(self, limit: int, failed: set[str]) -> tuple[list, bool]:
        """Read one group, oldest first.

        :param failed: names of mails to pass over; receives those that cannot be read
        :return: ([(number, key, bytes)], whether there is more)
        """
        names = self._list_names()
        sizes = dict(
            tuple(map(int, line.split()[:2])) for line in self.connection.list()[1]
        )
        wanted = [number for number in sorted(sizes) if names.get(number) not in failed]
        groups = _group({number: sizes[number] for number in wanted}, POP_GROUP)
        group = next(groups, [])[:limit]
        found = []
        for number in group:
            name = names.get(number, "")
            try:
                raw = self._read_one(number)
            except poplib.error_proto:
                failed.add(name or str(number))
                continue
            found.append((number, f"{self.account}/{name}/{digest(raw)}", raw))
        return found, len(wanted) > len(group)

    def delete(self, numbers: list[int]) -> None:
        for number in numbers:
            self.connection.dele(number)

    def _list_names(self) -> dict[int, str]:
        try:
            lines = self.connection.uidl()[1]
        except poplib.error_proto:  # an optional command
            return {}
        pairs = (line.split(None, 1) for line in lines)
        return {int(pair[0]): pair[1].decode("latin-1") for pair in pairs if pair[1:]}

    def _read_one(self, number: int) -> bytes:
        """Read a mail as it is.

        Not with the library's own method: that one gives up at lines of 64 KB, which
        web pages sent as mail have, and would leave the connection in their middle.
        """
        watch = getattr(self.connection, "watch", None)
        self.connection._shortcmd(f"RETR {number}")
        lines = []
        while (line := self.connection.file.readline()) not in (b".\r\n", b".\n"):
            if not line.endswith(b"\n"):
                raise ConnectionError("The connection ended in the middle of a mail.")
            if watch:
                watch.count(len(line))
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)


def _check(answer: tuple) -> list:
    """Give the data of an answer.

    :raise imaplib.IMAP4.error: the server refused
    """
    kind, data = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(f"The server answered {kind}: {data!r}")
    return data


def _join(uids: Iterable[int]) -> str:
    """Write numbers as a set, runs as ranges.

    >>> _join([1, 2, 3, 7, 9, 10])
    '1:3,7,9:10'
    """
    runs: list[list[int]] = []
    for uid in sorted(uids):
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(
        str(first) if first == last else f"{first}:{last}" for first, last in runs
    )


def _group(sizes: dict[int, int], count: int = GROUP) -> Iterator[list[int]]:
    """Cut mails into groups of bounded number and size; each holds at least one.

    >>> list(_group({1: 5, 2: 5, 3: 9_000_000, 4: 5}, count=2))
    [[1, 2], [3], [4]]
    """
    group: list[int] = []
    total = 0
    for number, size in sizes.items():
        if group and (len(group) == count or total + size > GROUP_BYTES):
            yield group
            group, total = [], 0
        group.append(number)
        total += size
    if group:
        yield group
