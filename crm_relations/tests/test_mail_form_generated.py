"""Generated mails: structure at random, outcome known by construction."""

import base64
import quopri

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from odoo.tools import mute_logger

from .mail_form_traps import HEAD
from .test_mail_form import MailFormCommon

_PROFILE = settings(
    max_examples=60,
    deadline=None,  # what hangs is stopped elsewhere; a slow machine is no fault
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
_LETTERS = st.characters(
    min_codepoint=33,
    max_codepoint=0x1F64F,
    blacklist_categories=("Cs", "Cc", "Cf", "Co", "Cn", "Zs", "Zl", "Zp"),
    blacklist_characters="<>&-",
)
_CHARSETS = (
    *("utf-8", "utf-16", "utf-32", "gb18030", '"utf-8"', "UTF8", "x-unknown", ""),
)
_ENCODINGS = ("7bit", "8bit", "binary", "base64", "quoted-printable", "BASE64", "x-no")
_KINDS = ("mixed", "related", "report", "signed", "unheard-of")


class Leaf:
    """One part, and what must be found of it in the case."""

    def __init__(self, content, kind, encoding, charset="", name=""):
        self.content, self.kind, self.name = content, kind, name
        self.encoding, self.charset = encoding, charset

    def __repr__(self):
        return (
            f"{self.kind} {self.charset} {self.encoding} {self.name} {self.content!r}"
        )

    def build(self, _path):
        body = self.content
        if self.encoding.lower() == "base64":
            body = base64.encodebytes(body).replace(b"\n", b"\r\n")
        elif self.encoding == "quoted-printable":
            body = quopri.encodestring(body).replace(b"\n", b"\r\n")
        head = f"Content-Type: {self.kind}"
        head += f"; charset={self.charset}" if self.charset else ""
        head += f"\r\nContent-Transfer-Encoding: {self.encoding}\r\n"
        if self.name:
            head += f'Content-Disposition: attachment; filename="{self.name}"\r\n'
        return head.encode() + b"\r\n" + body + b"\r\n"

    def leaves(self):
        return [self]


class Box:
    """Several parts; an end and a preamble may be missing, as programs forget them."""

    def __init__(self, children, kind, has_end):
        self.children, self.kind, self.has_end = children, kind, has_end

    def __repr__(self):
        return f"{self.kind}{'' if self.has_end else ' (open)'}{self.children}"

    def build(self, path):
        mark = f"=_{path}".encode()
        body = b"".join(
            b"--" + mark + b"\r\n" + child.build(f"{path}.{number}")
            for number, child in enumerate(self.children)
        )
        end = b"--" + mark + b"--\r\n" if self.has_end else b""
        head = f'Content-Type: multipart/{self.kind}; boundary="=_{path}"\r\n\r\n'
        return head.encode() + body + end

    def leaves(self):
        return [leaf for child in self.children for leaf in child.leaves()]


@st.composite
def _texts(draw):
    """Draw a text whose bytes say what its charset is, or are UTF-8."""
    words = "W" + draw(st.text(_LETTERS, min_size=3, max_size=30)) + "W"
    charset = draw(st.sampled_from(_CHARSETS))
    codec = charset.strip('"') if charset not in ("", "x-unknown") else "utf-8"
    kind = draw(st.sampled_from(["text/plain", "text/html", "TEXT/PLAIN"]))
    text = f"<p>{words}</p>" if kind == "text/html" else words
    encoding = draw(st.sampled_from(_ENCODINGS))
    if codec.lower().startswith(("utf-16", "utf-32")):
        encoding = "base64"  # it has line ends where none are
    leaf = Leaf(text.encode(codec), kind, encoding, charset)
    leaf.words = words
    return leaf


@st.composite
def _files(draw):
    content = draw(st.binary(min_size=1, max_size=200))
    kind = draw(
        st.sampled_from(
            ["application/pdf", "image/png", "font/x", "x/y", "text/csv", "audio/x"]
        )
    )
    return Leaf(content * draw(st.sampled_from([1, 1, 9000])), kind, "base64")


def _boxes(children):
    return st.builds(
        Box,
        st.lists(children, min_size=1, max_size=4),
        st.sampled_from(_KINDS),
        st.sampled_from([True, True, True, False]),
    )


_TREES = st.recursive(st.one_of(_texts(), _files()), _boxes, max_leaves=12)
_NOISE = st.lists(
    st.tuples(
        st.sampled_from(
            ["Cc", "Reply-To", "Date", "X-Y", "References", "Content-ID", "Precedence"]
        ),
        st.binary(max_size=60).map(
            lambda content: content.translate(None, b"\r\n").replace(b":", b"")
        ),
    ),
    max_size=3,
)


class TestMailFormGenerated(MailFormCommon):
    """Every word of every text, every byte of every file, whatever the structure."""

    @mute_logger("odoo.addons.mail.models.mail_thread", "odoo.sql_db")
    def _check_tree(self, tree, noise):
        tree = tree if isinstance(tree, Box) else Box([tree], "mixed", True)
        leaves = tree.leaves()
        for number, leaf in enumerate(leaves):
            leaf.name = f"file{number}.bin" if not hasattr(leaf, "words") else ""
        lines = [name.encode() + b": " + value + b"\r\n" for name, value in noise]
        raw = HEAD + b"Subject: Generated\r\n" + b"".join(lines) + tree.build("0")
        with self.env.cr.savepoint() as savepoint:
            row, _mails = self._take(raw)
            self.assertIn(row.state, ("done", "bounce", "held"), row.reason)
            if row.state == "done":
                self._check_leaves(row, leaves)
            savepoint.close(rollback=True)
        self.env.invalidate_all()

    def _check_leaves(self, row, leaves):
        text = "".join(self._get_text(row).split())
        files = row.case_ids.message_ids.attachment_ids
        for leaf in leaves:
            if hasattr(leaf, "words"):
                self.assertIn("".join(leaf.words.split()), text)
            else:
                found = files.filtered(lambda a, leaf=leaf: a.name == leaf.name)
                self.assertIn(leaf.content, found.mapped("raw"))

    def test_every_word_and_byte_is_in_the_case(self):
        @seed(19)
        @_PROFILE
        @given(_TREES, _NOISE)
        def check(tree, noise):
            self._check_tree(tree, noise)

        check()

    def test_bytes_at_random(self):
        @seed(19)
        @_PROFILE
        @given(st.binary(max_size=300), st.sampled_from([b"", HEAD, b"\r\n\r\n"]))
        def check(content, head):
            with self.env.cr.savepoint() as savepoint:
                row, _mails = self._take(head + content)
                self.assertNotEqual(row.state, "quarantine", row.reason)
                savepoint.close(rollback=True)
            self.env.invalidate_all()

        check()
