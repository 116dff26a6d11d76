"""Mails that break programs, built by code, each with what must become of it.

A trap is a name, the bytes, and what a case must show: ``words`` in its text, ``files``
by name (with their bytes or None), ``subject``, ``sender``, ``form`` (None: any
will do) and ``note``, a word of the note about what is not shown.
"""

import base64
import zlib
from dataclasses import dataclass, field
from quopri import encodestring

HEAD = b"From: Jane <jane@acme.example>\r\nTo: support@test.mycompany.com\r\n"
WORDS = "Needle in the text"
_AS_IS, _REDUCED = "as_is", "reduced"


@dataclass
class Trap:
    raw: bytes
    words: tuple = (WORDS,)
    files: dict = field(default_factory=dict)
    subject: str | None = None
    sender: str | None = "jane@acme.example"
    form: str | None = None
    note: str | None = None


def mail(body=WORDS, kind="text/plain; charset=utf-8", head=HEAD, **headers):
    """Build a mail of one part; headers are given as ``content_transfer_encoding``."""
    lines = [head, b"Subject: Trap\r\n"] if "subject" not in headers else [head]
    headers = {"mime_version": "1.0", "content_type": kind} | headers
    for name, value in headers.items():
        if value is not None:
            name = name.replace("_", "-").title().encode()
            value = value.encode() if isinstance(value, str) else value
            lines.append(name + b": " + value + b"\r\n")
    body = body.encode() if isinstance(body, str) else body
    return b"".join(lines) + b"\r\n" + body + b"\r\n"


def part(body=WORDS, kind="text/plain; charset=utf-8", **headers):
    """Build one part of several."""
    return mail(body, kind, b"", subject=None, mime_version=None, **headers)


def many(*parts, kind="mixed", boundary="b", head=HEAD, end=True, **headers):
    """Build a mail of several parts."""
    mark = boundary.encode()
    body = b"".join(b"--" + mark + b"\r\n" + piece for piece in parts)
    body += b"--" + mark + b"--\r\n" if end else b""
    return mail(body, f'multipart/{kind}; boundary="{boundary}"', head, **headers)


def b64(content):
    content = content.encode() if isinstance(content, str) else content
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def file(content=b"bytes", name="a.bin", kind="application/octet-stream", **headers):
    """Build a part that is a file."""
    headers = {"content_disposition": f'attachment; filename="{name}"'} | headers
    return part(b64(content), kind, content_transfer_encoding="base64", **headers)


def _nest(depth, kind="mixed"):
    text = b""
    for level in range(depth):
        text += (
            f"Content-Type: multipart/{kind}; boundary=b{level}\r\n\r\n--b{level}\r\n"
        ).encode()
    return HEAD + b"Subject: Trap\r\n" + text


def _zip_bomb():
    """Give a file that is small, and large when opened."""
    packer = zlib.compressobj(9)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _index in range(64)) + packer.flush()


def _charsets():
    text = f"{WORDS} Müller"
    for label in (
        *("x-klingon", "ansi_x3.110-1983", "rot13", "zlib", "punycode", "idna"),
        *("hex", "undefined", "unicode_escape", "x-unknown", "8bit", "a" * 500),
        *("", '""', "utf-8; utf-8", "=?utf-8?q?x?=", "utf-16", "charset=utf-8"),
    ):
        yield (
            f"charset {label[:20]!r}",
            Trap(mail(text, f"text/plain; charset={label}"), words=(WORDS,)),
        )
    for label, content in (
        ("iso-8859-1", text.encode("cp1252")),
        ("us-ascii", text.encode()),
        ("us-ascii", text.encode("cp1252")),
        ("utf-8", text.encode("cp1252")),
        ("windows-1252", text.encode("cp1252")),
        ("x-unknown", text.encode("cp1252")),
        ("unicode-1-1-utf-7", text.encode("utf-7")),
        ("utf-16", text.encode("utf-16")),
        ("utf-32", text.encode("utf-32")),
        ("x-mac-roman", text.encode()),
        ("utf-8", b"\xef\xbb\xbf" + text.encode()),
    ):
        name = f"{label} of {len(content)} bytes, {content[-2:].hex()}"
        encoded = b64(content)
        trap = mail(
            encoded,
            f"text/plain; charset={label}",
            content_transfer_encoding="base64",
        )
        yield name, Trap(trap, words=(text,))
    for label, said in (
        ("gb2312", "你好"),
        ("shift_jis", "見積①"),
        ("koi8-r", "Привет"),
    ):
        codec = {"gb2312": "gb18030", "shift_jis": "cp932"}.get(label, label)
        raw = mail(f"{said} x".encode(codec), f"text/plain; charset={label}")
        yield f"{label} as it is sent", Trap(raw, words=(said,))


