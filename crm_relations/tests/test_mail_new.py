from odoo.addons.crm_relations.tools.mail_priority import HIGH, LOW, NORMAL, URGENT

from .mail_case_common import (
    JANE,
    QUALITY,
    STRANGER,
    SUPPORT,
    SUPPORT2,
    WATCHER,
    MailCaseCommon,
)

# header lines of mail programs, and the priority they mean
_PRIORITIES = (
    ({}, NORMAL),
    ({"X-Priority": "1"}, URGENT),
    ({"X-Priority": "1 (Highest)"}, URGENT),
    ({"X-Priority": "2 (High)"}, HIGH),
    ({"X-Priority": "3"}, NORMAL),
    ({"X-Priority": "4"}, LOW),
    ({"X-Priority": "5 (Lowest)"}, LOW),
    ({"X-Priority": "soon"}, NORMAL),
    ({"X-Priority": ""}, NORMAL),
    ({"Importance": "high"}, HIGH),
    ({"Importance": "Low"}, LOW),
    ({"Importance": "whatever"}, NORMAL),
    ({"X-MSMail-Priority": "High"}, HIGH),
    ({"Priority": "urgent"}, URGENT),
    ({"Priority": "non-urgent"}, LOW),
    ({"X-Priority": "2", "Importance": "low"}, HIGH),
)


