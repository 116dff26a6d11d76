"""The lines of an HTML mail that a person sees, and taking the first of them away.

What is hidden (by attribute, style or style sheet, too small to read, in the colour of
the paper), comments, titles and styles are no text. What stands in a quotation, or in
what mail programs mark as one, belongs to somebody else.
"""

import re
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from lxml import etree, html

SIZE_LIMIT = 1024 * 1024  # characters; whoever writes more is not read
LINES_LIMIT = 300  # lines that are read; what interests stands on top
IMAGE = "\N{OBJECT REPLACEMENT CHARACTER}"  # it says something, though not what

_INVISIBLE = {
    *("head", "title", "style", "script", "noscript", "template", "textarea"),
    *("select", "option", "datalist", "object", "svg", "math", "iframe", "details"),
    *("dialog", "audio", "video", "canvas", "noframes", "noembed", "map", "rp", "xml"),
}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl"),
    *("dt", "fieldset", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("header", "hr", "html", "li", "main", "ol", "p", "pre", "section", "table"),
    *("tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
}
_QUOTE_MARKS = (
    *("gmail_quote", "gmail_extra", "gmail_signature", "gmail_attr", "yahoo_quoted"),
    *("moz-cite-prefix", "moz-signature", "moz-forward-container"),
    *("protonmail_quote", "protonmail_signature", "tutanota_quote", "zmail_extra"),
)
# from here on everything is the mail that is answered
_QUOTE_STARTS = ("divrplyfwdmsg", "appendonsend", "olk_src_body_section")
STYLE_LIMIT = 2000  # characters; honest styles have fewer, longer ones hide something
_HIDING = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|mso-hide:all|"
    r"(?:^|;)(?:max-|line-)?(?:height|width):(?:1p[xt]|0?\.?0*\w{0,3}%?)(?:;|!|$)|"
    r"(?:^|;)opacity:0?\.?0*(?:;|!|$)|font(?:-size)?:\.?0+(?:[^\d.]|$)|"
    r"text-indent:-\d|(?:left|top|right|bottom|margin(?:-\w+)?):-\d{2}|clip(?:-path)?:|"
    r"transform:|-webkit-text-fill-color|content-visibility:|unicode-bidi:|filter:|"
    # what a search for words does not see through
    r"scale:|zoom:|\\|/\*|var\("
)
_FONT_SIZE = re.compile(r"font(?:-size)?:[^;]*?(\d*\.?\d+)(px|pt|r?em|%)")
_SMALLEST = {"px": 6, "pt": 5, "em": 0.5, "rem": 0.5, "%": 50}
_COLOUR = re.compile(r"(?:^|;)color:([^;!]+)")
_PAPER = re.compile(
    r"(?:antique|floral|ghost|navajo)?white(?:smoke)?|snow|ivory|transparent|azure|"
    r"aliceblue|seashell|honeydew|lightyellow|beige|linen|mintcream|cornsilk|oldlace|"
    r"#f[0-9a-f]f[0-9a-f]f[0-9a-f](?:[0-9a-f]{2})?|#(?:[ef]){3}[0-9a-f]?|"
    r"#[0-9a-f]{6}0[0-9a-f]|#[0-9a-f]{3}0|rgba?\((?:2[3-5]\d[,.\d]*){3}.*|rgba?\(.*%.*|"
    r"rgba\(.*,0?\.?0*\)|(?!rgb)[\w-]+\(.*"
)
_BACKGROUND = re.compile(r"(?:^|;)background(?:-color)?:([^;!]+)")
_KEEPS_LINES = re.compile(r"white-space:(?:pre|break-spaces)")
# a selector by anything but names may mean any element
_NAMED = re.compile(r"^[^*\[:]*$")
_SELECTED = re.compile(r"[.#]([\w-]+)|([\w-]+)$")


class Piece(NamedTuple):
    """A stretch of the text or the tail of an element."""

    element: html.HtmlElement
    is_tail: bool
    start: int
    end: int


class Line:
    """One line as it is seen."""

    def __init__(self):
        self.words: list[str] = []
        self.pieces: list[Piece] = []
        self.is_quoted = False
        self.breaks: list[html.HtmlElement] = []

    @property
    def text(self) -> str:
        """The line, its blanks reduced to one each."""
        return " ".join("".join(self.words).split())


