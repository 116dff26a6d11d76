"""What of a received mail is shown: nothing that loads by itself, nothing disguised.

Odoo's sanitizer removes what runs. This removes what calls home (images, whatever
names them), what is meant for Odoo's own web client, and characters that make a text
look like another one.
"""

import re
from collections.abc import Callable
from html import escape

from lxml import etree, html

LINE_LIMIT = 250  # characters of a subject or a name; honest ones have fewer
ALT_LIMIT = 80  # characters of an image's description beside its mark
URL_LIMIT = 2000  # characters; no browser's own limit is below
MARK_LIMIT = 100  # links in a text: one is twenty times as long as the shortest image
REMOTE_CLASS = "o_crm_remote_image"  # known to static/src/remote_images

# Only these make a parse worthwhile: ordinary mail has none of them, and a search for a
# fixed text is fast.
_CANDIDATES = (
    *("<img", "<image", "<input", "<video", "<audio", "<source", "<track", "<svg"),
    *("<object", "<embed", "<iframe", "<frame", "<link", "<area", "<applet", "<meta"),
    *("url", "\\", "image(", "image-set", "src(", "expression"),
    *("background=", "srcset", "poster", "lowsrc", "dynsrc", "longdesc", "data-"),
    *("<math", "<!", "<?"),
)
# both are asked of a text in lower case, as Odoo's sanitizer writes it
_OTHER_LINK = re.compile(
    r"href\s*=\s*(?:[\"'](?!https?:|mailto:|tel:|sms:|#)|[^\s\"'])"
)
_PULLED = re.compile(r"margin[^:;\"']{0,20}:[^;\"']{0,80}(?:-|calc)")

_IMAGES = {"img", "image", "input"}
_MEDIA = {
    *("video", "audio", "source", "track", "object", "embed", "applet", "svg"),
    *("iframe", "frame", "frameset", "link", "meta", "base", "area"),
    "math",
}
_LOADING = {
    *("src", "srcset", "background", "poster", "lowsrc", "dynsrc", "longdesc", "cite"),
    *("data", "codebase", "classid", "archive", "profile", "action", "formaction"),
    *("ping", "manifest", "icon", "usemap", "imagesrcset", "xlink:href"),
}
_KEPT_DATA = {"data-o-mail-quote", "data-o-mail-quote-node"}
_LINK_SCHEMES = ("http:", "https:", "mailto:", "tel:", "sms:", "#")
_LOADING_STYLE = re.compile(
    r"url\s*\(|image\s*\(|image-set|cross-fade|element\s*\(|src\s*\(|expression|"
    r"behavior|binding|@|\\|//|/\*|var\s*\(",
    re.I,
)
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0*\.?0*(?![\d.])|"
    r"(?<!-)\b(?:max-)?(?:width|height)\s*:\s*[01](?:\.\d*)?(?:px|pt)?\s*(?:;|!|$)",
    re.I,
)
_URL_BLANKS = re.compile(r"[\x00-\x20\x7f]+")
# no dots that lead elsewhere, nothing encoded
_OWN_IMAGE = re.compile(
    r"/(?:web/image/(?:[\w-]+[./]?)+|logo(?:\.png)?)(?:\?[\w=&-]*)?"
)

_BREAKS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
# bidirectional marks, invisible characters, and halves of characters, which no
# database takes; joiners stay, Persian and many emoji are written with them
_DISGUISES = re.compile(
    "[\xad\u061c\u115f\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]+"
)
_NOT_PLAIN = re.compile(f"{_DISGUISES.pattern}|[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_MARK_STYLE = (
    "border:1px dashed #888888; border-radius:4px; padding:0px 6px; font-size:12px; "
    "color:#666666; text-decoration:none"
)


class Rewriter:
    """What the rewriting of one mail goes by.

    :param own: this server's address, without a path
    :param label: gives the words that stand for an image, from its description
    """

    def __init__(self, own: str, label: Callable[[str], str]):
        self.own = own.rstrip("/")
        self.label = label
        self.marks_left = MARK_LIMIT


def plain_line(text: str, limit: int = LINE_LIMIT) -> str:
    r"""Make one line of a text from outside, which looks like what it is.

    >>> plain_line("Invoice\r\nBcc: all@b.c")
    'Invoice Bcc: all@b.c'
    >>> plain_line("\u202egpj.exe\u200b"), plain_line("می\u200cخواهم")
    ('gpj.exe', 'می\u200cخواهم')
    >>> plain_line("a" * 10, limit=4), plain_line("")
    ('aaa…', '')

    :param limit: characters, None for any number
    """
    if _NOT_PLAIN.search(text):
        text = _BREAKS.sub(" ", _DISGUISES.sub("", text))
    text = text.strip()
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"


