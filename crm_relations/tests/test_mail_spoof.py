from datetime import datetime, timedelta

from freezegun import freeze_time

from .mail_case_common import SUPPORT
from .mail_command_common import AGENT, DOMAIN, MailCommandCommon
from .mail_spoof_rows import EVIL, NOTED, SPOOFS, TEXT, TEXT_ONLY


class TestMailSpoof(MailCommandCommon):
    """Nobody commands a case in a colleague's name."""

    def _build(self, trap, spoof):
        answered = self._public_message(self.case).message_id
        fields = [
            *spoof.fields,
            spoof.sender,
            f"To: {SUPPORT}",
            f"Message-ID: <{trap.encode().hex()[:60]}@evil.example>",
            f"In-Reply-To: {answered}",
            f"Content-Type: {spoof.kind}",
        ]
        if not any(field.startswith("Subject:") for field in fields):
            fields.append(f"Subject: Re: [{self.case.number}] {self.case.name}")
        text = "\n".join([*fields, "", spoof.body])
        return text.encode().replace(b"\n", b"\r\n")

    def test_each_trap_is_refused(self):
        for trap, spoof in SPOOFS.items():
            # each from the same beginning, so that none hides behind another
            with self.subTest(trap=trap), self.env.cr.savepoint() as savepoint:
                self._check_refused(trap, spoof)
                savepoint.rollback()
                self.env.invalidate_all()

    def _check_refused(self, trap, spoof):
        before = self._get_values()
        with self.mock_mail_gateway():
            self.env["mail.thread"].message_process(
                "crm.case", self._build(trap, spoof)
            )
            self.flush_tracking()
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertIn(row.state, ("done", "held"), row.reason)
        self.assertTrue(row.case_ids or row.reason, "it must be found somewhere")
        self.assertEqual(self._get_values(), before)
        for case in row.case_ids:
            self.assertNotEqual(case.priority, "3")
            self.assertNotIn(EVIL, case.email_cc or "")
        self.assertNotIn(EVIL, self._get_reached(), "the outsider was answered")
        if spoof.shown == NOTED:
            self.assertIn("Commands not obeyed", self._get_notes(row.case_ids[:1])[0])
            self._assert_told("not obeyed")
            for sent in self._mails:
                if EVIL not in f"{sent['email_to']}" and "agent" not in str(
                    sent["email_to"]
                ):
                    self.assertNotIn("Set-", str(sent["body"]), "customers see it")
        elif spoof.shown == TEXT_ONLY:
            self.assertFalse(self._get_outcomes())
            self.assertFalse(row.case_ids and self._get_notes(row.case_ids[:1]))
        # whoever it was about, nobody else is told
        for mail in self._get_outcomes():
            self.assertIn(f"agent@{DOMAIN}", mail.email_to)
            self.assertEqual(len(self._get_outcomes()), 1)

    def test_the_same_words_are_obeyed_when_they_are_his(self):
        """Without this, every row above could be refused for another reason."""
        self._order(TEXT)
        self.assertEqual(self.case.priority, "3")
        self.assertIn(EVIL, self.case.email_cc)

    def test_forger_cannot_flood_the_one_he_pretends_to_be(self):
        begin = datetime(2026, 3, 2, 10, 0)
        for minutes, told in ((0, 1), (1, 1), (45, 1)):
            with freeze_time(begin + timedelta(minutes=minutes)):
                self._order(TEXT, results=None)
                self.assertEqual(len(self._get_outcomes()), told)
        # each is noted all the same
        self.assertEqual(len(self._get_notes()), 3)
        with freeze_time(begin + timedelta(hours=2, minutes=1)):
            self._order(TEXT, results=None)
            self.assertEqual(len(self._get_outcomes()), 2)

    def test_notice_says_why_and_holds_the_lines(self):
        self._order(TEXT, results=None)
        self._assert_told("nothing in the mail proves", "Set-Priority: 3")

    def test_nobody_believes_a_server_that_is_not_named(self):
        self.env["ir.config_parameter"].set_param(
            "crm_relations.mail_authserv_id", False
        )
        self._order(TEXT, sender=AGENT)
        self.assertNotEqual(self.case.priority, "3")
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertEqual(row.sender_verdict, "none")
