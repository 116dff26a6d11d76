from odoo import Command
from odoo.addons.crm_relations.exceptions import MenuEntryError
from odoo.exceptions import AccessError
from odoo.tests import Form, users
from odoo.tools.safe_eval import safe_eval

from .common import CrmRelationsCommon


class TestSectionMenus(CrmRelationsCommon):
    """The tree of menus that the wizard makes for a section."""

    def _open_wizard(self, section=None, **values):
        section = section or self.support1
        return self.env["crm.case.section.create.menus"].create(
            {"section_id": section.id, **values}
        )

    def _create_menus(self, section=None, **values):
        """Run the wizard and give the menus it made, the root first."""
        section = section or self.support1
        self._open_wizard(section, **values).action_create_menus()
        return section.menu_ids.sorted("id")

    def _keep_only(self, wizard, *keys):
        for line in wizard.line_ids:
            line.is_selected = line.key in keys

    def _visible(self, user):
        return self.env["ir.ui.menu"].with_user(user)._visible_menu_ids()

    # ------------------------------------------------------------
    # ENTRIES
    # ------------------------------------------------------------

    def test_ticked_entries_become_a_tree(self):
        wizard = self._open_wizard()
        ticked = wizard.line_ids.filtered("is_selected")
        self.assertGreater(len(wizard.line_ids), len(ticked))
        wizard.action_create_menus()
        menus = self.support1.menu_ids.sorted("id")
        root, entries = menus[0], menus.filtered("action")
        self.assertEqual(root.name, "Support 1")
        self.assertEqual(
            root.parent_id, self.env.ref("crm_relations.crm_relations_menu_root")
        )
        self.assertFalse(root.action)
        self.assertEqual([menu.name for menu in entries], ticked.mapped("name"))
        by_name = {menu.name: menu for menu in entries}
        self.assertEqual(by_name["Late Cases"].parent_id.name, "All Cases")
        self.assertEqual(by_name["My Late Cases"].parent_id.name, "My Cases")
        self.assertEqual(by_name["Calendar"].parent_id, root)
        # the web client opens only menus without others below them
        self.assertFalse(entries.child_id)

    def test_every_entry_can_be_made(self):
        wizard = self._open_wizard()
        wizard.line_ids.is_selected = True
        wizard.action_create_menus()
        entries = self.support1.menu_ids.filtered("action")
        self.assertEqual(len(entries), len(wizard._get_entries()))

    def test_entries_are_renamed_and_left_out(self):
        wizard = self._open_wizard(name="Desk")
        self._keep_only(wizard, "my", "late")
        wizard.line_ids.filtered(lambda line: line.key == "my").name = "Mine"
        wizard.action_create_menus()
        root, mine, late = self.support1.menu_ids.sorted("id")
        self.assertEqual(
            (root.name, mine.name, late.name), ("Desk", "Mine", "Late Cases")
        )
        # its branch is not wanted: it moves up
        self.assertEqual(late.parent_id, root)
        self.assertEqual(mine.action.name, "Desk: Mine")

    def test_menus_hang_below_any_menu(self):
        parent = self.env["ir.ui.menu"].create({"name": "Meetings"})
        root = self._create_menus(parent_menu_id=parent.id)[0]
        self.assertEqual(root.parent_id, parent)

    def test_no_entry_is_an_error(self):
        wizard = self._open_wizard()
        wizard.line_ids.is_selected = False
        with self.assertRaises(MenuEntryError) as refusal:
            wizard.action_create_menus()
        self.assertIn("Entries", str(refusal.exception))
        self.assertFalse(self.support1.menu_ids)

    # ------------------------------------------------------------
    # VIEWS
    # ------------------------------------------------------------

    def _view_modes(self, menus):
        return {menu.name: menu.action.view_mode for menu in menus if menu.action}

    def test_views_open_in_the_order_chosen(self):
        modes = self._view_modes(self._create_menus(view_mode="list, kanban,form"))
        self.assertEqual(modes["All Cases"], "list,kanban,form")
        self.assertEqual(modes["New Case"], "form")
        self.assertEqual(modes["Calendar"], "calendar,list,kanban,form")

    def test_form_is_added_where_it_was_forgotten(self):
        modes = self._view_modes(self._create_menus(view_mode="pivot"))
        self.assertEqual(modes["All Cases"], "pivot,form")

    def test_meeting_section_opens_its_calendar_first(self):
        self.quality.default_view = "calendar"
        wizard = self._open_wizard(self.quality)
        self.assertTrue(wizard.view_mode.startswith("calendar,"))
        self.assertEqual(len(set(wizard.view_mode.split(","))), 7)

    def test_bad_views_are_an_error_that_names_them(self):
        for view_mode, culprit in (
            ("list,gantt", "gantt"),
            ("tree", "tree"),
            ("list,,form", "“”"),
            ("list,kanban,list", "list"),
        ):
            with self.subTest(view_mode=view_mode):
                wizard = self._open_wizard(view_mode=view_mode)
                with self.assertRaises(MenuEntryError) as refusal:
                    wizard.action_create_menus()
                self.assertIn("Views, in Order", str(refusal.exception))
                self.assertIn(culprit, str(refusal.exception))
                self.assertFalse(self.support1.menu_ids)

    # ------------------------------------------------------------
    # CASES
    # ------------------------------------------------------------

    def _cases_of(self, menu, user):
        action = menu.action
        domain = safe_eval(action.domain, {"uid": user.id})
        return self.env["crm.case"].with_user(user).search(domain)

    def test_each_entry_finds_its_cases(self):
        wizard = self._open_wizard()
        wizard.line_ids.is_selected = True
        keys = wizard.line_ids.mapped("key")
        wizard.action_create_menus()
        entries = self.support1.menu_ids.filtered("action").sorted("id")
        menus = dict(zip(keys, entries, strict=True))
        desk = self._new_section("Desk", "desk", parent_id=self.support1.id)
        for section in (self.support1, desk, self.support2):
            for user in (self.senior, self.agent, None):
                for state in ("draft", "open", "pending", "done", "cancel"):
                    for deadline in (False, "2020-01-01 10:00:00"):
                        self._new_case(
                            section=section,
                            user_id=user and user.id,
                            state=state,
                            date_deadline=deadline,
                        )
        here = self.env["crm.case"].search(
            [("section_id", "in", (self.support1 | desk).ids)]
        )
        mine = here.filtered(lambda case: case.user_id == self.senior)
        nobodys = here.filtered(lambda case: not case.user_id)
        unclosed = here.filtered(lambda case: not case.date_closed)
        late = here.filtered("is_late")

        def in_state(state):
            return here.filtered(lambda case: case.state == state)

        expected = {
            "my": mine,
            "my_unclosed": mine & unclosed,
            "my_open": mine & in_state("open"),
            "my_pending": mine & in_state("pending"),
            "my_draft": mine & in_state("draft"),
            "my_late": mine & late,
            "my_closed": mine & in_state("done"),
            "my_cancel": mine & in_state("cancel"),
            "all": here,
            "unassigned": nobodys,
            "unclosed_unassigned": nobodys & unclosed,
            "late": late,
            "unclosed": unclosed,
            "open": in_state("open"),
            "pending": in_state("pending"),
            "draft": in_state("draft"),
            "closed": in_state("done"),
            "cancel": in_state("cancel"),
            "calendar": here,
            "new": here,
        }
        self.assertEqual(set(expected), set(keys))
        for key, cases in expected.items():
            with self.subTest(entry=key):
                self.assertTrue(cases)
                found = self._cases_of(menus[key], self.senior)
                self.assertEqual(set(found), set(cases))

    def test_sub_sections_can_be_left_out(self):
        desk = self._new_section("Desk", "desk", parent_id=self.support1.id)
        here, below = self._new_case(), self._new_case(section=desk)
        for include, expected in ((True, here | below), (False, here)):
            with self.subTest(include_subsections=include):
                menus = self._create_menus(include_subsections=include)
                entry = menus.filtered(lambda m: m.action and m.name == "All Cases")
                found = self._cases_of(entry, self.senior)
                self.assertEqual(set(found), set(expected))

    def test_new_cases_are_of_the_section(self):
        for menu in self._create_menus():
            if menu.action:
                with self.subTest(menu=menu.name):
                    context = safe_eval(menu.action.context)
                    self.assertEqual(context, {"default_section_id": self.support1.id})

    # ------------------------------------------------------------
    # WHO SEES THEM
    # ------------------------------------------------------------

    def _assert_seen_by(self, menus, people):
        everybody = (
            self.agent
            | self.colleague
            | self.quality_user
            | self.senior
            | self.susan
            | self.boss
            | self.user_employee
            | self.foreigner
        )
        for user in everybody:
            with self.subTest(user=user.login):
                seen = set(menus.ids) & set(self._visible(user))
                self.assertEqual(seen, set(menus.ids) if user in people else set())

    def test_staff_and_managers_see_the_menus(self):
        menus = self._create_menus()
        self._assert_seen_by(
            menus, self.agent | self.colleague | self.senior | self.susan | self.boss
        )
        menus = self._create_menus(self.quality)
        self._assert_seen_by(menus, self.quality_user | self.boss)

    def test_menus_follow_the_staff(self):
        menus = self._create_menus()
        self.support1.member_ids = self.colleague
        self._assert_seen_by(
            menus, self.colleague | self.senior | self.susan | self.boss
        )
        # a change above counts below as well
        self.support2.member_ids = self.quality_user
        self._assert_seen_by(
            menus, self.colleague | self.quality_user | self.susan | self.boss
        )
        self.support2.user_id = False
        self.support1.parent_id = False
        self._assert_seen_by(menus, self.colleague | self.boss)

    @users("boss")
    def test_manager_makes_and_removes_menus_from_the_section(self):
        action = self.env["crm.case.section.create.menus"].with_context(
            active_model="crm.case.section", active_id=self.support1.id
        )
        with Form(action) as form:
            self.assertEqual(form.section_id, self.support1)
            self.assertEqual(form.name, "Support 1")
        form.record.action_create_menus()
        section = self.support1.with_user(self.boss)
        self.assertTrue(section.has_menus)
        self.assertLessEqual(
            set(self.support1.menu_ids.ids), set(self._visible(self.boss))
        )
        section.action_remove_menus()
        self.assertFalse(section.has_menus)

    @users("boss")
    def test_another_section_brings_another_proposal(self):
        self.quality.default_view = "list"
        with Form(self.env["crm.case.section.create.menus"]) as form:
            form.section_id = self.support1
            self.assertEqual(form.name, "Support 1")
            form.section_id = self.quality
            self.assertEqual(form.name, "Quality")
            self.assertTrue(form.view_mode.startswith("list,"))

    def test_others_make_and_remove_no_menus(self):
        self._create_menus()
        for user in (self.agent, self.senior, self.susan, self.user_employee):
            with self.subTest(user=user.login):
                with self.assertRaises(AccessError):
                    self._open_wizard().with_user(user).action_create_menus()
                with self.assertRaises(AccessError):
                    self.support1.with_user(user).action_remove_menus()
        self.assertTrue(self.support1.menu_ids)

    # ------------------------------------------------------------
    # REMOVAL
    # ------------------------------------------------------------

    def _made_for(self, section):
        menus = section.menu_ids
        actions = self.env["ir.actions.act_window"].union(
            *(menu.action for menu in menus if menu.action)
        )
        self.assertTrue(menus and actions and section.group_id)
        return menus, actions, section.group_id

    def _assert_gone(self, made):
        for records in made:
            self.assertFalse(records.exists())

    def test_removal_leaves_nothing_behind(self):
        others = self._create_menus(self.quality)
        self._create_menus()
        made = self._made_for(self.support1)
        self.support1.action_remove_menus()
        self._assert_gone(made)
        self.assertFalse(self.support1.has_menus)
        self.assertEqual(others.exists(), others)

    def test_running_again_replaces(self):
        self._create_menus()
        made = self._made_for(self.support1)
        again = self._create_menus(name="Again")
        self._assert_gone(made)
        self.assertEqual(again[0].name, "Again")
        self._assert_seen_by(
            again, self.agent | self.colleague | self.senior | self.susan | self.boss
        )

    def test_deleted_section_takes_its_menus_along(self):
        self._create_menus(self.quality)
        made = self._made_for(self.quality)
        self.quality.unlink()
        self._assert_gone(made)

    def test_menus_made_by_hand_below_are_kept(self):
        root = self._create_menus()[0]
        own = self.env["ir.ui.menu"].create({"name": "Mine", "parent_id": root.id})
        self.support1.action_remove_menus()
        self.assertTrue(own.exists())

    def test_script_gives_its_own_entries(self):
        root, mine = self._create_menus(
            line_ids=[Command.create({"key": "my", "name": "Mine"})]
        )
        self.assertEqual((mine.parent_id, mine.name), (root, "Mine"))
