from collections import Counter

from odoo import fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools.misc import format_date

from ..tools import profile_information, question_tree

# answers that tell how likely each one is: enough to order questions by, read at once
_RECENT = 2000


class CrmProfilingFill(models.TransientModel):
    """One interview of one partner: nothing is written to him until it is saved.

    The dialog asks for a step, shows its question, and sends what was chosen. Which
    question is next is decided here, so that the phone and the tests ask alike.
    """

    _name = "crm.profiling.fill"
    _description = "Fill in a Questionnaire"

    partner_id = fields.Many2one("res.partner", required=True, ondelete="cascade")
    questionnaire_id = fields.Many2one(
        "crm.profiling.questionnaire", required=True, ondelete="cascade"
    )
    question_id = fields.Many2one(
        "crm.profiling.question",
        "Question Shown",
        help="Empty: the one that is next.",
    )
    call_id = fields.Many2one(
        "crm.profiling.call",
        ondelete="set null",
        help="The call of a campaign that this is; done with the last question.",
    )
    call_note = fields.Text()
    # {id of a question: [ids of answers]}; JSON has only texts for keys
    given = fields.Json()
    # ids of the questions gone on from, in that order
    trail = fields.Json()

    # ------------------------------------------------------------
    # STEPS
    # ------------------------------------------------------------

    def get_step(self):
        """Give what the dialog shows now.

        :return: {partner, questionnaire, number, left, question, points, outcome,
            given}; `question` is False at the end, else {id, name, hint, kind, answers,
            chosen, known}; `outcome` as of `res.partner._get_profile_outcome`
        """
        self.ensure_one()
        facts = self._get_facts()
        opened = self._find_open(facts)
        question = self.question_id & opened or opened[:1]
        return {
            "partner": self.partner_id.display_name,
            "questionnaire": self.questionnaire_id.name,
            "number": len(self.trail or []) + 1,
            "left": len(opened),
            "question": bool(question) and self._prepare_question(question, facts),
            "points": sum(facts.mapped("points")),
            "outcome": self.partner_id._get_profile_outcome(
                facts, self._find_coming(facts)
            ),
            "given": len(self._get_given()),
        }

    def action_answer(self, question_id, answer_ids):
        """Go on from a question.

        :param answer_ids: what was chosen, maybe nothing; False: left as it was
        :return: as of `get_step`
        """
        self.ensure_one()
        question = self.env["crm.profiling.question"].browse(question_id)
        if answer_ids is not False:
            self._check_answers(question, answer_ids)
            self.given = {**(self.given or {}), str(question.id): answer_ids}
        trail = [key for key in self.trail or [] if key != question.id]
        self.write({"trail": [*trail, question.id], "question_id": False})
        return self.get_step()

    def action_back(self):
        """Show the question before this one again; see `get_step`."""
        self.ensure_one()
        if self.trail:
            *trail, last = self.trail
            self.write({"trail": trail, "question_id": last})
        return self.get_step()

    def action_save(self):
        """Save what was given so far, also part of the way.

        After the last question a campaign's call is done, in the same transaction.

        :return: as of `get_step`, with the outcome that now holds
        """
        self.ensure_one()
        given = self._get_given()
        if given:
            self.env["crm.profiling.response"]._save_answers(
                {self.partner_id: given}, self.questionnaire_id
            )
            self.given = {}
        step = self.get_step()
        if self.call_id.partner_id == self.partner_id and not step["question"]:
            self.call_id._finish(self.call_note)
        return step

    def _check_answers(self, question, answer_ids):
        if question not in self.questionnaire_id.question_ids:
            raise ValidationError(
                self.env._("Question: it is not one of this questionnaire.")
            )
        if not set(answer_ids) <= set(question.answer_ids.ids):
            raise ValidationError(
                self.env._("Answer: it is not one of “%s”.", question.name)
            )
        if question.kind == "single" and len(answer_ids) > 1:
            raise ValidationError(
                self.env._("Answer: “%s” has only one.", question.name)
            )

    # ------------------------------------------------------------
    # WHAT IS KNOWN
    # ------------------------------------------------------------

    def _get_facts(self, given=None):
        """Give all answers known: saved before, overridden by those given now."""
        given = self._get_given() if given is None else given
        known = self.partner_id.answer_ids.filtered(
            lambda answer: answer.question_id not in given
        )
        return known.union(*given.values())

    def _get_given(self):
        """Give {question: answers} given now, without what is no longer asked.

        Whoever goes back and takes the other branch leaves the answers of the first
        one behind.
        """
        answers = self.env["crm.profiling.answer"]
        # browsed together, or each would be read alone
        questions = self.env["crm.profiling.question"].browse(
            map(int, self.given or {})
        )
        given = {
            question: answers.browse(self.given[str(question.id)])
            for question in questions
        }
        closed = True
        while closed:
            facts = set(self._get_facts(given).ids)
            closed = [
                question
                for question in given
                if not question_tree.is_open(question._get_tree()[0], facts)
            ]
            for question in closed:
                del given[question]
        return given

    def _find_coming(self, facts):
        """Find the questions that may still be asked: open ones, and what they open."""
        questions, done = self.questionnaire_id.question_ids, set(self.trail or [])
        left = [
            question for question in questions._get_tree() if question.key not in done
        ]
        return questions.browse(question_tree.find_reachable(left, set(facts.ids)))

    def _find_open(self, facts):
        """Find the questions that may come now, the next one first."""
        questions = self.questionnaire_id.question_ids
        tree = questions._get_tree()
        opened = question_tree.find_open(tree, set(facts.ids), set(self.trail or []))
        if self.questionnaire_id.order == "adaptive":
            opened = self._sort_by_information(opened, tree, facts)
        return questions.browse([question.key for question in opened])

    def _sort_by_information(self, opened, tree, facts):
        answered = set(facts.question_id.ids)
        # a question passed over will not be answered in this talk
        settled = answered.union(self.trail or [])
        unknown = [question for question in tree if question.key not in settled]
        counts = self._count_recent([question.key for question in unknown])
        odds = {q.key: profile_information.make_odds(q, counts) for q in unknown}
        profiles = self.partner_id._get_profile_candidates()
        return profile_information.sort_by_information(
            opened, tree, profiles, set(facts.ids), odds
        )

    def _count_recent(self, question_ids):
        """Count how often each answer was given lately, by any partner."""
        # sudo: figures over all companies, nothing of any partner
        recent = self.env["crm.profiling.response"].sudo()
        return Counter(
            response.answer_id.id
            for response in recent.search_fetch(
                Domain("question_id", "in", question_ids),
                ["answer_id"],
                limit=_RECENT,
                order="id desc",
            )
        )

    def _prepare_question(self, question, facts):
        known = self.env["crm.profiling.response"].search(
            Domain("partner_id", "=", self.partner_id.id)
            & Domain("question_id", "=", question.id)
            & self.env["crm.profiling.response"]._valid_domain(),
        )
        return {
            "id": question.id,
            "name": question.name,
            "hint": question.hint or "",
            "kind": question.kind,
            "answers": [
                {"id": answer.id, "name": answer.name} for answer in question.answer_ids
            ],
            "chosen": (facts & question.answer_ids).ids,
            "known": [
                {
                    "name": ", ".join(known.answer_id.mapped("name")),
                    "date": format_date(self.env, known[:1].date),
                    "user": known[:1].user_id.name or "",
                }
            ]
            if known
            else [],
        }
