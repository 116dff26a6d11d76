from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import users, warmup
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .profiling_common import ProfilingCommon

_SIX = (
    "journalist no",
    "sector services",
    "topics mail",
    "specification yes",
    "budget large",
    "contact meeting",
)


class TestProfilingResponse(ProfilingCommon):
    """What partners answered, what replaces it, and when it is forgotten."""

    def test_answer_keeps_who_when_and_where(self):
        response = self._save(self.walter, "sector services", user=self.agent)
        self.assertEqual(response.user_id, self.agent)
        self.assertEqual(response.questionnaire_id, self.fair)
        self.assertEqual(response.question_id, self.questions["sector"])
        self.assertEqual(self.walter.answer_ids, self.answers["sector services"])
        self.assertEqual(self.walter.profiling_score, 2)

    def test_changed_answer_replaces_and_the_former_stays(self):
        first = self._save(self.walter, "sector services", user=self.agent)
        second = self._save(self.walter, "sector industry", user=self.colleague)
        self.assertFalse(first.active)
        self.assertEqual(first.user_id, self.agent)
        self.assertTrue(second.active)
        self.assertEqual(self.walter.answer_ids, self.answers["sector industry"])
        self.assertEqual(self.walter.profiling_score, 1)

    def test_several_answers_are_replaced_together(self):
        self._save(self.walter, "topics cases", "topics mail")
        self._save(self.walter, "topics mail", "topics figures")
        self.assertEqual(
            self.walter.answer_ids,
            self.answers["topics mail"] | self.answers["topics figures"],
        )

    def test_answer_can_be_taken_back(self):
        self._save(self.walter, "sector services", "contact phone")
        self.env["crm.profiling.response"]._save_answers(
            {self.walter: {self.questions["sector"]: self.env["crm.profiling.answer"]}}
        )
        self.assertEqual(self.walter.answer_ids, self.answers["contact phone"])

    def test_created_response_replaces_as_well(self):
        responses = self.env["crm.profiling.response"]
        values = {"partner_id": self.walter.id}
        old = responses.create(
            values | {"answer_id": self.answers["sector services"].id}
        )
        responses.create(values | {"answer_id": self.answers["sector industry"].id})
        self.assertFalse(old.active)
        for name in ("topics cases", "topics mail", "topics mail"):
            responses.create(values | {"answer_id": self.answers[name].id})
        self.assertEqual(
            sorted(self.walter.answer_ids.mapped("name")), ["cases", "industry", "mail"]
        )

    def test_other_partners_keep_theirs(self):
        self._save(self.jane, "sector services")
        self._save(self.walter, "sector industry")
        self.assertEqual(self.jane.answer_ids, self.answers["sector services"])

    @mute_logger("odoo.sql_db")
    def test_no_way_leads_to_two_answers_in_force(self):
        pair = [
            {"partner_id": self.walter.id, "answer_id": self.answers[name].id}
            for name in ("sector services", "sector industry")
        ]
        with self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.env["crm.profiling.response"].create(pair)

    def test_question_is_the_answers_own(self):
        response = self.env["crm.profiling.response"].create(
            {
                "partner_id": self.walter.id,
                "answer_id": self.answers["contact phone"].id,
                "question_id": self.questions["sector"].id,
            }
        )
        self.assertEqual(response.question_id, self.questions["contact"])

    def test_expired_answer_is_unknown(self):
        self.questions["budget"].days_valid = 30
        now = fields.Datetime.now()
        for days, known in ((29, True), (31, False)):
            response = self._save(
                self.walter, "budget middle", date=now - timedelta(days=days)
            )
            self.env.invalidate_all()
            with self.subTest(days=days):
                self.assertTrue(response.active)
                self.assertEqual(bool(self.walter.answer_ids), known)
                self.assertEqual(self.walter.profiling_score, 4 if known else 0)
                found = self.env["res.partner"].search(
                    [("answer_ids", "in", self.answers["budget middle"].ids)]
                )
                self.assertEqual(self.walter in found, known)

    def test_expiry_follows_the_question(self):
        response = self._save(self.walter, "budget middle")
        self.assertFalse(response.date_expiry)
        self.questions["budget"].days_valid = 10
        self.assertEqual(response.date_expiry, response.date + timedelta(days=10))
        self.questions["budget"].days_valid = 0
        self.assertFalse(response.date_expiry)

    def test_points_are_searched(self):
        self._save(self.walter, "sector services", "budget middle")
        partners = self.walter | self.jane
        for domain, expected in (
            ([("profiling_score", ">=", 6)], self.walter),
            ([("profiling_score", "=", 6)], self.walter),
            ([("profiling_score", ">", 6)], partners.browse()),
            ([("profiling_score", "<", 6)], self.jane),
            ([("profiling_score", "!=", 6)], self.jane),
        ):
            with self.subTest(domain=domain):
                self.assertEqual(
                    partners.search([*domain, ("id", "in", partners.ids)]), expected
                )

    def test_answers_are_searched(self):
        self._save(self.walter, "sector services")
        partners = self.walter | self.jane
        answer = self.answers["sector services"]
        within = [("id", "in", partners.ids)]
        for operator, value, expected in (
            ("in", answer.ids, self.walter),
            ("not in", answer.ids, self.jane),
            ("=", False, self.jane),
            ("!=", False, self.walter),
            ("ilike", "services", self.walter),
        ):
            with self.subTest(operator=operator, value=value):
                found = partners.search([("answer_ids", operator, value), *within])
                self.assertEqual(found, expected)

    def test_hook_is_called_once_for_a_save(self):
        partner_class = type(self.env["res.partner"])
        self._save(self.walter, "sector industry")
        with patch.object(
            partner_class, "_on_responses_changed", autospec=True
        ) as hook:
            responses = self._save(self.walter, *_SIX)
            self.assertEqual([call.args[0] for call in hook.mock_calls], [self.walter])
            hook.reset_mock()
            responses.write({"active": False})
            responses.unlink()
            self.assertEqual(len(hook.mock_calls), 2)

    @users("agent")
    @warmup
    def test_six_answers_are_saved_in_few_statements(self):
        partner = self.walter.with_user(self.env.user)
        given = {
            question.with_env(self.env): answer.with_env(self.env)
            for question, answer in self._given(*_SIX).items()
        }
        responses = self.env["crm.profiling.response"]
        for round_ in ("first", "again"):
            self.env.flush_all()
            self.env.invalidate_all()
            with (
                self.subTest(round=round_),
                patch.object(type(partner), "_on_responses_changed"),
                # the limit is 12: the rest is for the segments
                self.assertQueryCount(5),
            ):
                responses._save_answers({partner: given}, self.fair)
                self.env.flush_all()


