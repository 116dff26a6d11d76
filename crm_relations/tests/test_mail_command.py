from datetime import datetime
from unittest.mock import patch

from freezegun import freeze_time
from odoo import Command
from odoo.tools import mute_logger

from .mail_case_common import JANE, QUALITY, SUPPORT, WATCHER
from .mail_command_common import AGENT, DOMAIN, PASSED, MailCommandCommon

# line, field, value expected: as the agent, whose language is English
ORDERS = (
    ("Set-State: pending", "state", "pending"),
    ("set-state: CLOSED", "state", "done"),
    ("SET-STATE:cancel", "state", "cancel"),
    ("Set-Priority: 3", "priority", "3"),
    ("Set-Priority: high", "priority", "2"),
    ("Set-Cost: 1,234.50", "planned_cost", 1234.5),
    ("Set-Revenue: $ 99", "planned_revenue", 99.0),
    ("Set-Probability: 40%", "probability", 40.0),
    ("Set-Deadline: 2026-11-30 14:00", "date_deadline", datetime(2026, 11, 30, 14)),
    ("Set-Deadline: 11/30/2026", "date_deadline", datetime(2026, 11, 30, 23, 59, 59)),
    ("Set-Deadline: +3d", "date_deadline", datetime(2026, 3, 5, 10)),
)
# line, words of the answer
ERRORS = (
    ("Set-State: finished", "done (Closed)"),
    ("Set-State: draft", "cannot become Draft"),
    ("Set-Priority: 7", "3 (Urgent)"),
    ("Set-User: nobody", "colleague"),
    ("Set-User: portal", "is not understood"),
    ("Set-Section: Nowhere", "Support 2 / Support 1"),
    ("Set-Category: Returns", "Fault"),
    ("Set-Deadline: soon", "2026-03-02"),
    ("Set-Deadline: 9999-12-31", "+3d"),
    ("Set-Cost: 1.234,50", "1,234.50"),
    ("Set-Cost: 1e400", "is not understood"),
    ("Set-Revenue: much", "a number such as"),
    ("Set-Probability: 101", "from 0 to 100"),
    ("Set-Probability: -1", "from 0 to 100"),
    ("Set-Partner: nobody@nowhere.example", "exact name of a partner"),
    ("Set-Partner: %", "is not understood"),
    ("Set-Watcher: somebody", "an address"),
    ("Set-Colour: red", "Set-Watcher"),
    ("Set-State:", "value is missing"),
    ("Set-Priority: 3\nSet-Priority: 2", "given twice"),
)


