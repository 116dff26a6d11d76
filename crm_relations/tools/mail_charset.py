"""Bytes to text, whatever they are and whatever they are said to be."""

import codecs
import re
import unicodedata

_UNKNOWN = None
# what a label means in practice, where that is not what it says
_MEANT = {
    "": _UNKNOWN,
    "ascii": _UNKNOWN,
    "us-ascii": _UNKNOWN,
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "unicode-1-1-utf-7": "utf-7",
    "x-mac-cyrillic": "mac-cyrillic",
    "iso-2022-jp": "iso2022_jp_ext",
}
# text to text, or slow without bound (idna and punycode take the square of the size)
_REFUSED = ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
)
_LINE_ENDS = re.compile(r"\r\n?")
# characters that reorder or hide others: RTL tricks, and what cannot be seen
_STEERING = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]+"
)
_SPACE_LIKE = re.compile(r"[\t\n\r\x0b\x0c\x85\u2028\u2029]+")


def find_codec(label: str) -> str | None:
    """Give the codec for a charset as mails name it; None if nobody knows it.

    >>> find_codec("UTF8"), find_codec("x-klingon"), find_codec("rot13")
    ('utf-8', None, None)
    >>> find_codec("Shift_JIS"), find_codec("punycode"), find_codec("us-ascii")
    ('cp932', None, None)
    """
    label = label.strip(" \t\"'").lower()
    label = _MEANT.get(label, label)
    if not label or len(label) > 40 or not label.isascii() or "\0" in label:
        return None
    try:
        codec = codecs.lookup(label)
    except (LookupError, ValueError):
        return None
    # the attribute tells encodings of text from those of bytes, such as zlib
    if not codec._is_text_encoding or codec.name.replace("-", "_") in _REFUSED:
        return None
    return codec.name


def decode_text(content: bytes, label: str = "") -> str:
    r"""Decode text: as labelled, else UTF-8, else what Windows in the west writes.

    >>> decode_text(b"\xe9"), decode_text(b"\xc3\xa9", "us-ascii")
    ('é', 'é')
    >>> decode_text(b"\xa4", "iso-8859-15"), decode_text(b"a\0b", "nonsense")
    ('€', 'ab')
    >>> decode_text(b"\xe2\x82"), decode_text(b"a\r\nb")
    ('â‚', 'a\nb')
    """
    codecs_tried = [find_codec(label), "utf-8"]
    if b"\0" not in content and (codecs_tried[0] or "").startswith(
        ("utf-16", "utf-32")
    ):
        codecs_tried.reverse()  # in those, letters and line ends have zeros
    for name in codecs_tried:
        if name:
            try:
                return _clean_text(content.decode(name))
            except (UnicodeError, ValueError):
                # the last character may have been cut off
                text = _decode_cut(content, name)
                if text is not None:
                    return _clean_text(text)
    return _clean_text(content.decode("cp1252", "replace"))


def _decode_cut(content, name):
    if len(content) < 100:
        return None
    try:
        return codecs.getincrementaldecoder(name)().decode(content)
    except (UnicodeError, ValueError, LookupError):
        return None


def _clean_text(text):
    return _CONTROL.sub("", _LINE_ENDS.sub("\n", text))


def clean_line(text: str) -> str:
    r"""Make one line of a text, without what steers or hides characters.

    >>> clean_line(" a\r\n\tb\0c "), clean_line("gpj.\u202eexe")
    ('a bc', 'gpj.exe')
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    text = _STEERING.sub("", _SPACE_LIKE.sub(" ", text))
    return " ".join(text.split())


def is_visible(text: str) -> bool:
    r"""Tell whether a reader would see anything.

    >>> is_visible(" \u200b\n"), is_visible("?")
    (False, True)
    """
    return any(
        unicodedata.category(char)[0] in "LNPS" for char in text[:20_000].strip()
    ) or bool(text[20_000:].strip())
