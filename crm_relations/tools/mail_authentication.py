r"""How far a mail's sender is to be believed: what the receiving server found out.

The server that takes a mail from outside checks SPF, DKIM and DMARC and writes what it
found into ``Authentication-Results`` (RFC 8601), under its own name, the authserv-id.
Anybody can write such a field, with our server's name as well, so the place counts:

1. A server adds its fields above all that came with the mail. Whatever the sender
   wrote stands below, so only the *topmost* field is asked. If that is another
   server's, nothing is believed, also not one of ours below it.
2. Fields of ours below the topmost one may only take away (a ``fail`` counts), never
   give: nothing tells them from forged ones. Those below the next ``Received`` are
   older than the arrival here and are not read at all.
3. If a ``Received`` line above the field was written by somebody else's server, the
   field was there before the mail came here, and is not believed.

What cannot be told apart: a forged field on top of a mail for which our server wrote
none. RFC 8601 (section 5) has servers remove fields that bear their own name; one that
neither removes them nor writes its own into each mail must not be named.
"""

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from typing import NamedTuple

import idna

from .mail_identity import header_block

VERIFIED, PLAUSIBLE, NONE, FAILED = "verified", "plausible", "none", "failed"

FIELD_LIMIT = 16 * 1024  # characters; honest fields have less than one thousand
_PLAIN = re.compile(r'[^"(]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"?', re.DOTALL)
_SEPARATOR = re.compile(r"[\s;=]")
_IN_COMMENT = re.compile(r"\\.|[()]", re.DOTALL)
_LOCAL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
_ADDRESS = re.compile(
    rf"(?:[^<>]*<\s*({_LOCAL}@[^\s<>@,;:\"()]+)\s*>"
    rf"|\s*({_LOCAL}@[^\s<>@,;:\"()]+))\s*(?:\([^()<>@]*\))?\s*"
)
_ADDRESS_LIKE = re.compile(r"[^\s<>,;:\"()]+@[^\s<>,;:\"()]+")
_PRIVATE = ("internal", "local", "lan", "localdomain", "localhost", "arpa")


class Result(NamedTuple):
    """One method, what it found, and what it looked at."""

    method: str
    result: str
    properties: dict[str, str]


# ------------------------------------------------------------
# VERDICT
# ------------------------------------------------------------


def judge(raw: bytes, names: Collection[str]) -> str:
    r"""Tell how far the address in From is to be believed.

    >>> field = b"Authentication-Results: mx.us.example; "
    >>> def mail(results, sender=b"jane@acme.example"):
    ...     return field + results + b"\r\nFrom: " + sender + b"\r\n\r\nHi"
    >>> judge(mail(b"dmarc=pass header.from=acme.example"), ["MX.us.example"])
    'verified'
    >>> judge(mail(b"dkim=pass header.d=acme.example"), ["mx.us.example"])
    'verified'
    >>> judge(mail(b"dmarc=pass header.from=evil.example"), ["mx.us.example"])
    'none'
    >>> judge(mail(b"spf=pass smtp.mailfrom=acme.example"), ["mx.us.example"])
    'plausible'
    >>> judge(mail(b"dkim=pass header.d=acme.example; dmarc=fail"), ["mx.us.example"])
    'failed'
    >>> judge(mail(b"dmarc=pass header.from=acme.example"), ["mx.else.example"])
    'none'
    >>> judge(b"", ["mx.us.example"]), judge(mail(b"dmarc=fail"), [])
    ('none', 'none')

    :param raw: the mail as received
    :param names: authserv-ids of our own receiving servers
    :return: `VERIFIED`, `PLAUSIBLE`, `NONE` or `FAILED`
    """
    known = {name.lower() for name in names}
    head = _parse_head(raw) if known else None
    believed, lower = _find_own(head, known) if head else ([], [])
    if any(_is(one, "dmarc", "fail") for one in (*believed, *lower)):
        return FAILED
    domain = sender_address(raw).rpartition("@")[2] if believed else ""
    if domain:
        if any(_is_aligned(one, domain) for one in believed):
            return VERIFIED
        if any(_is_related(one, domain) for one in believed):
            return PLAUSIBLE
    methods = ("dkim", "spf")
    failed = (one for one in (*believed, *lower) if one.method in methods)
    return FAILED if any(one.result == "fail" for one in failed) else NONE


