from datetime import timedelta

from odoo import Command, fields
from odoo.addons.crm_relations.tests.segment_common import SegmentCommon
from odoo.addons.mail.tests.common import mail_new_test_user
from odoo.exceptions import AccessError
from odoo.tests import Form, tagged


@tagged("crm_relations_sale")
class TestSaleRelations(SegmentCommon):
    """Orders on the timeline, and cases about them.

    seller: own orders · head: all orders · seller_abroad: all, in company 2.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        own, every = "group_sale_salesman", "group_sale_salesman_all_leads"
        cls.seller = cls._new_seller("seller", own, cls.company)
        cls.head = cls._new_seller("head", every, cls.company)
        cls.seller_abroad = cls._new_seller("abroad", every, cls.company_2)
        cls.product = cls.env["product.product"].create(
            {"name": "Scales", "type": "service", "taxes_id": [Command.clear()]}
        )

    @classmethod
    def _new_seller(cls, login, group, company):
        return mail_new_test_user(
            cls.env,
            login=login,
            groups=f"crm_relations.crm_relations_group_user,sales_team.{group}",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    @classmethod
    def _new_order(cls, partner, state="sale", price=100.0, **values):
        order = cls.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "user_id": False,
                "order_line": [
                    Command.create({"product_id": cls.product.id, "price_unit": price})
                ],
                **values,
            }
        )
        if state == "sale":
            order.action_confirm()
        else:
            order.state = state
        return order

    def _history(self, partner, user=None):
        History = self.env["crm.partner.history"].with_user(user or self.head)
        return History.search(
            [
                ("commercial_partner_id", "=", partner.commercial_partner_id.id),
                ("model", "=", "sale.order"),
            ]
        )

    # ------------------------------------------------------------
    # TIMELINE
    # ------------------------------------------------------------

    def test_quotations_and_orders_are_on_the_timeline(self):
        table = [("sent", "quotation", "out"), ("sale", "order", "in")]
        for number, (state, kind, direction) in enumerate(table, start=1):
            with self.subTest(state=state):
                order = self._new_order(
                    self.jane, state, number, client_order_ref="PO 7"
                )
                lines = self._history(self.acme)
                line = lines.filtered(lambda line, o=order: line.res_id == o.id)
                self.assertEqual(line.partner_id, self.jane)
                self.assertEqual((line.kind, line.direction), (kind, direction))
                self.assertEqual(line.amount, number)
                self.assertEqual(line.date, order.date_order)
                self.assertEqual(line.name, f"{order.name} – PO 7")
                self.assertEqual(line.action_open_source()["res_id"], order.id)

    def test_what_the_customer_never_saw_is_not(self):
        for state in ("draft", "cancel"):
            self._new_order(self.walter, state)
        self.assertFalse(self._history(self.walter))

    def test_each_reads_what_he_may_read_at_the_source(self):
        mine = self._new_order(self.walter, user_id=self.seller.id)
        other = self._new_order(self.walter, user_id=self.head.id)
        foreign = self._new_order(self.walter, company_id=self.company_2.id)
        table = [
            (self.agent, []),
            (self.boss, []),
            (self.seller, [mine.id]),
            (self.head, [mine.id, other.id]),
            (self.seller_abroad, [foreign.id]),
        ]
        for user, expected in table:
            with self.subTest(user=user.login):
                found = self._history(self.walter, user).mapped("res_id")
                self.assertEqual(sorted(found), expected)

    def test_page_of_the_timeline_costs_the_same_for_many_orders(self):
        History = self.env["crm.partner.history"].with_user(self.head)
        costs = []
        for count in (1, 1, 40):
            while len(self._history(self.acme)) < count:
                self._new_order(self.jane)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            History.search_read(
                [("commercial_partner_id", "=", self.acme.id)], ["name", "kind"]
            )
            costs.append(self.env.cr.sql_log_count - before)
        self.assertEqual(costs[1], costs[2], "more orders cost more queries")

    # ------------------------------------------------------------
    # CASES
    # ------------------------------------------------------------

    def test_case_from_an_order_knows_partner_and_document(self):
        self.support1.member_ids |= self.seller
        order = self._new_order(self.jane, user_id=self.seller.id)
        action = order.with_user(self.seller).action_open_case()
        Case = self.env["crm.case"].with_user(self.seller)
        case = Form(Case.with_context(**action["context"])).save()
        self.assertEqual(case.reference, order)
        self.assertEqual(case.partner_id, self.jane)
        self.assertEqual(case.section_id, self.support1)
        self.assertEqual(order.with_user(self.boss).sudo(False).case_count, 1)

    def test_count_opens_the_cases_counted(self):
        order, other = (self._new_order(self.walter) for _number in range(2))
        for state in ("open", "done"):
            self._new_case(
                reference=f"sale.order,{order.id}", state=state, user_id=self.head.id
            )
        self._new_case(reference=f"sale.order,{order.id}", section=self.quality)
        own = (order | other).with_user(self.head)
        self.assertEqual(own.mapped("case_count"), [2, 0])
        action = own[0].action_view_cases()
        found = own.env["crm.case"].search_count(action["domain"])
        self.assertEqual(found, own[0].case_count)

    def test_buttons_are_for_people_with_cases(self):
        seller = mail_new_test_user(
            self.env, login="plain", groups="sales_team.group_sale_salesman_all_leads"
        )
        for user, shown in ((self.head, True), (seller, False)):
            with self.subTest(user=user.login):
                view = self.env["sale.order"].with_user(user).get_view(view_type="form")
                self.assertEqual("action_open_case" in view["arch"], shown)
                self.assertEqual("action_view_cases" in view["arch"], shown)
        with self.assertRaises(AccessError):
            self._new_order(self.walter).with_user(seller).read(["case_count"])

    # ------------------------------------------------------------
    # SEGMENTS
    # ------------------------------------------------------------

    def test_segments_count_orders_and_their_amounts(self):
        for partner, price, age, state in (
            (self.jane, 10, 0, "sale"),
            (self.jane, 20, 40, "sale"),
            (self.jane, 40, 0, "draft"),
            (self.acme, 80, 0, "sale"),
            (self.walter, 160, 0, "cancel"),
        ):
            order = self._new_order(partner, state, price)
            order.date_order = fields.Datetime.now() - timedelta(days=age)
        people = self.acme | self.jane | self.walter
        for measure, days, expected in (
            ("sale_orders", 0, (3, 2, None)),
            ("sale_orders", 30, (2, 1, None)),
            ("sale_amount", 0, (110, 30, None)),
            ("sale_amount", 30, (90, 10, None)),
        ):
            with self.subTest(measure, days=days):
                every = self._read_figures(measure, days)
                self.assertEqual(tuple(every.get(one.id) for one in people), expected)
                own = self._read_figures(measure, days, people)
                self.assertEqual(tuple(own.get(one.id) for one in people), expected)
        abroad = self._read_figures("sale_orders", company_id=self.company_2.id)
        self.assertNotIn(self.jane.id, abroad)
