"""What is shown of hostile mails: to the reader in Odoo, and to those mailed."""

import re

from lxml import html
from markupsafe import Markup
from odoo.tests import tagged

from ..tools.mail_shown import LINE_LIMIT
from .mail_case_common import JANE, STRANGER, MailCaseCommon
from .mail_shown_traps import IMAGES, MARKUP, PIXELS

EVIL = re.compile(r"evil\.example|alert\(|/web/session|evil:", re.I)
# where an address may stand: it is read or clicked there, never loaded
READ = {"href", "title", "data-original-src", "alt"}
GONE = {
    *("script", "iframe", "object", "embed", "applet", "form", "input", "button"),
    *("textarea", "select", "link", "meta", "base", "style", "svg", "math", "image"),
    *("video", "audio", "source", "frame", "frameset", "template", "noscript"),
}
RUNS = re.compile(
    r"^\s*(?:javascript|vbscript|livescript|data(?!:image/)|file|/)", re.I
)
COVERS = re.compile(r"position|z-index|transform|url\(|expression|margin[^;]*-", re.I)


@tagged("crm_relations_mail")
class TestMailShown(MailCaseCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # the traps are sent by few people within a minute
        for name in ("mail_flood_sender", "mail_quiet_case"):
            cls.env["ir.config_parameter"].set_param(f"crm_relations.{name}", 1000)

    def _assert_harmless(self, text, inside=None):
        """Check what a browser would make of a text.

        :param inside: only what stands in the element of this class is the sender's
        """
        root = html.document_fromstring(text or "<p></p>")
        for node in root.iter():
            if not isinstance(node.tag, str):
                self.assertNotRegex(node.text or "", EVIL)
                continue
            self.assertFalse(inside is None and node.tag in GONE, node.tag)
            for name, value in node.attrib.items():
                self._assert_harmless_attribute(name.lower(), value, inside is None)

    def _assert_harmless_attribute(self, name, value, own_text):
        self.assertFalse(name.startswith("on"), name)
        if name not in READ:
            self.assertNotRegex(value, EVIL, name)
        if name == "href" and own_text:
            self.assertNotRegex(value, RUNS)
        if name == "src" and own_text:
            self.assertRegex(value, r"^(cid:|data:image/(?!svg)|/web/image/)")
        if name == "style" and own_text:
            self.assertNotRegex(value, COVERS)
        if own_text:
            self.assertFalse(name.startswith(("data-oe", "data-embed", "data-bs")))
            self.assertFalse(name == "class" and value != "o_crm_remote_image", value)

    def _open(self, text, subtype="html", sender=STRANGER, subject="Trap"):
        """Open a case with a mail of one part."""
        mail = self._new_mail(sender, subject=subject)
        mail.set_content(text, subtype=subtype)
        return self.env["crm.case"].browse(self._process(mail))

    def _answer(self, text):
        """Answer Jane's case, whose watcher is mailed.

        :return: the message, and the body of each mail that was built
        """
        with self.mock_mail_gateway():
            message = self._reply(JANE, html=text)
            self.flush_tracking()
        return message, [mail["body"] for mail in self._mails]

    def test_nothing_of_a_hostile_text_runs_or_loads(self):
        for name, text in {**MARKUP, **IMAGES, **PIXELS}.items():
            with self.subTest(name):
                case = self._open(f"<p>before</p>{text}<p>after</p>")
                self.assertTrue(case, "a case is opened whatever the text")
                self._assert_harmless(case.description)
                self._assert_harmless(self._get_mails(case).body)

    def test_nothing_of_a_hostile_text_is_passed_on(self):
        for name, text in {**MARKUP, **IMAGES, **PIXELS}.items():
            with self.subTest(name):
                message, bodies = self._answer(f"<p>before</p>{text}<p>after</p>")
                self._assert_harmless(message.body)
                self.assertTrue(bodies, "the watcher is told")
                for body in bodies:
                    self._assert_harmless(body, inside="mail")

    def test_remote_image_becomes_a_link_with_its_description(self):
        case = self._open('<p>Hi <img src="http://evil.example/i" alt="Our logo"></p>')
        self.assertIn("Image: Our logo", case.description)
        (mark,) = html.fromstring(case.description).find_class("o_crm_remote_image")
        self.assertEqual(mark.get("href"), "http://evil.example/i")
        self.assertEqual(mark.get("rel"), "noreferrer noopener")

    def test_image_within_a_link_leaves_the_link(self):
        case = self._open(
            '<a href="https://shop.example/">'
            '<img src="https://evil.example/i" width="20" height="30"> Shop</a>'
        )
        link = html.fromstring(case.description)
        self.assertEqual((link.tag, link.get("href")), ("a", "https://shop.example/"))
        (mark,) = link.find_class("o_crm_remote_image")
        self.assertEqual((mark.tag, mark.get("data-width")), ("span", "20"))
        self.assertEqual(mark.get("data-original-src"), "https://evil.example/i")

    def test_many_images_do_not_blow_up_the_text(self):
        body = Markup("<p>%s</p>") % (Markup('<img src="//evil.example">') * 20_000)
        shown = self.env["mail.thread"]._get_shown_body(body)
        self.assertLess(len(shown), 2 * len(body))
        self._assert_harmless(shown)

    def test_pixels_leave_no_trace(self):
        for name, text in PIXELS.items():
            with self.subTest(name):
                case = self._open(f"<p>before</p>{text}<p>after</p>")
                self.assertNotIn("evil", case.description)

    def test_attached_images_are_shown(self):
        mail = self._new_mail(STRANGER, html='<p>Look: <img src="cid:pic@x"></p>')
        mail.get_payload()[1].add_related(
            b"\x89PNG\r\n\x1a\n", "image", "png", cid="<pic@x>", filename="pic.png"
        )
        case = self.env["crm.case"].browse(self._process(mail))
        self.assertIn('src="/web/image/', self._get_mails(case).body)
        self.assertIn('src="/web/image/', case.description)

    def test_images_of_this_server_are_shown(self):
        own = f"{self.env['crm.case'].get_base_url()}/web/image/res.company/1/logo"
        case = self._open(f'<p>You wrote: <img src="{own}"></p>')
        self.assertIn(f'src="{own}"', case.description)

    def test_ordinary_text_is_left_as_it_is(self):
        text = (
            '<p style="margin: 0 0 5px">Dear <b>all</b>,<br>see https://a.example</p>'
        )
        shown = self.env["mail.thread"]._get_shown_body(Markup(text))
        self.assertEqual(shown, text)

    def test_text_that_is_no_html_is_shown_as_text(self):
        for subtype in ("xml", "calendar", "plain", "csv"):
            with self.subTest(subtype):
                case = self._open('<img src="http://evil.example/i">', subtype)
                self.assertIn("&lt;img", case.description)
                self.assertNotIn("<img", self._get_mails(case).body)

    def test_other_models_get_the_mail_as_before(self):
        channel = self.env["discuss.channel"].create(
            {"name": "Open", "group_public_id": False}
        )
        self.env["mail.alias"].create(
            {
                "alias_name": "channel",
                "alias_model_id": self.env["ir.model"]._get_id("discuss.channel"),
                "alias_force_thread_id": channel.id,
                "alias_contact": "everyone",
            }
        )
        self._receive(
            STRANGER,
            to="support@test.mycompany.com, channel@test.mycompany.com",
            html='<p>Hi <img src="http://evil.example/i"></p>',
        )
        self.assertIn('src="http://evil.example/i"', channel.message_ids[0].body)
        case = self._new_cases()
        self.assertNotIn("<img", case.description)

    # ------------------------------------------------------------
    # LINES
    # ------------------------------------------------------------

    def test_disguised_subject_and_name(self):
        for trap, written, shown in (
            ("markup", "<b onclick=alert(1)>Hi</b>", "<b onclick=alert(1)>Hi</b>"),
            ("bidi override", "Invoice \u202egpj.exe", "Invoice gpj.exe"),
            ("bidi isolate", "\u2066Hi\u2069", "Hi"),
            ("zero width", "H\u200bi\ufeff", "Hi"),
            ("NUL", "H\x00i", "H i"),
            ("control characters", "H\x07\x1b[31mi", "H [31mi"),
            ("line separator", "Hi\u2028there", "Hi there"),
            ("Persian joiner stays", "می\u200cخواهم", "می\u200cخواهم"),
        ):
            with self.subTest(trap):
                raw = self._new_mail(STRANGER).as_bytes()
                word = self._encode(written)
                raw = raw.replace(b"Subject: Question", b"Subject: " + word)
                raw = raw.replace(b"Sam Stranger", word)
                case_id = self.env["mail.thread"].message_process("crm.case", raw)
                case = self.env["crm.case"].browse(case_id)
                message = self._get_mails(case)
                self.assertEqual((case.name, message.subject), (shown, shown))
                self.assertEqual(case.email_normalized, "sam@nowhere.example")
                for sender in (case.contact_name, message.email_from, case.email_from):
                    self.assertNotRegex(sender, "[\x00-\x1f\u202e\u2066\u2028\u200b]")
                    self.assertLessEqual(len(sender), LINE_LIMIT + 50)

    def test_very_long_subject_and_name(self):
        raw = self._new_mail(STRANGER).as_bytes()
        raw = raw.replace(b"Question", b"x" * 10000)
        raw = raw.replace(b"Sam Stranger", b"y" * 10000)
        case_id = self.env["mail.thread"].message_process("crm.case", raw)
        case = self.env["crm.case"].browse(case_id)
        self.assertIn("x" * 200, case.name)
        self.assertIn("y" * 100, case.contact_name)
        self.assertEqual(case.email_normalized, "sam@nowhere.example")
        message = self._get_mails(case)
        for text in (case.name, message.subject, case.contact_name):
            self.assertLessEqual(len(text), LINE_LIMIT)
        self.assertLessEqual(len(message.email_from), LINE_LIMIT + 50)

    @staticmethod
    def _encode(text):
        """Encode a word as RFC 2047 has it, also what no client would write."""
        encoded = "".join(f"={byte:02X}" for byte in text.encode())
        return f"=?utf-8?Q?{encoded}?=".encode()

    # ------------------------------------------------------------
    # FILES
    # ------------------------------------------------------------

    def test_active_files_are_no_pages(self):
        files = {
            "page.html": ("text", "html"),
            "page.xhtml": ("application", "xhtml+xml"),
            "image.svg": ("image", "svg+xml"),
            "data.xml": ("text", "xml"),
            "app.hta": ("application", "hta"),
            "image.png": ("image", "svg+xml"),
            "unnamed.bin": ("application", "octet-stream"),
        }
        content = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>'
        for name, (main, sub) in files.items():
            with self.subTest(name):
                mail = self._new_mail(STRANGER)
                mail.add_attachment(content, main, sub, filename=name)
                case = self.env["crm.case"].browse(self._process(mail))
                (file,) = self._get_mails(case).attachment_ids
                self.assertEqual(file.raw, content, "the file itself is kept")
                self.assertNotRegex(file.mimetype, "ht|xml|svg|script")