class TestMailCommand(MailCommandCommon):
    """Commands of a colleague whom the receiving server has verified."""

    # ------------------------------------------------------------
    # EACH COMMAND
    # ------------------------------------------------------------

    def test_each_command_with_plain_values(self):
        for line, field, value in ORDERS:
            with self.subTest(line=line), freeze_time("2026-03-02 10:00:00"):
                self.case.write({"state": "open"})
                before = self._get_values()
                self._order(f"{line}\n\nHello Jane")
                self.assertEqual(self.case[field], value)
                changed = {
                    name
                    for name, now in self._get_values().items()
                    if now != before[name]
                }
                self.assertLessEqual(changed, {field}, "more than asked for")
                self._assert_told("Commands obeyed", line[:9])
                # back through the states' table
                if self.case.state in ("done", "cancel"):
                    self.case.action_draft()

    def test_each_wrong_line_is_named_with_what_is_allowed(self):
        for text, words in ERRORS:
            with self.subTest(line=text), freeze_time("2026-03-02 10:00:00"):
                before = self._get_values()
                self._order(f"{text}\n\nHello Jane")
                self.assertEqual(self._get_values(), before)
                self._assert_told("none was obeyed", text.splitlines()[0], words)
                self.assertIn(words, self._get_notes()[0])

    def test_user_by_login_address_and_name(self):
        for value in ("colleague", f"colleague@{DOMAIN}", "COLLEAGUE", "me"):
            with self.subTest(value=value):
                self.case.user_id = self.agent
                self._order(f"Set-User: {value}")
                expected = self.agent if value == "me" else self.colleague
                self.assertEqual(self.case.user_id, expected)

    def test_user_of_another_company_is_not_allowed(self):
        self._order("Set-User: foreigner")
        self.assertEqual(self.case.user_id, self.agent)
        self._assert_told("is not understood")

    def test_two_users_of_one_name_are_both_named(self):
        self._new_user("twin1", "user").name = "Twin"
        self._new_user("twin2", "user").name = "Twin"
        self._order("Set-User: Twin")
        self.assertEqual(self.case.user_id, self.agent)
        self._assert_told("means several")

    def test_section_by_path_code_and_name(self):
        self.quality.code = "QA"
        senior = f"Expert <expert@{DOMAIN}>"
        for value in ("Quality", "qa", "Support 2/support 1", "Support 1"):
            with self.subTest(value=value):
                section = self.quality if value[0] in "Qq" else self.support1
                self.case.write({"section_id": self.support2.id})
                self._order(f"Set-Section: {value}", sender=senior)
                self.assertEqual(self.case.section_id, section)

    def test_category_belongs_to_the_new_section(self):
        boss = f"Boss <boss@{DOMAIN}>"
        self._order("Set-Category: returns\nSet-Section: Quality", sender=boss)
        self.assertEqual(self.case.section_id, self.quality)
        self.assertEqual(self.case.category_id, self.other)

    def test_partner_by_address_and_exact_name(self):
        for value in ("Walter <walter@alone.example>", "Walter"):
            with self.subTest(value=value):
                self.case.partner_id = self.jane
                self._order(f"Set-Partner: {value}")
                self.assertEqual(self.case.partner_id, self.walter)

    def test_two_partners_of_one_name_are_refused(self):
        self.walter.copy({"name": "Walter"})
        self._order("Set-Partner: Walter")
        self.assertEqual(self.case.partner_id, self.jane)
        self._assert_told("means several")

    def test_watcher_is_added_once(self):
        line = "Set-Watcher: Max <MAX@watch.example>"
        self._order(f"{line}\nSet-Watcher: wanda@watch.example")
        self._order(line)
        watchers = self.case.email_cc
        self.assertEqual(watchers.lower().count("max@watch.example"), 1)
        self.assertEqual(watchers.count("wanda@watch.example"), 1)

    def test_our_own_address_does_not_become_a_watcher(self):
        self._order(f"Set-Watcher: {SUPPORT}")
        self.assertNotIn(SUPPORT, self.case.email_cc)

    def test_dash_empties(self):
        self.case.write({"category_id": self.fault.id, "date_deadline": "2026-03-02"})
        self._order("Set-User: -\nSet-Category: -\nSet-Deadline: -")
        self.assertFalse(self.case.category_id)
        self.assertFalse(self.case.date_deadline)
        self.assertFalse(self.case.user_id)

    def test_all_or_nothing(self):
        before = self._get_values()
        self._order("Set-Priority: 3\nSet-Revenue: 5\nSet-State: draft\nSet-User: me")
        self.assertEqual(self._get_values(), before)
        self._assert_told("Set-State: draft", "none was obeyed")

    # ------------------------------------------------------------
    # LANGUAGES
    # ------------------------------------------------------------

    def _speak_german(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.agent.write({"lang": "de_DE", "tz": "Europe/Berlin"})
        field = self.env["ir.model.fields"]._get("crm.case", "priority")
        urgent = field.selection_ids.filtered(lambda one: one.value == "3")
        urgent.with_context(lang="de_DE").name = "Dringend"
        self.fault.with_context(lang="de_DE").name = "Störung"

    def test_values_in_the_user_s_language_and_in_english(self):
        self._speak_german()
        for text in ("dringend", "urgent", "3"):
            with self.subTest(priority=text):
                self.case.priority = "1"
                self._order(f"Set-Priority: {text}")
                self.assertEqual(self.case.priority, "3")
        for text in ("STÖRUNG", "fault"):
            with self.subTest(category=text):
                self.case.category_id = False
                self._order(f"Set-Category: {text}")
                self.assertEqual(self.case.category_id, self.fault)

    def test_dates_in_the_user_s_form_and_time_zone(self):
        self._speak_german()
        for text in ("30.11.2026 14:00", "2026-11-30 14:00"):
            with self.subTest(text=text):
                self.case.date_deadline = False
                self._order(f"Set-Deadline: {text}")
                self.assertEqual(self.case.date_deadline, datetime(2026, 11, 30, 13))

    def test_numbers_with_the_user_s_separators(self):
        self._speak_german()
        self._order("Set-Cost: 1.234,50")
        self.assertEqual(self.case.planned_cost, 1234.5)
        self._order("Set-Cost: 1234.50")
        self.assertEqual(self.case.planned_cost, 1234.5)
        self._assert_told("1.234,50")

    # ------------------------------------------------------------
    # RIGHTS
    # ------------------------------------------------------------

    def test_each_persona_has_the_rights_it_has_on_screen(self):
        self.case.user_id = self.colleague
        for login, allowed in (
            ("agent", False),  # own cases only
            ("inspector", False),  # works in another section
            ("employee", False),  # no role
            ("foreigner", False),  # another company
            ("expert", True),  # the section above
            ("susan", True),  # its manager
            ("boss", True),
        ):
            with self.subTest(login=login):
                user = self.env["res.users"].search([("login", "=", login)])
                user.email = f"{login}@{DOMAIN}"
                self.case.priority = "1"
                self._order("Set-Priority: 3", sender=user.email)
                self.assertEqual(self.case.priority, "3" if allowed else "1")
                word = "obeyed" if allowed else "You may not change this case"
                self._assert_told(word, address=user.email)

    def test_author_of_the_change_is_the_user(self):
        self.case.date_deadline = False
        self._order("Set-Deadline: 2026-11-30")
        self.flush_tracking()
        tracked = self.case.message_ids.filtered("tracking_value_ids")[:1]
        self.assertEqual(tracked.author_id, self.agent.partner_id)

    def test_handing_a_case_out_of_one_s_sight(self):
        self._order("Set-State: pending\nSet-User: colleague\nSet-Section: Quality")
        self.assertEqual(self.case.user_id, self.colleague)
        self.assertEqual(self.case.section_id, self.quality)
        self.assertEqual(self.case.state, "pending")
        self.assertFalse(self.case.with_user(self.agent).has_access("read"))

    def test_error_of_a_stranger_to_the_case_names_nothing_of_it(self):
        self.case.name = "Secret"
        self._order(
            "Set-State: done", sender=f"inspector@{DOMAIN}", subject="Re: something"
        )
        mail = self._get_outcomes()[:1]
        self.assertNotIn("Secret", f"{mail.subject} {mail.body_html}")

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
        for rest in ("", "\n-- \nAgent\nACME", f"\n{quote}", f"\n-- \nAgent\n\n{quote}"):
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
            "Set-Partner: jane@acme.example\nSet-Priority: 2\nSet-User: me\n\nShe called.",
            answers=None,
            subject="Call of Jane",
        )
        self.assertNotEqual(case, self.case)
        self.assertEqual(case.partner_id, self.jane)
        self.assertEqual((case.priority, case.user_id), ("2", self.agent))
        self.assertNotIn("Set-", f"{case.description} {case.message_ids.mapped('body')[-1]}")
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
            headers={"Auto-Submitted": "auto-replied", "Authentication-Results": PASSED},
        )
        self.assertEqual(self._get_values(), before)
        self.assertEqual(self._get_outcomes(), outcome)

    # ------------------------------------------------------------
    # ONCE
    # ------------------------------------------------------------

    def _count_revenues(self, deliveries):
        """Let each delivery of one mail meet a case that was changed meanwhile."""
        done = 0
        for raw in deliveries:
            self.case.planned_revenue = 1
            self.env["mail.thread"].message_process("crm.case", raw)
            done += self.case.planned_revenue == 7
        return done

    def test_commands_are_obeyed_once_however_often_the_mail_comes(self):
        mail = self._new_mail(
            AGENT,
            text="Set-Revenue: 7\n\nHello",
            answers=self._public_message(self.case),
            headers={
                "Authentication-Results": PASSED,
                "Date": "Mon, 2 Mar 2026 10:00:00 +0000",
            },
        )
        raw = mail.as_bytes()
        renamed = raw.replace(mail["Message-ID"].encode(), b"<other@evil.example>")
        relayed = b"Received: from relay\r\n" + raw
        self.assertEqual(self._count_revenues([raw, raw, relayed, renamed]), 1)
        self._assert_told("had come before")

    def test_replay_obeys_nothing_again(self):
        self._order("Set-Revenue: 7\n\nHello")
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.case.planned_revenue = 1
        row.action_replay()
        row.action_attach_to_case(self.case)
        self.assertEqual(self.case.planned_revenue, 1)

    def test_retry_after_a_crash_obeys_once(self):
        with mute_logger("odoo.addons.crm_relations"), self._crash_once():
            self._order_raw("Set-Revenue: 7\n\nHello")
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertEqual(row.state, "retry")
        self.assertEqual(self.case.planned_revenue, 0)
        row.action_replay()
        self.assertEqual(row.state, "done")
        self.assertEqual(self.case.planned_revenue, 7)
        self.assertEqual(len(self._get_outcomes()), 1)

    def _order_raw(self, text):
        self._process(
            self._new_mail(
                AGENT,
                text=text,
                answers=self._public_message(self.case),
                headers={"Authentication-Results": PASSED},
            )
        )

    def _crash_once(self):
        """Let the disk fail after the commands were obeyed."""
        return patch.object(
            type(self.env["crm.case"]), "message_post", side_effect=OSError("disk")
        )

    # ------------------------------------------------------------
    # WHO
    # ------------------------------------------------------------

    def test_verified_user(self):
        self._order("Hello")
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertEqual(row.sender_verdict, "verified")
        self.assertEqual(row._get_verified_user(), self.agent)

    def test_shared_address_is_nobody(self):
        self.colleague.email = self.agent.email
        before = self._get_values()
        self._order("Set-Priority: 3\n\nHello")
        self.assertEqual(self._get_values(), before)
        self._assert_told("which user sent it")

    def test_archived_user_is_nobody(self):
        self.agent.active = False
        before = self._get_values()
        self._order("Set-Priority: 3\n\nHello")
        self.assertEqual(self._get_values(), before)
        self.assertFalse(self._get_outcomes())

    def test_portal_user_gives_no_commands(self):
        self.env["res.users"].with_context(no_reset_password=True).create(
            {
                "login": "jane",
                "partner_id": self.jane.id,
                "group_ids": [Command.set(self.env.ref("base.group_portal").ids)],
            }
        )
        passed = PASSED.replace(f"from={DOMAIN}", "from=acme.example")
        before = self._get_values()
        self._order("Set-Priority: 3\n\nHello", sender=JANE, results=passed)
        self.assertEqual(self._get_values(), before)
        # his words, which nobody may take away
        self.assertIn("Set-Priority: 3", self._get_mails(self.case)[0].body)
        self.assertIn(WATCHER, self.case.email_cc)

    def test_mailbox_has_its_own_receiving_server(self):
        box = self._new_mailbox(self.support1, SUPPORT, authserv_id="mx.box.example")
        mail = self._new_mail(
            AGENT, headers={"Authentication-Results": "mx.box.example; dmarc=fail"}
        )
        rows = self.env["crm.mail.intake"]._store(
            [("1", mail.as_bytes())], box, self.support1
        )
        rows._identify()
        self.assertEqual(rows.sender_verdict, "failed")
        box.authserv_id = False
        mail.replace_header("Authentication-Results", PASSED)
        rows = self.env["crm.mail.intake"]._store(
            [("2", mail.as_bytes())], box, self.support1
        )
        rows._identify()
        self.assertEqual(rows.sender_verdict, "verified")

    def test_findings_handed_in_by_a_mere_user_are_not_believed(self):
        mail = self._new_mail(
            f"Boss <boss@{DOMAIN}>",
            text="Set-Priority: 3\n\nHello",
            answers=self._public_message(self.case),
            headers={"Authentication-Results": PASSED},
        )
        thread = self.env["mail.thread"].with_user(self.colleague)
        thread.message_process("crm.case", mail.as_bytes())
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertEqual(row.sender_verdict, "none")
        self.assertNotEqual(self.case.priority, "3")
