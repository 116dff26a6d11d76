from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged

from . import test_security
from .profiling_common import ProfilingCommon

# r read, w write, c create, d delete
_MODELS = """
model                                employee  agent  senior  boss  portal  public
crm.profiling.question                  -        r      r     rwcd    -       -
crm.profiling.answer                    -        r      r     rwcd    -       -
crm.profiling.questionnaire             -        r      r     rwcd    -       -
crm.profiling.questionnaire.line        -        r      r     rwcd    -       -
crm.profiling.response                  -       rc     rc     rwcd    -       -
crm.profiling.invitation                -       rc     rc     rwcd    -       -
crm.profiling.fill                      -      rwcd   rwcd    rwcd    -       -
crm.segment                             -        r      r     rwcd    -       -
crm.segment.line                        -        r      r     rwcd    -       -
crm.segment.membership                  -        r      r      r      -       -
crm.segment.explain                     -      rwcd   rwcd    rwcd    -       -
crm.segment.preview                     -        -      -     rwcd    -       -
"""


@tagged("crm_relations_security")
class TestProfilingSecurity(ProfilingCommon):
    """Who may ask, see answers and change segments: each persona on each verb."""

    _attempt = test_security.TestSecurity._attempt

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_portal_user()
        cls.personas = {
            "employee": cls.user_employee,
            "agent": cls.agent,
            "senior": cls.senior,
            "boss": cls.boss,
            "portal": cls.user_portal,
            "public": cls.user_public,
        }

    def _prepare(self, model):
        """Give the values of a row, none of which is in the way of another."""
        partner = self.env["res.partner"].create({"name": "Paula"})
        question = self.env["crm.profiling.question"].create(
            {"name": "Why?", "answer_ids": [Command.create({"name": "So"})]}
        )
        segment = self.env["crm.segment"].create({"name": "Segment"})
        asked = {"partner_id": partner.id, "questionnaire_id": self.fair.id}
        return {
            "crm.profiling.question": {"name": "Who?"},
            "crm.profiling.answer": {"name": "Me", "question_id": question.id},
            "crm.profiling.questionnaire": {"name": "Short"},
            "crm.profiling.questionnaire.line": {
                "questionnaire_id": self.fair.id,
                "question_id": question.id,
            },
            "crm.profiling.response": {
                "partner_id": partner.id,
                "answer_id": question.answer_ids.id,
            },
            "crm.profiling.invitation": asked,
            "crm.profiling.fill": asked,
            "crm.segment": {"name": "Segment"},
            "crm.segment.line": {"segment_id": segment.id, "measure": "cases"},
            "crm.segment.membership": {
                "segment_id": segment.id,
                "partner_id": partner.id,
                "date": "2026-01-01",
            },
            "crm.segment.explain": {"partner_id": partner.id},
            "crm.segment.preview": {"segment_id": segment.id},
        }[model]

    def _gestures(self, model, user):
        # sudo: made for the persona, who owns it; a wizard belongs to who opened it
        own = self.env[model].with_user(user).sudo().create(self._prepare(model))
        own = own.sudo(False)
        vals = self._prepare(model)
        return {
            "r": lambda: own.read(["display_name"]),
            "w": lambda: own.write(vals),
            "c": lambda: own.browse().create(vals),
            "d": own.unlink,
        }

    def test_models(self):
        for model, row in test_security._parse(_MODELS).items():
            for persona, expected in row.items():
                gestures = self._gestures(model, self.personas[persona])
                for verb, gesture in gestures.items():
                    with self.subTest(model=model, persona=persona, verb=verb):
                        self.assertEqual(self._attempt(gesture), verb in expected)

    def test_answers_and_segments_of_partners_are_for_people_with_a_role(self):
        self._save(self.walter, "journalist no")
        for name in (
            "response_ids",
            "answer_ids",
            "profiling_score",
            "segment_ids",
            "segment_membership_ids",
        ):
            for login in ("employee", "portal"):
                own = self.walter.with_user(self.personas[login])
                with (
                    self.subTest(name, persona=login),
                    self.assertRaises(AccessError),
                ):
                    own.read([name])
            self.walter.with_user(self.agent).read([name])

    def test_answers_of_partners_of_another_company_are_hidden(self):
        self.walter.company_id = self.env.company
        response = self._save(self.walter, "journalist no")
        seen = self.env["crm.profiling.response"].with_user(self.foreigner)
        self.assertFalse(seen.search([("id", "in", response.ids)]))
        with self.assertRaises(AccessError):
            seen._save_answers({self.walter: self._given("journalist yes")}, self.fair)
        for method in ("action_fill_questionnaire", "action_send_questionnaire"):
            with self.subTest(method), self.assertRaises(AccessError):
                getattr(self.walter.with_user(self.user_employee), method)()
