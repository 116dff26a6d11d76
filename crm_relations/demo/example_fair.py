from datetime import timedelta
from random import Random

from odoo import api, fields, models

from ..tools import question_tree

_FAIRS = (160, 95, 18)  # days ago
_VISITORS = [
    "Ada Lindholm",
    "Nils Brandt",
    "Chiara Fontana",
    "Pieter de Wit",
    "Inês Carvalho",
    "Tomasz Zieliński",
    "Claire Dubois",
    "Owen Hughes",
    "Marta Kovács",
    "Jonas Weber",
    "Elif Aydın",
    "Lars Holm",
    "Sofía Navarro",
    "Luca Ferri",
    "Hanna Virtanen",
    "Emil Novák",
    "Greta Vogel",
    "Rui Tavares",
    "Maeve Byrne",
    "Anton Petrov",
    "Julie Moreau",
    "Karel Maes",
    "Nora Eriksen",
    "Paul Steiner",
]


class CrmRelationsExampleFair(models.AbstractModel):
    """Who came to the stand of the example company, and what he was asked."""

    _inherit = "crm.relations.example"

    @api.model
    def _load_visitors(self):
        """Have the visitors of three fairs answer the six questions, once."""
        Response = self.env["crm.profiling.response"]
        if Response.search_count([], limit=1):
            return
        questionnaire = self._ref("crm_profiling_questionnaire_offer")
        visitors = self.env["res.partner"].create(
            [
                {"name": name, "email": f"visitor{number}@visitors.example"}
                for number, name in enumerate(_VISITORS, 1)
            ]
        )
        random = Random("fair")
        for place, days in enumerate(_FAIRS):
            Response.with_user(self._ref("res_users_sales"))._save_answers(
                {
                    visitor: self._answer_all(questionnaire.question_ids, random)
                    for visitor in visitors[place :: len(_FAIRS)]
                },
                questionnaire,
                date=fields.Datetime.now() - timedelta(days=days),
            )
        self._date_back(visitors)

    def _answer_all(self, questions, random):
        """Give {question: answer} along one way through the questions."""
        tree, given, known = questions._get_tree(), {}, set()
        while found := question_tree.find_open(tree, known, {q.id for q in given}):
            question = questions.browse(found[0].key)
            answers = question.answer_ids
            # few are journalists, which is asked first
            is_any = given or random.random() < 0.2
            given[question] = random.choice(answers) if is_any else answers[-1]
            known.add(given[question].id)
        return given

    def _date_back(self, visitors):
        """Have them members since their fair: SQL, as memberships are never changed."""
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE crm_segment_membership m SET date = r.date
                FROM (SELECT partner_id, max(date) AS date FROM crm_profiling_response
                    GROUP BY partner_id) r
                WHERE r.partner_id = m.partner_id AND m.partner_id = ANY(%s)""",
            [visitors.ids],
        )
        self.env.invalidate_all()
