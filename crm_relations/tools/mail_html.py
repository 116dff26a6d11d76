"""HTML from strangers: what a parser would make of it, without one.

Both functions walk over the text once, whatever it is.
"""

import re
from html import unescape
from itertools import accumulate

STRIP_LIMIT = 1 << 19  # characters looked at; a page of a book has 2,000
_TAG_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]*)")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
# the beginnings of tags that others stand in
_STEP = re.compile(
    rb"<(/?)(?!br|hr|img|/?p[ >]|/?li|/?td|/?tr|meta|link|input)[a-zA-Z]"
)
_STEPS = {b"": 1, b"/": -1}
_LONG_NUMBER = re.compile(r"&#x?[0-9a-fA-F]{8,};?")
_BLANKS = re.compile(r"[ \t\r\f\v]+")
_EMPTY_LINES = re.compile(r"\n\s*\n\s*")
_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "body", "br", "center", "dd"),
        *("div", "dl", "dt", "fieldset", "footer", "form", "h1", "h2", "h3", "h4"),
        *("h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre"),
        *("section", "table", "tr", "ul"),
    )
)
_HIDDEN = ("script", "style", "title", "template")
_VOID = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"),
        *("param", "source", "track", "wbr"),
    )
)
# these end each other where the author left it out
_SIBLINGS = {
    "p": ("p",),
    "li": ("li",),
    "dt": ("dt", "dd"),
    "dd": ("dt", "dd"),
    "option": ("option",),
    "tr": ("tr", "td", "th"),
    "td": ("td", "th"),
    "th": ("td", "th"),
}


def to_text(html: str) -> str:
    r"""Give the text of a page, however broken.

    >>> to_text("<p>Hello<br>you &amp; me</p><style>p {}</style> <i>x</i>")
    'Hello\nyou & me\nx'
    >>> to_text("1 < 2 <b>3"), to_text("<!-- a --> b <!-- c"), to_text("<<<a")
    ('1 < 2 3', 'b <!-- c', '<<<a')
    >>> to_text("&#99999999999999999999;&nbsp;x<script>alert(1)</script>")
    'x'
    """
    html = html[:STRIP_LIMIT]
    lower = html.lower()
    if len(lower) != len(html):  # some capitals have longer small letters
        lower = html
    pieces, position, missing = [], 0, set()
    while (start := html.find("<", position)) >= 0:
        pieces.append(html[position:start])
        text, position = _read_tag(html, lower, start, missing)
        pieces.append(text)
    pieces.append(html[position:])
    text = unescape(_LONG_NUMBER.sub("", "".join(pieces))).replace("\xa0", " ")
    text = _EMPTY_LINES.sub("\n\n", _BLANKS.sub(" ", text))
    return "\n".join(line.strip() for line in text.splitlines()).strip()


def _read_tag(html, lower, start, missing):
    """Read what begins with ``<``.

    :return: (what a reader sees of it, where it ends)
    """
    if html.startswith("<!--", start):
        end = _find(html, "-->", start + 4, missing)
        return ("", end + 3) if end >= 0 else ("<!--", start + 4)
    name = _TAG_NAME.match(lower, start + 1)
    if not name and html[start + 1 : start + 2] not in ("!", "?"):
        return "<", start + 1
    end = _find(html, ">", start, missing)
    if end < 0:
        return "<", start + 1
    tag = name[1] if name else None
    if tag in _HIDDEN and html[start + 1] != "/":
        closing = _find(lower, f"</{tag}", end, missing)
        return "", (closing if closing >= 0 else end + 1)
    shown = "\n" if tag in _BLOCKS else " " if tag in ("td", "th") else ""
    return shown, end + 1


def _find(text, what, start, missing):
    # what is not there is looked for once
    if what in missing:
        return -1
    found = text.find(what, start)
    if found < 0:
        missing.add(what)
    return found


def may_be_deep(html: bytes, limit: int) -> bool:
    """Tell quickly whether tags may stand deeper in each other than ``limit``.

    >>> may_be_deep(b"<i>a</i>" * 300, 150), may_be_deep(b"<i>" * 300, 150)
    (False, True)
    """
    steps = accumulate(map(_STEPS.get, _STEP.findall(html)))
    # what authors leave open is counted, so that this is seldom too low
    return max(steps, default=0) > limit


def get_depth(html: str) -> int:
    """Tell how deep the tags of a page stand in each other, about.

    >>> get_depth("<div><p>a<p>b<br><i>c</i></div>"), get_depth("<b>" * 300)
    (3, 300)
    """
    stack, deepest = [], 0
    for closing, name in _TAG.findall(html):
        name = name.lower()
        if name in _VOID:
            continue
        if closing:
            _close_tag(stack, name)
            continue
        if stack and stack[-1] in _SIBLINGS.get(name, ()):
            stack.pop()
        stack.append(name)
        deepest = max(deepest, len(stack))
    return deepest


def _close_tag(stack, name):
    # looking far back for every end of nothing would be slow
    for back in range(1, min(len(stack), 20) + 1):
        if stack[-back] == name:
            del stack[-back:]
            return
