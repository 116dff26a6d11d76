"""What makes a received mail the same mail as another, and what it is shown as.

Nothing here trusts the mail: whatever its bytes are, every function answers. That is
what lets the ledger store a mail that no parser understands.
"""

import hashlib
import re
from collections.abc import Iterable
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser
from email.policy import SMTP
from functools import lru_cache
from typing import NamedTuple

from .mail_split import CHUNK, decode_words, split

HEADER_LIMIT = 256 * 1024  # bytes; honest mails have 2 to 20 KB of headers
# who a mail was sent to, as people and as mail servers write it
RECIPIENT_HEADERS = (
    *("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To"),
    *("Resent-To", "Resent-Cc"),
)
TEXT_LIMIT = 500  # characters of a header that are shown in lists
DOMAIN = "crm-relations.invalid"  # of ids made here; no real mail can carry it

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_ID_HEADER = re.compile(
    rb"^message-id[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*(?:\r\n|\r|\n|\Z)", re.I | re.M
)
_USUAL_ID = re.compile(r"<[\w.!#$%&'*+/=?^`{|}~-]+@[\w.:-]+>", re.ASCII)
_BRACKETED_ID = re.compile(r"<\s*([^<>\s]+)\s*>")
# only from the beginning of a word on: from each of its letters, a long one takes hours
_ADDRESS = re.compile(
    r"(?<![^\s<>;:\"()@])[^\s<>;:\"()@\x00-\x1f\x7f]+@[^\s<>;:\"()@\x00-\x1f\x7f]+"
)
_BRACKETED_ADDRESS = re.compile(
    r"<\s*([^\s<>@\x00-\x1f\x7f]+@[^\s<>@\x00-\x1f\x7f]+)\s*>"
)
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Envelope(NamedTuple):
    """The headers by which a person recognises a mail; empty text when missing."""

    message_id: str
    email_from: str
    email_to: str
    subject: str


def header_block(raw: bytes) -> bytes:
    r"""Give the headers of a mail, without a copy of the rest.

    >>> header_block(b"A: 1\r\n\r\nBody"), header_block(b"\nBody")
    (b'A: 1', b'')
    """
    return raw[: _find_header_end(raw)]


def split_header(raw: bytes) -> tuple[bytes, bytes]:
    r"""Cut a mail into its header block and the rest.

    >>> split_header(b"A: 1\r\n\r\nBody")
    (b'A: 1', b'\r\n\r\nBody')
    >>> split_header(b"A: 1")
    (b'A: 1', b'')
    >>> split_header(b"\nBody")
    (b'', b'\nBody')
    """
    cut = _find_header_end(raw)
    return raw[:cut], raw[cut:]


def _find_header_end(raw):
    if raw[:1] in (b"\r", b"\n"):
        return 0
    end = _HEADER_END.search(raw, 0, HEADER_LIMIT)
    return end.start() if end else min(len(raw), HEADER_LIMIT)


def read_envelope(raw: bytes) -> Envelope:
    r"""Read the headers that stand in the ledger's list.

    >>> read_envelope(b"Message-Id: <A@b> (x)\nFrom: =?x-no?q?J?= <j@k>\n\nHi")
    Envelope(message_id='<A@b>', email_from='J <j@k>', email_to='', subject='')
    >>> read_envelope(b"")
    Envelope(message_id='', email_from='', email_to='', subject='')
    """
    head = read_head(raw)
    return Envelope(
        normalize_message_id(_first(head, "Message-ID")),
        *(_decode(_first(head, name)) for name in ("From", "To", "Subject")),
    )


def read_head(raw: bytes) -> Message:
    """Read the header block alone; what is broken in it is kept as it is.

    :return: not to be changed: whoever asks again gets the same
    """
    return _read_head(header_block(raw))


@lru_cache(maxsize=4)  # one mail is asked several times on its way
def _read_head(head: bytes) -> Message:
    # the default policy keeps what it cannot understand, the newer ones raise
    return BytesHeaderParser().parsebytes(head + b"\r\n\r\n")


def read_addresses(head: Message, names: Iterable[str]) -> list[str]:
    r"""Collect the addresses in some headers, lower case, each once, in order.

    What somebody calls himself is not his address:

    >>> head = read_head(b"To: Us <A@b.c>, d@e.f\nCc: \"x@y.z\" <a@B.c>, i@j <k@l>\n\n")
    >>> read_addresses(head, RECIPIENT_HEADERS)
    ['a@b.c', 'd@e.f', 'k@l']
    """
    text = ",".join(str(value) for name in names for value in head.get_all(name, ()))
    # every other piece stands between quotation marks
    text = " ".join(text[:HEADER_LIMIT].lower().replace('\\"', "").split('"')[::2])
    found = [
        address
        for piece in text.split(",")
        for address in _BRACKETED_ADDRESS.findall(piece) or _ADDRESS.findall(piece)
    ]
    return list(dict.fromkeys(found))


