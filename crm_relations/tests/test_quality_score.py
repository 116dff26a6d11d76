from datetime import timedelta

from freezegun import freeze_time
from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .quality_common import QualityCommon


@tagged("crm_relations_quality")
class TestQualityScore(QualityCommon):
    """How the score of a supplier arises, and what follows from it."""

    # ------------------------------------------------------------
    # WHAT COUNTS
    # ------------------------------------------------------------

    def test_case_counts_by_section_or_by_category(self):
        elsewhere = self.env["crm.case.category"].create(
            {"name": "Bad parts", "is_quality": True}
        )
        by_section = self._new_fault()
        by_category = self._new_fault(section=self.support1, category_id=elsewhere.id)
        neither = self._new_fault(section=self.support1)
        self.assertTrue(by_section.is_quality)
        self.assertTrue(by_category.is_quality)
        self.assertFalse(neither.is_quality)
        found = self.env["crm.case"].search([("is_quality", "=", True)])
        self.assertIn(by_category, found)
        self.assertNotIn(neither, found)
        others = self.env["crm.case"].search([("is_quality", "=", False)])
        self.assertEqual(others & (by_section | by_category | neither), neither)
        self._compute()
        self.assertEqual(self._row().case_count, 2)

    def test_what_does_not_count(self):
        table = {
            "cancelled": {"state": "cancel"},
            "archived": {"active": False},
            "too old": {"days": 400},
            "another company": {"section": self.foreign},
            "nobody's": {"partner": self.env["res.partner"]},
        }
        self.foreign.is_quality = True
        self._new_fault()
        for name, values in table.items():
            with self.subTest(name):
                if name == "another company":
                    case = self._new_case("Fault", **values, partner_id=self.acme.id)
                else:
                    case = self._new_fault(**values)
                self.assertTrue(case.is_quality)
        self._compute()
        self.assertEqual(self._row().case_count, 1)

    def test_contacts_count_for_their_company(self):
        self._new_fault(partner=self.jane)
        self._new_fault(partner=self.bob)
        self._compute()
        self.assertEqual(self._row().case_count, 2)
        self.assertFalse(self._row(self.jane))
        for partner in (self.acme, self.jane):
            self.assertEqual(partner.quality_score, 80)
            self.assertEqual(partner.quality_class, "b")

    def test_actual_cost_takes_the_place_of_the_planned_one(self):
        self._new_fault(planned_cost=100)
        self._new_fault(planned_cost=50, actual_cost=70)
        self._compute()
        self.assertEqual(self._row().cost, 170)

    def test_time_we_waited_counts_while_it_lasts(self):
        case = self._new_fault()
        now = fields.Datetime.now()
        with freeze_time(now - timedelta(hours=10)):
            case.action_pending()
        with freeze_time(now - timedelta(hours=6)):
            case.action_open()
        with freeze_time(now - timedelta(hours=2)):
            case.action_pending()
            self.env.flush_all()
        self._compute()
        self.assertAlmostEqual(self._row().response_hours, (4 + 2) / 2, places=2)

    def test_repeat_is_the_same_category_again_within_the_days(self):
        for days in (200, 120, 100):  # again after 80 and after 20 days
            self._new_fault(days, category_id=self.scratch.id)
        self._new_fault(5, category_id=self.scratch.id)  # after 95 days
        self._new_fault(4, category_id=self.crack.id)
        self._new_fault(3)
        self._new_fault(2)  # without a category nothing is known to be the same
        self._compute()
        row = self._row()
        self.assertEqual(row.repeat_count, 2)
        self.assertAlmostEqual(row.repeat_rate, 2 / 7 * 100)

    def test_fault_before_the_period_makes_a_repeat_in_it(self):
        self.company.quality_months = 1
        self._new_fault(60, category_id=self.scratch.id)
        self._new_fault(5, category_id=self.scratch.id)
        self._compute()
        self.assertEqual((self._row().case_count, self._row().repeat_count), (1, 1))

    # ------------------------------------------------------------
    # WHAT BRIDGES KNOW
    # ------------------------------------------------------------

    def test_ppm_of_the_published_example(self):
        # 45 rejected of 120,000 received are 375 ppm, 110 of them 917:
        # mfgcalcs.com, Supplier Defect PPM
        case = self._new_fault(defective_quantity=45)
        with self._knowing(received_quantities={self.acme.id: 120_000}):
            for defective, expected in ((45, 375), (110, 917)):
                case.defective_quantity = defective
                self._compute()
                self.assertEqual(round(self._row().ppm), expected)

    def test_without_receipts_there_is_no_ppm(self):
        self._new_fault(defective_quantity=45)
        for received in ({}, {self.acme.id: 0.0}):
            with self._knowing(received_quantities=received):
                self._compute()
            self.assertIs(self._row().ppm, False)

    def test_supplier_without_faults_is_judged_by_what_he_delivered(self):
        self._new_criterion("on_time_rate", best=100, worst=80, weight=30)
        with self._knowing(
            received_quantities={self.walter.id: 10},
            on_time_rates={self.walter.id: 90},
            order_counts={self.walter.id: 4},
        ):
            self._compute()
        row = self._row(self.walter)
        self.assertEqual((row.case_count, row.ppm, row.case_rate), (0, 0, 0))
        # 100 points by a weight of 10, 50 points by 30
        self.assertEqual(row.score, 62.5)
        self.assertFalse(self._row())

    # ------------------------------------------------------------
    # THE SCORE
    # ------------------------------------------------------------

    def test_unknown_drops_out_and_the_others_count_the_more(self):
        self._new_criterion("ppm", best=0, worst=1000, weight=70)
        self._new_criterion("cost", best=0, worst=1000, weight=30)
        self._new_fault(planned_cost=250)
        self._compute()
        row = self._row()
        self.assertEqual(row.score, (90 * 10 + 75 * 30) / 40)
        lines = {line["label"]: line for line in row._get_lines()}
        self.assertEqual(lines["Quality cases"]["share"], "25.0 %")
        self.assertEqual(lines["Defective parts per million"]["points"], "–")
        self.assertIn("drops out", row.explanation)
        self.assertIn(
            "Quality cases: 1, 90.0 points, weight 10.0 (25.0 %)", row.explain()
        )

    def test_criterion_of_an_addon_that_is_gone_is_told(self):
        self._new_fault()
        self._compute()
        row = self._row()
        self.assertNotIn("gone", row.explain())
        gone = {"measure": "gone", "value": 1, "best": 0, "worst": 2, "weight": 30}
        row.details = [*row.details, gone]
        self.assertIn("gone", row.explain())
        self.assertEqual(len(row._get_lines()), 1)

    def test_company_with_criteria_of_its_own_goes_by_those_only(self):
        self._new_criterion("case_count", best=0, worst=2, company_id=self.company.id)
        self._new_fault()
        self._compute()
        self.assertEqual(self._row().score, 50)

    def test_classes_begin_at_their_bounds(self):
        for count, expected in ((1, "a"), (2, "b"), (3, "b"), (4, "c")):
            self._new_fault()
            self._compute()
            with self.subTest(count=count):
                self.assertEqual(self._row().quality_class, expected)

    def test_trend_is_against_the_same_time_before(self):
        self._new_fault(1)
        self._compute()
        self.assertIs(self._row().trend, False)
        for _index in range(3):
            self._new_fault(500)
        self._compute()
        self.assertEqual(self._row().trend, 90 - 70)

    def test_who_had_faults_and_has_none_any_more_is_good(self):
        self._new_fault(500)
        self._compute()
        self.assertEqual((self._row().score, self._row().trend), (100, 10))

    def test_who_is_no_supplier_any_more_has_no_score(self):
        self._new_fault(300)
        self._compute()
        self.assertTrue(self.acme.quality_class)
        self._compute(days=500)
        self.assertFalse(self._row())
        self.assertFalse(self.acme.quality_class)
        # what was in the past remains
        self.assertTrue(self.Score.search([("partner_id", "=", self.acme.id)]))

    def test_only_those_asked_for_are_computed(self):
        self._new_fault()
        self._new_fault(partner=self.walter)
        self._compute()
        self._new_fault()
        self._new_fault(partner=self.walter)
        self._compute(self.acme)
        self.assertEqual((self._row().score, self._row(self.walter).score), (80, 90))

    # ------------------------------------------------------------
    # OVER TIME
    # ------------------------------------------------------------

    def test_first_time_the_months_before_are_reckoned_too(self):
        self.Score.search([("company_id", "=", self.company.id)]).unlink()
        self._new_fault(200)
        self._new_fault(1)
        self._compute()
        rows = self.Score.search([("partner_id", "=", self.acme.id)], order="date")
        self.assertEqual(len(rows), len(set(rows.mapped("date"))))
        self.assertEqual(rows.mapped("is_current"), [False] * (len(rows) - 1) + [True])
        self.assertIn(len(rows), (7, 8))
        self.assertEqual(rows[-1].date, self.company._get_today().replace(day=1))
        self.assertEqual(rows[0].score, 90)
        self.assertIn("<svg", rows[-1].chart)

    def test_a_month_that_is_over_is_not_changed(self):
        with freeze_time("2026-03-30 12:00:00"):
            self._new_fault()
            self.Score._compute_company(self.company)
        march = self._row()
        with freeze_time("2026-04-01 12:00:00"):
            self._new_fault()
            self.Score._compute_company(self.company)
        self.env.invalidate_all()
        self.assertEqual((march.score, march.is_current), (90, False))
        april = self._row()
        self.assertEqual((april.score, str(april.date)), (80, "2026-04-01"))
        self.assertEqual(self.acme.quality_score, 80)

    def test_night_of_all_companies(self):
        self._new_fault()
        self.foreign.is_quality = True
        self._new_case("Fault", self.foreign, partner_id=self.walter.id)
        with self.enter_registry_test_mode():
            self.env.ref("crm_relations.ir_cron_quality_score").method_direct_trigger()
        self.env.invalidate_all()
        self.assertTrue(self._row())
        self.assertTrue(self._row(self.walter, self.company_2))

    # ------------------------------------------------------------
    # FALLS
    # ------------------------------------------------------------

    def _fall_cases(self):
        return self.env["crm.case"].search([("name", "like", "fell from class")])

    def test_fall_of_a_class_opens_one_case(self):
        self.company.quality_fall_section_id = self.support1
        self._new_fault()
        self._compute()
        self.assertFalse(self._fall_cases(), "the first class is no fall")
        self._new_fault()
        self._compute()
        self._compute()
        self._compute(days=40)
        case = self._fall_cases()
        self.assertEqual(case.name, "ACME fell from class A to B")
        self.assertEqual((case.section_id, case.partner_id), (self.support1, self.acme))
        self.assertFalse(case.is_quality, "else it would count itself")

    def test_every_further_fall_is_told(self):
        self.company.quality_fall_section_id = self.support1
        self._new_fault()
        self._compute()
        more = self._new_fault()
        for falls in (1, 2):
            more.active = True
            self._compute()
            self.assertEqual(self._row().quality_class, "b")
            self.assertEqual(len(self._fall_cases()), falls)
            more.active = False
            self._compute()
            self.assertEqual(self._row().quality_class, "a")

    def test_rise_and_silence_open_nothing(self):
        fault = self._new_fault() | self._new_fault()
        self._compute()
        self.company.quality_fall_section_id = self.support1
        fault[0].active = False
        self._compute()
        self.assertEqual(self._row().quality_class, "a")
        self.assertFalse(self._fall_cases())
        self.company.quality_fall_section_id = False
        fault[0].active = True
        self._compute()
        self.assertFalse(self._fall_cases())

    # ------------------------------------------------------------
    # SETTINGS
    # ------------------------------------------------------------

    def test_what_makes_no_sense_is_refused(self):
        cost = self._new_criterion("cost", best=0, worst=9)
        refused = [
            (self.company, {"quality_months": 0}, IntegrityError),
            (self.company, {"quality_bound_a": 60}, IntegrityError),
            (self.company, {"quality_repeat_days": -1}, IntegrityError),
            (self._new_fault(), {"defective_quantity": -1}, IntegrityError),
            (self._new_fault(), {"actual_cost": -1}, IntegrityError),
            (cost, {"weight": 0}, IntegrityError),
            (cost, {"measure": "case_count"}, IntegrityError),
            (cost, {"worst": 0}, ValidationError),
        ]
        for record, values, error in refused:
            with (
                self.subTest(values=values),
                mute_logger("odoo.sql_db"),
                self.assertRaises(error),
                self.cr.savepoint(),
            ):
                record.write(values)
                record.flush_recordset()
            record.invalidate_recordset()
