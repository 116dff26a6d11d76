from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import CrmRelationsCommon


@tagged("crm_relations_events")
class TestPartnerEvent(CrmRelationsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Event = cls.env["crm.partner.event"]
        cls.call = cls._kind("call")

    @classmethod
    def _kind(cls, name):
        return cls.env.ref(f"crm_relations.crm_partner_event_kind_{name}")

    def _dialog(self, action, user=None):
        Log = self.env[action["res_model"]].with_user(user or self.agent)
        return Form(Log.with_context(**action["context"]))

    # ------------------------------------------------------------
    # BY PEOPLE
    # ------------------------------------------------------------

    def test_call_is_logged_from_a_partner(self):
        form = self._dialog(self.jane.with_user(self.agent).action_log_event())
        self.assertEqual(form.kind_id, self.call)
        self.assertEqual(form.name, "Call")
        form.sentiment = 0
        form.save().action_log()
        event = self.jane.event_ids
        self.assertEqual(
            (event.name, event.user_id, event.kind_id, event.direction),
            ("Call", self.agent, self.call, "out"),
        )
        self.assertEqual(event.channel_id, self.call.channel_id)
        self.assertIs(event.sentiment, 0)
        self.assertEqual(event.commercial_partner_id, self.acme)
        self.assertFalse(event.message_ids)
        self.assertFalse(event.message_follower_ids)

    def test_dialog_follows_the_kind_until_a_name_is_given(self):
        form = self._dialog(self.jane.with_user(self.agent).action_log_event())
        form.kind_id = self._kind("visit")
        self.assertEqual(form.name, "Visit")
        self.assertEqual(form.channel_id, self._kind("visit").channel_id)
        form.name = "Showed the new printer"
        form.kind_id = self._kind("fair")
        self.assertEqual(form.name, "Showed the new printer")

    def test_call_about_a_case_belongs_to_it(self):
        case = self._new_case(partner_id=self.jane.id, user_id=self.agent.id)
        form = self._dialog(case.with_user(self.agent).action_log_event())
        form.save().action_log()
        self.assertEqual(self.jane.event_ids.case_id, case)
        self.assertEqual(case.event_ids.partner_id, self.jane)

    def test_campaign_is_logged_with_many_partners(self):
        partners = (self.jane | self.bob | self.walter).with_user(self.agent)
        form = self._dialog(partners.action_log_event())
        self.assertEqual(form.partner_count, 3)
        form.name = "Spring mailing"
        form.save().action_log()
        events = self.Event.search([("name", "=", "Spring mailing")])
        self.assertEqual(events.partner_id, self.jane | self.bob | self.walter)
        self.assertEqual(len(events), 3)

    def test_category_is_a_campaign(self):
        category = self.env["res.partner.category"].create({"name": "Gold"})
        below = category.create({"name": "Platinum", "parent_id": category.id})
        self.jane.category_id, self.bob.category_id = category, below
        action = category.with_user(self.agent).action_log_event()
        partners = self.env["res.partner"].browse(
            action["context"]["default_partner_ids"]
        )
        self.assertEqual(set(partners), {self.jane, self.bob})

    def test_dialog_wants_a_partner(self):
        Log = self.env["crm.partner.event.log"].with_user(self.agent)
        with self.assertRaisesRegex(UserError, "Partners:"):
            Log.create({"name": "Call"}).action_log()

    def test_events_are_imported(self):
        columns = [
            "name",
            "partner_id/.id",
            "date",
            "kind_id",
            "direction",
            "sentiment",
        ]
        rows = [
            ["Rang", str(self.jane.id), "2026-01-02 10:00:00", "Call", "in", "0"],
            ["Wrote", str(self.bob.id), "2026-01-03 10:00:00", "Letter", "out", ""],
        ]
        result = self.Event.with_user(self.boss).load(columns, rows)
        self.assertEqual(result["messages"], [])
        events = self.Event.browse(result["ids"])
        self.assertEqual(events.mapped("kind_id.name"), ["Call", "Letter"])
        self.assertIs(events[0].sentiment, 0)
        self.assertIs(events[1].sentiment, False)

    def test_reference_is_any_document(self):
        case = self._new_case()
        event = self.Event.create(
            {
                "name": "About it",
                "partner_id": self.jane.id,
                "reference": f"crm.case,{case.id}",
            }
        )
        self.assertEqual(event.reference, case)

    # ------------------------------------------------------------
    # BY ITSELF
    # ------------------------------------------------------------

    def _happened(self, case):
        return case.event_ids.sorted("id").mapped("kind_id.code")

    def test_states_of_cases_are_logged(self):
        case = self._new_case(partner_id=self.jane.id, planned_revenue=100)
        self.assertEqual(self._happened(case), [])
        case.with_user(self.agent).sudo().action_open()
        case.action_pending()
        case.action_close()
        case.action_draft()
        case.action_cancel()
        self.assertEqual(
            self._happened(case), ["case_open", "case_done", "case_cancel"]
        )
        event = case.event_ids[:1]
        self.assertEqual(event.planned_revenue, 100)
        self.assertEqual(event.reference, case)
        self.assertEqual(event.partner_id, self.jane)
        # the move stands there
        self.assertFalse(event.is_on_timeline)

    def test_case_that_begins_open_is_logged(self):
        case = self._new_case(partner_id=self.jane.id, state="open")
        self.assertEqual(self._happened(case), ["case_open"])

    def test_case_without_a_partner_is_not_logged(self):
        case = self._new_case()
        case.action_close()
        self.assertFalse(case.event_ids)

    def test_kind_that_is_switched_off_is_not_logged(self):
        self._kind("case_done").active = False
        case = self._new_case(partner_id=self.jane.id)
        case.action_open()
        case.action_close()
        self.assertEqual(self._happened(case), ["case_open"])
        self._kind("case_done").active = True
        case.action_draft()
        case.action_close()
        self.assertEqual(self._happened(case), ["case_open", "case_done"])

    def test_unknown_happening_is_not_logged(self):
        values = [{"name": "x", "partner_id": self.jane.id}]
        self.assertFalse(self.Event._log("unheard_of", values))
        self.assertFalse(self.Event._log("case_open", []))

    def test_log_writes_many_at_once(self):
        self.env["crm.partner.event.kind"].create({"name": "Fair", "code": "stand"})
        events = self.Event._log(
            "stand",
            [
                {"name": "At our stand", "partner_id": partner.id}
                for partner in (self.jane, self.bob)
            ],
        )
        self.assertEqual(events.partner_id, self.jane | self.bob)
        self.assertTrue(all(event.is_on_timeline for event in events))

    # ------------------------------------------------------------
    # RIGHTS
    # ------------------------------------------------------------

    def _event(self, user, case=None):
        return self.Event.create(
            {
                "name": "Called",
                "partner_id": self.jane.id,
                "user_id": user.id,
                "case_id": case and case.id,
                "company_id": (user.company_id or self.env.company).id,
            }
        )

    def test_who_reads_and_changes_events(self):
        mine = self._new_case(user_id=self.agent.id)
        theirs = self._new_case(section=self.quality, user_id=self.quality_user.id)
        events = {
            "own": self._event(self.agent),
            "colleague": self._event(self.colleague),
            "of my case": self._event(self.colleague, mine),
            "of their case": self._event(self.quality_user, theirs),
            "abroad": self._event(self.foreigner),
        }
        table = {
            # read and write for each of the events
            self.agent: "rw r- r- -- --",
            self.senior: "rw rw rw -- --",
            self.boss: "rw rw rw rw --",
            self.foreigner: "-- -- -- -- rw",
            self.user_employee: "-- -- -- -- --",
        }
        for user, rights in table.items():
            for (name, event), right in zip(
                events.items(), rights.split(), strict=True
            ):
                with self.subTest(user=user.login, event=name):
                    own = event.with_user(user)
                    found = "".join(
                        letter if own.has_access(verb) else "-"
                        for letter, verb in (("r", "read"), ("w", "write"))
                    )
                    self.assertEqual(found, right)

    def test_nobody_logs_in_the_name_of_others(self):
        with self.assertRaises(AccessError):
            self.Event.with_user(self.agent).create(
                {
                    "name": "Called",
                    "partner_id": self.jane.id,
                    "user_id": self.boss.id,
                }
            )

    def test_people_without_a_role_open_no_dialog(self):
        with self.assertRaises(AccessError):
            Form(self.env["crm.partner.event.log"].with_user(self.user_employee))

    # ------------------------------------------------------------
    # WRITING TO MANY
    # ------------------------------------------------------------

    def test_mail_to_a_category_stands_in_each_history(self):
        category = self.env["res.partner.category"].create({"name": "Gold"})
        (self.jane | self.bob).category_id = category
        self.acme.category_id = category
        self.acme.email = False
        action = category.with_user(self.agent).action_mail_partners()
        Composer = self.env["mail.compose.message"].with_user(self.agent)
        composer = Composer.with_context(**action["context"]).create(
            {"subject": "Prices of 2027", "body": "<p>Here they are</p>"}
        )
        with self.mock_mail_gateway():
            composer._action_send_mail()
        reached = [address for mail in self._mails for address in mail["email_to"]]
        self.assertEqual(len(reached), 2)
        for partner in (self.jane, self.bob):
            with self.subTest(partner=partner.name):
                lines = self.env["crm.partner.history"].with_user(self.agent)
                line = lines.search([("partner_id", "=", partner.id)])
                self.assertEqual(
                    (line.kind, line.direction, line.name, line.summary),
                    ("mail", "out", "Prices of 2027", "Here they are"),
                )
                self.assertLessEqual(line.date, fields.Datetime.now())
