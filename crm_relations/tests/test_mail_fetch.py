import hashlib
from typing import NamedTuple

from odoo.tools import html2plaintext, mute_logger

from .mail_case_common import CORPUS, MailServerCommon

_YAMADA = '"山田太郎" <yamada@nippon.example>'
_JAPANESE = ("見積依頼：ポンプ一号の件", _YAMADA, "ポンプ一号機から異音がします。")


class Expected(NamedTuple):
    """What a mail of the corpus must become."""

    subject: str
    sender: str
    text: str
    priority: str = "1"
    watchers: str = ""
    files: tuple = ()  # (name, length) pairs


_CORPUS = {
    "attachments": Expected(
        "Leak at the flange, photo and delivery note",
        '"Walter Blake" <walter@customer.example>',
        "the flange leaks since the delivery",
        files=(("Bon de livraison n° 4711.pdf", 599), ("flange.png", 1479)),
    ),
    "cc_watchers": Expected(
        "Maintenance window in February",
        '"Jane Doe" <jane@customer.example>',
        "we can stop the line on 14 February",
        watchers='bob@customer.example, "Renée Åkerström" <renee@partner.example>, '
        "walter@customer.example",
    ),
    "empty_subject": Expected(
        "(no subject)",
        '"Jane Doe" <jane@customer.example>',
        "does not close any more",
    ),
    "forwarded": Expected(
        "Fwd: Noise in the gearbox",
        '"Walter Blake" <walter@customer.example>',
        "a grinding noise above 900 rpm",
    ),
    "forwarded_as_attachment": Expected(
        "Fwd: Noise in the gearbox",
        '"Walter Blake" <walter@customer.example>',
        "The night shift's mail is attached.",
        files=(("Noise in the gearbox.eml", None),),
    ),
    "html_only": Expected(
        "Invoice address is wrong",
        '"Bob Stone" <bob@customer.example>',
        "5 < 7 & 8 > 2 must stay readable",
    ),
    "iso2022jp": Expected(*_JAPANESE),
    "iso8859_15": Expected(
        "Facture de 1 250 € erronée",
        '"Hélène Lefèvre" <helene@customer.example>',
        "l'œuvre de Žižek commandée (cœur de pompe)",
    ),
    "multipart_alternative_outlook": Expected(
        "RFQ 2026-014: pumps and seals",
        '"DUBOIS, Claire" <claire.dubois@hydro.example>',
        "As discussed with Mr. O’Neill, we would like an offer",
    ),
    "no_body": Expected(
        "Please call me back at 0711 555 0101",
        '"Bob Stone" <bob@customer.example>',
        "",
    ),
    "no_message_id": Expected(
        "Device report 17", "scanner@customer.example", "Counter 104233."
    ),
    "plain_utf8": Expected(
        "The pump hums – 60 °C at the bearing",
        '"Zoë Müller" <zoe@customer.example>',
        "The serial number is P‑2044/Ω.",
    ),
    "priority_high": Expected(
        "Production stands still",
        '"Jane Doe" <jane@customer.example>',
        "Please call me at once.",
        priority="3",
    ),
    "priority_low": Expected(
        "A wish for next year",
        '"Bob Stone" <bob@customer.example>',
        "No hurry at all.",
        priority="0",
    ),
    "shift_jis_8bit": Expected(*_JAPANESE),
    "shift_jis_base64": Expected(*_JAPANESE),
    "shift_jis_raw_headers": Expected(*_JAPANESE),
}