def _structures():
    yield "3,000 multiparts in each other", Trap(_nest(3000), words=(), form=_REDUCED)
    yield (
        "a text 20 multiparts deep",
        Trap(_nest(20) + part().replace(b"\r\n\r\n", b"\r\n\r\n", 1)),
    )
    yield "a text 90 multiparts deep", Trap(_nest(90) + part(), note="nested")
    yield "300 multiparts around a text", Trap(_nest(300) + part(), words=())
    yield "boundary that never comes", Trap(mail(WORDS, "multipart/mixed; boundary=x"))
    yield "multipart without a boundary", Trap(mail(WORDS, "multipart/mixed"))
    yield (
        "alternatives without a boundary",
        Trap(mail(WORDS, "multipart/alternative;", head=HEAD + b"X-Y: z\r\n")),
    )
    yield "empty boundary", Trap(mail(WORDS, 'multipart/mixed; boundary=""'))
    yield "never ended", Trap(many(part(), end=False))
    yield (
        "boundaries that begin alike",
        Trap(
            many(
                part(),
                part(
                    b"--bb\r\n" + file(b"inner", "i.bin") + b"--bb--\r\n",
                    "multipart/mixed; boundary=bb",
                ),
                file(b"outer", "o.bin"),
            ),
            files={"i.bin": b"inner", "o.bin": b"outer"},
        ),
    )
    yield (
        "the same boundary inside",
        Trap(
            many(
                part(
                    b"--b\r\n" + part("inner"),
                    "multipart/mixed; boundary=b",
                ),
                part(),
            ),
            words=(WORDS,),
        ),
    )
    yield "4,000 parts", Trap(many(*[part(f"{WORDS} {n}") for n in range(4000)]))
    yield (
        "800 parts of HTML",
        Trap(many(*[part(f"<p>{WORDS} {n}</p>", "text/html") for n in range(800)])),
    )
    yield (
        "300 files",
        Trap(
            many(part(), *[file(b"x", f"f{n}.bin") for n in range(300)]),
            files={"f0.bin": b"x"},
            note="more files",
        ),
    )
    yield "100,000 lines like boundaries", Trap(many(part(WORDS + "\r\n--x" * 100_000)))
    yield (
        "boundary with a blank at its end",
        Trap(many(part()).replace(b"--b\r\n", b"--b  \r\n")),
    )
    yield "line ends of Unix", Trap(many(part(), file()).replace(b"\r\n", b"\n"))
    yield "line ends of old Macs", Trap(mail().replace(b"\r\n", b"\r"))
    yield (
        "line ends of old Macs above others",
        Trap(mail().replace(b"\r\n", b"\r") + b"\r\nmore\r\n"),
    )
    head = b"Message-ID: <old.mac@mail.example>\r\n" + HEAD
    yield (
        "line ends of old Macs behind the id",
        Trap(mail(head=head).replace(b"\r\n", b"\r") + b"\r\n\r\nmore\r\n"),
    )
    yield "headers and nothing else", Trap(HEAD + b"Subject: Trap", words=())
    yield "nothing but a body", Trap(b"\r\n" + WORDS.encode(), sender=None)
    yield "nothing at all", Trap(b"", words=(), sender=None)
    yield "random bytes", Trap(bytes(range(256)) * 40, words=(), sender=None)
    yield (
        "1,000 mails in each other",
        Trap(
            HEAD
            + b"Subject: Trap\r\n"
            + b"Content-Type: message/rfc822\r\n\r\n" * 1000
            + b"\r\n"
            + WORDS.encode(),
            words=(),
        ),
    )
    inner = mail(f"{WORDS} inside", head=b"From: bob@acme.example\r\n")
    yield (
        "a mail in a mail",
        Trap(
            many(part("See below"), part(inner, "message/rfc822")),
            words=("See below", f"{WORDS} inside"),
        ),
    )
    yield (
        "a mail in a mail, encoded against the rules",
        Trap(
            many(
                part(),
                part(b64(inner), "message/rfc822", content_transfer_encoding="base64"),
            )
        ),
    )
    yield (
        "a mail in a mail with a large file",
        Trap(
            many(
                part("See below"),
                part(
                    many(part(f"{WORDS} inside"), file(b"z" * 400_000, "z.bin")),
                    "message/rfc822",
                ),
            ),
            words=("See below", f"{WORDS} inside"),
            files={"z.bin": b"z" * 400_000},
        ),
    )
    yield (
        "headers of a part that do not end",
        Trap(many(part(), b"Content-Type: text/plain\r\n")),
    )
    yield "part without headers", Trap(many(b"\r\n" + WORDS.encode() + b"\r\n"))
    yield (
        "text before and after the parts",
        Trap(
            mail(
                b"before\r\n--b\r\n" + part() + b"--b--\r\nafter",
                "multipart/mixed; boundary=b",
            )
        ),
    )
    for kind in ("foo/bar", "font/ttf", "model/step+xml", "chemical/x-pdb", "x/y"):
        raw = many(part(), file(b"content", "f.bin", kind))
        yield f"a file of kind {kind}", Trap(raw, files={"f.bin": b"content"})
    for kind in ("text", "text/", "/", "*/*", "binary/octet-stream", "text/plain/x"):
        yield f"a text of kind {kind}", Trap(many(part(), part("other", kind)))
    yield (
        "mail of kind foo/bar",
        Trap(
            mail("content", "foo/bar"), words=(), files={"attachment": b"content\r\n"}
        ),
    )