def _is(one: Result, method: str, result: str) -> bool:
    return (one.method, one.result) == (method, result)


def _is_aligned(one: Result, domain: str) -> bool:
    """Tell whether ``one`` vouches for ``domain``: itself, or a parent that signs."""
    if _is(one, "dmarc", "pass"):
        return _get_domain(one, "header.from") == domain
    if _is(one, "dkim", "pass"):
        return _is_within(domain, _get_domain(one, "header.d", "header.i"))
    return False


def _is_related(one: Result, domain: str) -> bool:
    names = {
        "dmarc": ("header.from",),
        "dkim": ("header.d", "header.i"),
        "spf": ("smtp.mailfrom",),
    }
    if one.result != "pass" or one.method not in names:
        return False
    other = _get_domain(one, *names[one.method])
    return _is_within(domain, other) or _is_within(other, domain)


def _is_within(domain: str, parent: str) -> bool:
    # whoever signs for a top-level domain signs for nobody
    return "." in parent and (domain == parent or domain.endswith(f".{parent}"))


def _get_domain(one: Result, *names: str) -> str:
    value = next(filter(None, (one.properties.get(name) for name in names)), "")
    return normalize_domain(value.rpartition("@")[2])


# ------------------------------------------------------------
# SENDER
# ------------------------------------------------------------


def sender_address(raw: bytes) -> str:
    r"""Give the one address in From, or nothing when it could be read in two ways.

    >>> sender_address(b"From: \"Doe, Jane\" <Jane@ACME.example> (x)\n\n")
    'jane@acme.example'
    >>> sender_address(b"From: jane@m\xc3\xbcller.example\n\n")
    'jane@xn--mller-kva.example'
    >>> sender_address(b"From: jane@acme.example <bob@acme.example>\n\n")
    ''
    >>> sender_address(b"From: =?utf-8?q?jane=40acme=2Ee=2C?= <e@vil.example>\n\n")
    ''
    >>> sender_address(b"From: a@b.example\nFrom: a@b.example\n\n")
    ''
    >>> sender_address(b"From: Staff: a@b.example;\n\n"), sender_address(b"")
    ('', '')

    :return: lower case, the domain in ASCII
    """
    values = [
        value
        for name, value in _parse_head(raw).raw_items()
        if name.lower() == "from" and len(value) < FIELD_LIMIT
    ]
    texts = {" ".join(_to_text(value).split()) for value in values}
    texts |= {_decode_words(text) for text in texts}
    # what other programs take for an address counts as one, in names too
    found = {
        _normalize_address(match)
        for text in texts
        for match in _ADDRESS_LIKE.findall(text)
    }
    if len(values) != 1 or len(found) != 1:
        return ""
    return next(iter(found)) if all(map(_ADDRESS.fullmatch, texts)) else ""


