from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

_GROUP = "crm_relations.crm_relations_group_user"


class ResPartner(models.Model):
    """What partners have answered, and the hooks for what follows from it."""

    _inherit = "res.partner"  # pylint: disable=consider-merging-classes-inherited

    response_ids = fields.One2many(
        "crm.profiling.response", "partner_id", "Responses", groups=_GROUP
    )
    answer_ids = fields.Many2many(
        "crm.profiling.answer",
        string="Answers",
        compute="_compute_answer_ids",
        search="_search_answer_ids",
        groups=_GROUP,
        help="In force and not expired.",
    )
    profiling_score = fields.Integer(
        "Points",
        compute="_compute_answer_ids",
        search="_search_profiling_score",
        groups=_GROUP,
        help="Sum of the points of the answers in force.",
    )

    @api.depends(
        "response_ids.active",
        "response_ids.date_expiry",
        "response_ids.answer_id.points",
    )
    def _compute_answer_ids(self):
        responses = self.env["crm.profiling.response"]
        found = responses.search(
            responses._valid_domain() & Domain("partner_id", "in", self.ids)
        ).grouped("partner_id")
        for partner in self:
            answers = found.get(partner._origin, responses).answer_id
            partner.answer_ids = answers.sorted()
            partner.profiling_score = sum(answers.mapped("points"))

    def _search_answer_ids(self, operator, value):
        responses = self.env["crm.profiling.response"]
        if operator == "in" and False in value:
            return ~Domain("response_ids", "any", responses._valid_domain()) | Domain(
                "answer_ids", "in", [answer for answer in value if answer]
            )
        if operator not in ("in", "any", "ilike", "like", "child_of"):
            return NotImplemented
        return Domain(
            "response_ids",
            "any",
            responses._valid_domain() & Domain("answer_id", operator, value),
        )

    def _search_profiling_score(self, operator, value):
        if operator not in ("in", "<", ">", "<=", ">="):
            return NotImplemented
        values = tuple(value) if operator == "in" else (value,)
        comparison = SQL(" OR ").join(
            SQL("COALESCE(s.points, 0) %s %s", SQL(sign), number)
            for sign, number in (
                ("=" if operator == "in" else operator, int(number))
                for number in values
            )
        )
        # raw SQL: a sum per partner is beyond a domain; `sign` is one of five above
        scored = SQL(
            """(SELECT p.id FROM res_partner p LEFT JOIN (
                    SELECT r.partner_id, SUM(a.points) AS points
                      FROM crm_profiling_response r
                      JOIN crm_profiling_answer a ON a.id = r.answer_id
                     WHERE r.active AND (r.date_expiry IS NULL OR r.date_expiry > %s)
                     GROUP BY r.partner_id) s ON s.partner_id = p.id
                WHERE %s)""",
            fields.Datetime.now(),
            comparison,
        )
        self.env["crm.profiling.response"].flush_model()
        self.env["crm.profiling.answer"].flush_model()
        return Domain("id", "in", scored)

    # ------------------------------------------------------------
    # HOOKS
    # ------------------------------------------------------------

    def _on_responses_changed(self):
        """Have what rests on answers follow: called once per save, same transaction.

        :param self: the partners whose answers were saved, changed or deleted
        """

    def _get_profile_outcome(self, answers, open_questions=None):
        """Tell what is certain and what is still possible, given some answers.

        Called after each answer of an interview, before anything is saved.

        :param answers: all that is known: saved before, and given so far
        :param open_questions: the questions whose answer may still come
        :return: list of {"name": str, "state": "certain" | "possible" | "excluded",
            "detail": str}, best first; `detail` is the offer or the next step
        """
        return []

    def _get_profile_candidates(self):
        """Give the profiles that an interview is to decide between.

        :return: list of `tools.profile_information.Profile`, keys are ids of answers
        """
        return []

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_fill_questionnaire(self):
        """Open the dialog that asks this partner, one question at a time.

        :return: a client action; with several questionnaires it lets the user choose
        """
        self.ensure_one()
        questionnaires = self.env["crm.profiling.questionnaire"].search(
            [("line_ids", "!=", False)]
        )
        if not questionnaires:
            raise UserError(
                self.env._("Questionnaires: there is none with questions yet.")
            )
        return {
            "type": "ir.actions.client",
            "tag": "crm_relations.profiling_fill",
            "name": self.env._("Ask %s", self.display_name),
            "target": "new",
            "params": {
                "partner_id": self.id,
                "questionnaires": questionnaires.read(["name"]),
            },
        }

    def action_view_responses(self):
        """Open everything this partner ever answered, the replaced included."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_profiling_response_action"
        )
        return action | {
            "display_name": self.env._("Answers of %s", self.display_name),
            "domain": [("partner_id", "=", self.id)],
            "context": {"active_test": False},
        }