def _encodings():
    for name in ("base64", "BASE64 ", '"base64"', "base64 (x)"):
        raw = mail(b64(WORDS), content_transfer_encoding=name)
        yield f"encoding {name!r}", Trap(raw)
    noise = b64(WORDS).replace(b"V", b"V!\r\n ")
    yield "base64 with noise", Trap(mail(noise, content_transfer_encoding="base64"))
    cut = b64(WORDS).rstrip().rstrip(b"=")
    yield "base64 without its end", Trap(mail(cut, content_transfer_encoding="base64"))
    for body in (b"=", b"A", b"\xff\xfe", b"==" * 1000):
        yield (
            f"base64 of {body[:4]!r}",
            Trap(many(part(), part(body, content_transfer_encoding="base64"))),
        )
    quoted = encodestring(f"{WORDS} é".encode())
    yield (
        "quoted-printable",
        Trap(
            mail(quoted, content_transfer_encoding="quoted-printable"),
            words=(f"{WORDS} é",),
        ),
    )
    broken = f"{WORDS} =ZZ =".encode()
    yield (
        "quoted-printable with errors",
        Trap(mail(broken, content_transfer_encoding="quoted-printable")),
    )
    yield "encoding nobody knows", Trap(mail(content_transfer_encoding="x-zip"))
    uu = b"begin 644 f.txt\n#86)C\n \nend\n"
    raw = many(
        part(), part(uu, "application/x", content_transfer_encoding="x-uuencode")
    )
    yield "uuencoded file", Trap(raw)
    yield (
        "not uuencoded as it says",
        Trap(mail(f"{WORDS}\n" * 9, content_transfer_encoding="x-uuencode")),
    )
    yield "NUL in the text", Trap(mail(f"{WORDS}\0 on"), words=(f"{WORDS} on",))
    yield (
        "NUL behind base64",
        Trap(
            mail(b64(f"{WORDS}\0 on"), content_transfer_encoding="base64"),
            words=(f"{WORDS} on",),
        ),
    )
    yield (
        "NUL in HTML",
        Trap(mail(f"<p>a\0</p><p>{WORDS}</p>", "text/html"), words=(WORDS,)),
    )
    yield "control characters", Trap(mail(f"\x01\x02\x08\x0b\x1b {WORDS} \x7f"))
    yield (
        "half characters in UTF-7",
        Trap(mail(f"{WORDS} +2AA-", "text/plain; charset=utf-7")),
    )