def normalize_domain(domain: str) -> str:
    """Write a domain in lower case ASCII; nothing for what is none.

    >>> normalize_domain("Müller.Example."), normalize_domain("a b")
    ('xn--mller-kva.example', '')
    """
    domain = domain.strip().rstrip(".").lower()
    if not domain or len(domain) > 253:
        return ""
    try:
        return idna.encode(domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        # underscores and the like: real hosts have them, senders of mail have not
        return ""


def _normalize_address(text: str) -> str:
    local, _at, domain = text.rpartition("@")
    return f"{local.lower()}@{normalize_domain(domain)}"


def _decode_words(text: str) -> str:
    try:
        return " ".join(
            "".join(
                chunk if isinstance(chunk, str) else chunk.decode(charset or "latin-1")
                for chunk, charset in decode_header(text)
            ).split()
        )
    except (ValueError, LookupError):
        return "<>"  # matches no address


def _to_text(value: str) -> str:
    # bare bytes stand in the header as surrogates
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


# ------------------------------------------------------------
# READING THE FIELDS
# ------------------------------------------------------------


def find_server_name(raw: bytes) -> str:
    r"""Give the name in the topmost field of a mail, as it is written.

    >>> find_server_name(b"authentication-results: Mx.Us.example 1; none\n\n")
    'Mx.Us.example'
    >>> find_server_name(b"Subject: Hi\n\n")
    ''
    """
    for name, value in _parse_head(raw).raw_items():
        if name.lower() == "authentication-results":
            return parse_results(value)[0]
    return ""


def parse_results(value: str) -> tuple[str, list[Result]]:
    """Read one field. Never raises, in time that grows with its length only.

    >>> parse_results("mx.example 1; spf=pass (a (b) c) smtp.mailfrom=d.example")[1]
    [Result(method='spf', result='pass', properties={'smtp.mailfrom': 'd.example'})]
    >>> parse_results('mx.example; dkim=fail reason="x; dmarc=pass" header.d = e.fr')[1]
    ... # doctest: +ELLIPSIS
    [Result(method='dkim', result='fail', properties={...'header.d': 'e.fr'})]
    >>> parse_results("mx.example; none"), parse_results("spf=pass"), parse_results("")
    (('mx.example', []), ('', []), ('', []))

    :return: (authserv-id or nothing, results)
    """
    if len(value) > FIELD_LIMIT:
        return "", []
    first, *rest = _flatten(_to_text(value)).split(";")
    words = first.split()
    if not words or "=" in first:
        return "", []  # Microsoft 365 writes no name
    results = []
    for statement in rest:
        pairs = list(_read_pairs(statement.split()))
        if pairs:
            (method, result), *properties = pairs
            results.append(
                Result(method.partition("/")[0], result.lower(), dict(properties))
            )
    return words[0], results


def _find_own(
    head: Message, known: Collection[str]
) -> tuple[list[Result], list[Result]]:
    """Give the results to believe, and those that may only take away."""
    believed, lower, hops = None, [], []
    for name, value in head.raw_items():
        if name.lower() == "received":
            if believed is not None:
                break
            hops.append(value)
        elif name.lower() == "authentication-results":
            server, results = parse_results(value)
            is_own = server.lower() in known
            if believed is None:
                if not is_own or _passed_strangers(hops, server):
                    return [], []
                believed = results
            elif is_own:
                lower += results
    return believed or [], lower


def _passed_strangers(hops: Iterable[str], server: str) -> bool:
    """Tell whether a ``Received`` line names a writer outside the server's domain."""
    domain = server.lower().rpartition(".")[0] and _top(server)
    writers = (_read_writer(hop) for hop in hops)
    return any(domain and _is_public(w) and _top(w) != domain for w in writers)


def _read_writer(hop: str) -> str:
    words = _flatten(_to_text(hop[:FIELD_LIMIT])).lower().replace(";", " ").split()
    return words[words.index("by") + 1] if "by" in words[:-1] else ""


def _top(host: str) -> str:
    return ".".join(host.lower().strip(".").split(".")[-2:])


def _is_public(host: str) -> bool:
    host = host.strip("[].")
    if "." not in host or host.rpartition(".")[2] in _PRIVATE:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def _read_pairs(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Read ``name=value``, whatever blanks stand around the sign."""
    name, is_open = "", False
    for word in words:
        key, sign, value = word.partition("=")
        if is_open:  # the value that the sign has announced
            yield name, word
            name, is_open = "", False
        elif not sign:
            name = key.lower()
        elif value:
            yield (key.lower() or name), value
            name = ""
        else:
            name, is_open = key.lower() or name, True


def _flatten(value: str) -> str:
    """Drop comments; let nothing in a quoted text separate anything."""
    pieces, position = [], 0
    while position < len(value):
        if value[position] == "(":
            position = _skip_comment(value, position)
            pieces.append(" ")
            continue
        is_quoted = value[position] == '"'
        match = (_QUOTED if is_quoted else _PLAIN).match(value, position)
        pieces.append(_SEPARATOR.sub("_", match[1]) if is_quoted else match[0])
        position = match.end()
    return "".join(pieces)


def _skip_comment(value: str, position: int) -> int:
    depth = 0
    for match in _IN_COMMENT.finditer(value, position):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if not depth:
            return match.end()
    return len(value)


def _parse_head(raw: bytes) -> Message:
    # the same parser as reads the mail itself, so that both see the same fields
    return BytesHeaderParser().parsebytes(header_block(raw) + b"\r\n\r\n")
