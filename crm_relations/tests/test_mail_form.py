import signal
from contextlib import contextmanager
from unittest.mock import patch

from odoo import fields
from odoo.addons.crm_relations.tools import mail_form, mail_html
from odoo.tests import BaseCase, tagged
from odoo.tools import mute_logger

from .mail_case_common import MailCaseCommon
from .mail_form_traps import WORDS, file, mail, many, part, traps
from .mail_intake_common import plain

_HANG = 60  # seconds after which a mail counts as one that never ends


@contextmanager
def hang_guard(seconds=_HANG):
    """Let what never ends fail instead."""

    def stop(_number, _frame):
        raise AssertionError("it did not end")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class MailFormCommon(MailCaseCommon):
    def _take(self, raw):
        """Hand a mail in.

        :return: (its row in the ledger, the message it became)
        """
        with hang_guard():
            self.env["mail.thread"].message_process("crm.case", raw)
        row = self.env["crm.mail.intake"].search([], limit=1)
        mails = row.case_ids.message_ids.filtered(lambda m: m.message_type == "email")
        return row, mails

    def _get_text(self, row):
        """Give what a reader of the case sees."""
        texts = [
            row.case_ids.description or "",
            *row.case_ids.message_ids.mapped("body"),
        ]
        return "\n".join(mail_html.to_text(str(text)) for text in texts)

    def _get_notes(self, row):
        return " ".join(
            mail_html.to_text(str(message.body))
            for message in row.case_ids.message_ids
            if message.message_type == "notification"
        )

    def _check_trap(self, trap):
        row, mails = self._take(trap.raw)
        self.assertEqual(row.state, "done", row.reason)
        self.assertEqual(len(row.case_ids), 1)
        self.assertEqual(bytes(row.raw), trap.raw)
        text = self._get_text(row)
        for words in trap.words:
            self.assertIn(words, text)
        self._check_files(row, trap)
        if trap.subject:
            self.assertEqual(row.case_ids.name, trap.subject)
        self._check_sender(row, mails, trap)
        self.assertIn(row.form or "as_is", [trap.form] if trap.form else mail_forms())
        if trap.note:
            self.assertIn(trap.note, self._get_notes(row))
        self.assertLessEqual(len(row.case_ids.name), 250)
        self.assertEqual(row.case_ids.name, "".join(row.case_ids.name.splitlines()))

    def _check_files(self, row, trap):
        found = row.case_ids.message_ids.attachment_ids
        for name, content in trap.files.items():
            files = found.filtered(lambda a, name=name: a.name == name)
            self.assertTrue(files, (name, found.mapped("name")))
            if content is not None:
                self.assertIn(content, [file.raw for file in files])

    def _check_sender(self, row, mails, trap):
        if trap.sender is None:
            root = self.env.ref("base.partner_root")
            self.assertNotEqual(mails.author_id, root)
            self.assertNotIn(root.email, str(mails.mapped("email_from")))
            self.assertFalse(mails.author_id)
            self.assertFalse(row.case_ids.partner_id)
        elif trap.sender:
            self.assertEqual(row.case_ids.email_normalized, trap.sender)
            self.assertEqual(mails.author_id, self.jane)


def mail_forms():
    return ["as_is", "reduced"]


class TestMailFormTraps(MailFormCommon):
    """Each mail that breaks programs becomes one case; see `mail_form_traps`."""

    _PART, _PARTS = 0, 3

    @mute_logger("odoo.addons.mail.models.mail_thread", "odoo.sql_db")
    def test_every_trap_is_walked_into(self):
        found = traps()
        self.assertGreater(len(found), 120)
        # a mail is taken in in its own transaction; here one undoes the other
        for name, trap in list(found.items())[self._PART :: self._PARTS]:
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                self._check_trap(trap)
                savepoint.close(rollback=True)


class TestMailFormTraps2(TestMailFormTraps):
    allow_inherited_tests_method = True
    _PART = 1


class TestMailFormTraps3(TestMailFormTraps):
    allow_inherited_tests_method = True
    _PART = 2


