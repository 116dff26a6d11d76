"""The token that proves that somebody was written to about a case.

``c531.k3mvq2xw7dnoaj5hfzeu`` says: the public discussion of the case with id 531;
``n531.…`` says: its internal notes. Only the database can make one, so whoever shows
it has had a mail of ours. It stands where one of them survives whatever mail programs
and relays do: in our Message-IDs and References, in the address to answer to (where the
mail server knows ``user+tag@`` addresses), and in the small print of the text.
"""

import base64
import re
from typing import NamedTuple

PUBLIC, NOTE = "c", "n"
LENGTH = 20  # characters of base 32: 100 bits, out of reach for guessing by mail
MAX_FOUND = 50  # nobody honest quotes more; each costs a digest to check

_TOKEN = re.compile(
    rf"(?<![a-z0-9])([cn])([1-9]\d{{0,18}})\.([a-z2-7]{{{LENGTH}}})(?![a-z0-9])"
)
_PLUS = re.compile(r"\+[^@+]*(?=@)")


class Token(NamedTuple):
    """What a token claims, until its `key` is checked."""

    kind: str
    case_id: int
    key: str


def write_token(kind: str, case_id: int, digest: str) -> str:
    """Write a token.

    >>> write_token("c", 531, "00" * 32)
    'c531.aaaaaaaaaaaaaaaaaaaa'

    :param digest: keyed digest of what the token says, hexadecimal
    """
    key = base64.b32encode(bytes.fromhex(digest)).decode().lower()[:LENGTH]
    return f"{kind}{case_id}.{key}"


def find_tokens(text: str) -> list[Token]:
    """Find whatever looks like a token, in order, each once.

    >>> key = "k3mvq2xw7dnoaj5hfzeu"
    >>> find_tokens(f"support+c5.{key}@x.example <n7.{key}.99@host> c5.{key}")
    ... # doctest: +NORMALIZE_WHITESPACE
    [Token(kind='c', case_id=5, key='k3mvq2xw7dnoaj5hfzeu'),
     Token(kind='n', case_id=7, key='k3mvq2xw7dnoaj5hfzeu')]
    >>> find_tokens(f"abc5.{key} c5.{key}x c05.{key}")
    []
    """
    found: dict[Token, None] = {}
    for match in _TOKEN.finditer(text.lower()):
        found[Token(match[1], int(match[2]), match[3])] = None
        if len(found) == MAX_FOUND:
            break
    return list(found)


def is_note(message_id: str) -> bool:
    """Tell whether an id of ours is one of a note.

    >>> is_note("<n5.k3mvq2xw7dnoaj5hfzeu.1@host>")
    True
    >>> is_note("<c5.k3mvq2xw7dnoaj5hfzeu.1@host>"), is_note("<n5@host>")
    (False, False)
    """
    found = find_tokens(message_id)
    return bool(found) and found[0].kind == NOTE


def add_to_message_id(message_id: str, token: str) -> str:
    """Put a token at the front of an id of ours.

    >>> add_to_message_id("<123.4@host>", "c5.key")
    '<c5.key.123.4@host>'
    """
    return f"<{token}.{message_id.strip('<>')}>"


def add_to_address(address: str, token: str) -> str:
    """Make an address that brings its token back.

    >>> add_to_address("support@x.example", "c5.key")
    'support+c5.key@x.example'
    """
    local, _at, domain = address.rpartition("@")
    return f"{local}+{token}@{domain}" if local else address


def drop_tag(address: str) -> str:
    """Give the address behind a tagged one.

    >>> drop_tag("support+c5.key@x.example"), drop_tag("a+b@x"), drop_tag("a@x")
    ('support@x.example', 'a@x', 'a@x')
    """
    return _PLUS.sub("", address)
