import io
import json
import zipfile

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import CrmRelationsCommon

_SECRETS = (
    "Jane",
    "jane@acme.example",
    "wears a red hat",
    "Rue Neuve 7",
    "+32 2 12",
    "jane.txt",
)


@tagged("crm_relations_privacy")
class TestPartnerPrivacy(CrmRelationsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # an address of her own; that of a plain contact is her company's
        cls.jane.write({"type": "other", "street": "Rue Neuve 7", "phone": "+32 2 12"})
        cls._tell_story()

    @classmethod
    def _tell_story(cls):
        """Let Jane leave her traces in every place that has one."""
        cls.case = cls._new_case(
            "Jane's printer",
            partner_id=cls.jane.id,
            description="<p>She wears a red hat</p>",
            sentiment=2,
            planned_revenue=500,
            user_id=cls.agent.id,
        )
        cls.case.message_post(
            body="Jane wears a red hat",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            author_id=cls.jane.id,
            attachments=[("jane.txt", b"jane@acme.example")],
        )
        cls.other = cls._new_case(
            "Another",
            partner_id=cls.walter.id,
            email_cc="jane@acme.example, b@x.example",
        )
        cls.event = cls.env["crm.partner.event"].create(
            {
                "name": "Called Jane",
                "partner_id": cls.jane.id,
                "description": "<p>wears a red hat</p>",
                "sentiment": 4,
                "planned_cost": 3,
            }
        )
        cls.mail = cls.env["crm.mail.intake"].create(
            {
                "transport_key": "privacy-1",
                "raw": b"From: Jane <jane@acme.example>\r\n\r\nwears a red hat",
                "email_from": "Jane <jane@acme.example>",
                "email_normalized": "jane@acme.example",
                "email_to": "support@test.mycompany.com",
                "subject": "Jane's printer",
                "state": "done",
            }
        )
        cls.rating = cls.env["rating.rating"].create(
            {
                "res_model_id": cls.env["ir.model"]._get_id("crm.case"),
                "res_id": cls.case.id,
                "partner_id": cls.jane.id,
                "rating": 1,
                "feedback": "wears a red hat",
                "consumed": True,
            }
        )
        cls.env["mail.activity"].create(
            {
                "res_model_id": cls.env["ir.model"]._get_id("crm.case"),
                "res_id": cls.case.id,
                "summary": "Call Jane",
                "user_id": cls.agent.id,
            }
        )
        cls.case.phone = "+32 2 12"
        cls.env.flush_all()

    def _wizard(self, user=None, **values):
        Wizard = self.env["crm.partner.privacy"].with_user(user or self.boss)
        return Wizard.create({"partner_id": self.jane.id, **values})

    def _erase(self):
        self._wizard(confirmation="Jane").action_erase()
        self.env.flush_all()
        self.env.invalidate_all()

    # ------------------------------------------------------------
    # ERASE
    # ------------------------------------------------------------

    def test_nothing_of_the_person_is_left_in_any_table(self):
        before = self._find_secrets()
        for place in (
            ("crm_mail_intake.raw", "wears a red hat"),
            ("mail_message.body", "wears a red hat"),
            ("crm_case.name", "Jane"),
            ("crm_case.email_cc", "jane@acme.example"),
            ("mail_activity.res_name", "Jane"),
            ("rating_rating.feedback", "wears a red hat"),
            ("res_partner.street", "Rue Neuve 7"),
            ("ir_attachment.name", "jane.txt"),
        ):
            self.assertIn(place, before)
        self._erase()
        self.assertEqual(self._find_secrets(), set())

    def _find_secrets(self):
        """Look everywhere a text may be kept.

        :return: {(table.column, secret)}
        """
        self.env.cr.execute(
            """SELECT table_name, column_name FROM information_schema.columns
                WHERE table_schema = 'public'
                  AND data_type IN ('text', 'character varying', 'jsonb', 'bytea')
                  AND (table_name LIKE 'crm\\_%' OR table_name LIKE 'mail\\_%'
                       OR table_name LIKE 'rating%'
                       OR table_name IN ('res_partner', 'ir_attachment'))
                  AND table_name NOT LIKE 'crm_partner_privacy%'"""
        )
        return {
            (f"{table}.{column}", secret)
            for table, column in self.env.cr.fetchall()
            for secret in _SECRETS
            if self._find(table, column, secret)
        }

    def _find(self, table, column, text):
        # names of the catalogue, not input
        self.env.cr.execute(
            f"""SELECT FROM "{table}" WHERE CASE
                WHEN pg_typeof("{column}") = 'bytea'::regtype
                THEN encode("{column}"::text::bytea, 'escape')
                ELSE "{column}"::text END LIKE %s""",
            (f"%{text}%",),
        )
        return self.env.cr.rowcount > 0

    def test_figures_stay(self):
        score = self.acme.sentiment_score
        dates = self.case.create_date, self.case.date_sentiment
        self._erase()
        self.assertEqual(self.case.partner_id, self.jane)
        self.assertEqual((self.case.sentiment, self.case.planned_revenue), (2, 500))
        self.assertEqual((self.case.create_date, self.case.date_sentiment), dates)
        self.assertEqual((self.event.sentiment, self.event.planned_cost), (4, 3))
        self.assertEqual(self.rating.rating, 1)
        self.assertEqual(self.acme.sentiment_score, score)
        self.assertFalse(self.jane.active)
        self.assertEqual(self.jane.commercial_partner_id, self.acme)

    def test_others_keep_theirs(self):
        self._erase()
        self.assertEqual(self.other.email_cc, "b@x.example")
        self.assertEqual(self.other.name, "Another")
        self.assertEqual(self.bob.email, "bob@acme.example")

    def test_company_keeps_the_address_its_contact_has(self):
        self.acme.street = "Main Street 1"
        self.bob.type = "contact"
        self.assertEqual(self.bob.street, "Main Street 1")
        self.bob.with_user(self.boss)._erase_person()
        self.assertEqual(self.acme.street, "Main Street 1")
        self.assertFalse(self.bob.street)

    def test_mail_that_was_waiting_is_not_processed(self):
        waiting = self.env["crm.mail.intake"].create(
            {
                "transport_key": "privacy-2",
                "raw": b"From: jane@acme.example\r\n\r\nhello",
                "email_normalized": "jane@acme.example",
                "state": "retry",
            }
        )
        self._erase()
        self.assertEqual(waiting.state, "ignored")
        self.assertEqual(self.mail.state, "done")
        # the same mail, delivered again, is still known
        self.assertEqual(self.mail.transport_key, "privacy-1")

    def test_name_must_be_typed_again(self):
        for typed in (False, "", "Jan"):
            with (
                self.subTest(typed=typed),
                self.assertRaisesRegex(UserError, "Name Once More"),
            ):
                self._wizard(confirmation=typed).action_erase()
        self.assertEqual(self.jane.name, "Jane")

    def test_companies_and_users_are_not_erased(self):
        self._create_portal_user()
        for partner in (self.acme, self.user_portal.partner_id):
            with self.subTest(partner=partner.name), self.assertRaises(UserError):
                partner.with_user(self.boss)._erase_person()

    def test_what_is_abroad_is_not_erased_by_halves(self):
        self._new_case(partner_id=self.jane.id, section=self.foreign)
        with self.assertRaises(AccessError):
            self._wizard(confirmation="Jane").action_erase()
        self.assertEqual(self.jane.name, "Jane")

    def test_only_managers(self):
        for user in (self.agent, self.senior, self.user_employee):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self._wizard(user)

    def test_erasure_is_logged_where_odoo_logs_them(self):
        if "privacy.log" not in self.env:
            self.assertNotIn("privacy_lookup", self.env.registry._init_modules)
            return
        self._erase()
        log = self.env["privacy.log"].search([], limit=1, order="id desc")
        self.assertEqual(log.anonymized_name, "J***")
        self.assertEqual(log.user_id, self.boss)

    # ------------------------------------------------------------
    # EXPORT
    # ------------------------------------------------------------

    def _export(self):
        content = self.jane.with_user(self.boss)._export_person()
        return zipfile.ZipFile(io.BytesIO(content))

    def test_export_holds_everything(self):
        archive = self._export()
        data = json.loads(archive.read("person.json"))
        self.assertEqual(data["res.partner"][0]["street"], "Rue Neuve 7")
        self.assertEqual(data["crm.case"][0]["sentiment"], 2)
        self.assertEqual(data["crm.partner.event"][0]["name"], "Called Jane")
        self.assertIn("wears a red hat", str(data["mail.message"]))
        self.assertEqual(data["rating.rating"][0]["feedback"], "wears a red hat")
        files = [name for name in archive.namelist() if name.startswith("files/")]
        self.assertEqual(len(files), 1)
        self.assertEqual(archive.read(files[0]), b"jane@acme.example")
        self.assertEqual(
            archive.read(f"mails/{self.mail.id}.eml"), bytes(self.mail.raw)
        )

    def test_export_leaves_out_other_companies(self):
        case = self._new_case("Abroad", partner_id=self.jane.id, section=self.foreign)
        data = self._export().read("person.json").decode()
        self.assertNotIn(f'"id": {case.id},', data)
        self.assertNotIn("Abroad", data)

    def test_export_is_downloaded(self):
        wizard = self._wizard()
        action = wizard.action_export()
        self.assertIn(f"/{wizard.id}/export_file/", action["url"])
        self.assertTrue(wizard.export_file)
        self.assertIn("Case: 1", wizard.summary)
