import time

from odoo.exceptions import AccessError, UserError
from odoo.tests import BaseCase, tagged

from ..tools.mail_authentication import judge, parse_results, sender_address
from .mail_case_common import SUPPORT, MailCaseCommon

NAME = "mx.us.example"
FROM = "From: Jane <jane@acme.example>"
OURS = f"Authentication-Results: {NAME};"
PASS = f"{OURS} dmarc=pass header.from=acme.example"
FAIL = f"{OURS} dmarc=fail header.from=acme.example"
SIGNED = "dkim=pass header.d=acme.example"
RECEIVED = "Received: from relay.evil.example by {} with ESMTPS; Mon, 2 Mar 2026"

# what is tried: (header lines, top first; verdict)
VERDICTS = {
    # what the server found
    "DMARC passed": ([PASS, FROM], "verified"),
    "DKIM passed for the domain": ([f"{OURS} {SIGNED}", FROM], "verified"),
    "DKIM passed, by its identity": (
        [f"{OURS} dkim=pass header.i=@acme.example header.b=Ab12=", FROM],
        "verified",
    ),
    "DKIM of the parent domain": (
        [f"{OURS} {SIGNED}", "From: jane@mail.acme.example"],
        "verified",
    ),
    "DKIM of a child domain": (
        [f"{OURS} dkim=pass header.d=news.acme.example", FROM],
        "plausible",
    ),
    "DKIM of a top-level domain": (
        [f"{OURS} dkim=pass header.d=example", FROM],
        "none",
    ),
    "DKIM of somebody else": (
        [f"{OURS} dkim=pass header.d=evil.example", FROM],
        "none",
    ),
    "DKIM of a domain that ends alike": (
        [f"{OURS} dkim=pass header.d=notacme.example", "From: jane@acme.example"],
        "none",
    ),
    "second of two signatures": (
        [f"{OURS} dkim=pass header.d=list.example; {SIGNED}", FROM],
        "verified",
    ),
    "DMARC failed, DKIM passed": ([f"{OURS} dmarc=fail; {SIGNED}", FROM], "failed"),
    "DMARC without policy, DKIM passed": (
        [f"{OURS} dmarc=none; {SIGNED}", FROM],
        "verified",
    ),
    "DMARC of another domain": (
        [f"{OURS} dmarc=pass header.from=evil.example", FROM],
        "none",
    ),
    "DMARC of the parent domain": (
        [PASS, "From: jane@mail.acme.example"],
        "plausible",
    ),
    "DMARC that names nobody": ([f"{OURS} dmarc=pass", FROM], "none"),
    "SPF of the same domain": (
        [f"{OURS} spf=pass smtp.mailfrom=bounce@acme.example", FROM],
        "plausible",
    ),
    "SPF of another domain": (
        [f"{OURS} spf=pass smtp.mailfrom=evil.example", FROM],
        "none",
    ),
    "SPF of the greeting only": (
        [f"{OURS} spf=pass smtp.helo=acme.example", FROM],
        "none",
    ),
    "SPF failed": ([f"{OURS} spf=fail smtp.mailfrom=acme.example", FROM], "failed"),
    "SPF soft": ([f"{OURS} spf=softfail smtp.mailfrom=acme.example", FROM], "none"),
    "SPF failed, forwarded with its signature": (
        [f"{OURS} spf=fail smtp.mailfrom=list.example; {SIGNED}", FROM],
        "verified",
    ),
    "DKIM failed": ([f"{OURS} dkim=fail header.d=acme.example", FROM], "failed"),
    "temporary errors": ([f"{OURS} dmarc=temperror; dkim=permerror", FROM], "none"),
    "checked nothing": ([f"{OURS} none", FROM], "none"),
    "no field": ([FROM], "none"),
    # how it is written
    "name in capitals": ([PASS.replace(NAME, NAME.upper()), FROM], "verified"),
    "with a version": ([PASS.replace(";", " 1;"), FROM], "verified"),
    "folded": (
        [PASS.replace("; ", ";\r\n\t").replace(" h", "\r\n h"), FROM],
        "verified",
    ),
    "comments everywhere": (
        [
            f"{OURS} (a (b\\) c)) dmarc (x) = (y) pass (z) header.from=acme.example",
            FROM,
        ],
        "verified",
    ),
    "pass in a comment": ([f"{OURS} dmarc=none (; {SIGNED};)", FROM], "none"),
    "pass in a quoted reason": (
        [f'{OURS} dkim=neutral reason="; {SIGNED}"', FROM],
        "none",
    ),
    "quote in a comment hides nothing": (
        [f'{OURS} {SIGNED} ("); dmarc=fail', FROM],
        "failed",
    ),
    "comment that never ends": ([f"{OURS} dmarc=none ({SIGNED}", FROM], "none"),
    "international domain": (
        [
            f"{OURS} dmarc=pass header.from=xn--mller-kva.example",
            "From: jane@müller.example",
        ],
        "verified",
    ),
    # whose word it is
    "another server's": ([PASS.replace(NAME, "mx.evil.example"), FROM], "none"),
    "a name that begins alike": (
        [PASS.replace(NAME, f"{NAME}.evil.example"), FROM],
        "none",
    ),
    "no name": ([PASS.replace(f"{NAME};", ""), FROM], "none"),
    "another's above ours": (
        [PASS.replace(NAME, "mx.evil.example"), PASS, FROM],
        "none",
    ),
    "forged one below ours": ([f"{OURS} dmarc=none", PASS, FROM], "none"),
    "forged one below our failure": ([FAIL, PASS, FROM], "failed"),
    "our failure below our pass": ([PASS, FAIL, FROM], "failed"),
    "old failure of before the last hop": (
        [PASS, RECEIVED.format("list.example"), FAIL, FROM],
        "verified",
    ),
    "forged one below the sender's relay": (
        [RECEIVED.format(NAME), RECEIVED.format("mx.evil.example"), PASS, FROM],
        "none",
    ),
    "below our own hops": (
        [
            "Received: from mx by 172.17.0.2 with LMTP",
            "Received: by 2002:a05::1 with SMTP id x",
            RECEIVED.format("in7.us.example"),
            PASS,
            FROM,
        ],
        "verified",
    ),
    "ARC is another field": ([PASS.replace("A", "ARC-A", 1), FROM], "none"),
    # who is the sender
    "two From": ([PASS, FROM, FROM], "none"),
    "two From, failed": ([FAIL, FROM, FROM], "failed"),
    "two addresses in From": (
        [PASS, "From: jane@acme.example, b@acme.example"],
        "none",
    ),
    "no From": ([PASS], "none"),
    "From without address": ([PASS, "From: Jane"], "none"),
    "group in From": ([PASS, "From: Us: jane@acme.example;"], "none"),
    "another address in the name": (
        [PASS, 'From: "boss@us.example" <jane@acme.example>'],
        "none",
    ),
    "another address in an encoded name": (
        [PASS, "From: =?utf-8?b?Ym9zc0B1cy5leGFtcGxlLA==?= <jane@acme.example>"],
        "none",
    ),
    "same address in the name": (
        [PASS, 'From: "jane@acme.example" <jane@acme.example>'],
        "verified",
    ),
    "Sender and Reply-To count for nothing": (
        [PASS, "Sender: jane@acme.example", "From: boss@us.example"],
        "none",
    ),
}
# fields that are slow to read for who goes back and forth
SLOW = ("(" * 9000, '"' * 9000, '"\\' * 5000, "(\\" * 5000, "a=" * 9000, "; =" * 9000)


