from datetime import timedelta

from odoo import fields
from odoo.addons.crm_relations.tests.segment_common import SegmentCommon
from odoo.tests import Form, tagged

from .common import CrmPurchaseCommon


@tagged("crm_relations_purchase")
class TestPurchaseRelations(CrmPurchaseCommon, SegmentCommon):
    def _history(self, partner, user=None):
        History = self.env["crm.partner.history"].with_user(user or self.buyer)
        return History.search(
            [
                ("commercial_partner_id", "=", partner.commercial_partner_id.id),
                ("model", "=", "purchase.order"),
            ]
        )

    # ------------------------------------------------------------
    # TIMELINE
    # ------------------------------------------------------------

    def test_requests_and_orders_are_on_the_timeline(self):
        table = [("sent", "purchase_request"), ("purchase", "purchase")]
        for number, (state, kind) in enumerate(table, start=1):
            with self.subTest(state=state):
                order = self._new_order(
                    self.jane, state, [number], partner_ref="their number"
                )
                lines = self._history(self.acme)
                line = lines.filtered(lambda line, o=order: line.res_id == o.id)
                self.assertEqual(line.partner_id, self.jane)
                self.assertEqual((line.kind, line.direction), (kind, "out"))
                self.assertEqual(line.amount, 10 * number)
                self.assertEqual(line.date, order.date_approve or order.date_order)
                self.assertEqual(line.name, f"{order.name} – their number")
                self.assertEqual(line.action_open_source()["res_id"], order.id)

    def test_what_the_supplier_never_saw_is_not(self):
        for state in ("draft", "to approve", "cancel"):
            self._new_order(self.walter, state)
        self.assertFalse(self._history(self.walter))

    def test_each_reads_what_he_may_read_at_the_source(self):
        order = self._new_order(self.walter)
        foreign = self._new_order(self.walter, company_id=self.company_2.id)
        table = [
            (self.agent, []),
            (self.boss, []),
            (self.buyer, [order.id]),
            (self.buyer_abroad, [foreign.id]),
        ]
        for user, expected in table:
            with self.subTest(user=user.login):
                found = self._history(self.walter, user).mapped("res_id")
                self.assertEqual(found, expected)

    # ------------------------------------------------------------
    # COMPLAINTS
    # ------------------------------------------------------------

    def _case_from(self, order, user):
        action = order.with_user(user).action_open_case()
        Case = self.env["crm.case"].with_user(user)
        return Form(Case.with_context(**action["context"])).save()

    def test_complaint_begins_in_the_section_of_the_company(self):
        self.company.complaint_section_id = self.quality
        order = self._new_order(self.jane)
        case = self._case_from(order, self.buyer)
        self.assertEqual(case.section_id, self.quality)
        self.assertEqual(case.reference, order)
        self.assertEqual(case.partner_id, self.jane)

    def test_without_a_section_it_begins_in_the_users(self):
        self.support1.member_ids |= self.buyer
        case = self._case_from(self._new_order(self.jane), self.buyer)
        self.assertEqual(case.section_id, self.support1)

    def test_manager_chooses_the_section_in_the_settings(self):
        settings = self.env["res.config.settings"].create({})
        settings.complaint_section_id = self.quality
        settings.execute()
        self.assertEqual(self.company.complaint_section_id, self.quality)
        self.assertFalse(self.company_2.complaint_section_id)

    def test_count_opens_the_cases_counted(self):
        order, other = (self._new_order(self.walter) for _number in range(2))
        mark = f"purchase.order,{order.id}"
        self._new_case(reference=mark, user_id=self.buyer.id)
        self._new_case(reference=mark, section=self.support2)
        own = (order | other).with_user(self.buyer)
        self.assertEqual(own.mapped("case_count"), [1, 0])
        action = own[0].action_view_cases()
        found = own.env["crm.case"].search_count(action["domain"])
        self.assertEqual(found, own[0].case_count)

    # ------------------------------------------------------------
    # SEGMENTS
    # ------------------------------------------------------------

    def test_segments_count_orders_and_their_amounts(self):
        for partner, quantity, age, state in (
            (self.jane, 1, 0, "purchase"),
            (self.jane, 2, 40, "purchase"),
            (self.jane, 4, 0, "sent"),
            (self.acme, 8, 0, "purchase"),
        ):
            order = self._new_order(partner, state, [quantity])
            if state == "purchase":
                order.date_approve = fields.Datetime.now() - timedelta(days=age)
        people = self.acme | self.jane | self.walter
        for measure, days, expected in (
            ("purchase_orders", 0, (3, 2, None)),
            ("purchase_orders", 30, (2, 1, None)),
            ("purchase_amount", 0, (110, 30, None)),
            ("purchase_amount", 30, (90, 10, None)),
        ):
            with self.subTest(measure, days=days):
                every = self._read_figures(measure, days)
                self.assertEqual(tuple(every.get(one.id) for one in people), expected)
                own = self._read_figures(measure, days, people)
                self.assertEqual(tuple(own.get(one.id) for one in people), expected)
        abroad = self._read_figures("purchase_orders", company_id=self.company_2.id)
        self.assertNotIn(self.jane.id, abroad)
