from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class CrmProfilingResponse(models.Model):
    """One answer given by one partner; the replaced ones stay, inactive.

    Made by `_save_answers` (dialog, link, import) or by `create`, which replace what
    they contradict. Users never change or delete one: it says who was told what, when.
    """

    _name = "crm.profiling.response"
    _description = "Profiling Response"
    _order = "date desc, id desc"
    _rec_name = "answer_id"

    partner_id = fields.Many2one(
        "res.partner", required=True, index=True, ondelete="cascade"
    )
    answer_id = fields.Many2one(
        "crm.profiling.answer", required=True, ondelete="restrict"
    )
    question_id = fields.Many2one(
        "crm.profiling.question",
        compute="_compute_question_id",
        store=True,
        precompute=True,
        required=True,
        index=True,
        ondelete="restrict",
    )
    kind = fields.Selection(
        [("single", "One answer"), ("multiple", "Several answers")],
        compute="_compute_question_id",
        store=True,
        precompute=True,
    )
    points = fields.Integer(related="answer_id.points", aggregator="sum")
    date = fields.Datetime(required=True, default=fields.Datetime.now)
    date_expiry = fields.Datetime(
        "Expires On",
        compute="_compute_date_expiry",
        store=True,
        precompute=True,
        help="From then on the answer counts as unknown.",
    )
    user_id = fields.Many2one(
        "res.users",
        "Asked By",
        default=lambda self: self.env.user,
        help="Empty: the partner answered alone, by a link.",
    )
    questionnaire_id = fields.Many2one(
        "crm.profiling.questionnaire", index="btree_not_null", ondelete="set null"
    )
    active = fields.Boolean(
        "In Force", default=True, help="A replaced answer is kept, not in force."
    )

    _answer_partner_idx = models.Index("(answer_id, partner_id) WHERE active")
    _question_once = models.UniqueIndex(
        "(partner_id, question_id) WHERE active AND kind = 'single'",
        "Answer: the question has only one, and somebody has just given another.",
    )
    _answer_once = models.UniqueIndex(
        "(partner_id, answer_id) WHERE active",
        "Answer: the partner has just given it already.",
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("answer_id")
    def _compute_question_id(self):
        for response in self:
            response.question_id = response.answer_id.question_id
            response.kind = response.question_id.kind

    @api.depends("date", "question_id")
    def _compute_date_expiry(self):
        for response in self:
            days = response.question_id.days_valid
            response.date_expiry = bool(days and response.date) and (
                response.date + timedelta(days=days)
            )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Replace what the new answers contradict; the author is who saves."""
        if not self.env.su:
            vals_list = [{**vals, "user_id": self.env.uid} for vals in vals_list]
        answers = self.env["crm.profiling.answer"].browse(
            {vals["answer_id"] for vals in vals_list if vals.get("answer_id")}
        )
        # read together, or each response would read its question alone
        answers.question_id.mapped("kind")
        if not self.env.context.get("crm_profiling_saving"):
            self._retire_contradicted(vals_list, answers)
        responses = super().create(vals_list)
        responses._tell_partners(responses.partner_id)
        return responses

    def write(self, vals):
        """Tell the partners, before and after, that their answers changed."""
        partners = self.partner_id
        res = super().write(vals)
        self._tell_partners(partners | self.partner_id)
        return res

    def unlink(self):
        """Tell the partners that their answers changed."""
        partners = self.partner_id
        res = super().unlink()
        self._tell_partners(partners.exists())
        return res

    def _tell_partners(self, partners):
        """Have everything that rests on answers follow, unless a save does it once."""
        if partners and not self.env.context.get("crm_profiling_saving"):
            partners._on_responses_changed()

    # ------------------------------------------------------------
    # SAVE
    # ------------------------------------------------------------

    @api.model
    def _valid_domain(self):
        """Give the domain of the answers that count: in force and not expired."""
        return Domain("active", "=", True) & (
            Domain("date_expiry", "=", False)
            | Domain("date_expiry", ">", fields.Datetime.now())
        )

    @api.model
    def _save_answers(self, given, questionnaire=None, **values):
        """Save what partners answered, in 5 statements and the hook's.

        So for any number of partners: an import hands over some hundreds together.
        Only the questions named are touched: what was known of them is replaced, also
        by nothing. The author is who saves, unless `user_id` is among the values and
        the caller has no user in front of him (link, import: sudo).

        :param given: {partner: {question: recordset of its answers, maybe empty}}
        :param values: further values of the responses, such as `date`
        :return: the new responses
        """
        saving = self.with_context(crm_profiling_saving=True)
        partners = self.env["res.partner"].union(*given)
        partners.check_access("read")
        saving._retire(
            {(p.id, q.id) for p, answers in given.items() for q in answers},
            "question_id",
        )
        responses = saving.create(
            [
                {
                    "partner_id": partner.id,
                    "question_id": question.id,
                    "answer_id": answer.id,
                    "questionnaire_id": questionnaire and questionnaire.id,
                    **values,
                }
                for partner, answers in given.items()
                for question, chosen in answers.items()
                for answer in chosen
            ]
        ).with_env(self.env)
        self._tell_partners(partners)
        return responses

    def _retire_contradicted(self, vals_list, answers):
        """Retire what single answers replace, and the same answers given before."""
        active = [vals for vals in vals_list if vals.get("active", True)]
        single = {
            answer.id: answer.question_id.id
            for answer in answers
            if answer.question_id.kind == "single"
        }
        pairs = [(vals.get("partner_id"), vals.get("answer_id")) for vals in active]
        saving = self.with_context(crm_profiling_saving=True)
        saving._retire({(p, single[a]) for p, a in pairs if a in single}, "question_id")
        saving._retire({(p, a) for p, a in pairs if a not in single}, "answer_id")

    def _retire(self, pairs, field):
        """Set what partners answered out of force.

        :param pairs: set of (id of a partner, id of a question or an answer)
        :param field: which of the two
        """
        if not pairs:
            return
        self.flush_model(["partner_id", "question_id", "answer_id", "active"])
        partner_ids, keys = zip(*pairs, strict=True)
        # raw SQL, as the system: one statement for any number. Users may not change
        # what was said; here it is only set out of force, for partners whose new answer
        # they are about to save
        rows = self.env.execute_query(
            SQL(
                """UPDATE crm_profiling_response r
                SET active = FALSE, write_uid = %s, write_date = %s
                FROM unnest(%s::int[], %s::int[]) AS given(partner_id, key)
                WHERE r.active AND r.partner_id = given.partner_id
                    AND %s = given.key RETURNING r.id""",
                self.env.uid,
                fields.Datetime.now(),
                list(partner_ids),
                list(keys),
                SQL.identifier("r", field),
            )
        )
        old = self.sudo().browse(response_id for (response_id,) in rows)
        old.invalidate_recordset(["active", "write_uid", "write_date"])
        old.modified(["active"])
