from odoo.tests import Form, users

from .common import CrmRelationsCommon


class TestPartner(CrmRelationsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        Category = cls.env["res.partner.category"]
        cls.segment = Category.create({"name": "Segment"})
        cls.gold = Category.create({"name": "Gold", "parent_id": cls.segment.id})
        cls.platinum = Category.create({"name": "Platinum", "parent_id": cls.gold.id})
        cls.other = Category.create({"name": "Other"})
        cls.acme.category_id = cls.segment
        cls.jane.category_id = cls.platinum
        cls.bob.category_id = cls.gold | cls.other
        cls.walter.category_id = cls.other

    # ------------------------------------------------------------
    # CASES
    # ------------------------------------------------------------

    def _make_cases(self):
        for partner in (self.acme, self.jane, self.walter):
            for state in ("draft", "open", "pending", "done", "cancel"):
                self._new_case(
                    partner_id=partner.id, state=state, user_id=self.agent.id
                )
        self._new_case(partner_id=self.jane.id, section=self.quality)
        self._new_case(partner_id=self.jane.id).active = False

    def test_cases_are_counted_as_the_reader_sees_them(self):
        self._make_cases()
        table = [
            # partner, then (all, unclosed) for agent, senior, quality, boss
            (self.acme, (10, 6), (10, 6), (1, 1), (11, 7)),
            (self.jane, (5, 3), (5, 3), (1, 1), (6, 4)),
            (self.bob, (0, 0), (0, 0), (0, 0), (0, 0)),
            (self.walter, (5, 3), (5, 3), (0, 0), (5, 3)),
        ]
        readers = (self.agent, self.senior, self.quality_user, self.boss)
        for partner, *counts in table:
            for user, expected in zip(readers, counts, strict=True):
                with self.subTest(partner=partner.name, user=user.login):
                    own = partner.with_user(user)
                    self.assertEqual((own.case_count, own.open_case_count), expected)

    def test_count_opens_the_cases_counted(self):
        self._make_cases()
        for partner in (self.acme, self.jane, self.bob, self.walter):
            for user in (self.agent, self.boss):
                with self.subTest(partner=partner.name, user=user.login):
                    own = partner.with_user(user)
                    action = own.action_view_cases()
                    self.assertEqual(action["res_model"], "crm.case")
                    self.assertIn(partner.name, action["display_name"])
                    found = own.env["crm.case"].search_count(action["domain"])
                    self.assertEqual(found, own.case_count)
                    # closed ones are hidden by a filter the reader can take off
                    self.assertEqual(
                        action["context"], {"default_partner_id": partner.id}
                    )

    def test_cases_of_a_partner_are_opened_from_a_case(self):
        case = self._new_case(partner_id=self.jane.id)
        self.assertEqual(
            case.action_view_partner_cases()["domain"],
            self.jane.action_view_cases()["domain"],
        )

    def test_case_shows_as_many_cases_of_its_partner(self):
        self._make_cases()
        case = self._new_case(partner_id=self.jane.id, user_id=self.agent.id)
        for user in (self.agent, self.boss):
            with self.subTest(user=user.login):
                own = case.with_user(user)
                self.assertEqual(own.partner_case_count, own.partner_id.case_count)

    def test_new_partner_has_no_cases(self):
        self.assertEqual(self.env["res.partner"].new({"name": "New"}).case_count, 0)

    # ------------------------------------------------------------
    # CATEGORIES
    # ------------------------------------------------------------

    def test_branch_finds_partners_of_all_categories_below(self):
        everybody = self.acme | self.jane | self.bob | self.walter
        table = [
            (self.segment, self.acme | self.jane | self.bob),
            (self.gold, self.jane | self.bob),
            (self.platinum, self.jane),
            (self.other, self.bob | self.walter),
        ]
        among = [("id", "in", everybody.ids)]
        for category, expected in table:
            for operator in ("=", "in", "child_of"):
                with self.subTest(category=category.name, operator=operator):
                    value = [category.id] if operator == "in" else category.id
                    domain = [("category_branch_id", operator, value)]
                    found = self.env["res.partner"].search(among + domain)
                    self.assertEqual(set(found), set(expected))

    def test_branch_leaves_out_the_others(self):
        everybody = self.acme | self.jane | self.bob | self.walter
        found = self.env["res.partner"].search(
            [
                ("id", "in", everybody.ids),
                ("category_branch_id", "not in", self.gold.ids),
            ]
        )
        self.assertEqual(set(found), {self.acme, self.walter})

    def _panel(self, model, field, user, **options):
        """Ask for a search panel's tree as the web client does."""
        values = (
            self.env[model]
            .with_user(user)
            .search_panel_select_range(
                field,
                category_domain=[],
                comodel_domain=[],
                expand=True,
                filter_domain=[],
                hierarchize=True,
                limit=200,
                search_domain=[],
                **{"enable_counters": False, **options},
            )
        )
        self.assertNotIn("error_msg", values)
        return values, {value["id"]: value for value in values["values"]}

    def test_panel_shows_the_tree_of_categories(self):
        for user in (self.user_employee, self.agent, self.boss):
            with self.subTest(user=user.login):
                values, by_id = self._panel("res.partner", "category_branch_id", user)
                self.assertEqual(values["parent_field"], "parent_id")
                self.assertEqual(by_id[self.platinum.id]["parent_id"], self.gold.id)
                self.assertEqual(by_id[self.gold.id]["parent_id"], self.segment.id)
                self.assertFalse(by_id[self.segment.id]["parent_id"])
                self.assertEqual(by_id[self.gold.id]["display_name"], "Segment / Gold")

    def test_panel_shows_the_tree_of_sections(self):
        self._new_case(user_id=self.agent.id)
        self._new_case(section=self.support2)
        for user, counted in ((self.agent, 1), (self.senior, 2), (self.boss, 2)):
            with self.subTest(user=user.login):
                values, by_id = self._panel(
                    "crm.case", "section_id", user, enable_counters=True
                )
                self.assertEqual(values["parent_field"], "parent_id")
                below = by_id[self.support1.id]
                self.assertEqual(below["parent_id"], self.support2.id)
                self.assertEqual(below["display_name"], "Support 1")
                # a section counts what is below it too
                self.assertEqual(by_id[self.support2.id]["__count"], counted)

    def test_partners_by_category_open_for_their_readers(self):
        action = self.env.ref("crm_relations.res_partner_action_by_category")
        views = [
            (view_id if mode != "search" else action.search_view_id.id, mode)
            for view_id, mode in [*action.views, (False, "search")]
        ]
        for user in (self.user_employee, self.agent):
            with self.subTest(user=user.login):
                self.env["res.partner"].with_user(user).get_views(views)

    # ------------------------------------------------------------
    # WITHOUT A ROLE
    # ------------------------------------------------------------

    @users("employee")
    def test_partner_opens_for_people_without_a_role(self):
        self._new_case(partner_id=self.jane.id)
        form = Form(self.jane.with_user(self.env.user))
        self.assertNotIn("case_count", form._view["fields"])
        fields = self.env["res.partner"].fields_get()
        self.assertFalse({"case_ids", "case_count", "open_case_count"} & fields.keys())

    @users("agent")
    def test_partner_shows_its_cases_to_people_with_a_role(self):
        self._new_case(partner_id=self.jane.id, user_id=self.agent.id)
        form = Form(self.jane.with_user(self.env.user))
        self.assertEqual((form.open_case_count, form.case_count), (1, 1))
