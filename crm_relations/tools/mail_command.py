r"""Commands in a mail: lines such as ``Set-State: pending`` at its very top.

Only what the sender himself wrote first counts: the text part, or the visible text of
the HTML part, and where there are both, what both say. Quoted text, attachments,
forwarded mails and hidden text hold no commands.
"""

import re
import unicodedata
from email.message import Message
from typing import NamedTuple

from lxml.etree import LxmlError

from .mail_visible_text import IMAGE, SIZE_LIMIT, VisibleText

NAMES = (
    *("Set-State", "Set-Priority", "Set-User", "Set-Section", "Set-Category"),
    *("Set-Deadline", "Set-Cost", "Set-Revenue", "Set-Probability", "Set-Partner"),
    "Set-Watcher",
)
REPEATABLE = ("Set-Watcher",)
LINE_LIMIT = 50  # commands in one mail
TEXT_LIMIT = 500  # characters of a line
DEPTH_LIMIT = 10  # parts in parts, until the first text

_KNOWN = {name.lower(): name for name in NAMES}
# ASCII: else the long s and the Kelvin sign would do for s and k
_LINE = re.compile(r"(set-[a-z][a-z-]{0,30})[ \t]*:[ \t]*(.*)", re.I | re.A)
_QUOTED = re.compile(r"\s*>")
_SIGNATURES = ("--", "__")
_HEADING_END = re.compile(
    r"(?:wrote|writes|schrieb|écrit|escribió|scritto|schreef|skrev|escreveu)\s?:$|@.*:$",
    re.I,
)
_HEADING_START = re.compile(r"(?:on|am|le|el|il|op|den|em)\b.*\d", re.I)
_ANSWERED = re.compile(r"-{3,} ?\w|_{10,}|(?:from|von|de|da|van|från)\s*:.*@", re.I)
_INVISIBLE_KINDS = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")


class CommandLine(NamedTuple):
    """One line; ``name`` as in `NAMES`, or as it was written if it is none."""

    text: str
    name: str
    value: str


class Commands(NamedTuple):
    """What a mail holds; ``agrees``: its text and its HTML say the same."""

    lines: list[CommandLine]
    agrees: bool = True


def parse_line(text: str) -> CommandLine | None:
    """Read one line.

    >>> parse_line("SET-STATE:  done ")
    CommandLine(text='SET-STATE: done', name='Set-State', value='done')
    >>> parse_line("Set-Colour: red").name
    'Set-Colour'
    >>> parse_line("> Set-State: done"), parse_line("\uff33et-State: done")
    (None, None)
    """
    text = " ".join(text.split())[:TEXT_LIMIT]
    match = _LINE.fullmatch(text)
    if not match or IMAGE in text:
        return None
    return CommandLine(text, _KNOWN.get(match[1].lower(), match[1]), match[2])


def read_block(lines: list[str]) -> list[CommandLine]:
    """Read the commands on top: blank lines before them, and nothing between.

    >>> [c.name for c in read_block(["", "Set-State: open", "Hi", "Set-User: me"])]
    ['Set-State']
    >>> read_block(["Hi", "Set-State: open"]), read_block([])
    ([], [])
    """
    block = []
    for text in lines:
        if not block and not text.strip("\ufeff \t\r\xa0"):
            continue
        line = parse_line(text.lstrip("\ufeff") if not block else text)
        # indented text is somebody else's, or an example
        if not line or text[:1] in " \t":
            break
        block.append(line)
        if len(block) > LINE_LIMIT:
            break
    return block


def has_unseen(text: str) -> bool:
    r"""Tell whether a text holds characters that nobody sees.

    >>> has_unseen("done\u202e"), has_unseen("a\0b"), has_unseen("erl\xe9digt")
    (True, True, False)
    """
    return any(unicodedata.category(char) in _INVISIBLE_KINDS for char in text)


# ------------------------------------------------------------
# READING A MAIL
# ------------------------------------------------------------


def read_commands(message: Message) -> Commands:
    r"""Read the commands of a mail. Never raises.

    >>> from email import message_from_string as mail
    >>> [line.text for line in read_commands(mail("\nSet-State: open\n\nHi")).lines]
    ['Set-State: open']
    >>> read_commands(mail("Content-Type: text/html\n\n<!--x-->Set-State: open")).lines
    [CommandLine(text='Set-State: open', name='Set-State', value='open')]
    """
    try:
        plain, source = _find_texts(message, DEPTH_LIMIT)
        if not any(text and "set-" in text.lower() for text in (plain, source)):
            return Commands([])
        if source is None:
            return Commands(read_block(_split(plain)))
        return _compare(plain, VisibleText(source))
    except Exception:
        # whatever breaks Python's or the HTML parser: what cannot be read is no command
        return Commands([])


