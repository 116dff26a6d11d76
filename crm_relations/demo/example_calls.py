from datetime import timedelta

from odoo import api, fields, models

# who called, and what came of it
_CALLS = (
    ("sales", "missed", "Answering machine"),
    ("sales", "again", "In a meeting"),
    ("support", "refused", "Has answered by mail already"),
    ("sales", "done", ""),
    ("support", "missed", "Nobody answers"),
    ("support", "done", ""),
    ("sales", "done", ""),
)
# what those answer who do
_ANSWERS = ("journalist_no", "sector_industry", "staff_21_100", "specification_no")


class CrmRelationsExampleCalls(models.AbstractModel):
    """The first morning of the example company's campaign."""

    _inherit = "crm.relations.example"

    @api.model
    def _load_calls(self):
        """Make the list, start, and have a few partners called, once."""
        campaign = self._ref("crm_profiling_campaign_offer")
        if campaign.call_ids:
            return
        campaign.action_add_partners()
        campaign.action_start()
        now = fields.Datetime.now()
        for login, result, note in _CALLS:
            user = self._ref(f"res_users_{login}")
            calls = self.env["crm.profiling.call"].with_user(user)
            call = calls.browse(calls.take_next()["call"]["id"])
            if result == "missed":
                call.action_missed(note)
            elif result == "again":
                call.action_again(now + timedelta(hours=1), note)
            elif result == "refused":
                call.action_refuse(note)
            else:
                self._answer_questions(call)

    def _answer_questions(self, call):
        answers = self.env["crm.profiling.answer"].union(
            *(self._ref(f"crm_profiling_answer_{name}") for name in _ANSWERS)
        )
        self.env["crm.profiling.response"].with_user(call.env.user)._save_answers(
            {call.partner_id: dict(answers.grouped("question_id"))},
            call.campaign_id.questionnaire_id,
        )
        call._finish()