@tagged("post_install", "-at_install", "crm_relations")
class TestMailAuthentication(BaseCase):
    """What the receiving server found out, read from the headers."""

    def test_each_verdict(self):
        for trap, (lines, verdict) in VERDICTS.items():
            with self.subTest(trap=trap):
                raw = "\r\n".join([*lines, "Subject: Hi", "", "Text"]).encode()
                self.assertEqual(judge(raw, [NAME]), verdict)
                self.assertEqual(judge(raw, []), "none", "nobody is to be believed")

    def test_never_raises_and_never_takes_long(self):
        begin = time.monotonic()
        for text in (*SLOW, "\0", "\udcff", "=?x?y?z?=", "a@" * 9000, "<" * 9000):
            with self.subTest(text=text[:10]):
                parse_results(f"{NAME}; dkim=pass {text}")
                for field in (OURS, "From:", "Received: by"):
                    raw = f"{field} {text}\r\n{FROM}\r\n{PASS}\r\n\r\n".encode(
                        errors="surrogateescape"
                    )
                    self.assertIn(judge(raw, [NAME]), ("none", "verified", "plausible"))
                    sender_address(raw)
        self.assertLess(time.monotonic() - begin, 2.0)


class TestMailReceivingServer(MailCaseCommon):
    """The receiving server's name, found in the mails of a mailbox."""

    def _store(self, box, *fields):
        self.env["crm.mail.intake"]._store(
            [
                (str(number), f"{field}\r\n{FROM}\r\n\r\n{number}".encode())
                for number, field in enumerate(fields)
            ],
            box,
            self.support1,
        )

    def test_name_is_detected(self):
        box = self._new_mailbox(self.support1, SUPPORT)
        self._store(box, PASS, PASS, PASS.replace(NAME, "forged.example"))
        box.action_detect_authserv_id()
        self.assertEqual(box.authserv_id, NAME)

    def test_name_on_a_few_mails_is_not_believed(self):
        box = self._new_mailbox(self.support1, SUPPORT)
        for fields in ((), ("X: 1", "X: 2", PASS), (PASS, "X: 1")):
            with self.subTest(fields=fields):
                self._store(box, *fields)
                with self.assertRaisesRegex(UserError, "Receiving Server's Name"):
                    box.action_detect_authserv_id()
                self.assertFalse(box.authserv_id)
                self.env["crm.mail.intake"].search([]).unlink()

    def test_only_administrators_detect(self):
        box = self._new_mailbox(self.support1, SUPPORT)
        with self.assertRaises(AccessError):
            box.with_user(self.boss).action_detect_authserv_id()

    def test_setting_is_the_parameter(self):
        self.env["res.config.settings"].create({"crm_mail_authserv_id": NAME}).execute()
        mail = self._new_mail(
            "jane@acme.example", headers={"Authentication-Results": PASS[24:]}
        )
        self._process(mail)
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertEqual(row.sender_verdict, "verified")
        self.assertFalse(row._get_verified_user(), "a customer is no user")
