from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class CrmProfilingAnswer(models.Model):
    """One of the answers that a question offers; it may carry points."""

    _name = "crm.profiling.answer"
    _description = "Profiling Answer"
    _order = "question_id, sequence, id"
    _rec_names_search = ["name", "question_id.name"]

    name = fields.Char("Answer", required=True, translate=True)
    sequence = fields.Integer(default=10)
    points = fields.Integer(
        aggregator="sum", help="Added to the partner's points while the answer holds."
    )
    question_id = fields.Many2one(
        "crm.profiling.question", required=True, index=True, ondelete="cascade"
    )
    opens_question_ids = fields.Many2many(
        "crm.profiling.question",
        "crm_profiling_question_condition_rel",
        "answer_id",
        "question_id",
        "Opens",
        help="Questions asked only after this answer, or another one of theirs.",
    )

    @api.depends("name", "question_id.name")
    @api.depends_context("crm_profiling_short")
    def _compute_display_name(self):
        short = self.env.context.get("crm_profiling_short")
        for answer in self:
            question = answer.question_id.name
            answer.display_name = (
                answer.name if short or not question else f"{question} {answer.name}"
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_given(self):
        # responses the user may not see hold it as well
        given = (
            self.env["crm.profiling.response"].sudo().with_context(active_test=False)
        )
        if response := given.search(Domain("answer_id", "in", self.ids), limit=1):
            raise UserError(
                self.env._(
                    "Answers: “%s” was given by partners and cannot be deleted. Archive"
                    " the question instead.",
                    response.answer_id.name,
                )
            )