class TestProfilingQuestion(ProfilingCommon):
    """Questions, their conditions, the picture of them and its check."""

    def test_questions_keep_the_order_of_their_questionnaire(self):
        short = self._new_questionnaire("Short", "contact", "journalist")
        self.assertEqual(short.question_ids.mapped("name"), ["contact", "journalist"])
        short.question_ids = self.questions["journalist"] | self.questions["sector"]
        self.assertEqual(short.line_ids.question_id, short.question_ids)
        self.assertEqual(len(self.fair.question_ids), len(self.questions))
        found = self.env["crm.profiling.questionnaire"].search(
            [("question_ids", "in", self.questions["sector"].ids)]
        )
        self.assertEqual(found & (self.fair | short), self.fair | short)

    def test_sound_questionnaire_has_no_problems(self):
        self.assertFalse(self.fair.problems)

    def test_questions_that_wait_for_each_other_are_found(self):
        self.questions["journalist"].condition_answer_ids = self.answers[
            "contact phone"
        ]
        problems = self.fair.problems.splitlines()
        self.assertEqual(len(problems), len(self.questions))
        self.assertIn("“journalist” is never asked", problems[0])

    def test_question_that_waits_for_elsewhere_is_found(self):
        short = self._new_questionnaire("Short", "journalist", "budget")
        self.assertIn("“budget” is asked only if", short.problems)

    def test_question_without_a_choice_is_found(self):
        self._new_question("one", "only")
        short = self._new_questionnaire("Short", "one")
        self.assertIn("“one” has fewer than two answers", short.problems)

    def test_question_does_not_wait_for_itself(self):
        with self.assertRaisesRegex(ValidationError, "Asked Only After"):
            self.questions["sector"].condition_answer_ids = self.answers[
                "sector services"
            ]

    def test_question_without_answers_is_not_asked(self):
        self._new_question("empty")
        with self.assertRaisesRegex(ValidationError, "no answers to choose"):
            self._new_questionnaire("Short", "empty")

    def test_tree_shows_each_question_where_it_opens(self):
        html = str(self.fair.tree_html)
        for question in self.questions.values():
            self.assertIn(question.name, html)
        self.assertLess(html.index("specification"), html.index("budget"))
        self.assertEqual(html.count("large"), 1)
        self.answers["journalist no"].opens_question_ids |= self.questions["budget"]
        self.assertIn("see above", str(self.fair.tree_html))

    def test_tree_of_a_loop_ends(self):
        self.questions["journalist"].condition_answer_ids = self.answers[
            "contact phone"
        ]
        self.assertIn("journalist", str(self.fair.tree_html))

    def test_tree_shows_text_as_text(self):
        self.questions["sector"].name = "<script>bad</script>"
        self.assertNotIn("<script>bad", str(self.fair.tree_html))

    def test_sheet_to_print_names_every_answer(self):
        html, _kind = self.env["ir.actions.report"]._render_qweb_html(
            "crm_relations.crm_profiling_questionnaire_sheet", self.fair.ids
        )
        for answer in self.answers.values():
            self.assertIn(answer.name, html.decode())

    def test_kind_of_an_answered_question_stays(self):
        self.questions["sector"].kind = "multiple"
        self.questions["sector"].kind = "single"
        self._save(self.walter, "sector services")
        with self.assertRaisesRegex(UserError, "Kind: "):
            self.questions["sector"].kind = "multiple"

    def test_given_answer_is_not_deleted(self):
        self._save(self.walter, "sector services")
        with self.assertRaisesRegex(UserError, "“services” was given"):
            self.answers["sector services"].unlink()
        self.answers["sector industry"].unlink()

    def test_copied_question_has_answers_of_its_own(self):
        copy = self.questions["budget"].copy()
        self.assertEqual(len(copy.answer_ids), 3)
        self.assertFalse(copy.answer_ids & self.questions["budget"].answer_ids)


