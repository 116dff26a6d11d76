"""Find the parts of a mail, whatever its bytes are.

Python's parser recurses, copies every part several times and raises on what it does
not know. This one walks over the bytes once, keeps offsets instead of copies, takes
what is broken for what it most likely was meant to be, and never raises. Its time and
memory grow with the size of the mail and with nothing else.
"""

import binascii
import re
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from urllib.parse import unquote_to_bytes

from .mail_charset import clean_line, decode_text

HEADER_LIMIT = 256 * 1024  # bytes; honest mails have 2 to 20 KB of headers
PART_HEADER_LIMIT = 16 * 1024  # bytes of the headers of one part
VALUE_LIMIT = 4096  # characters of one header that are decoded
MAX_DEPTH = 100  # parts in parts; deeper ones stay closed
MAX_PARTS = 2000  # what follows is one last part
MAX_MISSES = 20_000  # lines with two dashes that are no boundary, looked at one by one
MAX_ENDS = 1000  # of base64 in a chunk; what ends more often is nonsense
CHUNK = 1 << 18  # bytes decoded at a time
MAX_BARE = 4 << 20  # bytes of a mail that is copied to give it usual line ends

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.S)
_PARAM = re.compile(r';\s*([^=;\s"]+)\s*=\s*(?:"([^"]*)"|([^;]*))')
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]*)\?=")
_NOT_BASE64 = bytes(
    set(range(256))
    - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
_BEGIN = re.compile(rb"^begin[ \t]", re.M)  # of uuencoded content
# lines that end as on old Macintoshes, whatever the text behind them has
_BARE_RETURN = re.compile(rb"\r(?!\n)")
_BARE_FIRST = re.compile(rb"[^\r\n]*\r(?!\n)")
_OPEN, _CLOSE = 0, 1
_EMBEDDED = ("message/rfc822", "message/global", "message/news")
_UNENCODED = ("", "7bit", "8bit", "binary")


class Part:
    """One part that holds no others, as offsets into the mail.

    ``begin`` is where its headers start, ``body`` where its content does, ``end`` is
    behind it. ``inside`` tells the containers around it, outermost first, by type;
    ``group`` is the same number for all parts that are alternatives of each other.
    """

    __slots__ = ("_cache", "begin", "body", "end", "fields", "group", "inside", "raw")

    def __init__(self, raw, begin, body, fields, inside=(), group=None):
        self.raw, self.begin, self.body, self.end = raw, begin, body, len(raw)
        self.fields, self.inside, self.group = fields, inside, group
        self._cache = None

    def get(self, name: bytes) -> bytes:
        """Give the first header of this name (in lower case), unfolded."""
        return self.fields.get(name, b"")

    @property
    def _params(self) -> tuple[str, dict[str, str]]:
        if self._cache is None:
            self._cache = read_params(self.get(b"content-type"))
        return self._cache

    @property
    def content_type(self) -> str:
        """Give the kind of content, lower case; text/plain if it says nothing."""
        kind = self._params[0]
        return kind if re.fullmatch(r"[^/\s]+/[^/\s]+", kind) else "text/plain"

    @property
    def charset(self) -> str:
        return self._params[1].get("charset", "").strip()

    @property
    def encoding(self) -> str:
        text = self.get(b"content-transfer-encoding").decode("ascii", "replace")
        return text.partition("(")[0].strip(" \t;\"'").lower()

    @property
    def disposition(self) -> str:
        return read_params(self.get(b"content-disposition"))[0]

    @property
    def filename(self) -> str:
        """Give the name as the sender wrote it; see `mail_form` for a safe one."""
        names = read_params(self.get(b"content-disposition"))[1]
        return names.get("filename") or self._params[1].get("name", "")

    @property
    def cid(self) -> str:
        text = self.get(b"content-id").decode("utf-8", "replace")
        return clean_line(text).strip("<> ")

    @property
    def is_text(self) -> bool:
        """Tell whether a reader would see it in the text of the mail."""
        return (
            self.content_type in ("text/plain", "text/html")
            and not self.filename
            and self.disposition != "attachment"
        )

    @property
    def size(self) -> int:
        """Give the size it has about when decoded."""
        size = max(0, self.end - self.body)
        return size * 3 // 4 if self.encoding == "base64" else size

    def iter_content(self) -> Iterator[bytes]:
        """Decode its content piece by piece."""
        decode = _DECODERS.get(self.encoding, _iter_raw)
        return decode(self.raw, self.body, max(self.body, self.end))

    # of no model: pylint: disable-next=method-required-super
    def read(self, limit: int | None = None) -> bytes:
        """Decode its content, the first ``limit`` bytes or all of it."""
        # this class grows in place and hands out what it has without a copy
        buffer = BytesIO()
        for piece in self.iter_content():
            buffer.write(piece)
            if limit is not None and buffer.tell() >= limit:
                buffer.truncate(limit)
                break
        return buffer.getvalue()

    def read_text(self, limit: int) -> str:
        """Read it as text, at most ``limit`` bytes of it."""
        return decode_text(self.read(limit), self.charset)


class Mail:
    """What `split` found: the headers in their order, and the parts."""

    __slots__ = ("depth", "embedded", "fields", "headers", "is_cut", "parts", "raw")

    def __init__(self, raw):
        self.raw = raw
        self.headers: list[tuple[bytes, bytes]] = []
        self.fields: dict[bytes, bytes] = {}
        self.parts: list[Part] = []
        self.embedded: list[Part] = []  # mails in this mail, as whole parts
        self.depth = 0
        self.is_cut = False

    def get_all(self, name: bytes) -> list[bytes]:
        """Give every header of this name (in lower case), unfolded."""
        return [value for key, value in self.headers if key == name]


def split(raw: bytes) -> Mail:
    r"""Find the headers and parts of a mail.

    >>> mail = split(b"Subject: a\r\n b\r\n\r\nHi\r\n")
    >>> mail.fields, mail.parts[0].read()
    ({b'subject': b'a b'}, b'Hi\r\n')
    >>> head = b"Content-Type: multipart/mixed; boundary=x\n\n"
    >>> part = b"--x\nContent-Transfer-Encoding: base64\n\nSGk=\n"
    >>> [p.read() for p in split(head + part + b"--x\n\nend").parts]
    [b'Hi', b'end']
    >>> [p.read() for p in split(head + b"no such line").parts]
    [b'no such line']
    >>> [p.read() for p in split(b"").parts]
    [b'']
    """
    if len(raw) < MAX_BARE and _BARE_FIRST.match(raw):
        raw = _BARE_RETURN.sub(b"\n", raw)
    return _Splitter(raw).run()


class _Splitter:
    def __init__(self, raw):
        self.raw = raw
        self.mail = Mail(raw)
        self.stack = []  # (boundary or None, type, group, header part) of containers
        self.known = {}  # boundary: position in the stack
        self.leaf = None
        self.misses, self.pattern = 0, None

    def run(self) -> Mail:
        self._enter(0, HEADER_LIMIT)
        position = self.leaf.body if self.leaf else self._body
        while found := self._find_line(max(0, position - 1)):
            start, position, level, kind = found
            self._close(level + 1, start)
            if kind == _CLOSE:
                self._close(level, start)
                continue
            self.stack[level][3].end = None  # it has parts, so it is none itself
            if len(self.mail.parts) >= MAX_PARTS:
                self.mail.is_cut = True
                self._add(Part(self.raw, position, position, {}))
                break
            self._enter(position, PART_HEADER_LIMIT)
            position = self._body
        self._close(0, len(self.raw))
        return self.mail

    # reading one part's headers, and deciding what it is

    def _enter(self, begin, limit):
        """Begin a part, and the mails that it is, one in the other."""
        while True:
            headers, body = _read_headers(self.raw, begin, limit, self.known)
            fields = {}
            for name, value in headers:
                fields.setdefault(name, value)
            if not begin:
                self.mail.headers, self.mail.fields = headers, fields
            inside = tuple(entry[1] for entry in self.stack)
            part = Part(self.raw, begin, body, fields, inside, self._get_group())
            self._body = body
            kind, params = part._params
            boundary = params.get("boundary", "").rstrip()
            if kind.startswith("multipart/") and self._may_open(boundary):
                self._open(boundary.encode("utf-8", "surrogateescape"), kind, part)
                return
            if kind in _EMBEDDED and part.encoding in _UNENCODED and self._has_room():
                self.mail.embedded.append(part)
                self._open(None, kind, part)
                begin, limit = body, PART_HEADER_LIMIT
                continue
            if kind.startswith("multipart/"):
                part._cache = ("text/plain", {})  # all that can be said of it
            self._add(part)
            return

    def _has_room(self):
        return len(self.stack) < MAX_DEPTH

    def _may_open(self, boundary):
        # one that is in use already belongs to the container around
        name = boundary.encode("utf-8", "surrogateescape")
        return boundary and name not in self.known and self._has_room()

    def _open(self, boundary, kind, part):
        self.leaf = None
        if boundary is not None:
            self.known[boundary] = len(self.stack)
            self.pattern = None
        group = self._get_group()
        if kind == "multipart/alternative":
            group = part.begin
        elif boundary is None:
            group = None  # what is in another mail is no alternative to this one
        self.stack.append((boundary, kind, group, part))
        self.mail.depth = max(self.mail.depth, len(self.stack))

    def _get_group(self):
        return self.stack[-1][2] if self.stack else None

    def _add(self, part):
        self.leaf = part
        self.mail.parts.append(part)

    def _close(self, level, end):
        """End what is open at ``level`` of the stack and above."""
        raw = self.raw
        if end < len(raw) and raw[end - 1 : end] == b"\n":
            end -= 2 if raw[end - 2 : end] == b"\r\n" else 1
        if self.leaf and len(self.stack) >= level:
            self.leaf.end = max(self.leaf.body, end)
            self.leaf = None
        while len(self.stack) > level:
            boundary, _kind, _group, part = self.stack.pop()
            if boundary is None:
                part.end = max(part.body, end)
                continue
            del self.known[boundary]
            self.pattern = None
            if part.end is not None:
                # not one boundary: what it says is all there is
                part.end = max(part.body, end)
                part._cache = ("text/plain", {})
                self.mail.parts.append(part)

    # finding the lines that end parts

    def _find_line(self, position):
        """Find the next boundary.

        :return: (start of its line, start of the next, level, kind), or None
        """
        if not self.known:
            return None
        find, raw = self.raw.find, self.raw
        while self.misses < MAX_MISSES:
            hit = find(b"\n--", position)
            if hit < 0:
                return None
            if found := self._match(raw, hit + 1):
                return found
            self.misses += 1
            position = hit + 1
        if self.pattern is None:
            names = b"|".join(map(re.escape, self.known))
            self.pattern = re.compile(rb"\n--(?:%s)" % names)
        for hit in self.pattern.finditer(raw, position):
            if found := self._match(raw, hit.start() + 1):
                return found
        return None

    def _match(self, raw, start):
        line = raw[start + 2 : start + 300]
        end = line.find(b"\n")
        line = (line if end < 0 else line[:end]).rstrip(b" \t\r")
        level, kind = self.known.get(line), _OPEN
        if level is None and line.endswith(b"--"):
            level, kind = self.known.get(line[:-2]), _CLOSE
        if level is None:
            return None
        following = raw.find(b"\n", start) + 1
        return start, following or len(raw), level, kind


def _read_headers(raw, begin, limit, known=()):
    """Read header lines until there is none.

    :param known: boundaries, which end the headers as well
    :return: (list of (name in lower case, unfolded value), where the body starts)
    """
    headers, position, stop = [], begin, min(len(raw), begin + limit)
    pieces = None
    while position < stop:
        end = raw.find(b"\n", position, stop)
        following = end + 1 if end >= 0 else stop
        line = raw[position:following].rstrip(b"\r\n")
        if not line:
            return _join(headers), following
        if line[:1] in b" \t":
            if pieces is not None:
                pieces.append(line.strip())
        elif line.startswith(b"--") and _is_boundary(line[2:].rstrip(), known):
            return _join(headers), position
        elif found := _FIELD.match(line):
            # a blank at the end matters to Python's parser
            pieces = [found[2].lstrip()]
            headers.append((found[1].lower(), pieces))
        elif not (position == begin and line.startswith((b"From ", b">From "))):
            return _join(headers), position
        position = following
    return _join(headers), position


def _is_boundary(line, known):
    return line in known or (line.endswith(b"--") and line[:-2] in known)


def _join(headers):
    return [(name, b" ".join(pieces)) for name, pieces in headers]


# ----------------------------------------------------------------
# HEADERS
# ----------------------------------------------------------------


def read_params(value: bytes) -> tuple[str, dict[str, str]]:
    """Read a header such as Content-Type: its word, and what follows.

    >>> read_params(b'Text/HTML; Charset="utf-8"; x')
    ('text/html', {'charset': 'utf-8'})
    >>> read_params(b"a; filename*=utf-8''%e2%82%ac; filename=x")
    ('a', {'filename': '€'})
    >>> read_params(b'a; name*0="x y"; name*1*=%20z')
    ('a', {'name': 'x y z'})
    >>> read_params(b'a; name="=?utf-8?q?=C3=A4?="')
    ('a', {'name': 'ä'})
    >>> read_params(b"")
    ('', {})
    """
    if not value:
        return "", {}
    text = value[:VALUE_LIMIT].decode("utf-8", "surrogateescape")
    word = text.partition(";")[0].strip().lower()
    params, pieces = {}, {}
    for found in _PARAM.finditer(text, len(text.partition(";")[0])):
        name, content = found[1].lower(), found[2]
        content = found[3].strip() if content is None else content
        if "*" not in name:
            params.setdefault(
                name, decode_words(content) if "=?" in content else content
            )
            continue
        base, _star, number = name.partition("*")
        index = number.rstrip("*")
        order = int(index) if index.isascii() and index.isdigit() else 0
        pieces.setdefault(base, []).append((order % 1000, name[-1] == "*", content))
    params.update({name: _join_pieces(found) for name, found in pieces.items()})
    return word, {name: clean_line(content) for name, content in params.items()}


def _join_pieces(found):
    """Put together a parameter that RFC 2231 cut and encoded."""
    charset, content = "", []
    for position, (_order, is_encoded, text) in enumerate(
        sorted(found, key=lambda piece: piece[0])
    ):
        if is_encoded and not position and text.count("'") >= 2:
            charset, _language, text = text.split("'", 2)
        text = text.encode("utf-8", "surrogateescape")
        content.append(unquote_to_bytes(text) if is_encoded else text)
    return decode_text(b"".join(content), charset)


def decode_words(value: str) -> str:
    r"""Decode the encoded words of a header, and the bytes that nobody encoded.

    Not Python's own, which raises, and on some texts takes the square of their size.

    >>> decode_words("=?utf-8?q?=C3=A4_?= b"), decode_words("=?x-no?b?YQ==?=")
    ('ä  b', 'a')
    >>> decode_words("=?utf-8?b?w6Q?= =?utf-8?b?w6Q=?="), decode_words("a =?b?= c")
    ('ää', 'a =?b?= c')
    >>> decode_words("=?utf-8?q?=C3?= =?utf-8?q?=A4?="), decode_words("")
    ('ä', '')
    """
    value = value[:VALUE_LIMIT]
    if not value.isascii():
        value = decode_text(value.encode("utf-8", "surrogateescape"))
    if "=?" not in value:
        return value
    text, position, waiting, charset = [], 0, b"", ""
    for found in _WORD.finditer(value):
        between = value[position : found.start()]
        label = found[1].partition("*")[0].lower()
        # a character may be cut in two; blanks between words are none
        if waiting and (between.strip() or label != charset):
            text.append(decode_text(waiting, charset))
            waiting = b""
        if between.strip() or not position:
            text.append(between)
        waiting, charset = waiting + _decode_word(found[2], found[3]), label
        position = found.end()
    return "".join((*text, decode_text(waiting, charset), value[position:]))


def _decode_word(kind, content):
    content = content.encode("utf-8", "replace")
    if kind in "qQ":
        return binascii.a2b_qp(content, header=True)
    return b"".join(_iter_base64(content, 0, len(content)))


def read_header(mail: Mail, name: bytes) -> str:
    """Read a header of a mail as one line of text, encoded words decoded."""
    value = mail.fields.get(name, b"")[:VALUE_LIMIT]
    return clean_line(decode_words(value.decode("utf-8", "surrogateescape")))


# ----------------------------------------------------------------
# TRANSFER ENCODINGS
# ----------------------------------------------------------------


def _iter_raw(raw, start, end):
    for position in range(start, end, CHUNK):
        yield raw[position : min(end, position + CHUNK)]


def _iter_base64(raw, start, end):
    r"""Decode base64, with whatever stands between, and with ends in the middle.

    >>> b"".join(_iter_base64(b"SG k=\r\n!SGk=SGk", 0, 15))
    b'HiHiHi'
    """
    rest, position = b"", start
    while position < end:
        stop = min(end, position + CHUNK)
        if stop < end:
            # lines are whole most of the time, and then decoded as they are
            stop = raw.rfind(b"\n", position, stop) + 1 or stop
        piece, position = raw[position:stop], stop
        if not rest and b"=" not in piece:
            with suppress(binascii.Error):  # a quad is cut: the slow way
                yield binascii.a2b_base64(piece)
                continue
        piece = rest + piece.translate(None, _NOT_BASE64)
        if piece.count(b"=") > MAX_ENDS:
            piece = piece.replace(b"=", b"")
        *ended, rest = piece.split(b"=")
        for text in filter(None, ended):
            yield _decode_quads(text)
        whole = len(rest) & ~3
        if whole:
            yield binascii.a2b_base64(rest[:whole])
            rest = rest[whole:]
    if rest:
        yield _decode_quads(rest)


def _decode_quads(text):
    left = len(text) % 4
    if left == 1:  # six bits are no byte
        text, left = text[:-1], 0
    return binascii.a2b_base64(text + b"=" * (-left % 4))


def _iter_quoted(raw, start, end):
    r"""Decode quoted-printable, cutting only where no sequence is.

    >>> b"".join(_iter_quoted(b"a=3D=\r\nb=zz=", 0, 13))
    b'a=b=zz'
    """
    position = start
    while position < end:
        stop = min(end, position + CHUNK)
        if stop < end:
            line = raw.rfind(b"\n", position, stop) + 1
            escape = raw.rfind(b"=", stop - 3, stop)
            stop = line or (escape if escape > position else stop)
        yield binascii.a2b_qp(raw[position:stop])
        position = stop


def _iter_uu(raw, start, end):
    if not _BEGIN.search(raw, start, end):
        # it only says so, and is a text as it stands
        yield from _iter_raw(raw, start, end)
        return
    lines = BytesIO(raw[start:end])
    for line in lines:
        if line.startswith((b"begin ", b"end")) or not line.strip():
            continue
        try:
            yield binascii.a2b_uu(line.rstrip(b"\r\n"))
        except binascii.Error:
            # the length byte lies, as some programs pad
            size = ((line[0] - 32) & 63) * 4 // 3 + 1
            try:
                yield binascii.a2b_uu(line[: 1 + size])
            except binascii.Error:
                yield line


_DECODERS = {
    "base64": _iter_base64,
    "quoted-printable": _iter_quoted,
    "x-uuencode": _iter_uu,
    "uuencode": _iter_uu,
    "x-uue": _iter_uu,
}
