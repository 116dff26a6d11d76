from unittest.mock import patch

from odoo import Command
from odoo.tools import mute_logger

from .mail_case_common import JANE, SUPPORT, WATCHER
from .mail_command_common import AGENT, DOMAIN, PASSED, MailCommandCommon


class TestMailCommandRights(MailCommandCommon):
    """Who may command, what, and how often."""

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