class TestMailForm(MailFormCommon):
    """How far a mail gets, and what is said about it."""

    # ------------------------------------------------------------
    # LADDER
    # ------------------------------------------------------------

    @contextmanager
    def _fail(self, *levels):
        """Let Odoo's parser raise on mails in these forms."""
        original = type(self.env["mail.thread"]).message_parse

        def parse(thread, message, save_original=False):
            hand = thread.env["crm.mail.intake"]._get_hand()
            if hand.form.level in levels:
                raise KeyError("foo")
            return original(thread, message, save_original=save_original)

        with patch.object(type(self.env["mail.thread"]), "message_parse", parse):
            yield

    def test_what_odoo_cannot_parse_enters_reduced(self):
        raw = many(part(), part(f"<p>{WORDS}, bold</p>", "text/html"), file(b"x"))
        with self._fail(mail_form.AS_IS):
            row, mails = self._take(raw)
        self.assertEqual((row.state, row.form), ("done", "reduced"))
        self.assertIn("KeyError", row.error_detail)
        self.assertIn(f"{WORDS}, bold", self._get_text(row))
        self.assertEqual(mails.attachment_ids.raw, b"x")
        self.assertIn("reduced form", self._get_notes(row))
        notes = row.case_ids.message_ids - mails
        self.assertIn(raw, [a.raw for a in notes.attachment_ids])

    def test_what_cannot_be_written_anew_enters_bare(self):
        with self._fail(mail_form.AS_IS, mail_form.REDUCED):
            row, mails = self._take(plain(1))
        self.assertEqual((row.state, row.form), ("done", "bare"))
        self.assertFalse(mails)
        self.assertEqual(row.case_ids.name, "Mail 1")
        self.assertIn("This is number 1.", self._get_text(row))
        self.assertEqual(row.case_ids.message_ids.attachment_ids.raw, plain(1))

    def test_bare_enters_once(self):
        with self._fail(mail_form.AS_IS, mail_form.REDUCED):
            for header, state in ((b"", "done"), (b"X: y\r\n", "duplicate")):
                row, _mails = self._take(header + plain(1))
                self.assertEqual(row.state, state)

    def test_bare_opens_no_case_for_automatic_answers_and_reports(self):
        for header, state in (
            (b"Auto-Submitted: auto-replied\r\n", "held"),
            (b"Content-Type: multipart/report; boundary=x\r\n", "quarantine"),
        ):
            with self._fail(mail_form.AS_IS, mail_form.REDUCED):
                row, _mails = self._take(header + plain(state))
            self.assertEqual((row.state, len(row.case_ids)), (state, 0))

    def test_lost_text_is_noticed(self):
        original = type(self.env["mail.thread"])._message_parse_extract_payload

        def lose(thread, message, message_dict, save_original=False):
            found = original(thread, message, message_dict, save_original)
            hand = thread.env["crm.mail.intake"]._get_hand()
            return found | ({"body": "<p> </p>"} if not hand.form.level else {})

        with patch.object(
            type(self.env["mail.thread"]), "_message_parse_extract_payload", lose
        ):
            row, _mails = self._take(plain(1))
        self.assertEqual(row.form, "reduced")
        self.assertIn("This is number 1.", self._get_text(row))

    def test_interrupted_work_begins_a_level_lower(self):
        for interruptions, form in ((0, False), (1, "reduced"), (2, "bare")):
            row = self.env["crm.mail.intake"].create({"raw": plain(interruptions)})
            row.interruptions = interruptions
            row._process_inline()
            self.assertEqual((row.state, row.form), ("done", form))
        self.assertNotIn("reduced form", self._get_notes(row.browse(row.id - 1)))

    def test_passing_trouble_changes_no_form(self):
        Case = type(self.env["crm.case"])
        with patch.object(Case, "message_new", side_effect=[OSError("disk")]):
            row, _mails = self._take(plain(1))
        self.assertEqual((row.state, row.form), ("retry", False))
        row._process_inline()
        self.assertEqual((row.state, row.form), ("done", False))

    def test_person_decides_about_a_mail_that_cannot_be_parsed(self):
        row = self.env["crm.mail.intake"].create({"raw": plain(1)})
        with self._fail(mail_form.AS_IS):
            row.action_attach_to_case(self.case)
        self.assertEqual((row.state, row.form), ("done", "reduced"))
        self.assertIn("This is number 1.", self._get_text(row))

    # ------------------------------------------------------------
    # FILES
    # ------------------------------------------------------------

    def test_files_above_the_limit_stay_in_the_original(self):
        self.env["ir.config_parameter"].set_param(
            "crm_relations.mail_attachment_limit_mb", 1
        )
        small, large = b"s" * 300_000, b"l" * 1_100_000
        row, mails = self._take(
            many(part(), file(small, "small.bin"), file(large, "large.bin"))
        )
        self.assertEqual(mails.attachment_ids.mapped("name"), ["small.bin"])
        self.assertEqual(mails.attachment_ids.raw, small)
        self.assertIn("large.bin", self._get_notes(row))
        self.assertIn(WORDS, self._get_text(row))
        self.assertTrue(row.is_partial)
        self.assertEqual(row.form or "as_is", "as_is")
        row.date_received = fields.Datetime.to_datetime("2000-01-01")
        self.env.flush_all()
        row._gc_ended()
        self.assertTrue(row.exists(), "its file is nowhere else")

    def test_no_limit_attaches_all(self):
        self.env["ir.config_parameter"].set_param(
            "crm_relations.mail_attachment_limit_mb", 0
        )
        large = b"l" * 1_100_000
        row, mails = self._take(many(part(), file(large)))
        self.assertEqual(mails.attachment_ids.raw, large)
        self.assertFalse(self._get_notes(row))

    def test_large_inline_picture_shows_in_the_text(self):
        _row, mails = self._take(traps()["large picture in the text"].raw)
        self.assertIn(f"/web/image/{mails.attachment_ids.id}", mails.body)
        self.assertNotIn("cid:", mails.body)

    def test_pictures_stay_as_they_were_sent(self):
        attachments = type(self.env["ir.attachment"])
        with patch.object(
            attachments, "_postprocess_contents", side_effect=AssertionError("opened")
        ):
            row, _mails = self._take(
                many(
                    part(), file(b"\x89PNG\r\n\x1a\n" + b"x" * 99, "a.png", "image/png")
                )
            )
        self.assertEqual(row.state, "done")

    def test_large_mail_is_kept_byte_for_byte(self):
        raw = many(part(), file(bytes(range(256)) * 20_000))
        row, _mails = self._take(raw)
        self.env.invalidate_all()
        self.assertEqual(row.raw, raw)
        self.assertEqual(row.size, len(raw))
        self.assertTrue(row.header.startswith("From: Jane"))
        self.assertEqual(str(row.with_context(bin_size=True).raw)[-2:], "kB")

    # ------------------------------------------------------------
    # DATES AND REPORTS
    # ------------------------------------------------------------

    def test_dates_nobody_can_have_written_become_the_arrival(self):
        now = fields.Datetime.now()
        for date, is_kept in (
            ("Mon, 1 Jan 0001 00:00:00 +0000", False),
            ("Fri, 31 Dec 9999 23:59:59 +0000", False),
            ("Thu, 1 Jan 2099 00:00:00 +0000", False),
            ("Mon, 2 Mar 2020 10:00:00 +0000", True),
        ):
            with self.subTest(date):
                _row, mails = self._take(mail(f"{WORDS} {date}", date=date))
                self.assertEqual(mails.date < now, is_kept)
                self.assertLessEqual(mails.date, fields.Datetime.now())

    @mute_logger("odoo.addons.mail.models.mail_thread")
    def test_broken_delivery_reports_open_no_case(self):
        status = (
            b"Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\n"
        )
        text = part("It was not delivered.")
        for name, pieces in (
            ("as it should be", (text, part(status, "message/delivery-status"))),
            ("text only", (text, part("nonsense", "message/delivery-status"))),
            ("empty", (text, part("", "message/delivery-status"))),
            (
                "encoded",
                (
                    text,
                    part(
                        b"UmVwb3J0aW5nLU1UQTogZG5zOyB4\r\n",
                        "message/delivery-status",
                        content_transfer_encoding="base64",
                    ),
                ),
            ),
            (
                "unknown charset",
                (
                    part("Nicht zugestellt", "text/plain; charset=x-klingon"),
                    part(status, "message/delivery-status"),
                    part("Message-ID: <x@y>\r\n", "text/rfc822-headers"),
                ),
            ),
            (
                "original that is none",
                (
                    text,
                    part(status, "message/delivery-status"),
                    part("", "message/rfc822"),
                ),
            ),
        ):
            with self.subTest(name):
                head = (
                    b"From: MAILER-DAEMON@x.example\r\n"
                    b"To: bounce@test.mycompany.com\r\n"
                )
                raw = many(
                    *pieces, kind="report; report-type=delivery-status", head=head
                ).replace(
                    b'"multipart/report; report-type', b"multipart/report; report-type"
                )
                row, _mails = self._take(raw)
                self.assertEqual(row.state, "bounce", row.reason)
                self.assertFalse(row.case_ids)


@tagged("post_install", "-at_install", "crm_relations")
class TestMailFormTools(BaseCase):
    """The plain functions on the same mails: they never raise and always end."""

    def test_every_trap_in_every_form(self):
        for name, trap in traps().items():
            for level in (mail_form.AS_IS, mail_form.REDUCED):
                with self.subTest(name, level=level), hang_guard():
                    found = mail_form.prepare(trap.raw, level)
                    files = {aside.name: aside.read() for aside in found.aside}
                    whole = found.raw is trap.raw
                    for name, content in trap.files.items():
                        if content is not None and not whole:
                            self.assertEqual(files.get(name, content), content)
                    self.assertEqual(found.level, level or found.level)

    def test_cut_anywhere(self):
        raw = many(
            part(),
            part(many(part("in"), file(), boundary="c"), "message/rfc822"),
            file(b"x" * 50),
        )
        for position in range(0, len(raw), 3):
            with self.subTest(position):
                for piece in (raw[:position], raw[position:]):
                    found = mail_form.prepare(piece, mail_form.REDUCED)
                    self.assertTrue(found.raw)
