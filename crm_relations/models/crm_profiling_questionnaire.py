from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools import question_tree


class CrmProfilingQuestionnaire(models.Model):
    """Questions in an order, asked together: at a fair, on the phone, by link."""

    _name = "crm.profiling.questionnaire"
    _inherit = ["crm.profiling.fair.mixin"]
    _description = "Questionnaire"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    description = fields.Html(
        translate=True, help="What it is for, and how to begin the talk."
    )
    order = fields.Selection(
        [
            ("fixed", "As listed"),
            ("adaptive", "What decides most comes first"),
        ],
        "Order of Questions",
        required=True,
        default="fixed",
        help="What decides most: the question that is expected to tell most about the"
        " segments still possible for the partner.",
    )
    line_ids = fields.One2many(
        "crm.profiling.questionnaire.line", "questionnaire_id", "Lines", copy=True
    )
    question_ids = fields.Many2many(
        "crm.profiling.question",
        string="Questions",
        compute="_compute_question_ids",
        inverse="_inverse_question_ids",
        search="_search_question_ids",
    )
    response_ids = fields.One2many(
        "crm.profiling.response", "questionnaire_id", "Responses"
    )
    problems = fields.Text(compute="_compute_problems")
    tree_html = fields.Html(
        "Tree", compute="_compute_tree_html", sanitize=False, readonly=True
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("line_ids.sequence", "line_ids.question_id.active")
    def _compute_question_ids(self):
        for questionnaire in self:
            lines = questionnaire.line_ids.sorted(lambda line: (line.sequence, line.id))
            questions = lines.question_id
            questionnaire.question_ids = questions.filtered("active")

    def _inverse_question_ids(self):
        """Keep the order in which the questions were given."""
        for questionnaire in self:
            lines = {line.question_id: line for line in questionnaire.line_ids}
            questionnaire.line_ids = [
                (1, lines[question].id, {"sequence": place})
                if question in lines
                else (0, 0, {"question_id": question.id, "sequence": place})
                for place, question in enumerate(questionnaire.question_ids, 1)
            ] + [
                (2, line.id)
                for question, line in lines.items()
                if question not in questionnaire.question_ids and question.active
            ]

    def _search_question_ids(self, operator, value):
        return [("line_ids.question_id", operator, value)]

    @api.depends(
        "line_ids.sequence",
        "line_ids.question_id.answer_ids",
        "line_ids.question_id.condition_answer_ids",
    )
    def _compute_problems(self):
        for questionnaire in self:
            found = question_tree.find_problems(questionnaire.question_ids._get_tree())
            questionnaire.problems = "\n".join(
                self._describe_problem(question, found[question.id])
                for question in questionnaire.question_ids
                if question.id in found
            )

    def _describe_problem(self, question, reason):
        if reason == question_tree.LOOP:
            return self.env._(
                "“%s” is never asked: the answers it waits for are given only"
                " after it.",
                question.name,
            )
        if reason == question_tree.ELSEWHERE:
            return self.env._(
                "“%s” is asked only if something is known already that this"
                " questionnaire does not ask.",
                question.name,
            )
        return self.env._(
            "“%s” has fewer than two answers: there is nothing to choose.",
            question.name,
        )

    @api.depends(
        "line_ids.sequence",
        "line_ids.question_id.name",
        "line_ids.question_id.answer_ids.name",
        "line_ids.question_id.answer_ids.points",
        "line_ids.question_id.condition_answer_ids",
    )
    def _compute_tree_html(self):
        for questionnaire in self:
            questionnaire.tree_html = self.env["ir.qweb"]._render(
                "crm_relations.crm_profiling_questionnaire_tree",
                {"roots": questionnaire._get_tree_nodes()},
            )

    def _get_tree_nodes(self):
        """Give the questions as they will be asked, each under what opens it.

        A question that several answers open stands in full under the first of them and
        is named under the others; one that nothing here opens stands at the root.

        :return: list of {number, question, conditional, answers: [{answer, nodes}]}
        """
        self.ensure_one()
        numbers = {question: n for n, question in enumerate(self.question_ids, 1)}
        shown = set()
        answers = self.question_ids.answer_ids
        roots = [
            question
            for question in numbers
            if not question.condition_answer_ids & answers
        ]
        nodes = [self._get_tree_node(root, numbers, shown) for root in roots]
        # what is left waits for itself
        return nodes + [
            self._get_tree_node(question, numbers, shown)
            for question in numbers
            if question not in shown
        ]

    def _get_tree_node(self, question, numbers, shown):
        node = {"number": numbers[question], "question": question, "answers": None}
        if question not in shown:
            shown.add(question)
            node["answers"] = [
                {
                    "answer": answer,
                    "nodes": [
                        self._get_tree_node(opened, numbers, shown)
                        for opened in numbers
                        if answer in opened.condition_answer_ids
                    ],
                }
                for answer in question.answer_ids
            ]
        return node

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_responses(self):
        """Open the answers that were given in this questionnaire."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_profiling_response_action"
        )
        return action | {
            "display_name": self.env._("Answers of %s", self.display_name),
            "domain": [("questionnaire_id", "=", self.id)],
        }


class CrmProfilingQuestionnaireLine(models.Model):
    """The place of one question in one questionnaire."""

    _name = "crm.profiling.questionnaire.line"
    _description = "Question of a Questionnaire"
    _order = "questionnaire_id, sequence, id"
    _rec_name = "question_id"

    sequence = fields.Integer(default=10)
    questionnaire_id = fields.Many2one(
        "crm.profiling.questionnaire", required=True, index=True, ondelete="cascade"
    )
    question_id = fields.Many2one(
        "crm.profiling.question", required=True, index=True, ondelete="cascade"
    )
    kind = fields.Selection(related="question_id.kind")
    condition_answer_ids = fields.Many2many(
        related="question_id.condition_answer_ids", string="Asked Only After"
    )

    _question_once = models.Constraint(
        "UNIQUE(questionnaire_id, question_id)",
        "Questions: a questionnaire asks each question once.",
    )

    @api.constrains("question_id")
    def _check_question_has_answers(self):
        for line in self:
            if not line.question_id.answer_ids:
                raise ValidationError(
                    self.env._(
                        "Questions: “%s” has no answers to choose from.",
                        line.question_id.name,
                    )
                )
