from odoo.exceptions import AccessError
from odoo.tests import Form, tagged

from .common import CrmAccountCommon


@tagged("crm_relations_account")
class TestAccountCase(CrmAccountCommon):
    def test_case_from_an_invoice_knows_partner_and_document(self):
        self.support1.member_ids |= self.accountant
        invoice = self._new_move("out_invoice", self.jane, 100)
        action = invoice.with_user(self.accountant).action_open_case()
        Case = self.env["crm.case"].with_user(self.accountant)
        case = Form(Case.with_context(**action["context"])).save()
        self.assertEqual(case.reference, invoice)
        self.assertEqual(case.partner_id, self.jane)
        self.assertEqual(case.section_id, self.support1)
        self.assertIn(invoice.name, case.name)

    def test_cases_are_counted_as_the_reader_sees_them(self):
        invoice, other = (
            self._new_move("out_invoice", self.walter, amount) for amount in (1, 2)
        )
        mark = f"account.move,{invoice.id}"
        self._new_case(reference=mark, user_id=self.accountant.id)
        self._new_case(reference=mark, user_id=self.accountant.id, state="done")
        self._new_case(reference=mark, section=self.quality)
        for user, expected in ((self.accountant, [2, 0]), (self.boss, [3, 0])):
            with self.subTest(user=user.login):
                own = (invoice | other).sudo().with_user(user)
                # the boss reads cases but no invoices; the count is of cases
                self.assertEqual([move.case_count for move in own], expected)
        action = invoice.with_user(self.accountant).action_view_cases()
        found = self.env["crm.case"].with_user(self.accountant).search(action["domain"])
        self.assertEqual(len(found), 2)

    def test_count_costs_the_same_for_many(self):
        moves = self.env["account.move"].create(
            [
                {"move_type": "out_invoice", "partner_id": self.walter.id}
                for _number in range(20)
            ]
        )
        own = moves.with_user(self.accountant)
        own.mapped("case_count")  # what is asked once per process
        self.env.flush_all()
        for some in (own[:1], own):
            some.invalidate_recordset(["case_count"])
            with self.assertQueryCount(1):
                some.mapped("case_count")

    def test_case_about_an_invoice_can_be_read_by_who_reads_no_invoices(self):
        invoice = self._new_move("out_invoice", self.walter, 100)
        case = self._new_case(reference=f"account.move,{invoice.id}")
        with self.assertRaises(AccessError):
            invoice.with_user(self.agent).read(["name"])
        specification = {"name": {}, "reference": {"fields": {"display_name": {}}}}
        (shown,) = case.with_user(self.agent).web_read(specification)
        self.assertNotIn(invoice.name, str(shown))

    def test_count_is_for_people_with_cases(self):
        invoice = self._new_move("out_invoice", self.walter, 100)
        with self.assertRaises(AccessError):
            invoice.with_user(self.user_employee).read(["case_count"])