def _html():
    deep = "<div>" * 400 + WORDS + "</div>" * 400
    yield "HTML 400 deep", Trap(mail(deep + "after", "text/html"), note="layout")
    yield (
        "HTML 100 deep",
        Trap(mail("<div>" * 100 + WORDS + "</div>" * 100, "text/html"), form=_AS_IS),
    )
    yield "HTML with 1,000 open fonts", Trap(mail("<font>" * 1000 + WORDS, "text/html"))
    for token in ("<", "<a", "<!--", "<![", "</", "<a href='", "&", "&#", "<p ", "<?"):
        raw = mail(f"<p>{WORDS}</p>" + token * (80_000 // len(token)), "text/html")
        yield f"80 KB of {token}", Trap(raw)
    yield "a million tags", Trap(mail(f"{WORDS}" + "<br>" * 250_000, "text/html"))
    yield (
        "tables of tables",
        Trap(mail("<table><tr><td>" * 120 + WORDS, "text/html"), note="layout"),
    )
    yield (
        "HTML of 3 MB",
        Trap(
            mail(f"<p>{WORDS}</p>" + "<p>lorem ipsum</p>" * 170_000, "text/html"),
            note="long",
            files={"message.html": None},
        ),
    )
    yield (
        "number of nothing",
        Trap(mail(f"&#{'9' * 5000}; {WORDS} <{'<' * 600}", "text/html")),
    )
    yield (
        "text after the end of HTML",
        Trap(mail(f"<html></html>{WORDS}", "text/html"), form=_REDUCED),
    )
    yield (
        "XHTML",
        Trap(mail(f'<?xml version="1.0" encoding="x"?><p>{WORDS}</p>', "text/html")),
    )
    yield "script", Trap(mail(f"<script>alert(1)</script>{WORDS}", "text/html"))
    alternative = many(
        part(), part(f"<p>{WORDS} <b>bold</b></p>", "text/html"), kind="alternative"
    )
    yield "alternatives", Trap(alternative, form=_AS_IS)
    yield (
        "alternatives, HTML too deep",
        Trap(
            many(
                part(),
                part("<div>" * 400 + "deep" + "</div>" * 400, "text/html"),
                kind="alternative",
            ),
            files={"message.html": None},
        ),
    )
    yield (
        "alternatives, HTML without text",
        Trap(
            many(part(), part("<p></p>" + "<" * 700, "text/html"), kind="alternative")
        ),
    )
    image = part(
        b64(b"\x89PNG" + b"x" * 300_000),
        "image/png",
        content_transfer_encoding="base64",
        content_id="<logo@x>",
        content_disposition='inline; filename="logo.png"',
    )
    yield (
        "large picture in the text",
        Trap(
            many(part(f'<p>{WORDS}<img src="cid:logo@x"></p>', "text/html"), image),
            files={"logo.png": b"\x89PNG" + b"x" * 300_000},
            form=_AS_IS,
        ),
    )


def _headers():
    for name in (*("From", "To", "Cc", "Subject", "Date", "References"), "Message-ID"):
        for token in (",", "(", '"', "<", ":", "\\", "=?", "a@", "\t", ";"):
            raw = f"{name}: ".encode() + token.encode() * (20_000 // len(token))
            head = HEAD.replace(b"From: Jane <jane@acme.example>", raw)
            if name != "From":
                head = HEAD + raw
            yield (
                f"20 KB of {token!r} in {name}",
                Trap(mail(head=head + b"\r\n"), sender=None if name == "From" else ""),
            )
    names = b"Cc: " + b",\r\n ".join(
        b"n%d <u%d@x.example>" % (n, n) for n in range(10_000)
    )
    yield (
        "10,000 recipients",
        Trap(mail(head=HEAD + names + b"\r\n"), note="recipients"),
    )
    yield (
        "1 MB of headers",
        Trap(
            mail(
                head=HEAD
                + b"".join(b"X-%d: %b\r\n" % (n, b"y" * 90) for n in range(10_000))
            ),
            words=(),
        ),
    )
    yield (
        "a header of 500 KB",
        Trap(mail(head=HEAD + b"X-Long: " + b"y" * 500_000 + b"\r\n"), words=()),
    )
    yield "several subjects", Trap(mail(head=HEAD + b"Subject: First\r\n"))
    yield "NUL in the subject", Trap(mail(subject="=?utf-8?q?A=00B?="), subject="A B")
    yield "raw NUL in the subject", Trap(mail(subject=b"A\0B"), subject="AB")
    yield (
        "line break in the subject",
        Trap(
            mail(subject="=?utf-8?q?A=0D=0ABcc:_x@y.example?="),
            subject="A Bcc: x@y.example",
        ),
    )
    yield "subject of 100 KB", Trap(mail(subject="s" * 100_000))
    yield "subject in no charset", Trap(mail(subject="=?x-klingon?q?Hello?="))
    yield "subject in broken base64", Trap(mail(subject="=?utf-8?b?a?="))
    yield "bytes in the subject", Trap(mail(subject="Müller".encode("cp1252")))
    yield "JIS in a parameter", Trap(many(part(), file(name="=?iso-2022-jp?b?GyRC?=")))
    yield "a line without a colon", Trap(mail(head=HEAD + b"no header\r\n"), words=())
    yield "an mbox line", Trap(b"From a@b Mon Mar  2\r\n" + mail())
    yield (
        "5,000 brackets in Content-Type",
        Trap(mail(kind="text/plain; charset=utf-8 " + "(" * 5000)),
    )
    for count in (0, 1, 1000):
        yield (
            f"{count} references",
            Trap(
                mail(
                    references=" ".join(f"<r{n}@x.example>" for n in range(count))
                    or "<"
                )
            ),
        )
    for name in ("content_transfer_encoding", "content_disposition", "content_id"):
        yield f"nonsense in {name}", Trap(mail(**{name: "\x01;;;=?="}), words=())


def _senders():
    for name, line in (
        ("no From", b""),
        ("an empty From", b"From:\r\n"),
        ("a@b@c", b"From: a@b@c\r\n"),
        ("an empty group", b"From: undisclosed-recipients:;\r\n"),
        ("only a name", b"From: Jane Doe\r\n"),
        ("only brackets", b"From: <>\r\n"),
        ("several in a group", b"From: T: jane@acme.example, bob@acme.example;\r\n"),
        ("several", b"From: jane@acme.example, bob@acme.example\r\n"),
        ("two headers", b"From: jane@acme.example\r\nFrom: bob@acme.example\r\n"),
        ("NUL in it", b"From: ja\0ne@acme.example\r\n"),
    ):
        head = b"To: support@test.mycompany.com\r\n" + line
        yield f"From: {name}", Trap(mail(head=head), sender=None)
    for name, line in (
        ("one in a group", b"From: Team: jane@acme.example;\r\n"),
        ("brackets around brackets", b"From: Jane <<jane@acme.example>>\r\n"),
        ("a comma in the name", b"From: Doe, Jane <jane@acme.example>\r\n"),
        (
            "a line break in the name",
            b"From: =?utf-8?q?J=0Ane?= <jane@acme.example>\r\n",
        ),
        (
            "written right to left",
            b"From: =?utf-8?q?J=E2=80=AEx?= <jane@acme.example>\r\n",
        ),
        ("bytes in the name", b"From: J\xe9r\xf4me <jane@acme.example>\r\n"),
        ("5,000 brackets", b"From: " + b"(" * 5000 + b" <jane@acme.example>\r\n"),
    ):
        head = b"To: support@test.mycompany.com\r\n" + line
        yield f"From: {name}", Trap(mail(head=head), sender="")
    for line in (b"To:\r\n", b"To: undisclosed-recipients:;\r\n", b"To: <<>>\r\n", b""):
        head = b"From: jane@acme.example\r\n" + line
        yield f"recipients {line!r}", Trap(mail(head=head))


def _dates():
    for date in (
        *("Mon, 1 Jan 0001 00:00:00 +0000", "Fri, 31 Dec 9999 23:59:59 -1200"),
        *("Thu, 1 Jan 2099 00:00:00 +0000", "yesterday", "", "0", "9" * 400),
        *("Mon, 2 Mar 2026 10:00:00 +9999", "Mon, 2 Mar 2026 99:00:00 +0000"),
        *("=?utf-8?q?Mon?=", "1" * 15, "Mon, 2 Mar 0026 10:00:00 +0000"),
        "Mon, 1 Jan 99999999999 00:00:00",
    ):
        yield f"Date: {date[:34]}", Trap(mail(date=date))


def _names():
    for sent, kept in (
        ("../../../../etc/passwd", "passwd"),
        ("C:\\Windows\\a.bin", "C_Windowsa.bin"),
        ("a\tb.bin", "a b.bin"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("..", "attachment"),
        ("/", "attachment"),
        ("a" * 400 + ".pdf", None),
    ):
        raw = many(part(), file(b"content", sent))
        files = {kept: b"content"} if kept else {}
        yield f"file {sent[:24]!r}", Trap(raw, files=files)
    encoded = part(
        b64(b"content"),
        "application/pdf",
        content_transfer_encoding="base64",
        content_disposition="attachment; filename*=utf-8''%e2%82%ac%00.pdf",
    )
    yield (
        "NUL in a file's name",
        Trap(many(part(), encoded), files={"€.pdf": b"content"}),
    )
    broken = part(
        b64(b"content"),
        content_transfer_encoding="base64",
        content_disposition="attachment; filename*0*=x'y; filename*9*=z; filename*=",
    )
    yield "a broken name", Trap(many(part(), broken))


def _closed():
    yield (
        "S/MIME alone",
        Trap(
            mail(
                b64(b"sealed"),
                "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
                content_transfer_encoding="base64",
            ),
            words=("S/MIME",),
            files={"smime.p7m": b"sealed"},
        ),
    )
    yield (
        "PGP alone",
        Trap(
            many(
                part("Version: 1", "application/pgp-encrypted"),
                file(b"sealed", "encrypted.asc"),
                kind="encrypted",
            ),
            words=("PGP",),
            files={"encrypted.asc": b"sealed"},
        ),
    )
    yield (
        "winmail.dat alone",
        Trap(
            many(
                part(""),
                file(b"\x78\x9f\x3e\x22", "winmail.dat", "application/ms-tnef"),
            ),
            words=("winmail.dat",),
            files={"winmail.dat": b"\x78\x9f\x3e\x22"},
        ),
    )
    yield (
        "signed mail",
        Trap(
            many(
                part(),
                file(b"s", "smime.p7s", "application/pkcs7-signature"),
                kind="signed",
            ),
            files={"smime.p7s": b"s"},
            form=_AS_IS,
        ),
    )
    bomb = _zip_bomb()
    yield (
        "zip bomb",
        Trap(
            many(part(), file(bomb, "bomb.zip", "application/zip")),
            files={"bomb.zip": bomb},
        ),
    )
    large = bomb + bytes(400_000)
    yield (
        "large zip bomb",
        Trap(
            many(part(), file(large, "bomb", "application/zip")), files={"bomb": large}
        ),
    )
    yield (
        "file of 2 MB",
        Trap(
            many(part(), file(b"q" * 2_000_000, "q.bin")),
            files={"q.bin": b"q" * 2_000_000},
            form=_AS_IS,
        ),
    )
    yield (
        "a fax: nothing but a large file",
        Trap(
            mail(
                b64(b"q" * 600_000),
                "application/pdf; name=fax.pdf",
                content_transfer_encoding="base64",
            ),
            words=(),
            files={"fax.pdf": b"q" * 600_000},
        ),
    )
    text = (WORDS + "\r\n") * 60_000
    yield (
        "text of over 1 MB",
        Trap(mail(text), note="long", files={"message.txt": None}),
    )
    yield (
        "log of 1 MB attached",
        Trap(
            many(
                part(), part(text, content_disposition='attachment; filename="x.log"')
            ),
            files={"x.log": None},
        ),
    )


_GROUPS = (
    *(_charsets, _structures, _encodings, _html, _headers, _senders, _dates, _names),
    _closed,
)


def traps():
    """Give all traps by name."""
    found = {}
    for group in _GROUPS:
        for name, trap in group():
            assert name not in found, name
            found[name] = trap
    return found