class TestMailFetch(MailServerCommon):
    """Real mails, fetched from a real server by Odoo's scheduled action."""

    def _check_case(self, case, expected):
        self.assertEqual(case.name, expected.subject)
        self.assertEqual(case.email_from, expected.sender)
        self.assertIn(expected.text, html2plaintext(case.description))
        self.assertEqual(case.priority, expected.priority)
        self.assertEqual(case.email_cc or "", expected.watchers)
        first = case.message_ids[-1]
        self.assertIn(expected.text, html2plaintext(first.body))
        self.assertEqual(first.message_type, "email")
        attachments = first.attachment_ids
        self.assertEqual(
            sorted(attachments.mapped("name")), [name for name, _size in expected.files]
        )
        for attachment, (_name, size) in zip(
            attachments.sorted("name"), expected.files, strict=True
        ):
            self.assertIn(len(attachment.raw), (size or len(attachment.raw),))
        self.assertEqual(case.state, "draft")
        self.assertFalse(case.user_id)
        self.assertEqual(
            case.channel_id, self.env.ref("crm_relations.crm_case_channel_mail")
        )

    def _fetch_corpus(self, address, section, copied_to=None, **elsewhere):
        for name in _CORPUS:
            self.mail_server.deliver(address, self._read_corpus(name))
        cases = self._fetch()
        if copied_to:
            copies = cases.filtered(lambda case: case.section_id == copied_to)
            self.assertEqual(len(copies), 1)
            cases -= copies
        self.assertEqual(len(cases), len(_CORPUS))
        for case, (name, expected) in zip(cases, _CORPUS.items(), strict=True):
            with self.subTest(name):
                self.assertEqual(case.section_id, elsewhere.get(name, section))
                self.assertEqual(case.company_id, self.env.company)
                self._check_case(case, expected)

    # ------------------------------------------------------------
    # THE CORPUS
    # ------------------------------------------------------------

    def test_corpus_over_imap_into_the_section_of_the_alias(self):
        self._open_mailbox(self.env["crm.case.section"], "all@test.example")
        # one mail names Sales in its Cc, which gets a case of its own
        self._fetch_corpus("all@test.example", self.support1, copied_to=self.quality)
        for _raw, flags in self.mail_server.messages("all@test.example"):
            self.assertIn("\\Seen", flags)
        self.assertFalse(self._fetch(), "nothing is fetched twice")

    def test_corpus_over_pop3_into_the_section_of_the_mailbox(self):
        # without its alias the address in the mails is nobody's
        self.support1.alias_name = False
        mailbox = self._open_mailbox(self.support2, "box@else.example", "pop")
        self.assertEqual(mailbox.object_id.model, "crm.case")
        # one mail names Sales in its Cc, which is an alias still
        self._fetch_corpus("box@else.example", self.support2, cc_watchers=self.quality)
        self.assertFalse(self.mail_server.messages("box@else.example"))
        self.assertFalse(self._fetch(), "nothing is fetched twice")

    def test_the_corpus_is_covered(self):
        names = {path.stem for path in CORPUS.glob("*.eml")}
        # answers need something to answer: see below
        self.assertEqual(names - set(_CORPUS), {"reply_gmail", "reply_outlook"})

    def test_answers_of_two_mail_programs_find_their_case(self):
        self._open_mailbox(self.support1, "support@test.example")
        self.case.action_close()
        asked = self._public_message(self.case).message_id.strip("<>")
        for name in ("reply_gmail", "reply_outlook"):
            self.mail_server.deliver(
                "support@test.example", self._read_corpus(name, PLACEHOLDER=asked)
            )
        self.assertFalse(self._fetch())
        self.assertEqual(self.case.state, "open")
        self.assertEqual(self._get_states(), ["open", "done", "draft", "open"])
        self.assertEqual(len(self._get_mails(self.case)), 2)

    # ------------------------------------------------------------
    # WHERE MAIL GOES
    # ------------------------------------------------------------

    def test_alias_of_another_section_wins_over_the_mailbox(self):
        self._open_mailbox(self.support2, "box@else.example")
        mail = self._new_mail("x@y.example", to="Sales <sales@test.example>")
        self.mail_server.deliver("box@else.example", mail.as_bytes())
        self.assertEqual(self._fetch().section_id, self.quality)

    def test_mailbox_of_a_section_in_another_company(self):
        self._open_mailbox(self.foreign, "box@else.example")
        mail = self._new_mail("x@y.example", to="box@else.example")
        self.mail_server.deliver("box@else.example", mail.as_bytes())
        case = self._fetch()
        self.assertEqual(case.section_id, self.foreign)
        self.assertEqual(case.company_id, self.company_2)

    def test_contact_and_assignment(self):
        self.support1.assignment = "least_loaded"
        self._open_mailbox(self.support1, "box@else.example")
        mail = self._new_mail("Jane <jane@acme.example>", to="box@else.example")
        self.mail_server.deliver("box@else.example", mail.as_bytes())
        case = self._fetch()
        self.assertEqual(case.partner_id, self.jane)
        self.assertEqual(case.user_id, self.colleague)

    def test_files_arrive_byte_for_byte(self):
        self._open_mailbox(self.support1, "box@else.example", "pop")
        content = bytes(range(256)) * 400
        mail = self._new_mail(
            "x@y.example", to="box@else.example", files={"ビット.bin": content}
        )
        self.mail_server.deliver("box@else.example", mail.as_bytes())
        attachment = self._fetch().message_ids[-1].attachment_ids
        self.assertEqual(attachment.name, "ビット.bin")
        self.assertEqual(
            hashlib.sha256(attachment.raw).digest(), hashlib.sha256(content).digest()
        )

    def test_same_mail_in_two_mailboxes_makes_one_case(self):
        mail = self._new_mail("x@y.example", to="box@else.example").as_bytes()
        for address in ("box@else.example", "copy@else.example"):
            self._open_mailbox(self.support1, address)
            self.mail_server.deliver(address, mail)
        self.assertEqual(len(self._fetch()), 1)

    # ------------------------------------------------------------
    # TROUBLE
    # ------------------------------------------------------------

    @mute_logger("odoo.addons.mail.models.fetchmail")
    def test_bad_mail_does_not_block_the_next(self):
        self._open_mailbox(self.support1, "box@else.example")
        for raw in (
            b"",
            b"no header at all",
            b"From: a@b.example\r\nContent-Type: multipart/mixed\r\n\r\nnot really",
            b"Subject: \xff\xfe\r\nFrom: <\xff@\xff>\r\n\r\n\xff",
            self._read_corpus("plain_utf8"),
        ):
            self.mail_server.deliver("box@else.example", raw)
        names = self._fetch().mapped("name")
        self.assertIn("The pump hums – 60 °C at the bearing", names)
        self.assertFalse(self._fetch())

    def test_mailbox_that_loses_its_section_keeps_serving(self):
        section = self._new_section("Short lived", False)
        mailbox = self._open_mailbox(section, "box@else.example")
        section.unlink()
        self.assertFalse(mailbox.section_id)
        mail = self._new_mail("x@y.example", to="box@else.example")
        self.mail_server.deliver("box@else.example", mail.as_bytes())
        self.assertEqual(
            self._fetch().section_id,
            self.env["crm.case.section"]._get_default_section(),
        )

    def test_mailbox_without_section_keeps_its_own_model(self):
        model = self.env["ir.model"]._get("res.partner")
        mailbox = self._open_mailbox(
            self.env["crm.case.section"], "box@else.example", object_id=model.id
        )
        self.assertEqual(mailbox.object_id, model)
        mailbox.section_id = self.support1
        self.assertEqual(mailbox.object_id.model, "crm.case")
