"""Which case a mail finds, one row for each way it shows one."""

from datetime import timedelta
from typing import NamedTuple

from odoo import fields
from odoo.addons.mail.tests.common import freeze_all_time

from .mail_case_common import (
    BOB,
    JANE,
    QUALITY,
    STRANGER,
    SUPPORT,
    SUPPORT2,
    WATCHER,
    MailCaseCommon,
)

AGENT = "Agent <agent@test.mycompany.com>"
SAME, NEW, LINKED = "the case", "a new case", "a new case that follows it"
FAILED = {"Authentication-Results": "mx.mycompany.com; dmarc=fail"}


class Shown(NamedTuple):
    """A mail, with {id}, {token}, {note}, {number} and {key} filled in."""

    expected: str
    sender: str = JANE
    subject: str = "Something"
    headers: dict = {}
    to: str = SUPPORT
    text: str = "Please call me."
    html: str = ""


BY_ID = {
    "In-Reply-To": Shown(SAME, headers={"In-Reply-To": "{id}"}),
    "References": Shown(SAME, headers={"References": "{id}"}),
    "without brackets": Shown(SAME, headers={"In-Reply-To": "{bare}"}),
    "with a comment": Shown(SAME, headers={"In-Reply-To": "{id} (your mail)"}),
    "within a sentence": Shown(
        SAME, headers={"In-Reply-To": "Message of Monday from us {id}"}
    ),
    "first of many": Shown(
        SAME,
        headers={
            "References": "{id} " + " ".join(f"<{n}@x.example>" for n in range(90))
        },
    ),
    "last of many": Shown(
        SAME,
        headers={
            "References": " ".join(f"<{n}@x.example>" for n in range(90)) + " {id}"
        },
    ),
    "folded": Shown(SAME, headers={"References": "<a@x.example>\r\n\t{id}"}),
    "separated by commas": Shown(SAME, headers={"References": "<a@x.example>,{id}"}),
    "at another section's address": Shown(
        SAME, headers={"In-Reply-To": "{id}"}, to=QUALITY
    ),
    "to nobody we know": Shown(
        SAME, headers={"In-Reply-To": "{id}"}, to="x@elsewhere.example"
    ),
    "from a stranger": Shown(SAME, STRANGER, headers={"In-Reply-To": "{id}"}),
    "with another subject": Shown(SAME, headers={"In-Reply-To": "{id}"}, subject="Hi"),
    "with another case's number": Shown(
        SAME, subject="[{other}] Hi", headers={"In-Reply-To": "{id}"}
    ),
    "unknown": Shown(NEW, headers={"In-Reply-To": "<x@y.example>"}),
    "cut short": Shown(NEW, headers={"In-Reply-To": "{cut}"}),
    "nothing": Shown(NEW),
}
BY_TOKEN = {
    "id rewritten by a relay, references kept": Shown(
        SAME, headers={"References": "<{token}@else.example>"}
    ),
    "id wrapped by a relay": Shown(
        SAME, headers={"In-Reply-To": "<0100018-{token}.1@relay.example>"}
    ),
    "in upper case": Shown(SAME, headers={"References": "<{TOKEN}@ELSE.EXAMPLE>"}),
    "in the address": Shown(SAME, to="support+{token}@test.mycompany.com"),
    "in the address, named": Shown(SAME, to="Us <SUPPORT+{token}@test.mycompany.com>"),
    "only in Delivered-To": Shown(
        SAME, headers={"Delivered-To": "support+{token}@test.mycompany.com"}
    ),
    "in the quoted text": Shown(SAME, text="Yes.\n\n> Hello\n> Reference: {token}\n"),
    "in the quoted HTML": Shown(
        SAME, html="<p>Yes</p><blockquote>Reference: {token}</blockquote>"
    ),
    "in the HTML, of a stranger": Shown(
        SAME, STRANGER, html="<p>Yes</p><blockquote>Reference: {token}</blockquote>"
    ),
    "of notes": Shown(SAME, AGENT, headers={"References": "<{note}@else.example>"}),
    "forged": Shown(NEW, text="Reference: {forged}"),
    "of another case with this key": Shown(NEW, text="Reference: {swapped}"),
    "of notes with the public key": Shown(NEW, text="Reference: n{id_}.{key}"),
    "cut short, in the text": Shown(NEW, text="Reference: {half}"),
    "with a digit more": Shown(NEW, text="Reference: {token}x"),
}
BY_NUMBER = {
    "customer": Shown(SAME, subject="Re: [{number}] Printer"),
    "customer, with hash": Shown(SAME, subject="Re: [#{number}] Printer"),
    "customer, within spaces": Shown(SAME, subject="Re: [ {number} ] Printer"),
    "customer, second mark": Shown(SAME, subject="[list] Re: [{number}] Printer"),
    "customer, encoded": Shown(SAME, subject="AW: [{number}] Drucker läuft"),
    "colleague of the customer": Shown(SAME, BOB, subject="[{number}]"),
    "the company itself": Shown(SAME, "info@acme.example", subject="[{number}]"),
    "watcher": Shown(SAME, WATCHER, subject="[{number}]"),
    "follower": Shown(SAME, "walter@alone.example", subject="[{number}]"),
    "one of us": Shown(SAME, AGENT, subject="[{number}]"),
    "stranger": Shown(LINKED, STRANGER, subject="[{number}]"),
    "stranger who calls himself Jane": Shown(
        LINKED, "Jane <sam@nowhere.example>", subject="[{number}]"
    ),
    "stranger with her address as name": Shown(
        LINKED, '"jane@acme.example" <sam@nowhere.example>', subject="[{number}]"
    ),
    "stranger with her address in brackets": Shown(
        LINKED, '"<jane@acme.example>" <sam@nowhere.example>', subject="[{number}]"
    ),
    "stranger who answers to her": Shown(
        LINKED, STRANGER, "[{number}]", {"Reply-To": JANE, "Sender": JANE}
    ),
    "stranger of the same domain": Shown(
        LINKED, "eve@acme.example", subject="[{number}]"
    ),
    "subdomain": Shown(LINKED, "jane@mail.acme.example", subject="[{number}]"),
    "plus address": Shown(LINKED, "jane+x@acme.example", subject="[{number}]"),
    "her address, which the server found forged": Shown(
        LINKED, JANE, "[{number}]", FAILED
    ),
    "nobody": Shown(LINKED, "", subject="[{number}]"),
    "no such case": Shown(NEW, subject="[99999999]"),
    "no brackets": Shown(NEW, subject="Re: {number} Printer"),
    "words in brackets": Shown(NEW, subject="[urgent thing] Printer"),
    "number in the text only": Shown(NEW, text="[{number}]"),
}