class VisibleText:
    r"""The visible lines of some HTML.

    >>> seen = VisibleText('<div>One<br>T<b>w</b>o</div><pre>3\n&gt; 4</pre>')
    >>> [line.text for line in seen.lines]
    ['One', 'Two', '3', '> 4']
    >>> seen.remove(seen.lines[:3]); seen.to_html()
    '<pre>&gt; 4</pre>'
    >>> tricks = '<style>.x{color:#FFF}</style><p class="x">1</p><!-- 2 -->' \
    ...     '<p style="font-size: 1px">3</p><font color="white">4</font>5'
    >>> [line.text for line in VisibleText(tricks).lines]
    ['5']
    >>> [line.is_quoted for line in VisibleText('<blockquote>1</blockquote>2').lines]
    [True, False]

    :raise ValueError: there is too much of it, or it is no text
    :raise lxml.etree.LxmlError: it cannot be read
    """

    def __init__(self, source: str):
        if len(source) > SIZE_LIMIT or "\0" in source:
            raise ValueError("not readable as HTML")
        # what a document has in its head stays, in the body: its styles hide things
        self._root = html.document_fromstring(f"<html><body>{source}").body
        self._hidden_names = set(self._find_hidden_names())
        self.lines: list[Line] = []
        self._line = Line()
        self._read()
        self._end_line()

    def remove(self, lines: list[Line]) -> None:
        """Take these lines out of the HTML, with the breaks that end them."""
        touched = []
        for line in reversed(lines):
            for piece in reversed(line.pieces):
                self._cut(piece)
                touched.append(piece.element)
            for element in line.breaks:
                touched.append(element.getparent())
                element.drop_tree()
        for element in touched:
            self._prune(element)
        self.lines = [line for line in self.lines if line not in lines]

    def to_html(self) -> str:
        """Give the HTML as it is now."""
        texts = [html.tostring(child, encoding="unicode") for child in self._root]
        return "".join([escape(self._root.text or "", quote=False), *texts])

    # ------------------------------------------------------------
    # READING
    # ------------------------------------------------------------

    def _read(self) -> None:
        """Walk the tree without recursion: nesting is the sender's choice."""
        hidden = quoted = kept = 0
        stack = []
        for event, element in etree.iterwalk(
            self._root, events=("start", "end", "comment", "pi")
        ):
            if self.is_cut:
                return
            if event == "start":
                state = self._inspect(element)
                stack.append((hidden, quoted, kept))
                hidden, quoted, kept = (
                    hidden or state[0],
                    quoted or state[1],
                    kept or state[2],
                )
                if not hidden:
                    self._enter(element, quoted, kept)
                continue
            if event == "end":
                was_hidden = hidden
                hidden, before, kept = stack.pop()
                # what begins with a header of the answered mail never ends
                quoted = 2 if quoted == 2 else before
                if not was_hidden and element.tag in _BLOCKS:
                    self._end_line()
            if not hidden and element is not self._root:
                self._add(element, True, quoted, kept)

    def _inspect(self, element: html.HtmlElement) -> tuple[int, int, int]:
        """Tell whether an element hides, quotes (2: to the end) and keeps its lines."""
        style = "".join((element.get("style") or "").lower().split())
        names = f"{element.get('class', '')} {element.get('id', '')}".lower().split()
        quotes = element.tag == "blockquote" or not {*names}.isdisjoint(_QUOTE_MARKS)
        if any(name.endswith(_QUOTE_STARTS) for name in names) or (
            style.startswith("border:none;border-top:solid")
        ):
            quotes = 2
        hides = (
            element.tag in _INVISIBLE
            or "hidden" in element.attrib
            or element.tag == "bdo"
            or not self._hidden_names.isdisjoint([*names, element.tag, "*"])
            or _hides(style)
            or bool(_PAPER.fullmatch(element.get("color", "").lower()))
        )
        keeps = element.tag == "pre" or bool(_KEEPS_LINES.search(style))
        return int(hides), int(quotes), int(keeps)

    def _enter(self, element: html.HtmlElement, quoted: int, kept: int) -> None:
        if element.tag == "br":
            self._line.breaks.append(element)
            self._end_line(even_empty=True)
        elif element.tag in _BLOCKS:
            self._end_line()
        elif element.tag == "img":
            self._line.words.append(IMAGE)
        self._add(element, False, quoted, kept)

    def _add(
        self, element: html.HtmlElement, is_tail: bool, quoted: int, kept: int
    ) -> None:
        text = (element.tail if is_tail else element.text) or ""
        if not isinstance(element.tag, str) and not is_tail:
            return
        position = 0
        for chunk in text.splitlines(keepends=True) if kept else [text]:
            end = position + len(chunk)
            if not self._line.pieces:
                self._line.is_quoted = bool(quoted)
            if chunk:
                self._line.words.append(chunk)
                self._line.pieces.append(Piece(element, is_tail, position, end))
            if kept and chunk.endswith(("\n", "\r")):
                self._end_line(even_empty=True)
                if self.is_cut:
                    return
            position = end

    @property
    def is_cut(self) -> bool:
        """Whether there may be more lines than were read."""
        return len(self.lines) >= LINES_LIMIT

    def _end_line(self, even_empty: bool = False) -> None:
        if even_empty or self._line.text:
            self.lines.append(self._line)
        self._line = Line()

    def _find_hidden_names(self) -> Iterator[str]:
        """List the classes, ids and elements that style sheets hide."""
        for sheet in self._root.iter("style"):
            for rule in (sheet.text or "").lower().split("}"):
                selectors, _brace, style = rule.rpartition("{")
                if not _hides("".join(style.split())):
                    continue
                for selector in selectors.split(","):
                    last = selector.strip().rpartition(" ")[2][:STYLE_LIMIT]
                    for name, tag in _SELECTED.findall(last):
                        yield name or tag
                    if not _NAMED.search(last):
                        yield "*"

    # ------------------------------------------------------------
    # REMOVING
    # ------------------------------------------------------------

    def _cut(self, piece: Piece) -> None:
        name = "tail" if piece.is_tail else "text"
        text = getattr(piece.element, name) or ""
        setattr(piece.element, name, text[: piece.start] + text[piece.end :])

    def _prune(self, element: html.HtmlElement | None) -> None:
        """Drop what has nothing left in it, outwards."""
        while element is not None and element is not self._root:
            parent = element.getparent()
            is_empty = not (len(element) or (element.text or "").strip())
            if parent is None or not is_empty or element.tag in ("br", "img", "hr"):
                return
            element.drop_tree()
            element = parent


def _hides(style: str) -> bool:
    """Tell whether a style, in lower case and without blanks, hides its text."""
    if len(style) > STYLE_LIMIT or _HIDING.search(style):
        return True
    sizes = _FONT_SIZE.findall(style)
    if any(float(size) < _SMALLEST[unit] for size, unit in sizes):
        return True
    colour = _COLOUR.search(style)
    background = _BACKGROUND.search(style)
    return bool(colour) and bool(
        _PAPER.fullmatch(colour[1]) or (background and background[1] == colour[1])
    )
