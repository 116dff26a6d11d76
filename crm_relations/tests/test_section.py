from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, users
from odoo.tools import mute_logger
from psycopg2.errors import UniqueViolation

from .common import CrmRelationsCommon

_CARDS = ("open_count", "unassigned_count", "late_count", "my_count")


class TestSection(CrmRelationsCommon):
    # ------------------------------------------------------------
    # NAMES
    # ------------------------------------------------------------

    def test_name_is_the_path(self):
        desk = self._new_section("Desk", "desk", parent_id=self.support1.id)
        self.assertEqual(desk.display_name, "Support 2 / Support 1 / Desk")
        self.assertEqual(desk.complete_name, "Support 2 / Support 1 / Desk")
        self.assertEqual(self.support2.display_name, "Support 2")

    def test_path_follows_names_and_parents(self):
        desk = self._new_section("Desk", "desk", parent_id=self.support1.id)
        self.support2.name = "Support B"
        self.assertEqual(desk.complete_name, "Support B / Support 1 / Desk")
        self.support1.parent_id = self.quality
        self.assertEqual(desk.complete_name, "Quality / Support 1 / Desk")
        self.support1.parent_id = False
        self.assertEqual(desk.display_name, "Support 1 / Desk")

    def test_tree_shows_the_bare_name(self):
        section = self.support1.with_context(hierarchical_naming=False)
        self.assertEqual(section.display_name, "Support 1")

    def test_path_is_in_the_readers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.support2.with_context(lang="fr_FR").name = "Assistance 2"
        french = self.support1.with_context(lang="fr_FR")
        self.assertEqual(french.display_name, "Assistance 2 / Support 1")
        self.assertEqual(self.support1.display_name, "Support 2 / Support 1")

    def test_section_is_found_by_path_and_code(self):
        self.support1.code = "S1"
        for text in ("S1", "Support 2 / Sup", "support 1"):
            with self.subTest(text=text):
                found = self.env["crm.case.section"].name_search(text)
                self.assertIn(self.support1.id, [found_id for found_id, _name in found])

    # ------------------------------------------------------------
    # TREE
    # ------------------------------------------------------------

    def test_section_below_itself_is_refused(self):
        desk = self._new_section("Desk", "desk", parent_id=self.support1.id)
        for section, parent in (
            (self.support2, self.support2),
            (self.support2, self.support1),
            (self.support2, desk),
        ):
            with self.subTest(section=section.name, parent=parent.name):
                before = section.parent_id
                with self.assertRaises(ValidationError) as refusal:
                    section.parent_id = parent
                self.assertIn("Parent Section", str(refusal.exception))
                self.env.invalidate_all()
                self.assertEqual(section.parent_id, before)

    def test_parent_of_another_company_is_refused(self):
        with self.assertRaises(UserError):
            self.quality.parent_id = self.foreign

    def test_staff_is_whoever_works_here_or_above(self):
        self.assertEqual(self.support2.staff_ids, self.susan | self.senior)
        self.assertEqual(
            self.support1.staff_ids,
            self.susan | self.senior | self.agent | self.colleague,
        )
        self.assertEqual(self.quality.staff_ids, self.quality_user)

    def test_staff_below_follows_every_change_above(self):
        desk = self._new_section("Desk", "desk", parent_id=self.support1.id)
        self.assertEqual(desk.staff_ids, self.support1.staff_ids)
        self.support2.user_id = self.boss
        self.assertIn(self.boss, desk.staff_ids)
        self.assertNotIn(self.susan, desk.staff_ids)
        self.support2.member_ids = [Command.link(self.quality_user.id)]
        self.assertIn(self.quality_user, desk.staff_ids)
        self.support1.parent_id = False
        self.assertEqual(desk.staff_ids, self.agent | self.colleague)
        self.support1.member_ids = [Command.unlink(self.agent.id)]
        self.assertEqual(desk.staff_ids, self.colleague)
        desk.parent_id = self.quality
        self.assertEqual(desk.staff_ids, self.quality_user)

    # ------------------------------------------------------------
    # CODE, COPY, ARCHIVE, DELETION
    # ------------------------------------------------------------

    def test_code_is_unique_in_a_company(self):
        self.support1.code = "SUP"
        self.foreign.code = "SUP"
        (self.support2 | self.quality).code = False
        self.env.flush_all()
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"):
            self.quality.code = "SUP"
            self.env.flush_all()

    def test_copy_has_no_code_alias_board_or_menus(self):
        self.quality.write(
            {
                "code": "Q",
                "stage_ids": [Command.create({"name": "Own", "state": "open"})],
            }
        )
        copy = self.quality.copy()
        self.assertEqual(copy.name, "Quality (copy)")
        self.assertEqual(copy.member_ids, self.quality.member_ids)
        self.assertFalse(copy.code or copy.alias_name or copy.stage_ids)
        self.assertFalse(copy.has_menus)

    def test_archived_section_keeps_its_cases(self):
        case = self._new_case(section=self.quality)
        self.quality.action_archive()
        self.assertEqual(case.section_id, self.quality)
        self.assertNotIn(self.quality, self.env["crm.case.section"].search([]))

    def test_section_with_cases_is_not_deleted(self):
        self._new_case(section=self.quality)
        with self.assertRaises(Exception) as refusal, mute_logger("odoo.sql_db"):
            self.quality.unlink()
        self.assertEqual(type(refusal.exception).__module__, "psycopg2.errors")
        self.assertTrue(self.quality.exists())

    def test_section_without_cases_takes_its_categories_along(self):
        category = self.env["crm.case.category"].create(
            {"name": "Audit", "section_id": self.quality.id}
        )
        self.quality.unlink()
        self.assertFalse(category.exists())

    # ------------------------------------------------------------
    # COMPANY
    # ------------------------------------------------------------

    def test_cases_follow_their_section_to_another_company(self):
        case = self._new_case(section=self.quality, user_id=self.quality_user.id)
        archived = self._new_case(section=self.quality)
        archived.active = False
        self.quality.write(
            {"company_id": self.company_2.id, "member_ids": [Command.clear()]}
        )
        self.assertEqual((case | archived).company_id, self.company_2)
        # who may not work there cannot stay responsible
        self.assertFalse(case.user_id)

    def test_section_of_all_companies_keeps_each_case_in_its_own(self):
        shared = self._new_section("Shared", "shared", company_id=False)
        here = self._new_case(section=shared)
        there = self._new_case(section=shared, company_id=self.company_2.id)
        self.assertEqual(here.company_id, self.env.company)
        self.assertEqual(there.company_id, self.company_2)

    def test_people_of_another_company_are_refused(self):
        for vals in (
            {"user_id": self.foreigner.id},
            {"member_ids": [Command.link(self.foreigner.id)]},
        ):
            with self.subTest(vals=vals), self.assertRaises(UserError):
                self.quality.write(vals)

    # ------------------------------------------------------------
    # OVERVIEW
    # ------------------------------------------------------------

    def _make_cases(self):
        yesterday, tomorrow = "2020-01-01 10:00:00", "2999-01-01 10:00:00"
        for section in (self.support1, self.support2, self.quality):
            for user in (self.agent, self.colleague, self.susan, None):
                for state in ("draft", "open", "pending", "done", "cancel"):
                    for deadline in (False, yesterday, tomorrow):
                        self._new_case(
                            section=section,
                            user_id=user and user.id,
                            state=state,
                            date_deadline=deadline,
                        )

    def test_each_figure_opens_exactly_the_cases_it_counts(self):
        self._make_cases()
        for user in (self.agent, self.senior, self.susan, self.boss, self.quality_user):
            for section in (self.support1, self.support2, self.quality):
                own = section.with_user(user)
                for card in _CARDS:
                    with self.subTest(user=user.login, section=section.name, card=card):
                        action = own.with_context(card=card).action_view_cases()
                        found = own.env["crm.case"].search_count(action["domain"])
                        self.assertEqual(own[card], found)

    def test_figures_are_the_readers(self):
        self._make_cases()
        table = [
            # user, unclosed, unassigned, late, mine
            (self.agent, 18, 9, 6, 9),
            (self.senior, 36, 9, 12, 0),
            (self.boss, 36, 9, 12, 0),
            (self.quality_user, 0, 0, 0, 0),
        ]
        for user, *figures in table:
            with self.subTest(user=user.login):
                own = self.support1.with_user(user)
                self.assertEqual([own[card] for card in _CARDS], figures)

    def test_cases_open_in_the_sections_own_view(self):
        for view in ("kanban", "list", "calendar"):
            with self.subTest(view=view):
                self.quality.default_view = view
                action = self.quality.action_view_cases()
                self.assertEqual(action["views"][0], (False, view))
                self.assertEqual(action["view_mode"].split(",")[0], view)
                self.assertEqual(len(action["views"]), 7)
                self.assertEqual(
                    action["context"], {"default_section_id": self.quality.id}
                )

    # ------------------------------------------------------------
    # FORM
    # ------------------------------------------------------------

    @users("boss")
    def test_manager_sets_up_a_section(self):
        negotiation = self.env["crm.case.stage"].create(
            {"name": "Negotiation", "state": "open"}
        )
        with Form(self.env["crm.case.section"]) as form:
            form.name = "Sales"
            form.code = "SAL"
            form.parent_id = self.support2
            form.user_id = self.boss
            form.alias_name = "sales-desk"
            form.assignment = "round_robin"
            with form.category_ids.new() as category:
                category.name = "Opportunity"
                category.probability = 20.0
            form.stage_ids.add(negotiation)
        section = form.record
        self.assertEqual(section.display_name, "Support 2 / Sales")
        self.assertEqual(section.board_stage_ids, negotiation)
        self.assertEqual(section.category_ids.probability, 20.0)
        self.assertTrue(section.alias_email.startswith("sales-desk@"))

    def test_category_probability_out_of_range_is_refused(self):
        category = self.env["crm.case.category"].create({"name": "Opportunity"})
        for value in (-1.0, 101.0):
            with self.subTest(value=value):
                with (
                    self.assertRaises(Exception) as refusal,
                    mute_logger("odoo.sql_db"),
                ):
                    category.probability = value
                    self.env.flush_all()
                text = category._sql_error_to_message(refusal.exception)
                self.assertIn("Probability", text)