class TestMailRoute(MailCaseCommon):
    """A mail finds its case by id, by token, by number, in this order."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls._new_case("Another", cls.quality)
        cls.case.message_subscribe(partner_ids=cls.walter.ids)
        cls.message = cls.case.message_post(
            body="How can we help?", subtype_xmlid="mail.mt_comment"
        )
        cls.env["ir.config_parameter"].set_param(
            "crm_relations.mail_authserv_id", "mx.mycompany.com"
        )

    def _fill(self, text):
        token = self.case._get_mail_token()
        kind, key = token.split(".")
        names = {
            "id": self.message.message_id,
            "bare": self.message.message_id.strip("<>"),
            "cut": self.message.message_id.strip("<>")[30:],
            "token": token,
            "TOKEN": token.upper(),
            "note": self.case._get_mail_token(is_note=True),
            "forged": f"{kind}.{key[::-1]}",
            "swapped": f"c{self.other.id}.{key}",
            "half": token[:-3],
            "id_": self.case.id,
            "key": key,
            "number": self.case.number,
            "other": self.other.number,
        }
        for name, value in names.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def _check(self, shown):
        parts = {"html": self._fill(shown.html)} if shown.html else {}
        fill = {name: self._fill(value) for name, value in shown.headers.items()}
        folded = {name: value.replace("\r\n\t", " ") for name, value in fill.items()}
        found = self._receive(
            shown.sender,
            self._fill(shown.to),
            self._fill(shown.subject),
            text=self._fill(shown.text),
            headers=folded,
            **parts,
        )
        self.assertEqual(len(found), 1)
        if shown.expected == SAME:
            self.assertEqual(found, self.case)
        else:
            self.assertNotEqual(found, self.case)
            self.assertFalse(found.message_ids.parent_id)
            expected = self.case if shown.expected == LINKED else self.case.browse()
            self.assertEqual(found.origin_id, expected)

    def _check_table(self, table):
        for trap, shown in table.items():
            with self.subTest(trap), self.env.cr.savepoint() as savepoint:
                self._check(shown)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_by_message_id(self):
        self._check_table(BY_ID)

    def test_by_token(self):
        self._check_table(BY_TOKEN)

    def test_by_number(self):
        self._check_table(BY_NUMBER)

    # ------------------------------------------------------------
    # OUTGOING
    # ------------------------------------------------------------

    def test_every_mail_of_ours_carries_the_token_thrice(self):
        token = self.case._get_mail_token()
        with self.mock_mail_gateway():
            self.case.message_post(
                body="Hello", partner_ids=self.jane.ids, subtype_xmlid="mail.mt_comment"
            )
            self.flush_tracking()
        sent = next(mail for mail in self._mails if "jane" in str(mail["email_to"]))
        self.assertIn(f"<{token}.", sent["message_id"])
        self.assertIn(f"<{token}@", sent["references"])
        self.assertIn(f"Reference: {token}", sent["body"])
        self.assertEqual(sent["headers"]["X-CRM-Relations"], self.case._get_loop_mark())

    def test_notes_carry_the_token_of_notes(self):
        note = self.case._get_mail_token(is_note=True)
        with self.mock_mail_gateway():
            message = self.case.message_post(
                body="Psst",
                partner_ids=self.agent.partner_id.ids,
                subtype_xmlid="mail.mt_note",
            )
            self.flush_tracking()
        self.assertIn(note, message.message_id)
        self.assertTrue(self._mails)
        for sent in self._mails:
            self.assertIn(note, sent["body"])
            self.assertNotIn(self.case._get_mail_token(), sent["body"])

    def test_public_mail_names_no_notes(self):
        note = self.case.message_post(body="Psst", subtype_xmlid="mail.mt_note")
        with self.mock_mail_gateway():
            self.case.message_post(
                body="Hello", partner_ids=self.jane.ids, subtype_xmlid="mail.mt_comment"
            )
            self.flush_tracking()
        for sent in self._mails:
            self.assertNotIn(note.message_id, sent["references"])
            self.assertIn(self.message.message_id, sent["references"])

    def test_announcements_say_that_no_person_wrote_them(self):
        with self.mock_mail_gateway():
            self.case.with_user(self.senior).user_id = self.colleague
            self.flush_tracking()
        self.assertTrue(self._mails)
        for sent in self._mails:
            self.assertEqual(sent["headers"]["Auto-Submitted"], "auto-generated")

    def test_answer_to_a_note_without_ids_stays_a_note(self):
        self.message.unlink()
        with self._sends_to():
            found = self._receive(
                AGENT, text=f"Fine.\n> Reference: {self.case._get_mail_token(True)}"
            )
        self.assertEqual(found, self.case)
        self.assertTrue(self._get_mails(found)[0].subtype_id.internal)

    def test_tagged_reply_address_where_the_section_wants_it(self):
        self.support1.use_tagged_reply = True
        message = self.case.message_post(body="x", subtype_xmlid="mail.mt_comment")
        token = self.case._get_mail_token()
        self.assertIn(f"support+{token}@test.mycompany.com", message.reply_to)
        self.assertEqual(self._receive(JANE, to=message.reply_to), self.case)

    def test_customer_who_answers_the_relayed_mail_of_another(self):
        # its Message-ID is the customer's own: the references show the token
        with self.mock_mail_gateway():
            self._reply(JANE)
            self.flush_tracking()
        token = self.case._get_mail_token()
        for sent in self._mails:
            self.assertIn(token, sent["references"])

    # ------------------------------------------------------------
    # SEVERAL SECTIONS
    # ------------------------------------------------------------

    def _receive_at_both(self, sender=STRANGER, **parts):
        mail = self._new_mail(sender, to=f"{SUPPORT}, {QUALITY}", **parts)
        self._process(mail)
        row = self.env["crm.mail.intake"].search([], limit=1)
        cases = row.case_ids.sorted("id")
        return mail["Message-ID"], cases

    def test_answers_to_all_breed_no_cases(self):
        message_id, cases = self._receive_at_both()
        self.assertEqual(cases.section_id, self.support1 | self.quality)
        for _round in range(3):
            message_id, again = self._receive_at_both(
                answers=message_id, headers={"References": message_id}
            )
            self.assertEqual(again, cases)

    def test_answer_at_one_address_reaches_the_case_there(self):
        message_id, cases = self._receive_at_both()
        for address, section in ((SUPPORT, self.support1), (QUALITY, self.quality)):
            with self.subTest(address):
                found = self._receive(STRANGER, to=address, answers=message_id)
                self.assertEqual(found.section_id, section)
                self.assertIn(found, cases)

    def test_answer_to_one_sections_words_reaches_both_when_sent_to_both(self):
        message_id, cases = self._receive_at_both()
        ours = cases[0].message_post(body="Hello", subtype_xmlid="mail.mt_comment")
        _id, found = self._receive_at_both(
            answers=ours.message_id,
            headers={"References": f"{message_id} {ours.message_id}"},
        )
        self.assertEqual(found, cases)

    def test_case_that_moved_on_is_found_at_its_old_address(self):
        message_id, cases = self._receive_at_both()
        mine = cases.filtered(lambda case: case.section_id == self.support1)
        mine.section_id = self.support2
        found = self._receive(STRANGER, to=SUPPORT, answers=message_id)
        self.assertEqual(found, mine)

    def test_same_mail_in_two_mailboxes(self):
        boxes = [
            self._new_mailbox(section, f"box{section.id}@shop.example")
            for section in (self.support1, self.quality)
        ]
        mail = self._new_mail(STRANGER, to="both@shop.example")
        Intake = self.env["crm.mail.intake"]
        rows = Intake.browse()
        for box in boxes:
            row = Intake._store([("key", mail.as_bytes())], box, box.section_id)
            row.state = "working"
            row._enter_by_itself()
            rows |= row
        self.assertEqual(rows.case_ids.section_id, self.support1 | self.quality)
        # only the ledger knows that the second one entered under another id
        found = self._receive(STRANGER, to=QUALITY, answers=mail["Message-ID"])
        self.assertEqual(found.section_id, self.quality)
        self.assertIn(found, rows.case_ids)

    # ------------------------------------------------------------
    # OVER
    # ------------------------------------------------------------

    def _answer_after(self, days, sender=JANE, headers=None):
        self.env.flush_all()  # what was closed, was closed today
        with freeze_all_time(fields.Datetime.now() + timedelta(days=days)):
            headers = {"In-Reply-To": self.message.message_id, **(headers or {})}
            return self._receive(sender, headers=headers)

    def test_answer_to_a_case_closed_long_ago_opens_one_that_follows(self):
        self.case.action_close()
        found = self._answer_after(91)
        self.assertEqual(found.origin_id, self.case)
        self.assertEqual(found.section_id, self.support1)
        self.assertEqual(found.partner_id, self.jane)
        self.assertEqual(self.case.state, "done")
        self.assertEqual(self.case.follow_up_ids, found)
        self.assertEqual(self.case.follow_up_count, 1)

    def test_follower_does_not_bear_the_old_number(self):
        self.case.action_close()
        subject = f"Re: [{self.case.number}] Printer on fire"
        headers = {"In-Reply-To": self.message.message_id}
        self.env.flush_all()
        with freeze_all_time(fields.Datetime.now() + timedelta(days=91)):
            late = self._receive(JANE, subject=subject, headers=headers)
        named = self._receive(STRANGER, subject=subject)
        for case in late | named:
            self.assertEqual(case.origin_id, self.case)
            self.assertEqual(case.name, "Re: Printer on fire")
        # of two numbers, the first one counts
        both = f"[{late.number}] Re: [{self.case.number}] Printer on fire"
        self.assertEqual(self._receive(JANE, subject=both), late)

    def test_second_late_answer_joins_what_the_first_began(self):
        self.case.action_close()
        first = self._answer_after(91)
        self.assertEqual(self._answer_after(92), first)
        self.assertNotEqual(self._answer_after(92, sender=BOB), first)
        first.action_close()
        self.assertNotEqual(self._answer_after(92), first)

    def test_how_long_ago_is_a_setting(self):
        self.case.action_cancel()
        settings = self.env["ir.config_parameter"]
        settings.set_param("crm_relations.mail_reopen_days", 7)
        self.assertEqual(self._answer_after(6), self.case)
        self.case.action_close()
        self.assertEqual(self._answer_after(15).origin_id, self.case)

    def test_answer_to_a_case_that_is_open_for_long_stays(self):
        self.assertEqual(self._answer_after(1000), self.case)

    def test_answer_to_a_case_merged_long_ago_opens_one_that_follows(self):
        target = self._new_case("Target", partner_id=self.jane.id, state="open")
        first = self._receive(JANE, subject="First")
        mail_id = self._get_mails(first)[0].message_id
        first.action_merge(target)
        self.env.flush_all()
        with freeze_all_time(fields.Datetime.now() + timedelta(days=30)):
            self.assertEqual(self._receive(JANE, answers=mail_id), target)
        with freeze_all_time(fields.Datetime.now() + timedelta(days=91)):
            found = self._receive(JANE, answers=mail_id)
        self.assertNotEqual(found, target)
        self.assertEqual(found.origin_id, target)

    def test_program_and_colleague_open_nothing_with_late_answers(self):
        self.case.action_close()
        away = {"Auto-Submitted": "auto-replied"}
        self.assertEqual(self._answer_after(200, headers=away), self.case)
        self.assertEqual(self._answer_after(200, sender=AGENT), self.case)
        self.assertEqual(self.case.state, "done")

    # ------------------------------------------------------------
    # FORWARDED
    # ------------------------------------------------------------

    FORWARD = (
        "Please look.\n\n---------- Forwarded message ---------\n"
        "From: {who}\nDate: Mon, 2 Mar 2026 at 10:00\n"
        "Subject: Printer smokes\nTo: Agent <agent@test.mycompany.com>\n\nIt burns.\n"
    )

    def _forward(self, who=STRANGER, sender=AGENT, **parts):
        return self._receive(
            sender,
            subject="Fwd: Printer smokes",
            text=self.FORWARD.format(who=who),
            **parts,
        )

    def test_forwarded_mail_is_the_customers(self):
        for who, partner in ((STRANGER, self.jane.browse()), (JANE, self.jane)):
            with self.subTest(who):
                found = self._forward(who)
                self.assertEqual(found.email_normalized, who.split("<")[1][:-1])
                self.assertEqual(found.partner_id, partner)
                self.assertEqual(found.name, "Printer smokes")
                self.assertEqual(found.contact_name, who.split(" <")[0])
                author = self._get_mails(found)[0].author_id
                self.assertEqual(author, self.agent.partner_id)

    def test_what_is_forwarded_and_stays_the_senders(self):
        for trap, found, address in (
            ("by a customer", self._forward(sender=JANE), "jane@acme.example"),
            ("of a colleague", self._forward(AGENT), "agent@test.mycompany.com"),
            ("of ourselves", self._forward(SUPPORT), "agent@test.mycompany.com"),
            (
                "in a colleague's name, forged",
                self._forward(headers=FAILED),
                "agent@test.mycompany.com",
            ),
        ):
            with self.subTest(trap):
                self.assertEqual(found.email_normalized, address)

    def test_parent_section_of_the_section_addressed(self):
        # a case that was escalated before the answer came
        self.case.action_escalate()
        found = self._receive(JANE, to=SUPPORT2, answers=self.message)
        self.assertEqual(found, self.case)
