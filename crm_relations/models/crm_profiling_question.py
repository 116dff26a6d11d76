from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from ..tools.question_tree import Question


class CrmProfilingQuestion(models.Model):
    """Something asked of partners; any number of questionnaires share it."""

    _name = "crm.profiling.question"
    _description = "Profiling Question"
    _order = "name, id"

    name = fields.Char("Question", required=True, translate=True)
    active = fields.Boolean(default=True)
    kind = fields.Selection(
        [("single", "One answer"), ("multiple", "Several answers")],
        required=True,
        default="single",
    )
    hint = fields.Text(
        "Help for the Person Asking",
        translate=True,
        help="Shown beside the question to who asks it, never to who answers.",
    )
    days_valid = fields.Integer(
        "Days until Expiry",
        help="After so many days an answer counts as unknown. 0: never.",
    )
    answer_ids = fields.One2many(
        "crm.profiling.answer", "question_id", "Answers", copy=True
    )
    condition_answer_ids = fields.Many2many(
        "crm.profiling.answer",
        "crm_profiling_question_condition_rel",
        "question_id",
        "answer_id",
        "Asked Only After",
        help="Asked only if one of these was given. Empty: always asked.",
    )
    line_ids = fields.One2many(
        "crm.profiling.questionnaire.line", "question_id", "Questionnaires"
    )

    _days_valid_positive = models.Constraint(
        "CHECK(days_valid >= 0)",
        "Days until Expiry: give 0 (never) or more.",
    )

    @api.constrains("condition_answer_ids", "answer_ids")
    def _check_condition(self):
        for question in self:
            if question.condition_answer_ids & question.answer_ids:
                raise ValidationError(
                    self.env._(
                        "Asked Only After: “%s” cannot wait for its own answer.",
                        question.name,
                    )
                )

    def write(self, vals):
        """Keep what answers rest on: their kind, and the day they expire."""
        if "kind" in vals:
            self._check_kind_is_free(vals["kind"])
        res = super().write(vals)
        if "days_valid" in vals:
            self._move_expiry()
        return res

    def _check_kind_is_free(self, kind):
        changed = self.filtered(lambda question: question.kind != kind)
        # of responses the reader may not see either
        if (
            self.env["crm.profiling.response"]
            .sudo()
            .with_context(active_test=False)
            .search_count([("question_id", "in", changed.ids)], limit=1)
        ):
            raise UserError(
                self.env._(
                    "Kind: this question has been answered already. Archive it and"
                    " make a new one."
                )
            )

    def _move_expiry(self):
        """Count the days of answers already given anew, in one statement.

        Their partners' segments follow at night: expiry is a matter of days.
        """
        responses = self.env["crm.profiling.response"]
        responses.flush_model()
        self.flush_recordset(["days_valid"])
        # raw SQL: there may be millions, and nothing else hangs on the column
        self.env.execute_query(
            SQL(
                """
                UPDATE crm_profiling_response r
                   SET date_expiry = CASE WHEN q.days_valid > 0
                       THEN r.date + q.days_valid * interval '1 day' END
                  FROM crm_profiling_question q
                 WHERE q.id = r.question_id AND r.active AND q.id = ANY(%s)
             RETURNING 1
                """,
                self.ids,
            )
        )
        responses.invalidate_model(["date_expiry"])

    def _get_tree(self):
        """Give the questions as plain `question_tree.Question`, in their order."""
        return [
            Question(
                question.id,
                tuple(question.answer_ids.ids),
                frozenset(question.condition_answer_ids.ids),
            )
            for question in self
        ]
