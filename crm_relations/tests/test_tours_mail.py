from odoo import fields
from odoo.tests import HttpCase

from .common import CrmRelationsCommon
from .mail_intake_common import plain


class TestToursMail(CrmRelationsCommon, HttpCase):
    """The ledger in the browser; what it leaves behind is checked on the server."""

    def _store(self, subject, state, reason, **values):
        raw = plain(subject).replace(b"Subject: Mail", b"Subject:")
        row = self.env["crm.mail.intake"].create(
            {"raw": raw, "section_id": self.support1.id, **values}
        )
        # as if it had gone wrong: any mail of the tests could be read
        row.write({"state": state, "reason": reason})
        return row

    def test_manager_decides_about_mails(self):
        case = self._new_case("Hot printer")
        poisoned = self._store(
            "Poisoned", "quarantine", "There was not enough memory for this mail."
        )
        held = "An automatic answer, such as an out-of-office notice."
        left_out = self._store("Left out", "held", held)
        elsewhere = self._store("Belongs elsewhere", "held", held)
        advertising = self._store("Advertising", "held", held)
        self.start_tour("/odoo/crm-incoming-mail", "crm_relations_ledger", login="boss")
        self.assertEqual(poisoned.state, "done")
        self.assertEqual(poisoned.case_ids.name, "Poisoned")
        self.assertEqual(left_out.case_ids.name, "Left out")
        self.assertEqual(elsewhere.case_ids, case)
        self.assertEqual(advertising.state, "ignored")
        self.assertEqual(advertising.reason, "Boss: Nobody asked for it")
        self.assertFalse(advertising.case_ids)

    def test_mail_that_did_not_arrive_is_found_and_dismissed(self):
        case = self._new_case("Hot printer", user_id=self.agent.id)
        self.env["crm.case.delivery"].create(
            {
                "case_id": case.id,
                "kind": "bounce",
                "email": "jane@acme.example",
                "code": "5.1.1",
            }
        )
        self.start_tour(
            "/odoo/crm-sections", "crm_relations_undelivered", login="agent"
        )
        self.assertFalse(case.delivery_ids)

    def test_health_of_mail_leads_to_the_mails(self):
        self.env["fetchmail.server"].search([]).action_archive()
        now = fields.Datetime.now()
        box = self.env["fetchmail.server"].create(
            {
                "name": "Box",
                "server_type": "imap",
                "server": "127.0.0.1",
                "section_id": self.support1.id,
                "state": "done",
                "date_last_success": now,
            }
        )
        self._store("Poisoned", "quarantine", "It was too much.", server_id=box.id)
        self.start_tour(
            "/odoo/crm-mail-health", "crm_relations_mail_health", login="boss"
        )