class TestMailNew(MailCaseCommon):
    # ------------------------------------------------------------
    # WHO
    # ------------------------------------------------------------

    def test_known_contact_becomes_partner(self):
        case = self._receive(JANE, subject="Paper jam", text="It is stuck.")
        self.assertEqual(case.name, "Paper jam")
        self.assertIn("It is stuck.", case.description)
        self.assertEqual(case.partner_id, self.jane)
        self.assertEqual(case.commercial_partner_id, self.acme)
        self.assertEqual(case.contact_name, "Jane")
        self.assertEqual(case.email_normalized, "jane@acme.example")
        self.assertEqual(case.state, "draft")
        self.assertEqual(case.section_id, self.support1)
        self.assertEqual(
            case.channel_id, self.env.ref("crm_relations.crm_case_channel_mail")
        )

    def test_contact_is_found_whatever_the_case_of_its_address(self):
        case = self._receive("JANE@Acme.Example")
        self.assertEqual(case.partner_id, self.jane)

    def test_unknown_sender_leaves_name_and_address(self):
        before = self.env["res.partner"].search_count([])
        case = self._receive(STRANGER)
        self.assertFalse(case.partner_id)
        self.assertEqual(case.contact_name, "Sam Stranger")
        self.assertEqual(case.email_normalized, "sam@nowhere.example")
        self.assertEqual(case.message_ids[-1].email_from, case.email_from)
        self.assertEqual(
            self.env["res.partner"].search_count([]), before, "mail makes no contacts"
        )

    def test_sender_with_quoted_and_foreign_names(self):
        for sender, name in (
            ('"Müller, Jörg" <jm@nowhere.example>', "Müller, Jörg"),
            ('"O\'Hara ""Scarlett""" <oh@nowhere.example>', None),
            ("田中 <tanaka@nowhere.example>", "田中"),
            ("bare@nowhere.example", False),
        ):
            with self.subTest(sender=sender):
                case = self._receive(sender)
                if name is not None:
                    self.assertEqual(case.contact_name or False, name)
                self.assertTrue(case.email_normalized.endswith("@nowhere.example"))

    def test_mail_without_sender_is_kept(self):
        for sender in (None, "<>", "undisclosed"):
            with self.subTest(sender=sender):
                case = self._receive(sender, subject="Who am I")
                self.assertEqual(case.name, "Who am I")
                self.assertFalse(case.partner_id)
                self.assertFalse(case.date_first_response)
                self.assertFalse(case.message_ids[-1].author_id, "nobody signs it")

    def test_colleague_who_writes_is_the_customer_of_his_case(self):
        case = self._receive("agent@test.mycompany.com", subject="My own trouble")
        self.assertEqual(case.partner_id, self.agent.partner_id)
        self.assertFalse(case.user_id)
        self.assertFalse(case.date_first_response)

    def test_contact_of_another_company_does_not_lose_the_mail(self):
        self.walter.company_id = self.company_2
        case = self._receive("Walter <walter@alone.example>")
        self.assertFalse(case.partner_id)
        self.assertEqual(case.contact_name, "Walter")
        self.assertEqual(case.company_id, self.env.company)

    def test_contact_made_later_is_linked_when_answered(self):
        case = self._receive(STRANGER)
        sam = self.env["res.partner"].create(
            {"name": "Sam", "email": "sam@nowhere.example"}
        )
        case.with_user(self.agent).message_post(
            body="Hello Sam",
            message_type="comment",
            partner_ids=sam.ids,
            subtype_xmlid="mail.mt_comment",
        )
        self.assertEqual(case.partner_id, sam)

    # ------------------------------------------------------------
    # WHAT
    # ------------------------------------------------------------

    def test_mail_without_subject(self):
        for subject in ("", "   "):
            with self.subTest(subject=subject):
                case = self._receive(STRANGER, subject=subject)
                self.assertEqual(case.name, "(no subject)")

    def test_second_delivery_of_a_message_makes_nothing(self):
        mail = self._new_mail(STRANGER, subject="Only once")
        self.assertTrue(self._process(mail))
        self.assertIs(self._process(mail), False)
        self.assertEqual(len(self._new_cases([("name", "=", "Only once")])), 1)

    def test_files_hang_on_the_case(self):
        files = {"été.pdf": b"%PDF-1.4 \x00\xff", "empty.txt": b""}
        case = self._receive(STRANGER, files=files)
        attachments = case.message_ids[-1].attachment_ids
        self.assertEqual({a.name: a.raw or b"" for a in attachments}, files)
        self.assertEqual(set(attachments.mapped("res_id")), {case.id})

    def test_inline_image_shows_in_the_description(self):
        mail = self._new_mail(STRANGER, html='<p>Look:<img src="cid:shot1"></p>')
        mail.get_payload()[1].add_related(
            b"\x89PNG\r\n", "image", "png", cid="<shot1>", filename="shot.png"
        )
        case = self.env["crm.case"].browse(self._process(mail))
        self.assertIn("/web/image/", case.description)
        self.assertNotIn("cid:", case.description)

    def test_scripts_do_not_get_in(self):
        case = self._receive(
            STRANGER, html='<p onclick="x()">Hi<script>alert(1)</script></p>'
        )
        self.assertIn("Hi", case.description)
        self.assertNotIn("script", case.description)
        self.assertNotIn("onclick", case.description)

    def test_priority_is_read_from_the_headers(self):
        for headers, priority in _PRIORITIES:
            with self.subTest(headers=headers):
                case = self._receive(STRANGER, headers=headers)
                self.assertEqual(case.priority, priority)
                case.email_from = False  # or Odoo takes us for a loop

    # ------------------------------------------------------------
    # WHERE
    # ------------------------------------------------------------

    def test_alias_says_the_section(self):
        for address, section in (
            (SUPPORT, self.support1),
            (SUPPORT2, self.support2),
            (QUALITY, self.quality),
        ):
            with self.subTest(address=address):
                case = self._receive(STRANGER, to=f"Us <{address.upper()}>")
                self.assertEqual(case.section_id, section)

    def test_mail_to_no_alias_goes_to_the_first_section(self):
        case = self._receive(STRANGER, to="whoever@elsewhere.example")
        self.assertEqual(
            case.section_id, self.env["crm.case.section"]._get_default_section()
        )

    def test_section_of_another_company(self):
        case = self._receive(STRANGER, to=self.foreign.alias_email)
        self.assertEqual(case.section_id, self.foreign)
        self.assertEqual(case.company_id, self.company_2)
        self.assertEqual(case.currency_id, self.company_2.currency_id)
        self.assertEqual(case.message_ids[-1].record_company_id, self.company_2)

    def test_mail_to_two_sections_opens_a_case_in_each(self):
        for to, cc, sections in (
            (f"{SUPPORT}, {QUALITY}", WATCHER, self.support1 | self.quality),
            (QUALITY, f"{SUPPORT}, {WATCHER}", self.support1 | self.quality),
            (f"x@else.example, {QUALITY}", WATCHER, self.quality),
        ):
            with self.subTest(to=to, cc=cc), self._sends_to():
                before = self._new_cases()
                case = self._receive(STRANGER, to=to, cc=cc)
                cases = self._new_cases() - before
                self.assertIn(case, cases)
                self.assertEqual(cases.section_id, sections)
                self.assertEqual(len(cases), len(sections))
                for opened in cases:
                    self.assertEqual(opened.email_cc, '"Wanda" <wanda@watch.example>')

    # ------------------------------------------------------------
    # FOR WHOM
    # ------------------------------------------------------------

    def test_cc_become_watchers_without_ourselves(self):
        self._new_mailbox(self.quality, "Desk@shop.example")
        case = self._receive(
            STRANGER,
            cc=f"{WATCHER}, {QUALITY}, desk@shop.example, SAM@nowhere.example,"
            ' "Müller, Jörg" <jm@nowhere.example>, broken@, WANDA@watch.example',
        )
        self.assertEqual(
            case.email_cc,
            'wanda@watch.example, "Müller, Jörg" <jm@nowhere.example>',
        )

    def test_nobody_is_responsible_by_default(self):
        self.assertFalse(self._receive(STRANGER).user_id)

    def test_section_assigns_in_turn(self):
        self.support1.assignment = "round_robin"
        users = [self._receive(STRANGER).user_id for _index in range(4)]
        self.assertEqual(set(users), {self.agent, self.colleague})
        self.assertEqual(users[:2], users[2:])

    def test_section_assigns_who_has_least(self):
        self.support1.assignment = "least_loaded"
        self.assertEqual(self._receive(STRANGER).user_id, self.colleague)

    def test_assigned_person_is_told(self):
        self.support1.assignment = "least_loaded"
        with self.mock_mail_gateway():
            self._receive(STRANGER)
        self.assertEqual(set(self._get_reached()), {"colleague@test.mycompany.com"})

    def test_followers_of_the_section_are_told(self):
        self.support1.message_subscribe(self.senior.partner_id.ids)
        with self._sends_to("expert@test.mycompany.com"):
            self._receive(STRANGER, cc=WATCHER)

    # ------------------------------------------------------------
    # OTHERS
    # ------------------------------------------------------------

    def test_mail_to_other_models_is_left_alone(self):
        mail = self._new_mail(
            STRANGER, to="x@elsewhere.example", headers={"X-Priority": "1"}
        )
        Thread = self.env["mail.thread"]
        parsed = Thread.message_parse(mail)
        routes = Thread.message_route(mail, parsed, "res.partner", None, {"ref": "r"})
        self.assertEqual(
            routes, [("res.partner", None, {"ref": "r"}, self.env.uid, None)]
        )
        partner_id = Thread.message_process(
            "res.partner", mail.as_bytes(), custom_values={"ref": "r"}
        )
        self.assertEqual(self.env["res.partner"].browse(partner_id).ref, "r")

    def test_flood_of_one_sender_waits_in_the_ledger(self):
        settings = self.env["ir.config_parameter"]
        settings.set_param("crm_relations.mail_flood_sender", 3)
        cases = [self._receive(STRANGER) for _index in range(4)]
        self.assertEqual([len(case) for case in cases], [1, 1, 1, 0])
        row = self.env["crm.mail.intake"].search([], limit=1)
        self.assertEqual(row.state, "held")
        self.assertIn("More than 3 mails", row.reason)
        self.assertTrue(self._receive("Another <another@nowhere.example>"))
        self.env["mail.gateway.allowed"].create({"email": "sam@nowhere.example"})
        self.assertTrue(self._receive(STRANGER), "he is allowed to")

    def test_sixty_mails_of_a_web_form_are_sixty_cases(self):
        cases = [
            self._receive("Form <form@shop.example>", subject=f"Order {number}")
            for number in range(60)
        ]
        self.assertEqual(len({case.id for case in cases if case}), 60)
