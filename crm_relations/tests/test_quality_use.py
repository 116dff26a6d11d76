from odoo import Command
from odoo.tests import tagged

from .quality_common import QualityCommon


@tagged("crm_relations_quality")
class TestQualityUse(QualityCommon):
    """Segments and rules that go by score and class."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.segment"].search([]).active = False
        for _index in range(4):
            cls._new_fault(partner=cls.jane)
        cls._new_fault(partner=cls.walter)
        cls.Score._compute_company(cls.company)  # ACME 60: C, Walter 90: A

    # ------------------------------------------------------------
    # SEGMENTS
    # ------------------------------------------------------------

    def _members(self, **values):
        category = self.env["res.partner.category"].create({"name": "Earned"})
        segment = self.env["crm.segment"].create(
            {"name": "Suppliers", "category_id": category.id, **values}
        )
        segment.action_compute()
        everybody = self.acme | self.jane | self.bob | self.walter
        return everybody.filtered(lambda one: segment in one.segment_ids)

    def _by_score(self, operator, value, **values):
        line = {"measure": "supplier_score", "operator": operator, "value": value}
        return self._members(line_ids=[Command.create(line)], **values)

    def test_segment_by_score(self):
        of_acme = self.acme | self.jane | self.bob
        self.assertEqual(self._by_score(">", 80), self.walter)
        self.assertEqual(self._by_score("<", 80), of_acme)
        self.assertEqual(self._by_score("=", 60), of_acme)

    def test_segment_of_a_company_goes_by_its_scores(self):
        self.foreign.is_quality = True
        self._new_case("Fault", self.foreign, partner_id=self.walter.id)
        self._new_case("Fault", self.foreign, partner_id=self.walter.id)
        self._compute(company=self.company_2)
        table = [(self.company, 90), (self.company_2, 80), (None, 85)]
        for company, expected in table:
            with self.subTest(company=company and company.name):
                values = {"company_id": company.id} if company else {}
                members = self._by_score("=", expected, **values)
                self.assertIn(self.walter, members)

    def test_who_is_no_supplier_is_in_neither(self):
        nobody = self.env["res.partner"].create({"name": "Nobody"})
        for operator in "<>":
            self._by_score(operator, 1)
            self.assertFalse(nobody.segment_ids)

    def test_segment_by_class(self):
        members = self._members(filter_domain="[('quality_class', '=', 'a')]")
        self.assertEqual(members, self.walter)

    # ------------------------------------------------------------
    # RULES
    # ------------------------------------------------------------

    def _new_rule(self, **values):
        return self.env["crm.case.rule"].create(
            {"name": "Bad supplier", "on_create": True, "set_priority": "3", **values}
        )

    def test_rule_by_class_of_the_partner(self):
        for domain in (
            "[('partner_id.quality_class', '=', 'c')]",
            "[('supplier_class', '=', 'c')]",
        ):
            rule = self._new_rule(filter_domain=domain)
            table = [(self.jane, "3"), (self.walter, "1"), (self.bob, "3")]
            for partner, expected in table:
                with self.subTest(domain=domain, partner=partner.name):
                    case = self._new_case(partner_id=partner.id)
                    self.assertEqual(case.priority, expected)
            rule.active = False

    def test_rule_acts_when_a_class_falls(self):
        self.company.quality_fall_section_id = self.support1
        self._new_rule(
            section_id=self.support1.id,
            filter_domain="[('supplier_class', '=', 'b')]",
            set_user_id=self.agent.id,
        )
        for _index in range(2):
            self._new_fault(partner=self.walter)
        self._compute()
        self._compute()
        case = self.env["crm.case"].search([("name", "like", "fell from class A to B")])
        self.assertEqual(case.partner_id, self.walter)
        self.assertEqual((case.priority, case.user_id), ("3", self.agent))
