import random
import time
from email import message_from_bytes
from email.policy import SMTP

from odoo.tests import BaseCase, tagged

from ..tools.mail_command import read_block, read_commands, strip_commands
from ..tools.mail_visible_text import VisibleText
from .mail_case_common import QUALITY, SUPPORT
from .mail_command_common import AGENT, DOMAIN, PASSED, MailCommandCommon


class TestMailCommandText(MailCommandCommon):
    """What becomes of a mail that holds commands, and who is told what."""

    # ------------------------------------------------------------
    # TEXT
    # ------------------------------------------------------------

    def test_lines_are_taken_out_of_the_text_and_customers_get_the_rest(self):
        with self._sends_to("jane@acme.example", "wanda@watch.example"):
            self._order("\n\nSet-State: pending\nSet-Priority: 3\n\nHello Jane")
        mail = self._get_mails(self.case)[0]
        self.assertIn("Hello Jane", mail.body)
        self.assertNotIn("Set-", mail.body)
        for sent in self._mails:
            self.assertNotIn("Set-", str(sent))

    def test_lines_are_taken_out_of_html(self):
        html = (
            '<div dir="ltr"><div>Set-State: pending</div><div>Set-Priority: 3<br></div>'
            "<div><br></div><div>Hello <b>Jane</b></div></div>"
        )
        self._order("Set-State: pending\nSet-Priority: 3\n\nHello *Jane*", html=html)
        self.assertEqual((self.case.state, self.case.priority), ("pending", "3"))
        body = self._get_mails(self.case)[0].body
        self.assertNotIn("Set-", body)
        self.assertIn("<b>Jane</b>", body)

    def test_html_only_mail_of_outlook(self):
        mail = self._new_mail(
            AGENT,
            subject="Re: x",
            answers=self._public_message(self.case),
            headers={"Authentication-Results": PASSED},
        )
        mail.set_content(
            "<html><head><style><!-- p.MsoNormal {margin:0cm; font-size:11.0pt} -->"
            '</style></head><body lang="EN-GB"><div class="WordSection1">'
            '<p class="MsoNormal"><span style="font-size:11.0pt;color:#1F497D">'
            'Set-State:&nbsp;pending<o:p></o:p></span></p><p class="MsoNormal">'
            "Set-Priority: 3<o:p></o:p></p><p class='MsoNormal'>Hello Jane</p></div>"
            "</body></html>",
            subtype="html",
        )
        self._process(mail)
        self.assertEqual((self.case.state, self.case.priority), ("pending", "3"))
        self.assertNotIn("Set-", self._get_mails(self.case)[0].body)

    def test_mail_of_commands_only_tells_no_customer(self):
        quote = "On Mon, 2 Mar 2026, Jane <jane@acme.example> wrote:\n> Help\n"
        for rest in (
            "",
            "\n-- \nAgent\nACME",
            f"\n{quote}",
            f"\n-- \nAgent\n\n{quote}",
        ):
            with self.subTest(rest=rest):
                self.case.write({"state": "open", "priority": "1"})
                with self._sends_to():
                    self._order(f"Set-Priority: 3\n{rest}")
                self.assertEqual(self.case.priority, "3")
                self.assertTrue(self._get_mails(self.case)[0].is_internal)

    def test_short_answers_are_no_mail_of_commands_only(self):
        quote = "On Mon, 2 Mar 2026, Jane <jane@acme.example> wrote:\n> Help\n"
        for rest in ("Done.", f"Yes\n\n{quote}", f"{quote}No.\n", "See below:\n> Help"):
            with self.subTest(rest=rest):
                self._order(f"Set-Priority: 3\n\n{rest}")
                self.assertFalse(self._get_mails(self.case)[0].is_internal)

    def test_command_wins_over_the_section_s_habit(self):
        self.support1.staff_reply_state = "done"
        self._order("Set-State: pending\n\nHello Jane")
        self.assertEqual(self.case.state, "pending")

    def test_new_case(self):
        case = self._order(
            "Set-Partner: jane@acme.example\nSet-Priority: 2\nSet-User: me\n\nHello.",
            answers=None,
            subject="Call of Jane",
        )
        self.assertNotEqual(case, self.case)
        self.assertEqual(case.partner_id, self.jane)
        self.assertEqual((case.priority, case.user_id), ("2", self.agent))
        self.assertNotIn(
            "Set-", f"{case.description} {case.message_ids.mapped('body')[-1]}"
        )
        self._assert_told("Commands obeyed")

    def test_new_cases_in_two_sections(self):
        boss = f"Boss <boss@{DOMAIN}>"
        self._order(
            "Set-Priority: 3", sender=boss, answers=None, to=f"{SUPPORT}, {QUALITY}"
        )
        cases = self._new_cases()
        self.assertEqual(cases.section_id, self.support1 | self.quality)
        self.assertEqual(cases.mapped("priority"), ["3", "3"])

    # ------------------------------------------------------------
    # OUTCOME
    # ------------------------------------------------------------

    def test_outcome_is_told_to_the_user_only_and_noted(self):
        with self._sends_to("jane@acme.example", "wanda@watch.example"):
            self._order("Set-State: pending\n\nHello")
        self.assertEqual(len(self._get_outcomes()), 1)
        mail = self._get_outcomes()
        self.assertIn("'Auto-Submitted': 'auto-replied'", mail.headers)
        self.assertIn("'X-Auto-Response-Suppress': 'All'", mail.headers)
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertIn(row.message_id, mail.headers)
        self.assertEqual(mail.references, row.message_id)
        self.assertEqual(mail.email_from, SUPPORT)
        self.assertFalse(mail.model)
        self.assertIn("Set-State: pending", self._get_notes()[0])

    def test_outcome_that_comes_back_makes_nothing(self):
        self._order("Set-State: pending\n\nHello")
        outcome = self._get_outcomes()
        before = self._get_values()
        self._receive(
            SUPPORT,
            subject=outcome.subject,
            text="Set-State: done",
            answers=outcome.references,
            headers={
                "Auto-Submitted": "auto-replied",
                "Authentication-Results": PASSED,
            },
        )
        self.assertEqual(self._get_values(), before)
        self.assertEqual(self._get_outcomes(), outcome)


