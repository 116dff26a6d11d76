from datetime import date, timedelta
from unittest.mock import patch

from dateutil.relativedelta import relativedelta
from lxml import html
from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .quality_common import QualityCommon

_CARD = "crm_relations.res_partner_scorecard"
_SERVICE = "crm_relations.res_partner_service_report"


@tagged("crm_relations_quality")
class TestQualityReport(QualityCommon):
    """What suppliers and customers are handed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("fr_FR")
        cls.company.resource_calendar_id.tz = "UTC"

    def _render(self, report, partners, user=None, **data):
        Report = self.env["ir.actions.report"].with_user(user or self.senior)
        content, _kind = Report._render_qweb_html(report, partners.ids, data=data)
        return " ".join(html.fromstring(content).text_content().split())

    # ------------------------------------------------------------
    # SCORECARD
    # ------------------------------------------------------------

    def _fill(self):
        case = self._new_fault(
            30,
            category_id=self.scratch.id,
            defective_quantity=12,
            section=self.quality,
            description="<p>Secret description</p>",
            planned_cost=4321,
            user_id=self.senior.id,
        )
        case.message_post(body="Secret note")
        other = self._new_fault(partner=self.walter)
        other.name = "Secret of another"
        self._new_action(name="Paper between", case_id=case.id, root_cause="Secret why")
        self._new_action(name="Of another", partner_id=self.walter.id)
        self._compute()
        return case

    def test_scorecard_says_what_the_supplier_must_know(self):
        self.quality.member_ids |= self.senior
        case = self._fill()
        text = self._render(_CARD, self.acme)
        for expected in (
            "Supplier Scorecard",
            "ACME",
            "90.0",
            "Quality cases",
            "100 for 0, 0 for 10",
            "Class A from 90 points, class B from 70",
            case.number,
            "Scratch",
            "Paper between",
        ):
            with self.subTest(expected):
                self.assertIn(expected, text)

    def test_scorecard_tells_nothing_internal(self):
        self.quality.member_ids |= self.senior
        self._fill()
        text = self._render(_CARD, self.acme)
        for secret in ("Secret", "4321", "4,321", "Of another", "Walter"):
            with self.subTest(secret):
                self.assertNotIn(secret, text)

    def test_scorecard_lists_the_cases_that_its_sender_may_see(self):
        case = self._fill()
        case.user_id = self.quality_user
        self.assertNotIn(case.number + " ", self._render(_CARD, self.acme))
        self.assertIn(case.number, self._render(_CARD, self.acme, self.boss))

    def test_scorecard_is_for_those_who_see_figures(self):
        self._fill()
        with self.assertRaises(AccessError):
            self._render(_CARD, self.acme, self.agent)

    def test_who_has_no_score_is_told_so(self):
        self.assertIn("no score for this period", self._render(_CARD, self.bob))

    def test_scorecards_of_many_are_each_in_the_supplier_s_language(self):
        self._fill()
        self.acme.lang = "fr_FR"
        text = self._render(_CARD, self.acme | self.walter)
        self.assertIn("90,0", text)  # as the French write it
        self.assertIn("90.0", text)

    def test_scorecard_goes_by_mail_with_its_pdf(self):
        self._fill()
        self.acme.lang = "fr_FR"
        self.quality.member_ids |= self.senior
        row = self._row().with_user(self.senior)
        action = row.action_send()
        Composer = self.env["mail.compose.message"].with_user(self.senior)
        composer = Form(Composer.with_context(**action["context"])).save()
        self.assertEqual(len(composer.attachment_ids), 1)
        self.assertIn("Scorecard ACME", composer.attachment_ids.name)
        with self.mock_mail_gateway():
            composer._action_send_mail()
        message = self.acme.message_ids[0]
        self.assertEqual(message.partner_ids, self.acme)
        self.assertEqual(len(message.attachment_ids), 1)

    def test_scorecards_of_many_go_by_mail_to_each_his_own(self):
        self._fill()
        rows = self._row() | self._row(self.walter)
        action = rows.with_user(self.senior).action_send()
        Composer = self.env["mail.compose.message"].with_user(self.senior)
        composer = Composer.with_context(**action["context"]).create({})
        with self.mock_mail_gateway(mail_unlink_sent=False):
            composer._action_send_mail()
        for partner in (self.acme, self.walter):
            message = partner.message_ids[0]
            self.assertEqual(
                message.attachment_ids.mapped("name"),
                [f"Scorecard {partner.name}.html"],
            )

    def test_print_button_prints_these_suppliers(self):
        self._fill()
        rows = self._row() | self._row(self.walter)
        action = rows.with_user(self.senior).action_print()
        self.assertEqual(action["report_name"], _CARD)
        self.assertEqual(action["context"]["active_ids"], (self.acme | self.walter).ids)

    # ------------------------------------------------------------
    # SERVICE REPORT
    # ------------------------------------------------------------

    def _new_service(self, created, closed=None, **values):
        """A case of Jane's, with dates of March."""
        values = {"state": "done" if closed else "open"} | values
        case = self._new_case(partner_id=self.jane.id, user_id=self.agent.id, **values)
        self._set_created(case, created)
        if closed:
            case.date_closed = closed
        return case

    def _march(self, day, hour=12):
        return fields.Datetime.to_datetime(f"2026-03-{day:02d} {hour:02d}:00:00")

    def _figures(self, partner=None, user=None, sections=None):
        own = (partner or self.acme).with_user(user or self.senior)
        return own._get_service_figures(date(2026, 3, 1), date(2026, 3, 31), sections)

    def test_service_report_counts_what_was_opened_and_closed(self):
        march = self._march
        inside = self._new_service(march(1, 0), march(3, 0))
        before = self._new_service(march(1, 0) - timedelta(seconds=1), march(2, 0))
        last = self._new_service(march(31, 23))
        after = self._new_service(march(31, 23) + timedelta(hours=1))
        self._new_service(march(5), march(6), state="cancel")
        self._new_fault(partner=self.jane)
        other = self._new_service(march(5), march(6))
        other.partner_id = self.walter
        found = self._figures()
        self.assertEqual(found["opened"], last | inside)
        self.assertEqual(found["closed"], before | inside)
        self.assertEqual(found["unclosed"], last | after)
        mean = ((before.hours_close or 0) + inside.hours_close) / 2
        self.assertAlmostEqual(found["hours_close"], mean)
        self.assertAlmostEqual(inside.hours_close, 48)
        self.assertEqual(self._figures(self.bob)["opened"], self.env["crm.case"])
        self.assertEqual(self._figures(self.jane)["opened"], last | inside)

    def test_service_report_of_nothing(self):
        found = self._figures(self.walter)
        self.assertEqual((found["hours_close"], found["promises"]), (None, []))
        text = self._render(
            _SERVICE,
            self.walter,
            service_report_first="2026-03-01",
            service_report_last="2026-03-31",
        )
        self.assertIn("Nothing was opened or closed", text)

    def test_service_report_says_which_promises_were_kept(self):
        policy = self.env["crm.sla.policy"].create(
            {"name": "Fast", "section_id": self.support1.id, "hours_resolution": 8}
        )
        cases = [self._new_service(self._march(2)) for _index in range(4)]
        Status = self.env["crm.sla.status"]
        Status.search([("policy_id", "=", policy.id)]).unlink()
        decided = (
            ("met", self._march(4)),
            ("met", self._march(30)),
            ("missed", self._march(5)),
            ("met", self._march(4) - timedelta(40)),
        )
        for case, (state, moment) in zip(cases, decided, strict=True):
            Status.create(
                {
                    "case_id": case.id,
                    "policy_id": policy.id,
                    "target": "resolution",
                    "is_current": True,
                    "state": state,
                    f"date_{state}": moment,
                }
            )
        [promise] = self._figures()["promises"]
        self.assertEqual((promise["met"], promise["missed"]), (2, 1))
        self.assertAlmostEqual(promise["rate"], 200 / 3)

    def test_service_report_by_subject(self):
        fault = self.env["crm.case.category"].create({"name": "Fault"})
        for day in (2, 3):
            self._new_service(self._march(day), self._march(9), category_id=fault.id)
        self._new_service(self._march(4))
        self.assertEqual(
            self._figures()["categories"], [("Fault", 2, 2, 0), ("Other", 1, 0, 1)]
        )

    def test_service_report_is_of_what_its_sender_may_see(self):
        seen = self._new_service(self._march(2))
        hidden = self._new_service(self._march(2), section=self.quality)
        self.quality.is_quality = False
        hidden.user_id = self.quality_user
        self.assertEqual(self._figures()["opened"], seen)
        self.assertEqual(self._figures(user=self.boss)["opened"], hidden | seen)
        only = self._figures(user=self.boss, sections=self.support2)
        self.assertEqual(only["opened"], seen, "with the sections below")

    def test_periods_of_the_dialog(self):
        Wizard = self.env["crm.service.report"]
        table = {
            "last_month": ("2026-04-01", "2026-04-30"),
            "last_quarter": ("2026-01-01", "2026-03-31"),
            "last_year": ("2025-01-01", "2025-12-31"),
            "this_year": ("2026-01-01", "2026-05-15"),
        }
        with patch.object(
            self.env.registry["res.company"],
            "_get_today",
            lambda _company: date(2026, 5, 15),
        ):
            for period, expected in table.items():
                form = Form(Wizard)
                form.period = period
                bounds = tuple(map(str, (form.date_first, form.date_last)))
                self.assertEqual(bounds, expected)

    def _open_dialog(self, partners, **values):
        context = partners.action_service_report()["context"]
        Wizard = self.env["crm.service.report"].with_user(self.senior)
        return Wizard.with_context(**context).create(
            {
                "period": "other",
                "date_first": "2026-03-01",
                "date_last": "2026-03-31",
                **values,
            }
        )

    def test_dialog_prints_each_customer(self):
        case = self._new_service(self._march(2))
        action = self._open_dialog(self.acme | self.walter).action_print()
        text = self._render(_SERVICE, self.env["res.partner"], **action["data"])
        for expected in ("03/01/2026", "03/31/2026", "ACME", "Walter", case.number):
            self.assertIn(expected, text)

    def test_dialog_refuses_an_end_before_the_beginning(self):
        dialog = self._open_dialog(self.acme, date_last="2026-02-01")
        for method in ("action_print", "action_send"):
            with self.assertRaisesRegex(UserError, "^To: "):
                getattr(dialog, method)()

    def test_dialog_sends_with_the_period_asked_for(self):
        case = self._new_service(self._march(2))
        action = self._open_dialog(self.acme).action_send()
        Composer = self.env["mail.compose.message"].with_user(self.senior)
        composer = Form(Composer.with_context(**action["context"])).save()
        [file] = composer.attachment_ids
        text = html.fromstring(file.raw).text_content()
        self.assertIn(case.number, text)
        self.assertIn("03/31/2026", text)

    def test_without_a_dialog_it_is_of_the_last_month(self):
        first = self.company._get_today().replace(day=1) - relativedelta(months=1)
        text = self._render(_SERVICE, self.acme)
        self.assertIn(first.strftime("%m/%d/%Y"), text)

    # ------------------------------------------------------------
    # 8D
    # ------------------------------------------------------------

    def test_8d_report_has_eight_disciplines(self):
        case = self._new_fault(
            user_id=self.agent.id, partner=self.jane, description="<p>Scratched</p>"
        )
        self._new_action(name="Sort", kind="containment", case_id=case.id)
        corrective = self._new_action(
            name="New tool", case_id=case.id, root_cause="Worn", work_done="Bought"
        )
        corrective.action_done()
        corrective.action_effective()
        self._new_action(name="Count", kind="preventive", case_id=case.id)
        dropped = self._new_action(name="Dropped", case_id=case.id)
        dropped.action_cancel()
        case.message_post(body="Secret note")
        text = self._render("crm_relations.crm_case_8d", case, self.agent)
        for part in range(1, 9):
            self.assertIn(f"D{part} ", text)
        expected = [
            "Jane",
            "Scratched",
            "Sort",
            "Worn",
            "New tool",
            "Bought",
            "Effective",
            "Count",
            "Not closed yet",
        ]
        places = [text.find(word) for word in expected]
        self.assertEqual(places, sorted(places))
        self.assertNotIn(-1, places)
        for hidden in ("Dropped", "Secret"):
            self.assertNotIn(hidden, text)
