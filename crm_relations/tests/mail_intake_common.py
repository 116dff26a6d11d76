"""What the tests of the mail ledger share: mails no parser understands, and counts."""

from .mail_case_common import STRANGER, SUPPORT

# name: (bytes, words of the reason). Each makes Odoo's own gateway raise.
POISON = {
    "unknown charset": (
        b"From: a@b.example\r\nSubject: P\r\nMessage-ID: <charset@b.example>\r\n"
        b"Content-Type: text/plain; charset=x-klingon\r\n\r\nHi\r\n",
        "character set",
    ),
    "unknown kind of part": (
        b"From: a@b.example\r\nSubject: P\r\nMessage-ID: <kind@b.example>\r\n"
        b"Content-Type: foo/bar\r\n\r\nHi\r\n",
        "kind of part",
    ),
    "NUL in a reference": (
        b"From: a@b.example\r\nSubject: P\r\nMessage-ID: <nul@b.example>\r\n"
        b"In-Reply-To: =?utf-8?q?P=00Q?=\r\n\r\nHi\r\n",
        "not written as mails are",
    ),
    "nested": (
        b"From: a@b.example\r\nSubject: P\r\nMessage-ID: <nested@b.example>\r\n"
        + b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i)
            for i in range(3000)
        ),
        "nested",
    ),
}


def poison(name="unknown charset", number=0):
    """Give a mail that cannot be parsed; those of different numbers differ."""
    raw = POISON[name][0]
    return raw.replace(b"Subject: P", b"Subject: P%d" % number, 1).replace(
        b"@b.example>", b"-%d@b.example>" % number, 1
    )


def plain(number, to=SUPPORT, sender=STRANGER):
    """Give a mail like any other."""
    return (
        f"From: {sender.replace('sam', f'sam{number}')}\r\nTo: {to}\r\n"
        f"Subject: Mail {number}\r\nMessage-ID: <plain{number}@mail.example>\r\n"
        f"Date: Mon, 2 Mar 2026 10:00:00 +0000\r\n\r\nThis is number {number}.\r\n"
    ).encode()