# of which mails are put together at random
_PIECES = (
    *(
        "Set-State: open",
        "Set-User: me",
        "text",
        "> quoted",
        "-- ",
        "On 2 May, J wrote:",
    ),
    *("<br>", "<br/>", "<div>", "</div>", "<p style='display:none'>", "</p>", "<td>"),
    *("<blockquote>", "</blockquote>", "<pre>", "</pre>", "<b>", "</b>", "<img src=x>"),
    *("<!--", "-->", "<style>", ".x{", "}", "</style>", "</body>", "</html>"),
    *("\n", "\0", "\u202e", "&nbsp;", "<", "&"),
)
# each slow for a reader who goes back and forth, or in memory
_SLOW = (
    *("<" * 80_000, "<div>" * 50_000, "<br>" * 100_000, "Set-State: x<br>" * 20_000),
    *("<style>" + "a{" * 100_000, "<b><i>" * 30_000, "<!--" * 100_000),
    *('<p style="' + "font:" * 100_000 + '">', "<p " + "a=1 " * 100_000 + ">"),
)


@tagged("post_install", "-at_install", "crm_relations")
class TestMailCommandRandom(BaseCase):
    """Any text: read without error or delay, and nothing lost but the commands."""

    def _read(self, kind, text):
        raw = f"Content-Type: text/{kind}; charset=utf-8\n\n{text}".encode()
        return read_commands(message_from_bytes(raw, policy=SMTP)).lines

    def test_only_the_commands_are_taken_out(self):
        seed = random.randrange(10**6)
        chance, found = random.Random(seed), 0
        for number in range(3000):
            text = "".join(chance.choices(_PIECES, k=chance.randint(1, 14)))
            self._read("plain", text)
            lines = self._read("html", text)
            if not lines:
                continue
            found += 1
            with self.subTest(seed=seed, number=number, text=text):
                left, _is_all = strip_commands(text, lines)
                self.assertEqual(
                    self._get_lines(left), self._get_lines(text)[len(lines) :]
                )
        self.assertGreater(found, 50, "hardly anything was tried")

    def _get_lines(self, text):
        return [line.text for line in VisibleText(text).lines if line.text]

    def test_no_text_takes_long(self):
        lines = read_block(["Set-State: x"])
        for text in _SLOW:
            with self.subTest(text=text[:20]):
                begin = time.monotonic()
                self._read("html", f"{text} set-")
                self._read("plain", f"set- {text}")
                strip_commands(text, lines)
                self.assertLess(time.monotonic() - begin, 2.0)