def _compare(plain: str | None, visible: VisibleText) -> Commands:
    """Give what the HTML shows, if the text part says the same."""
    lines = read_visible_block(visible)
    if plain is None:
        return Commands(lines)
    written = [" ".join(text.split())[:TEXT_LIMIT] for text in _split(plain)]
    top = [text for text in written if text][: len(lines)]
    extra = read_block(_split(plain))
    agrees = top == [line.text for line in lines] and len(extra) <= len(lines)
    return Commands(lines or extra, agrees)


def read_visible_block(visible: VisibleText) -> list[CommandLine]:
    """Read the commands on top of some HTML, as far as nothing is quoted."""
    own = []
    for line in visible.lines:
        if line.is_quoted:
            break
        own.append(line.text)
    return read_block(own)


def _split(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")


def _find_texts(part: Message, depth: int) -> tuple[str | None, str | None]:
    """Give the text and the HTML of the part that a reader sees first."""
    kind = part.get_content_type()
    if not depth or _is_file(part):
        return None, None
    if kind in ("text/plain", "text/html"):
        text = _decode(part)
        return (text, None) if kind == "text/plain" else (None, text)
    children = part.get_payload() if part.is_multipart() else []
    if kind in ("multipart/mixed", "multipart/related", "multipart/signed"):
        return _find_texts(children[0], depth - 1) if children else (None, None)
    if kind != "multipart/alternative":
        return None, None
    found = [_find_texts(child, depth - 1) for child in children[:DEPTH_LIMIT]]
    plain = [text for text, _source in found if text is not None]
    source = [source for _text, source in found if source is not None]
    if len(plain) > 1 or len(source) > 1 or len(children) > DEPTH_LIMIT:
        # programs differ in which of them they show
        return None, None
    return (*plain, None)[0], (*source, None)[0]


def _is_file(part: Message) -> bool:
    disposition = str(part.get("Content-Disposition", "")).strip().lower()
    return disposition.startswith("attachment") or bool(part.get_filename())


def _decode(part: Message) -> str | None:
    payload = part.get_payload(decode=True) or b""
    if len(payload) > SIZE_LIMIT:
        return None
    text = payload.decode(part.get_content_charset() or "utf-8")
    return None if "\0" in text else text


# ------------------------------------------------------------
# TAKING THEM OUT
# ------------------------------------------------------------


def strip_commands(body: str, lines: list[CommandLine]) -> tuple[str, bool] | None:
    r"""Take the commands out of a mail's body as it is kept.

    >>> lines = read_block(["Set-State: open"])
    >>> strip_commands("<pre>\nSet-State: open\n\nHi</pre>", lines)
    ('<pre>\n\nHi</pre>', False)
    >>> strip_commands("Set-State: open<br>-- <br>J<blockquote>Hi</blockquote>", lines)
    ('-- <br>J<blockquote>Hi</blockquote>', True)
    >>> strip_commands("<p>Set-State: done</p>", lines) is None
    True

    :param body: HTML
    :return: (HTML, whether nothing of the sender's own is left), or None when the body
        does not begin with these lines
    """
    try:
        visible = VisibleText(body)
    except (ValueError, LxmlError):
        return None
    if read_visible_block(visible)[: len(lines)] != lines:
        return None
    texts = {line.text for line in lines}
    shown = [line for line in visible.lines if line.text in texts][: len(lines)]
    is_cut = visible.is_cut
    visible.remove(shown)
    return visible.to_html(), not (is_cut or _has_own_words(visible))


def _has_own_words(visible: VisibleText) -> bool:
    """Tell whether anything but quotation, its heading and a signature is left."""
    own = []
    for line in visible.lines:
        if line.text in _SIGNATURES or _ANSWERED.match(line.text):
            break
        if line.is_quoted or _QUOTED.match(line.text):
            _drop_heading(own)
        elif line.text:
            own.append(line.text)
    return bool(own)


def _drop_heading(own: list[str]) -> None:
    """Take off "On 2 March, Jane wrote:", which programs break into two lines."""
    if own and _HEADING_END.search(own[-1]):
        whole = own.pop()
        if own and not _HEADING_START.match(whole) and _HEADING_START.match(own[-1]):
            own.pop()