def may_load(body: str) -> bool:
    """Tell whether a text is worth looking into; False for ordinary mail.

    >>> may_load('<p style="margin:0">Hello <a href="https://x">you</a></p>')
    False
    >>> may_load("<IMG src=x>"), may_load('<a href="/x">')
    (True, True)
    """
    lowered = body.lower()
    return (
        any(word in lowered for word in _CANDIDATES)
        or bool(_OTHER_LINK.search(lowered))
        or bool(_PULLED.search(lowered))
    )


def hide_remote(body: str, own: str, label: Callable[[str], str]) -> str:
    """Replace what a text would load from elsewhere by links, in linear time.

    Images that came with the mail stay, and those of this server.

    >>> def hide(body):
    ...     return hide_remote(body, "https://us.example", lambda alt: alt or "Image")
    >>> hide('<p>Hi <img src="cid:1"></p>')
    '<p>Hi <img src="cid:1"></p>'
    >>> hide('<p>Hi <img src="http://x.example/i.png" width="1"></p>')
    '<p>Hi <span></span></p>'
    >>> hide('<p><img src="/web/session/logout" alt="Logo"> Hi</p>')
    '<p><span>Logo</span> Hi</p>'
    >>> hide('<p style="color:red;background:url(//x)">Hi</p>')
    '<p style="color:red">Hi</p>'
    >>> mark = hide('<p><img src="//x/i" alt="Logo"></p>')
    >>> '<a class="o_crm_remote_image"' in mark, 'href="https://x/i"' in mark
    (True, True)
    >>> hide('<p>' + '<img src="//x/i">' * 300 + '</p>').count("href")
    100

    :param body: HTML that Odoo has sanitized once
    :param own: this server's address, without a path
    :param label: gives the words that stand for an image, from its description
    :return: the same text if there was nothing to replace
    """
    if not may_load(body):
        return body
    # parsers do not agree where a comment ends
    options = {"remove_comments": True, "remove_pis": True}
    parser = html.HTMLParser(encoding="utf-8", **options)
    try:
        root = html.fromstring(body.encode("utf-8", "replace"), parser=parser)
        changed = _rewrite(root, Rewriter(own, label))
        changed = changed or "<!" in body or "<?" in body
        return html.tostring(root, encoding="unicode") if changed else body
    except (etree.LxmlError, ValueError, AssertionError):
        # what cannot be parsed is shown as it was written, and loads nothing
        return f"<pre>{escape(body)}</pre>"


def _rewrite(root: html.HtmlElement, rewriter: Rewriter) -> bool:
    changed = [_rewrite_node(node, rewriter) for node in root.iter(etree.Element)]
    return any(changed)


def _rewrite_node(node: html.HtmlElement, rewriter: Rewriter) -> bool:
    """Turn a node into something harmless, in its place: that keeps the time linear."""
    tag = node.tag.lower()
    if tag in _IMAGES:
        if _is_shown(_image_url(node), rewriter.own):
            return _clean_attributes(node, rewriter.own)
        _replace_image(node, rewriter)
        return True
    if tag in _MEDIA:
        # what stands between the tags is shown where the medium is not
        _become(node, "span")
        return True
    return _clean_attributes(node, rewriter.own)


def _become(node: html.HtmlElement, tag: str, **attributes: str) -> None:
    node.tag = tag
    node.attrib.clear()
    node.attrib.update(attributes)


# ------------------------------------------------------------
# IMAGES
# ------------------------------------------------------------


def _image_url(node: html.HtmlElement) -> str:
    names = ("src", "href", "xlink:href", "srcset")
    url = next(filter(None, map(node.get, names)), "")
    return _URL_BLANKS.sub("" if node.get("src") else " ", url).strip().split(" ")[0]


