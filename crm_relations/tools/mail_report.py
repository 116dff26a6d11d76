"""Reports that mail systems send about a mail: what became of it, and for whom.

RFC 3464 gives the fields of a delivery report; many programs write them half right, as
text, or not at all. Nothing here trusts the report: every function answers, in time
that grows with the size of what is read.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from typing import NamedTuple

DELIVERY = "delivery"  # a delivery report, as RFC 3464 wants it
NOTICE = "notice"  # one in words: a mail program that cannot deliver says so
DISPOSITION = "disposition"  # a read receipt
OTHER = "other"  # some other report, such as a complaint about spam

FAILED, DELAYED = "failed", "delayed"
ARRIVED = ("delivered", "relayed", "expanded")

PART_LIMIT = 500  # parts looked at; reports have three
RECIPIENT_LIMIT = 100
ID_LIMIT = 50
TEXT_LIMIT = 256 * 1024  # characters of a part that are read
DIAGNOSTIC_LIMIT = 500  # characters of what the other side said

_DAEMONS = ("mailer-daemon", "mailerdaemon", "mail-daemon")
_POSTMASTERS = ("postmaster", "mail-administrator", "mailadmin")
_RETURNED = (
    "message/rfc822",
    "message/global",
    "message/rfc822-headers",
    "message/global-headers",
    "text/rfc822-headers",
)
_ADDRESS = re.compile(r"[^\s<>,;:\"'()\[\]]{1,64}@[^\s<>,;:\"'()\[\]]{1,255}")
_MESSAGE_ID = re.compile(r"<[^<>\s@]{1,300}@[^<>\s@]{1,300}>")
_ID_LINE = re.compile(
    r"^[ \t>]{0,20}message-id:[ \t]{0,20}(<[^<>\s]{3,600}>)", re.I | re.M
)
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<!\d)([45])([0-5])\d(?!\d)")
_FAILED_LINE = re.compile(
    r"^[ \t]{0,8}<?([^\s<>]{1,64}@[^\s<>:]{1,255})>?:?[ \t]*$", re.M
)
# reply codes of SMTP that say as much as a status does
_KNOWN_REPLIES = {"552": "5.2.2", "452": "4.2.2", "553": "5.1.3", "554": "5.0.0"}


class Recipient(NamedTuple):
    """What became of the mail for one address; empty text where nothing is said."""

    address: str  # where it could not be delivered to
    original: str  # what we wrote to, if the report tells
    action: str  # `FAILED`, `DELAYED` or one of `ARRIVED`
    status: str  # as in 5.1.1
    diagnostic: str  # what the other side said


class Report(NamedTuple):
    """What a report says; ``kind`` is None for a mail that is none."""

    kind: str | None
    recipients: tuple[Recipient, ...] = ()
    message_ids: tuple[str, ...] = ()


def report_kind(message: Message) -> str | None:
    r"""Tell what kind of report a mail is, by its structure and sender.

    A report that somebody forwards is no report: attached mails are not looked into.

    >>> from email import message_from_string as mail
    >>> head = "Content-Type: Multipart/Report; report-type="
    >>> report_kind(mail(f"{head}delivery-status"))
    'delivery'
    >>> report_kind(mail(f'{head}"feedback-report"; boundary=x'))
    'other'
    >>> report_kind(mail("From: MAILER-DAEMON@a.b (Mail System)\n\nHi"))
    'notice'
    >>> report_kind(mail("From: postmaster@a.b\n\nDear colleagues")) is None
    True
    >>> report_kind(mail("From: postmaster@a.b\nReturn-Path: <>\n\nSorry"))
    'notice'
    >>> report_kind(mail("")) is None
    True
    """
    types = {_content_type(part) for part in _walk(message)}
    said = _parameter(_header(message, "Content-Type"), "report-type")
    is_report = _content_type(message) == "multipart/report"
    if "message/disposition-notification" in types or (
        is_report and said == "disposition-notification"
    ):
        return DISPOSITION
    system = _is_from_system(message)
    if "message/delivery-status" in types or "message/global-delivery-status" in types:
        if is_report or system:
            return DELIVERY
        return None
    if is_report and said == "delivery-status":
        return DELIVERY
    if is_report and not system:
        return OTHER
    return NOTICE if system else None


def read_report(message: Message) -> Report:
    r"""Read whom a report is about, and which mails of ours.

    >>> from email import message_from_string as mail
    >>> read_report(mail("Subject: Hi\n\nHello"))
    Report(kind=None, recipients=(), message_ids=())
    >>> found = read_report(mail(
    ...     "From: MAILER-DAEMON@a.b\nX-Failed-Recipients: Jane@C.d\n\n"
    ...     "550 5.1.1 no such user\n> Message-ID: <1@us>\n"))
    >>> found.recipients[0][:4], found.message_ids
    (('jane@c.d', '', 'failed', '5.1.1'), ('<1@us>',))

    :param message: as parsed, with whatever policy
    """
    kind = report_kind(message)
    if kind is None:
        return Report(None)
    recipients = _read_recipients(message) if kind == DELIVERY else []
    if kind == NOTICE:
        recipients = _read_notice(message)
    return Report(
        kind,
        tuple(recipients[:RECIPIENT_LIMIT]),
        tuple(_read_message_ids(message, kind)),
    )


def is_from_postmaster(message: Message) -> bool:
    """Tell whether the keeper of a mail system wrote it, or the system in his name.

    >>> from email import message_from_string as mail
    >>> is_from_postmaster(mail("From: Mail System <Postmaster@a.b>"))
    True
    >>> is_from_postmaster(mail("From: jane@a.b"))
    False
    """
    return _sender(message) in _POSTMASTERS


def find_status(text: str) -> str:
    """Find the status code in what a mail server said.

    >>> find_status("smtp; 550 5.1.1 <x@y>: user unknown"), find_status("552 full")
    ('5.1.1', '5.2.2')
    >>> find_status("550 go away"), find_status("421 later"), find_status("no")
    ('5.0.0', '4.0.0', '')
    >>> find_status("from 5.1.1.7 port 25: refused")
    ''
    """
    text = text[:TEXT_LIMIT]
    if found := _STATUS.search(text):
        return found[0]
    if found := _REPLY.search(text):
        return _KNOWN_REPLIES.get(found[0], f"{found[1]}.0.0")
    return ""


def parse_fields(text: str) -> list[dict[str, str]]:
    r"""Read the groups of fields of a delivery report; a later field of a name loses.

    >>> parse_fields("A: 1\nB: 2\n  3\n\n\nnonsense\nA: 4")
    [{'a': '1', 'b': '2 3'}, {'a': '4'}]
    >>> parse_fields("")
    []
    """
    groups: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    name = ""
    for line in text[:TEXT_LIMIT].splitlines():
        if not line.strip():
            if fields:
                groups.append(fields)
            fields, name = {}, ""
        elif line[0] in " \t" and name:
            fields[name] = f"{fields[name]} {line.strip()}"[:TEXT_LIMIT]
        elif ":" in line:
            key, _colon, value = line.partition(":")
            name = key.strip().lower()
            name = "" if name in fields else name
            if name:
                fields[name] = value.strip()
    return [*groups, fields] if fields else groups


# ------------------------------------------------------------
# RECIPIENTS
# ------------------------------------------------------------


def _read_recipients(message: Message) -> list[Recipient]:
    found = [
        recipient
        for part in _walk(message)
        if _content_type(part).endswith("delivery-status")
        for fields in _read_groups(part)
        if (recipient := _read_recipient(fields))
    ]
    # a report without fields that say whom: its words may
    return found or _read_notice(message)


def _read_groups(part: Message) -> list[dict[str, str]]:
    payload = part.get_payload()
    if not isinstance(payload, list):
        return parse_fields(_text(part))
    text = "\n\n".join(
        "\n".join(f"{name}: {value}" for name, value in _items(block))
        # fields after a stray blank line end up in a body
        + f"\n\n{_text(block)}"
        for block in payload[:PART_LIMIT]
        if isinstance(block, Message)
    )
    if _header(part, "Content-Transfer-Encoding").lower() == "base64":
        # forbidden, and Python does not decode it
        with suppress(ValueError):
            text = _readable(b64decode(text).decode("utf-8", "replace"))
    return parse_fields(text)


def _read_recipient(fields: dict[str, str]) -> Recipient | None:
    final = _address(fields.get("final-recipient", ""))
    original = _address(fields.get("original-recipient", ""))
    if not (final or original):
        return None
    diagnostic = fields.get("diagnostic-code", "").partition(";")
    said = (diagnostic[2] or diagnostic[0]).strip()
    status = find_status(fields.get("status", "")) or find_status(said)
    words = fields.get("action", "").split()
    action = words[0].lower().strip(".,;") if words else ""
    if action not in (FAILED, DELAYED, *ARRIVED):
        action = {"2": ARRIVED[0], "4": DELAYED}.get(status[:1], FAILED)
    return Recipient(
        final or original, original, action, status, said[:DIAGNOSTIC_LIMIT]
    )


def _read_notice(message: Message) -> list[Recipient]:
    """Read a report in words: its own header, or lines that hold only an address."""
    addresses = _ADDRESS.findall(_header(message, "X-Failed-Recipients"))
    text = _first_text(message)
    if not addresses:
        addresses = _FAILED_LINE.findall(text)
    status = find_status(text)
    action = DELAYED if status.startswith("4") and "delay" in text.lower() else FAILED
    unique = dict.fromkeys(_clean(address) for address in addresses)
    return [
        Recipient(address, "", action, status, _find_line(text, status))
        for address in unique
    ]


def _find_line(text: str, status: str) -> str:
    lines = (line.strip() for line in text.splitlines())
    return next((x for x in lines if status and find_status(x)), "")[:DIAGNOSTIC_LIMIT]


def _address(value: str) -> str:
    """Read ``rfc822; Jane@acme.example`` and what others make of it."""
    found = _ADDRESS.search(value.rpartition(";")[2][:TEXT_LIMIT])
    return _clean(found[0]) if found else ""


def _clean(address: str) -> str:
    return address.strip(".").lower()


# ------------------------------------------------------------
# WHICH MAIL
# ------------------------------------------------------------


def _read_message_ids(message: Message, kind: str) -> list[str]:
    """List the mails it is about, the surest first.

    The returned part counts. Only a report that returns nothing may name the mail it
    answers in its own headers.
    """
    ids: list[str] = []
    returned = False
    for part in _walk(message):
        if _content_type(part) in _RETURNED:
            returned = True
            ids += _read_returned(part)
        elif _content_type(part) == "message/disposition-notification":
            for fields in _read_groups(part):
                ids += _MESSAGE_ID.findall(fields.get("original-message-id", ""))
    if not ids:
        ids += _ID_LINE.findall(_first_text(message))
    if not returned or kind in (DISPOSITION, OTHER):
        for name in ("In-Reply-To", "References"):
            ids += reversed(_MESSAGE_ID.findall(_header(message, name)))
    return list(dict.fromkeys(ids))[:ID_LIMIT]


def _read_returned(part: Message) -> list[str]:
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        head = dict((name.lower(), value) for name, value in _items(payload[0]))
        text = "" if "message-id" in head else _text(payload[0])
    else:
        head, text = {}, _text(part)
    if not head.get("message-id"):
        head = next(iter(parse_fields(text)), head)
    names = ("message-id", "x-microsoft-original-message-id")
    ids = [i for name in names for i in _MESSAGE_ID.findall(head.get(name, ""))]
    # relays that rewrite the id leave the references, ours stands last in them
    return ids + list(reversed(_MESSAGE_ID.findall(head.get("references", ""))))


# ------------------------------------------------------------
# PARTS
# ------------------------------------------------------------


def _walk(message: Message) -> Iterator[Message]:
    """Give the parts of a mail, not those of mails in it."""
    waiting, left = [message], PART_LIMIT
    while waiting and left:
        part = waiting.pop(0)
        left -= 1
        yield part
        payload = part.get_payload()
        if _content_type(part).startswith("multipart/") and isinstance(payload, list):
            waiting += [sub for sub in payload[:left] if isinstance(sub, Message)]


def _is_from_system(message: Message) -> bool:
    """Tell whether a mail program wrote it, by sender or by what it says of itself."""
    if _header(message, "X-Failed-Recipients"):
        return True
    if _sender(message) in _DAEMONS:
        return True
    # people write as postmaster, too
    empty_path = _header(message, "Return-Path").strip() == "<>"
    automatic = _header(message, "Auto-Submitted").strip().lower()
    return is_from_postmaster(message) and (empty_path or automatic.startswith("auto-"))


def _sender(message: Message) -> str:
    text = _header(message, "From").lower()
    found = _ADDRESS.search(text)
    return found[0].partition("@")[0] if found else text.strip("<> ")


def _items(message: Message) -> list[tuple[str, str]]:
    # as they came: policies that parse headers raise on some
    return [(_readable(name), _readable(value)) for name, value in message.raw_items()]


def _readable(value: object) -> str:
    """Give text that any program can store: no half characters, no NUL."""
    text = str(value).encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text.replace("\0", "").replace("\r\n", "\n")


def _header(message: Message, name: str) -> str:
    wanted = name.lower()
    values = (value for key, value in _items(message) if key.lower() == wanted)
    return " ".join(next(values, "")[:TEXT_LIMIT].split())


def _content_type(part: Message) -> str:
    found = _header(part, "Content-Type").partition(";")[0].strip().lower()
    return found or "text/plain"


def _parameter(value: str, name: str) -> str:
    found = re.search(
        rf"\b{re.escape(name)}\s{{0,9}}=\s{{0,9}}\"?([\w.-]+)", value, re.I
    )
    return found[1].lower() if found else ""


def _first_text(message: Message) -> str:
    """Give the words of a report, those of what it returns left out."""
    texts = [
        _text(part)
        for part in _walk(message)
        if _content_type(part) in ("text/plain", "text/html")
    ]
    return "\n".join(texts)[:TEXT_LIMIT]


def _text(part: Message) -> str:
    payload = part.get_payload()
    if not isinstance(payload, str):
        return ""
    try:
        raw = part.get_payload(decode=True) or b""
    except Exception:
        # any encoding may be broken in ways that Python does not name
        raw = payload.encode("utf-8", "replace")
    return _readable(raw[:TEXT_LIMIT].decode("utf-8", "replace"))
