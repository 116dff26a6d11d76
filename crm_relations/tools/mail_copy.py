"""Tell a mail that was changed on its way from another one with the same Message-ID.

Mailing lists put a mark into the subject, a footer under the text and their own
address into From; virus scanners put a banner above it and rewrite its links. Such a
copy has the id and the date of the mail, and its words.
"""

import hashlib
import re
from email.utils import mktime_tz, parsedate_tz
from html import unescape

from .mail_identity import read_head
from .mail_split import Mail, split

MAX_ADDED = 150  # words of a footer or banner; more would be content of its own
TEXT_LIMIT = 256 * 1024  # bytes of a part's text that are compared

_IGNORED = re.compile(r"<(style|script)\b.*?</\1\s*>|<[^<>]*>", re.I | re.S)
_LINK = re.compile(r"\bhttps?://\S+", re.I)
_WORD = re.compile(r"\w+")


def is_copy(raw: bytes, earlier: bytes) -> bool:
    r"""Tell whether a mail brings nothing that an earlier one of its id did not.

    >>> mail = b"Date: Mon, 2 Nov 2026 10:00:00 +0100\nSubject: %s\n\n%s"
    >>> first = mail % (b"Pump", b"It is broken.")
    >>> is_copy(mail % (b"[team] Pump", b"It is broken.\n--\nTeam's list"), first)
    True
    >>> is_copy(mail % (b"Pump", b"It works again."), first)
    False
    >>> is_copy(first.replace(b"10:00", b"11:00"), first)
    False
    """
    date = _read_date(raw)
    if date is None or date != _read_date(earlier):
        return False
    new, old = split(raw), split(earlier)
    if _digest_files(new) - _digest_files(old):
        return False
    words, known = _read_words(new), _read_words(old)
    if len(words) > len(known) + MAX_ADDED:
        return False
    if not known:
        return not words
    short, long = sorted((words, known), key=len)
    return bool(short) and f" {' '.join(short)} " in f" {' '.join(long)} "


def _read_date(raw):
    try:
        found = parsedate_tz(str(read_head(raw).get("Date", "")))
        return found and mktime_tz(found)
    except (ValueError, OverflowError, TypeError):
        return None


def _read_words(mail: Mail) -> list[str]:
    texts = [part for part in mail.parts if part.is_text]
    # a list may leave out the HTML
    plain = [part for part in texts if part.content_type == "text/plain"]
    pieces = []
    for part in plain or texts:
        text = part.read_text(TEXT_LIMIT)
        if part.content_type == "text/html":
            text = unescape(_IGNORED.sub(" ", text))
        pieces.append(_LINK.sub(" ", text))
    return _WORD.findall(" ".join(pieces).lower())


def _digest_files(mail: Mail) -> set[bytes]:
    found = set()
    for part in mail.parts:
        if part.is_text:
            continue
        digest = hashlib.sha256()
        for piece in part.iter_content():
            digest.update(piece)
        found.add(digest.digest())
    return found
