from datetime import datetime, timedelta
from functools import partial

from odoo import SUPERUSER_ID
from odoo.addons.crm_relations.exceptions import CaseDeletionError
from odoo.addons.mail.tests.common import freeze_all_time
from odoo.exceptions import ValidationError
from odoo.tests import Form, users
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .common import CrmRelationsCommon

_NOON = datetime(2026, 3, 2, 12, 0)


class TestCaseFields(CrmRelationsCommon):
    # ------------------------------------------------------------
    # WHAT A PARTNER AND A CATEGORY FILL
    # ------------------------------------------------------------

    def test_partner_fills_contact_mail_and_phone(self):
        silent = self.env["res.partner"].create({"name": "Silent", "is_company": True})
        lone = self.env["res.partner"].create(
            {"name": "Lone", "is_company": True, "email": "lone@lone.example"}
        )
        clerk = {"name": "Clerk", "email": "clerk@silent.example", "phone": "+1 555 2"}
        self.env["res.partner"].create(clerk | {"parent_id": silent.id})
        table = [
            (self.walter, "Walter", "walter@alone.example", "+1 555 1"),
            (self.jane, "Jane", "jane@acme.example", False),
            # a company: its own address, the name of its first contact
            (self.acme, "Bob", "info@acme.example", False),
            (silent, "Clerk", "clerk@silent.example", "+1 555 2"),
            (lone, False, "lone@lone.example", False),
        ]
        for partner, contact, email, phone in table:
            with self.subTest(partner=partner.name):
                case = self._new_case(partner_id=partner.id)
                self.assertEqual(
                    (case.contact_name, case.email_from, case.phone),
                    (contact, email, phone),
                )
                self.assertEqual(
                    case.commercial_partner_id, partner.commercial_partner_id
                )

    def test_edited_contact_is_kept(self):
        case = self._new_case(partner_id=self.walter.id, phone="+1 555 9")
        self.assertEqual((case.contact_name, case.phone), ("Walter", "+1 555 9"))
        case.email_from = "other@alone.example"
        self.walter.email = "moved@alone.example"
        self.assertEqual(case.email_from, "other@alone.example")
        case.partner_id = False
        self.assertEqual(case.email_from, "other@alone.example")

    def test_another_partner_fills_the_contact_anew(self):
        case = self._new_case(partner_id=self.walter.id)
        case.partner_id = self.jane
        self.assertEqual(case.contact_name, "Jane")
        self.assertEqual(case.email_from, "jane@acme.example")

    @users("agent")
    def test_form_fills_contact_and_probability_when_picked(self):
        category = (
            self.env["crm.case.category"]
            .sudo()
            .create(
                {
                    "name": "Opportunity",
                    "section_id": self.support1.id,
                    "probability": 40.0,
                }
            )
        )
        with Form(self.env["crm.case"]) as form:
            form.name = "A hundred printers"
            form.section_id = self.support1
            form.partner_id = self.walter
            form.category_id = category
            self.assertEqual(form.email_from, "walter@alone.example")
            self.assertEqual(form.probability, 40.0)
            form.planned_revenue = 1000.0
        self.assertEqual(form.record.weighted_revenue, 400.0)

    def test_weighted_revenue_follows(self):
        case = self._new_case(planned_revenue=1000.0, probability=25.0)
        self.assertEqual(case.weighted_revenue, 250.0)
        case.probability = 0.0
        self.assertEqual(case.weighted_revenue, 0.0)
        case.write({"planned_revenue": 80.0, "probability": 100.0})
        self.assertEqual(case.weighted_revenue, 80.0)

    def test_edited_probability_is_kept(self):
        category = self.env["crm.case.category"].create(
            {"name": "Opportunity", "probability": 40.0}
        )
        case = self._new_case(category_id=category.id, probability=70.0)
        self.assertEqual(case.probability, 70.0)
        category.probability = 10.0
        self.assertEqual(case.probability, 70.0)

    def test_category_of_another_company_is_refused(self):
        foreign = self.env["crm.case.category"].create(
            {"name": "Foreign fault", "section_id": self.foreign.id}
        )
        case = self._new_case()
        with self.assertRaises(ValidationError) as refusal:
            case.category_id = foreign
        self.assertIn("Category", str(refusal.exception))
        self.assertFalse(case.category_id)

    # ------------------------------------------------------------
    # NUMBER
    # ------------------------------------------------------------

    def _new_batch(self, count, **values):
        return self.env["crm.case"].create(
            [
                {"name": f"Case {index}", "section_id": self.support1.id, **values}
                for index in range(count)
            ]
        )

    def test_numbers_rise_and_differ(self):
        numbers = [int(case.number) for case in self._new_batch(20)]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertGreater(int(self._new_case().number), numbers[-1])

    def test_numbers_are_drawn_in_bulk(self):
        Case = self.env["crm.case"]
        Case._next_numbers(1)
        for count in (1, 100):
            self.env.invalidate_all()
            with self.subTest(count=count), self.assertQueryCount(3):
                self.assertEqual(len(set(Case._next_numbers(count))), count)

    def test_number_keeps_what_the_sequence_says(self):
        sequence = self.env.ref("crm_relations.ir_sequence_crm_case")
        for implementation in ("standard", "no_gap"):
            with self.subTest(implementation=implementation):
                sequence.write(
                    {
                        "implementation": implementation,
                        "prefix": "C/",
                        "padding": 6,
                        "number_next": 501,
                    }
                )
                self.assertEqual(
                    self._new_batch(2).mapped("number"), ["C/000501", "C/000502"]
                )
                self.env["crm.case"].search([("number", "=like", "C/%")]).unlink()

    def test_given_number_is_kept_and_unique(self):
        case = self._new_case(number="OLD-1")
        self.assertEqual(case.number, "OLD-1")
        self.assertIn("Number", self._violation(lambda: self._new_case(number="OLD-1")))

    def test_display_name_shows_the_number(self):
        case = self._new_case(number="OLD-1")
        self.assertEqual(case.display_name, "[OLD-1] Printer on fire")
        for text in ("OLD-1", "Printer on"):
            with self.subTest(text=text):
                found = self.env["crm.case"].name_search(text)
                self.assertIn(case.id, [found_id for found_id, _name in found])

    # ------------------------------------------------------------
    # RANGES
    # ------------------------------------------------------------

    def _violation(self, attempt):
        """Give the text people read when ``attempt`` breaks a constraint."""
        with self.assertRaises(IntegrityError) as refusal, mute_logger("odoo.sql_db"):
            attempt()
            self.env.flush_all()
        return self.env["crm.case"]._sql_error_to_message(refusal.exception)

    def test_value_out_of_range_is_refused_and_changes_nothing(self):
        table = [
            ("probability", "Probability", (-0.1, 100.1)),
            ("duration", "Duration", (-1.0,)),
            ("sentiment", "Sentiment", (-1, 11)),
        ]
        for name, label, values in table:
            for value in values:
                with self.subTest(field=name, value=value):
                    case = self._new_case()
                    before = case[name]
                    text = self._violation(partial(case.write, {name: value}))
                    self.assertIn(label, text)
                    self.env.invalidate_all()
                    self.assertEqual(case[name], before)

    def test_bounds_belong_to_the_range(self):
        for name, values in (("probability", (0.0, 100.0)), ("sentiment", (0, 10))):
            for value in values:
                with self.subTest(field=name, value=value):
                    case = self._new_case(**{name: value})
                    self.env.flush_all()
                    self.assertEqual(case[name], value)

    # ------------------------------------------------------------
    # LATE
    # ------------------------------------------------------------

    def test_late_is_found_as_it_is_shown(self):
        bounds = (None, -24, -0.01, 0, 0.01, 24)
        with freeze_all_time(_NOON):
            cases = self.env["crm.case"].union(
                *(
                    self._new_case(
                        state=state,
                        date_deadline=bound is not None
                        and _NOON + timedelta(hours=bound),
                    )
                    for state in ("draft", "open", "pending", "done", "cancel")
                    for bound in bounds
                )
            )
            late = cases.filtered("is_late")
            self.assertEqual(len(late), 6)
            among = [("id", "in", cases.ids)]
            for domain, expected in (
                ([("is_late", "=", True)], late),
                ([("is_late", "!=", False)], late),
                ([("is_late", "=", False)], cases - late),
                ([("is_late", "!=", True)], cases - late),
                ([("is_late", "in", [True, False])], cases),
            ):
                with self.subTest(domain=domain):
                    found = self.env["crm.case"].search(among + domain)
                    self.assertEqual(set(found), set(expected))

    # ------------------------------------------------------------
    # COPY, DELETION, REFERENCE
    # ------------------------------------------------------------

    def test_copy_is_a_fresh_draft(self):
        case = self._new_case(
            state="done",
            partner_id=self.jane.id,
            section_id=self.support1.id,
            user_id=self.agent.id,
            priority="3",
        )
        case.message_post(body="Only here")
        case.action_draft()
        case.action_escalate()
        case.action_close()
        case.active = False
        copy = case.copy()
        self.assertRecordValues(
            copy,
            [
                {
                    "name": "Printer on fire (copy)",
                    "state": "draft",
                    "active": True,
                    "date_open": False,
                    "date_closed": False,
                    "date_first_response": False,
                    "hours_close": 0.0,
                    "escalation_level": 0,
                    "partner_id": self.jane.id,
                    "section_id": self.support2.id,
                    "priority": "3",
                }
            ],
        )
        self.assertNotEqual(copy.number, case.number)
        self.assertEqual(len(copy.move_ids), 1)
        self.assertNotIn("Only here", str(copy.message_ids.mapped("body")))

    def test_copy_takes_another_name(self):
        self.assertEqual(self._new_case().copy({"name": "Other"}).name, "Other")

    @users("agent")
    def test_only_drafts_are_deleted(self):
        for state in ("draft", "open", "pending", "done", "cancel"):
            with self.subTest(state=state):
                case = self._new_case(state=state, user_id=self.agent.id)
                own = case.with_user(self.env.user)
                if state == "draft":
                    own.unlink()
                    self.assertFalse(case.exists())
                    continue
                with self.assertRaises(CaseDeletionError) as refusal:
                    own.unlink()
                self.assertIn(case.name, str(refusal.exception))
                self.assertIn("Support 1", str(refusal.exception))
                self.assertTrue(case.exists())

    def test_system_deletes_no_more_than_people(self):
        case = self._new_case(state="open")
        with self.assertRaises(CaseDeletionError):
            case.with_user(SUPERUSER_ID).unlink()
        self.assertTrue(case.exists())

    @users("agent")
    def test_section_may_allow_deletion(self):
        self.support1.allow_unlink = True
        case = self._new_case(state="done", user_id=self.agent.id)
        case.with_user(self.env.user).unlink()
        self.assertFalse(case.exists())

    def test_reference_points_to_whatever_has_a_discussion(self):
        case = self._new_case(reference=f"res.partner,{self.jane.id}")
        self.assertEqual(case.reference, self.jane)
        models = dict(self.env["crm.case"]._selection_reference())
        self.assertIn("crm.case", models)
        self.assertNotIn("crm.case.stage", models)
        self.assertNotIn("mail.thread", models)

    @users("agent")
    def test_user_may_choose_a_reference(self):
        selection = self.env["crm.case"].fields_get(["reference"])["reference"]
        self.assertIn("res.partner", dict(selection["selection"]))
