from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import HttpCase

from ..tools.profile_information import Profile
from .profiling_common import ProfilingCommon


class TestProfilingFill(ProfilingCommon):
    """An interview: what is asked next, what is known, what is kept."""

    def _begin(self, partner=None, questionnaire=None, user=None):
        return (
            self.env["crm.profiling.fill"]
            .with_user(user or self.agent)
            .create(
                {
                    "partner_id": (partner or self.walter).id,
                    "questionnaire_id": (questionnaire or self.fair).id,
                }
            )
        )

    def _answer(self, fill, *names):
        """Answer the question shown; give the name of the next one."""
        shown = fill.get_step()["question"]
        ids = [self.answers[f"{shown['name']} {name}"].id for name in names]
        step = fill.action_answer(shown["id"], ids)
        return step["question"] and step["question"]["name"]

    def _asked(self, fill):
        return fill.get_step()["question"]["name"]

    def test_conditions_decide_what_is_asked(self):
        fill = self._begin()
        self.assertEqual(self._answer(fill, "no"), "sector")
        self.assertEqual(self._answer(fill, "services"), "topics")
        self.assertEqual(self._answer(fill, "cases", "mail"), "specification")
        self.assertEqual(self._answer(fill, "no"), "contact")
        self.assertFalse(self._answer(fill, "phone"))
        self.assertFalse(self.walter.answer_ids)
        step = fill.action_save()
        self.assertEqual(len(self.walter.answer_ids), 6)
        self.assertEqual(step["points"], self.walter.profiling_score)
        self.assertEqual(self.walter.response_ids.user_id, self.agent)

    def test_journalist_is_asked_nothing_more(self):
        self.assertFalse(self._answer(self._begin(), "yes"))

    def test_the_other_branch_leaves_the_first_behind(self):
        fill = self._begin()
        for name in ("no", "services"):
            self._answer(fill, name)
        self.assertEqual(fill.action_back()["question"]["name"], "sector")
        self.assertEqual(fill.action_back()["question"]["name"], "journalist")
        self._answer(fill, "yes")
        fill.action_save()
        self.assertEqual(self.walter.answer_ids, self.answers["journalist yes"])

    def test_known_answers_are_shown_and_stay(self):
        response = self._save(self.walter, "journalist no", user=self.colleague)
        fill = self._begin()
        question = fill.get_step()["question"]
        self.assertEqual(question["chosen"], self.answers["journalist no"].ids)
        self.assertEqual(question["known"][0]["user"], "Colleague")
        step = fill.action_answer(question["id"], False)
        self.assertEqual(step["question"]["name"], "sector")
        fill.action_save()
        self.assertTrue(response.active)

    def test_known_answer_can_be_changed_and_taken_back(self):
        self._save(self.walter, "journalist no", "topics mail")
        fill = self._begin()
        fill.action_answer(self.questions["topics"].id, [])
        fill.action_save()
        self.assertEqual(self.walter.answer_ids, self.answers["journalist no"])

    def test_part_of_the_way_is_saved_and_gone_on_from(self):
        fill = self._begin()
        self._answer(fill, "no")
        fill.action_save()
        self.assertEqual(self.walter.answer_ids, self.answers["journalist no"])
        self.assertEqual(self._asked(fill), "sector")
        self._answer(fill, "industry")
        fill.action_save()
        self.assertEqual(len(self.walter.response_ids), 2)

    def test_adaptive_asks_what_decides_most(self):
        """The budget decides both profiles; what opens it is worth asking first."""
        self.fair.order = "adaptive"
        ids = {name: answer.id for name, answer in self.answers.items()}
        profiles = [
            Profile("rich", (frozenset({ids["budget large"]}),)),
            Profile("poor", (frozenset({ids["budget small"]}),)),
        ]
        hook = patch.object(
            type(self.env["res.partner"]),
            "_get_profile_candidates",
            lambda partner: profiles,
        )
        with hook:
            fill = self._begin()
            self.assertEqual(self._answer(fill, "no"), "specification")
            self.assertEqual(self._answer(fill, "yes"), "budget")
            # all is decided: the rest comes as listed
            self.assertEqual(self._answer(fill, "large"), "sector")

    def test_adaptive_without_profiles_is_as_listed(self):
        self.fair.order = "adaptive"
        fill = self._begin()
        self.assertEqual(self._asked(fill), "journalist")
        self.assertEqual(self._answer(fill, "no"), "sector")

    def test_outcome_follows_each_answer(self):
        seen = []

        def outcome(partner, answers, open_questions=None):
            seen.append(set(answers.mapped("name")))
            return [{"name": "Offer", "state": "certain", "detail": ""}]

        partner_class = type(self.env["res.partner"])
        with patch.object(partner_class, "_get_profile_outcome", outcome):
            fill = self._begin()
            self._answer(fill, "no")
            self.assertEqual(fill.get_step()["outcome"][0]["name"], "Offer")
        self.assertIn({"no"}, seen)

    def test_answers_of_elsewhere_are_refused(self):
        fill = self._begin(questionnaire=self._new_questionnaire("Short", "sector"))
        sector, contact = self.questions["sector"], self.questions["contact"]
        with self.assertRaisesRegex(ValidationError, "Question: "):
            fill.action_answer(contact.id, contact.answer_ids[:1].ids)
        with self.assertRaisesRegex(ValidationError, "is not one of"):
            fill.action_answer(sector.id, contact.answer_ids[:1].ids)
        with self.assertRaisesRegex(ValidationError, "has only one"):
            fill.action_answer(sector.id, sector.answer_ids.ids)

    def test_only_users_ask(self):
        with self.assertRaises(AccessError):
            self._begin(user=self.user_employee)
        fill = self._begin()
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            fill.with_user(self.colleague).get_step()

    def test_button_offers_the_questionnaires(self):
        action = self.walter.action_fill_questionnaire()
        names = [item["name"] for item in action["params"]["questionnaires"]]
        self.assertIn("Fair", names)
        self.env["crm.profiling.questionnaire"].search([]).active = False
        with self.assertRaisesRegex(UserError, "Questionnaires: "):
            self.walter.action_fill_questionnaire()


class TestProfilingTour(ProfilingCommon, HttpCase):
    """The six questions, hands on the keyboard."""

    def test_six_questions_by_keyboard(self):
        (self.env["crm.profiling.questionnaire"].search([]) - self.fair).active = False
        self._new_questionnaire("Short", "sector").sequence = 99
        self.start_tour(
            f"/odoo/res.partner/{self.walter.id}",
            "crm_relations_profiling",
            login="agent",
        )
        self.assertEqual(
            self.walter.answer_ids,
            self.env["crm.profiling.answer"].union(
                *(
                    self.answers[name]
                    for name in (
                        "journalist no",
                        "sector services",
                        "topics cases",
                        "topics figures",
                        "specification yes",
                        "budget large",
                        "contact meeting",
                    )
                )
            ),
        )
        self.assertEqual(self.walter.response_ids.user_id, self.agent)
