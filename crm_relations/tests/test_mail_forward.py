import time
from email import message_from_bytes, message_from_string
from email.policy import SMTP

from odoo.tests import BaseCase, tagged

from ..tools import mail_forward
from .mail_forward_samples import HTML_TEXTS, TEXTS


@tagged("post_install", "-at_install", "crm_relations", "crm_relations_mail")
class TestMailForward(BaseCase):
    def test_plain_texts(self):
        for name, (subject, text, expected) in TEXTS.items():
            with self.subTest(name):
                self.assertEqual(mail_forward.original_sender(subject, text), expected)

    def test_html_texts(self):
        for name, (subject, source, expected) in HTML_TEXTS.items():
            with self.subTest(name):
                text = mail_forward.visible_text(source)
                self.assertEqual(mail_forward.original_sender(subject, text), expected)

    def _attach(self, inner, subject="Please", kind="mixed"):
        return message_from_string(
            f"From: bob@us.example\nSubject: {subject}\nContent-Type: multipart/{kind};"
            " boundary=b\n\n--b\nContent-Type: text/plain\n\nSee.\n--b\n"
            f"Content-Type: message/rfc822\n\n{inner}\n--b--\n",
            policy=SMTP,
        )

    def test_attached_mails(self):
        inner = "From: Jane Doe <jane@acme.example>\nSubject: Fire\n\nIt burns.\n"
        encoded = "From: =?utf-8?q?J=C3=A4ne?= <jane@acme.example>\n\nHi\n"
        jane = "jane@acme.example"
        for name, mail, expected in (
            ("attached", self._attach(inner), ("Jane Doe", jane, "Please")),
            ("no subject", self._attach(inner, "Fwd:"), ("Jane Doe", jane, "Fire")),
            ("encoded name", self._attach(encoded), ("Jäne", jane, "Please")),
            ("delivery report", self._attach(inner, kind="report"), None),
            ("an answer with a proof", self._attach(inner, "Re: x"), None),
            ("no sender", self._attach("Subject: Fire\n\nHi\n"), None),
            ("empty", self._attach(""), None),
            ("nothing attached", message_from_string("Subject: x\n\nHi"), None),
            (
                "twice, the outer one counts",
                self._attach(self._attach(inner).as_string()),
                ("", "bob@us.example", "Please"),
            ),
        ):
            with self.subTest(name):
                found = mail_forward.original_sender(
                    str(mail["Subject"]), "", mail_forward.attached_mail(mail)
                )
                self.assertEqual(found, expected)

    def test_broken_mails_are_no_forwards(self):
        for name, raw in (
            ("bytes", bytes(range(256))),
            ("kind of part", b"Content-Type: message/rfc822; x=\xff\r\n\r\n"),
            ("sender", b"Content-Type: message/rfc822\n\nFrom: =?x?q?=FF?= <<@>\n\n"),
            (
                "many addresses",
                b"Content-Type: message/rfc822\n\nFrom: " + b"<a@," * 999,
            ),
        ):
            for policy in (None, SMTP):
                with self.subTest(name, policy=bool(policy)):
                    options = {"policy": policy} if policy else {}
                    mail = message_from_bytes(raw, **options)
                    found = mail_forward.attached_mail(mail)
                    self.assertIsNone(
                        mail_forward.original_sender("Fwd: x", "", found or mail)
                    )

    def test_time_grows_with_the_length_only(self):
        for name, text in (
            ("header lines", "From: a\n" * 30_000),
            ("colons", ":" * 250_000),
            ("addresses", "From: " + "a" * 250_000),
            ("at signs", "Fwd: x\nFrom: " + "a@" * 120_000 + "\nTo: x\nDate: y"),
            ("blanks", "From:" + " " * 250_000),
            ("dashes", "-" * 250_000),
            ("words", "forwarded " * 25_000),
            ("tags", "<" * 250_000),
            ("open tags", "<a " * 80_000),
            ("comments", "<!--" * 60_000),
            ("entities", "&lt" * 80_000),
            ("styles", "<style>" * 30_000),
            ("prefixes", "Fwd: " * 50_000),
        ):
            with self.subTest(name):
                start = time.perf_counter()
                seen = mail_forward.visible_text(text)
                mail_forward.original_sender(text, seen)
                mail_forward.original_sender("Fwd: x", text)
                self.assertLess(time.perf_counter() - start, 2)
