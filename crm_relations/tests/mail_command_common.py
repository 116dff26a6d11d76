"""What the tests of commands by mail share: verified mails, and what became of them."""

from odoo.tools import html2plaintext

from .mail_case_common import SUPPORT, MailCaseCommon

RECEIVER = "mx.test.mycompany.com"  # what our receiving server calls itself
DOMAIN = "test.mycompany.com"
PASSED = f"{RECEIVER}; dmarc=pass (p=reject) header.from={DOMAIN}"
AGENT = f"Agent <agent@{DOMAIN}>"

# what a command could change, and what no refused mail may change
WATCHED = (
    *("state", "priority", "user_id", "section_id", "category_id", "date_deadline"),
    *("planned_cost", "planned_revenue", "probability", "partner_id", "email_cc"),
)


class MailCommandCommon(MailCaseCommon):
    """Jane's case, Agent's; the receiving server has a name."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param(
            "crm_relations.mail_authserv_id", RECEIVER
        )
        cls.fault, cls.other = cls.env["crm.case.category"].create(
            [
                {"name": "Fault", "section_id": cls.support1.id},
                {"name": "Returns", "section_id": cls.quality.id},
            ]
        )

    def _order(self, text, sender=AGENT, results=PASSED, **parts):
        """Receive an answer of a colleague's to the case.

        :return: the crm.case it ended in
        """
        headers = {"Authentication-Results": results} | parts.pop("headers", {})
        parts.setdefault("answers", self._public_message(self.case))
        subject = parts.pop("subject", f"Re: {self.case.name}")
        to = parts.pop("to", SUPPORT)
        return self._receive(sender, to, subject, text=text, headers=headers, **parts)

    def _get_outcomes(self):
        """List the mails about commands that wait to be sent, latest first."""
        mails = self.env["mail.mail"].search([("headers", "like", "auto-replied")])
        return mails.filtered(lambda mail: "ommands" in (mail.subject or ""))

    def _get_outcome_text(self):
        return html2plaintext(self._get_outcomes()[:1].body_html or "")

    def _get_notes(self, case=None):
        """List the notes about commands in a case, latest first, as texts."""
        messages = (case or self.case).message_ids.filtered("is_internal")
        notes = messages.filtered(lambda m: "ommands" in m.body) - self._get_mails(
            case or self.case
        )
        return [html2plaintext(note.body) for note in notes]

    def _get_values(self, case=None):
        return (case or self.case).read(WATCHED)[0]

    def _assert_told(self, *words, address=f"agent@{DOMAIN}"):
        """Check that the outcome went to one address, and what it says."""
        mail = self._get_outcomes()[:1]
        self.assertTrue(mail, "nobody was told")
        self.assertIn(address, mail.email_to)
        self.assertFalse(mail.recipient_ids)
        self.assertEqual(mail.state, "outgoing", "sent inside the transaction")
        for word in words:
            self.assertIn(word, self._get_outcome_text())