def _is_shown(url: str, own: str) -> bool:
    """Tell whether an image came with the mail, or from here.

    >>> _is_shown("CID:x", ""), _is_shown("data:image/png;base64,x", "")
    (True, True)
    >>> _is_shown("data:text/html,x", ""), _is_shown("data:image/svg+xml,x", "")
    (False, False)
    >>> _is_shown("https://us/web/image/5?x=1", "https://us")
    True
    >>> _is_shown("https://us/web/image/../session/logout", "https://us")
    False
    """
    lowered = url[:40].lower()
    if lowered.startswith("cid:"):
        return True
    if lowered.startswith("data:image/"):
        return not lowered.startswith("data:image/svg")
    return bool(
        own and url.startswith(f"{own}/") and _OWN_IMAGE.fullmatch(url[len(own) :])
    )


def _replace_image(node: html.HtmlElement, rewriter: Rewriter) -> None:
    url = _image_url(node)
    if url.startswith("//"):
        url = f"https:{url}"
    alt = plain_line(node.get("alt") or node.get("title") or "", ALT_LIMIT)
    if _is_pixel(node):
        _become(node, "span")
    elif rewriter.marks_left and _is_foreign(url, rewriter.own):
        rewriter.marks_left -= 1
        _become_mark(node, url)
        node.text = rewriter.label(alt)
    else:
        _become(node, "span")
        node.text = alt


def _is_foreign(url: str, own: str) -> bool:
    is_remote = url.lower().startswith(("http://", "https://"))
    if not is_remote or len(url) > URL_LIMIT:
        return False
    return not own or not url.lower().startswith(own.lower())


def _is_pixel(node: html.HtmlElement) -> bool:
    """Tell whether an image is not meant to be seen: it only tells who read when."""
    sizes = (node.get("width", "").strip(), node.get("height", "").strip())
    if any(re.fullmatch(r"[01](?:\.\d*)?(?:px)?", size) for size in sizes):
        return True
    return bool(_HIDDEN_STYLE.search(node.get("style") or ""))


def _become_mark(node: html.HtmlElement, url: str) -> None:
    sizes = {
        f"data-{name}": node.get(name)
        for name in ("width", "height")
        if re.fullmatch(r"\d{1,5}", node.get(name) or "")
    }
    values = {"class": REMOTE_CLASS, "style": _MARK_STYLE, **sizes}
    if next(node.iterancestors("a"), None) is not None:
        # a link within a link would end the outer one
        _become(node, "span", **values, **{"data-original-src": url})
        return
    values |= {"href": url, "target": "_blank", "rel": "noreferrer noopener"}
    _become(node, "a", **values)


# ------------------------------------------------------------
# ATTRIBUTES
# ------------------------------------------------------------


def _clean_attributes(node: html.HtmlElement, own: str) -> bool:
    changed = False
    for name, value in node.attrib.items():
        new = _clean_attribute(node, name.lower(), value, own)
        if new is None:
            del node.attrib[name]
        elif new != value:
            node.set(name, new)
        changed = changed or new != value
    return changed


def _clean_attribute(
    node: html.HtmlElement, name: str, value: str, own: str
) -> str | None:
    """Give what is left of an attribute, None for nothing."""
    if name == "style":
        return clean_style(value)
    if name == "href":
        return value if node.tag == "a" and _is_link(value) else None
    if name in _LOADING:
        keep = name == "src" and node.tag == "img" and _is_shown(_image_url(node), own)
        return value if keep else None
    if name.startswith("data-") and name not in _KEPT_DATA:
        # Odoo itself notes beside an attached image which file it is
        is_file = name == "data-filename" and node.get("src", "")[:4] == "cid:"
        return value if is_file or name == "data-o-mail-quote-container" else None
    return value


def _is_link(url: str) -> bool:
    return _URL_BLANKS.sub("", url[:200]).lower().startswith(_LINK_SCHEMES)


def clean_style(style: str) -> str | None:
    r"""Leave out what loads something or pulls the text over what is around it.

    >>> clean_style("color:red; BACKGROUND: u\\72l(http://x); margin-top:-9px")
    'color:red'
    >>> clean_style("background-image:image-set('http://x' 1x)") is None
    True
    >>> clean_style("margin:0 0 5px; color:red")
    'margin:0 0 5px; color:red'
    """
    parts = style.split(";")
    kept = [part for part in parts if part.strip() and not _is_refused(part)]
    if len(kept) == len([part for part in parts if part.strip()]):
        return style
    return ";".join(kept).strip() or None


def _is_refused(declaration: str) -> bool:
    if _LOADING_STYLE.search(declaration):
        return True
    name, _, value = declaration.strip().lower().partition(":")
    return name.startswith("margin") and ("-" in value or "calc" in value)