def normalize_message_id(text: str) -> str:
    """Write an id the one way, so that relays which reformat it do not make a new one.

    >>> normalize_message_id(" <A@b> (comment)"), normalize_message_id("A@b")
    ('<A@b>', '<A@b>')
    >>> normalize_message_id("<>"), normalize_message_id("  ")
    ('', '')
    """
    found = _BRACKETED_ID.search(text)
    token = found[1] if found else next(iter(text.split()), "")
    token = _CONTROL.sub("", token.strip("<>"))[:TEXT_LIMIT]
    return f"<{token}>" if token else ""


def is_usable_id(message_id: str) -> bool:
    """Tell whether a mail of ours can have this id; Python refuses to write some.

    >>> is_usable_id("<a$1.2@host.example>"), is_usable_id("<a b@[1.2.3.4]>")
    (True, True)
    >>> is_usable_id("<[1]@host>"), is_usable_id("<@host>"), is_usable_id("<\u00e9@x>")
    (False, False, False)
    """
    if _USUAL_ID.fullmatch(message_id):
        return True
    mail = EmailMessage(policy=SMTP)
    try:
        mail["Message-Id"] = message_id
        mail.as_bytes()
    except Exception:  # whatever its parser stumbles over
        return False
    return True


def content_key(raw: bytes) -> str:
    """Digest what the sender wrote, not how it was carried.

    Equal for two deliveries of one mail, though relays add headers, change line ends
    or the transfer encoding. Date and sender count, so that a second mail of the same
    text is another mail; where there is no date, the first relay's stamp stands in.

    :return: 64 hexadecimal digits
    """
    digest = hashlib.sha256()
    head = read_head(raw)
    for name in ("From", "Date", "Subject"):
        digest.update(" ".join(_first(head, name).split()).encode(errors="replace"))
        digest.update(b"\0")
    if not head.get("Date"):
        stamps = head.get_all("Received", ())
        digest.update(" ".join(str(stamps[-1] if stamps else "").split()).encode())
    for part in split(raw).parts:
        digest.update(b"\0")
        _digest_content(digest, part)
    return digest.hexdigest()


def transport_key(raw: bytes, options: dict | None = None) -> str:
    """Name a mail that no mailbox has named: by its bytes, and what was asked for."""
    digest = hashlib.sha256(raw)
    if options:
        digest.update(repr(sorted(options.items())).encode(errors="replace"))
    return digest.hexdigest()


def derive_message_id(*parts: object) -> str:
    """Make an id out of what distinguishes a mail; the same parts give the same id.

    >>> derive_message_id("<a@b>", 1) == derive_message_id("<a@b>", 1)
    True
    """
    text = "\0".join(str(part) for part in parts)
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    return f"<{digest[:40]}@{DOMAIN}>"


def with_message_id(raw: bytes, message_id: str) -> bytes:
    r"""Give a mail this id and no other.

    >>> with_message_id(b"A: 1\r\nMessage-ID:\r\n <x>\r\nB: 2\r\n\r\nHi", "<y@z>")
    b'Message-ID: <y@z>\r\nA: 1\r\nB: 2\r\n\r\nHi'
    >>> with_message_id(b"Message-ID: <x>\rA: 1\r\rHi\r\n\r\nthere", "<y@z>")
    b'Message-ID: <y@z>\r\nA: 1\r\rHi\r\n\r\nthere'
    """
    head, rest = split_header(raw)
    head = _ID_HEADER.sub(b"", head).rstrip(b"\r\n")
    line = f"Message-ID: {message_id}\r\n".encode(errors="replace")
    return line + head + (rest or b"\r\n\r\n")


def _first(head: Message, name: str) -> str:
    values = head.get_all(name)
    return str(values[0]) if values else ""


def _decode(value: str) -> str:
    return _CONTROL.sub(" ", decode_words(value)).strip()[:TEXT_LIMIT]


def _digest_content(digest, part):
    """Digest a part's content without the blanks at its end, however long it is."""
    blanks = b""
    for piece in part.iter_content():
        piece = (blanks + piece).replace(b"\r\n", b"\n")
        text = piece.rstrip()
        digest.update(text)
        blanks = piece[len(text) :]
        if len(blanks) > CHUNK:
            digest.update(blanks)
            blanks = b""
