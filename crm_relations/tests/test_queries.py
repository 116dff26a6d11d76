from datetime import timedelta

from lxml import etree
from odoo import fields
from odoo.tests import tagged, users, warmup

from .common import CrmRelationsCommon


@tagged("crm_relations_queries")
class TestQueries(CrmRelationsCommon):
    """What the screens ask of the server costs the same for 1 case as for 100.

    The budgets are pinned: raising one is a decision, not an accident.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        partners = cls.acme | cls.jane | cls.bob | cls.walter
        category = cls.env["crm.case.category"].create(
            {"name": "Fault", "section_id": cls.support1.id}
        )
        responsibles = (cls.agent, cls.colleague, cls.senior, cls.susan)
        states = ("draft", "open", "pending", "done", "cancel")
        now = fields.Datetime.now()
        cls.cases = cls.env["crm.case"].create(
            [
                {
                    "name": f"Case {index}",
                    "section_id": (cls.support1, cls.support2)[index % 2].id,
                    "partner_id": partners[index % 4].id,
                    "category_id": category.id,
                    "user_id": responsibles[index % 4].id,
                    "state": states[index % 5],
                    "date_deadline": now + timedelta(days=index % 7 - 3),
                    "planned_revenue": 100.0 * index,
                }
                for index in range(100)
            ]
        )
        for case in cls.cases:
            case.message_post(body="Said")
            case.activity_schedule(
                "mail.mail_activity_data_todo", user_id=case.user_id.id
            )
        cls.env.flush_all()

    # ------------------------------------------------------------
    # AS THE WEB CLIENT DOES
    # ------------------------------------------------------------

    def _specification(self, model, view_type):
        """Give what the web client reads for a view: its fields, as in its arch."""
        views = self.env[model].get_views([(False, view_type)])
        arch = etree.fromstring(views["views"][view_type]["arch"])
        return self._read_arch(arch, self.env[model])

    def _read_arch(self, node, model):
        specification = {}
        for element in node.xpath(".//field[not(ancestor::field)]"):
            field = model._fields[element.get("name")]
            specification[field.name] = {}
            if field.relational:
                comodel = self.env[field.comodel_name]
                inline = [self._read_arch(sub, comodel) for sub in element]
                specification[field.name] = {
                    "fields": inline[0] if inline else {"display_name": {}}
                }
        return specification

    def _budget(self, expected, gesture, few, many):
        """Pin the cost of a gesture on an empty cache, for few records and many."""
        costs = []
        for records in (few, many):
            self.env.flush_all()
            self.env.invalidate_all()
            with self.subTest(records=len(records)), self.assertQueryCount(expected):
                before = self.env.cr.sql_log_count
                gesture(records)
                costs.append(self.env.cr.sql_log_count - before)
        if self.warm:
            self.assertEqual(costs[0], costs[1], "more records cost more queries")

    def _cases(self, count):
        return self.env["crm.case"].browse(self.cases[:count].ids)

    # ------------------------------------------------------------
    # SCREENS
    # ------------------------------------------------------------

    @users("expert")
    @warmup
    def test_list(self):
        specification = self._specification("crm.case", "list")

        def open_list(cases):
            result = cases.browse().web_search_read(
                [("id", "in", cases.ids)], specification, limit=100, count_limit=10001
            )
            self.assertEqual(len(result["records"]), len(cases))

        self._budget(19, open_list, self._cases(1), self._cases(100))

    @users("expert")
    @warmup
    def test_board(self):
        specification = self._specification("crm.case", "kanban")

        def open_board(cases):
            model = cases.browse().with_context(read_group_expand=True)
            result = model.web_read_group(
                [("id", "in", cases.ids)],
                ["stage_id"],
                [],
                auto_unfold=True,
                unfold_read_specification=specification,
                unfold_read_default_limit=100,
                groupby_read_specification={"stage_id": {"fold": {}}},
            )
            self.assertEqual(
                sum(group["__count"] for group in result["groups"]), len(cases)
            )

        # one case in each unfolded column, so that all of them are read
        self._budget(21, open_board, self._cases(5), self._cases(100))

    @users("expert")
    @warmup
    def test_progress_bars_of_a_board(self):
        bar = {
            "field": "activity_state",
            "colors": {"planned": "success", "today": "warning", "overdue": "danger"},
        }

        def read_bars(cases):
            bars = cases.browse().read_progress_bar(
                [("id", "in", cases.ids)], "stage_id", bar
            )
            self.assertTrue(bars)

        self._budget(1, read_bars, self._cases(1), self._cases(100))

    @users("expert")
    @warmup
    def test_calendar(self):
        specification = dict.fromkeys(
            ("name", "date", "duration", "partner_id", "priority", "state"), {}
        )

        def open_calendar(cases):
            cases.browse().web_search_read([("id", "in", cases.ids)], specification)

        self._budget(3, open_calendar, self._cases(1), self._cases(100))

    @users("expert")
    @warmup
    def test_form(self):
        specification = self._specification("crm.case", "form")
        # one of them asks for mail that did not arrive, which the form must show, five
        # for the card of the partner; four cases have companies and contacts
        self._budget(
            23,
            lambda cases: cases.web_read(specification),
            self._cases(4),
            self._cases(100),
        )

    @users("expert")
    @warmup
    def test_section_overview(self):
        specification = self._specification("crm.case.section", "kanban")
        more = (
            self.env["crm.case.section"]
            .sudo()
            .create(
                [
                    {"name": f"Desk {index}", "parent_id": self.support1.id}
                    for index in range(30)
                ]
            )
        )

        def open_overview(sections):
            result = sections.browse().web_search_read(
                [("id", "in", sections.ids)], specification
            )
            self.assertEqual(len(result["records"]), len(sections))

        desks = more.with_user(self.env.user)
        # new aliases make Odoo forget what it keeps between requests
        open_overview(desks[:1])
        # one for each figure on a card: what is open, unassigned, late, mine, was not
        # delivered, and whose service level is in danger
        self._budget(11, open_overview, desks[:1], desks)

    @users("expert")
    @warmup
    def test_partner_figures(self):
        partners = (self.acme | self.jane | self.bob | self.walter).with_user(
            self.env.user
        )
        self._budget(
            4,
            lambda some: some.mapped("case_count"),
            partners[:2],
            partners,
        )

    # ------------------------------------------------------------
    # CHANGES
    # ------------------------------------------------------------

    def _create_cases(self, count):
        return self.env["crm.case"].create(
            [
                {"name": f"New {index}", "section_id": self.support1.id}
                for index in range(count)
            ]
        )

    def _change_budget(self, change, budgets):
        """Pin a change up to the end of its transaction, where tracking is kept.

        What grows with the number of cases is Odoo's discussion: each case has a
        message of its own, with its own recipients.

        :param budgets: {number of cases: queries}
        """
        for count, expected in budgets.items():
            cases = self._create_cases(count)
            self.flush_tracking()
            self.env.invalidate_all()
            with self.subTest(count=count), self.assertQueryCount(expected):
                change(cases)
                self.flush_tracking()

    @users("expert")
    @warmup
    def test_creation_with_its_messages(self):
        self._change_budget(
            lambda cases: self._create_cases(len(cases)), {1: 31, 100: 724}
        )

    @users("expert")
    @warmup
    def test_change_of_state_with_its_messages(self):
        self._change_budget(lambda cases: cases.action_pending(), {1: 27, 100: 720})

    @users("expert")
    @warmup
    def test_escalation_with_its_messages(self):
        self._change_budget(lambda cases: cases.action_escalate(), {1: 52, 100: 1933})