class TestProfilingSecurity(ProfilingCommon):
    """Who may ask, see answers, and say what is asked."""

    def test_roles(self):
        self._save(self.walter, "sector services")
        employee = self.user_employee
        for user, may_read, may_set_up in (
            (self.agent, True, False),
            (self.boss, True, True),
            (employee, False, False),
        ):
            for model in ("question", "answer", "questionnaire", "response"):
                records = self.env[f"crm.profiling.{model}"].with_user(user)
                with self.subTest(user=user.login, model=model):
                    self.assertEqual(records.has_access("read"), may_read)
                    self.assertEqual(records.has_access("write"), may_set_up)
                    self.assertEqual(records.has_access("unlink"), may_set_up)

    def test_user_signs_with_his_own_name(self):
        response = (
            self.env["crm.profiling.response"]
            .with_user(self.agent)
            .create(
                {
                    "partner_id": self.walter.id,
                    "answer_id": self.answers["sector services"].id,
                    "user_id": self.boss.id,
                }
            )
        )
        self.assertEqual(response.user_id, self.agent)
        with self.assertRaises(AccessError):
            response.write({"user_id": self.boss.id})

    def test_employee_without_a_role_sees_nothing_on_the_partner(self):
        self._save(self.walter, "sector services")
        partner = self.walter.with_user(self.user_employee)
        for name in ("response_ids", "answer_ids", "profiling_score"):
            with self.subTest(field=name), self.assertRaises(AccessError):
                partner[name]

    def test_companies_are_apart(self):
        self.walter.company_id = self.env.company
        response = self._save(self.walter, "sector services")
        self.assertTrue(response.with_user(self.agent).has_access("read"))
        self.assertFalse(response.with_user(self.foreigner).has_access("read"))
        with self.assertRaises(AccessError):
            self._save(self.walter, "sector industry", user=self.foreigner)
        self.assertTrue(response.active)
