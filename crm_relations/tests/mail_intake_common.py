"""What the tests of the mail ledger share: mails no parser understands, and counts."""

from unittest.mock import patch

from .mail_case_common import STRANGER, SUPPORT

# name: bytes. Each makes Odoo's own gateway raise.
POISON = {
    "unknown charset": (
        b"From: a@b.example\r\nSubject: P\r\nMessage-ID: <charset@b.example>\r\n"
        b"Content-Type: text/plain; charset=x-klingon\r\n\r\nHi\r\n"
    ),
    "unknown kind of part": (
        b"From: a@b.example\r\nSubject: P\r\nMessage-ID: <kind@b.example>\r\n"
        b"Content-Type: foo/bar\r\n\r\nHi\r\n"
    ),
    "NUL in a reference": (
        b"From: a@b.example\r\nSubject: P\r\nMessage-ID: <nul@b.example>\r\n"
        b"In-Reply-To: =?utf-8?q?P=00Q?=\r\n\r\nHi\r\n"
    ),
    "nested": (
        b"From: a@b.example\r\nSubject: P\r\nMessage-ID: <nested@b.example>\r\n"
        + b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i)
            for i in range(3000)
        )
    ),
}


def poison(name="unknown charset", number=0):
    """Give a mail that cannot be parsed; those of different numbers differ."""
    raw = POISON[name]
    return raw.replace(b"Subject: P", b"Subject: P%d" % number, 1).replace(
        b"@b.example>", b"-%d@b.example>" % number, 1
    )


def refuse_poison(env, error=None):
    """Let no case be made of `poison`, whatever form it comes in.

    No mail itself can make that happen any more; a customisation, a full sequence or
    a broken constraint still can.

    :param error: what is raised
    :return: a patch, to be started
    """
    Case = type(env["crm.case"])
    original = Case.create

    def create(cases, vals_list):
        rows = [vals_list] if isinstance(vals_list, dict) else vals_list
        if any(str(values.get("name")).startswith("P") for values in rows):
            raise error or LookupError("unknown encoding: x-klingon")
        return original(cases, vals_list)

    return patch.object(Case, "create", create)


def plain(number, to=SUPPORT, sender=STRANGER):
    """Give a mail like any other."""
    return (
        f"From: {sender.replace('sam', f'sam{number}')}\r\nTo: {to}\r\n"
        f"Subject: Mail {number}\r\nMessage-ID: <plain{number}@mail.example>\r\n"
        f"Date: Mon, 2 Mar 2026 10:00:00 +0000\r\n\r\nThis is number {number}.\r\n"
    ).encode()
