"""Addresses in a header, whatever it holds."""

import re

from .mail_charset import clean_line
from .mail_split import decode_words

_PIECE = re.compile(r'"([^"]*)"|\([^()]*\)|<([^<>]*)>|([,;:])|([^,;:"()<>]+)|.', re.S)
_ADDRESS = re.compile(
    r"[^\s@<>,;:\"()\[\]\\\x00-\x20\x7f]{1,128}@[a-zA-Z0-9._-]{1,253}\Z"
)


def find_addresses(text: str) -> list[tuple[str, str]]:
    r"""Find the addresses in a header that lists some, groups or not.

    >>> find_addresses('"Doe, J" <j@x.y>, k@x.y (K), Team: a@b, c@d;')
    [('Doe, J', 'j@x.y'), ('', 'k@x.y'), ('', 'a@b'), ('', 'c@d')]
    >>> find_addresses("a@b@c"), find_addresses("undisclosed-recipients:;")
    ([], [])
    >>> find_addresses('=?utf-8?q?=C3=A4?= <a@b>, "boss@us" <me@evil>')
    [('ä', 'a@b'), ('boss@us', 'me@evil')]
    >>> find_addresses("<" * 9 + '"' * 9), find_addresses("a\0@b")
    ([], [])

    :return: list of (name, maybe empty, address) of those that are written correctly
    """
    found, words, address = [], [], None
    for piece in _PIECE.finditer(text.replace("\\", "")):
        quoted, bracketed, stop, plain = piece.groups()
        if stop:
            _add(found, words, address)
            words, address = [], None
        elif bracketed is not None:
            address = address or bracketed.strip()
        elif quoted or plain:
            words.append(quoted or plain.strip())
    _add(found, words, address)
    return found


def _add(found, words, address):
    text = " ".join(filter(None, words))
    if address is None:
        address, text = text.strip(), ""
    if _ADDRESS.match(address) and address.isascii():
        found.append((clean_line(decode_words(text)), address))
