from datetime import timedelta

from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.misc import hash_sign, verify_hash_signed

from ..tools import question_tree

_SCOPE = "crm_relations.profiling_invitation"
_DAYS = 30  # a link in a mail is answered in days, or never


class CrmProfilingInvitation(models.Model):
    """One link for one partner to answer one questionnaire, once, without logging in.

    The link proves itself by a signature over the id; the row says until when it holds
    and whether it was used. The page shows the questions and nothing that is known.
    """

    _name = "crm.profiling.invitation"
    _description = "Invitation to a Questionnaire"
    _order = "id desc"
    _rec_name = "partner_id"

    partner_id = fields.Many2one(
        "res.partner", required=True, index=True, ondelete="cascade", readonly=True
    )
    questionnaire_id = fields.Many2one(
        "crm.profiling.questionnaire",
        required=True,
        index=True,
        ondelete="cascade",
        readonly=True,
    )
    user_id = fields.Many2one(
        "res.users", "Sent By", default=lambda self: self.env.user, readonly=True
    )
    date_expiry = fields.Datetime(
        "Valid Until",
        required=True,
        default=lambda self: fields.Datetime.now() + timedelta(days=_DAYS),
    )
    date_answered = fields.Datetime("Answered On", readonly=True)

    @api.model_create_multi
    def create(self, vals_list):
        """Invite only partners whom the user sees; a new link is never used."""
        invitations = super().create(
            [{**vals, "date_answered": False} for vals in vals_list]
        )
        invitations.partner_id.check_access("read")
        return invitations

    def _get_link(self):
        """Give the address of the page: whoever has it may answer, once."""
        self.ensure_one()
        # sudo: the key that signs is in a parameter that users may not read
        token = hash_sign(self.sudo().env, _SCOPE, [self.id])
        return f"{self.get_base_url()}/crm/questions/{token}"

    @api.model
    def _find_by_token(self, token):
        """Find the invitation that a token proves, maybe none; the answer is sudo.

        A wrong signature, a lapsed date and a deleted row look alike to the caller.
        """
        try:
            # sudo: as for `_get_link`; the signature is what gives access to this row
            values = verify_hash_signed(self.sudo().env, _SCOPE, token)
        except ValueError:
            values = None
        if not values:
            return self.sudo().browse()
        invitation = self.sudo().browse(values[0]).exists()
        return invitation.filtered(
            lambda row: (
                row.date_expiry > fields.Datetime.now() and row.questionnaire_id.active
            )
        )

    def _get_next_question(self, given, done):
        """Give the question that comes next for who answers, maybe none.

        :param given: answers given on this page so far; nothing else is known here
        :param done: ids of the questions gone on from
        """
        questions = self.questionnaire_id.question_ids
        opened = question_tree.find_open(questions._get_tree(), set(given.ids), done)
        return questions.browse(question.key for question in opened[:1])

    def _save(self, given):
        """Save what the partner answered and use the link up; tell whether it was new.

        :param given: answers, as sent by a browser: what this questionnaire does not
            ask after the others is left out, and of single answers all but the first
        """
        self.ensure_one()
        # two clicks on “Send”: the second one waits here, and finds the link used
        self.lock_for_update()
        self.invalidate_recordset(["date_answered"])
        if self.date_answered:
            return False
        self.date_answered = fields.Datetime.now()
        self.env["crm.profiling.response"]._save_answers(
            {self.partner_id: self._sift(given)},
            self.questionnaire_id,
            user_id=False,
        )
        return True

    def _sift(self, given):
        answers, done = {}, set()
        known = given.browse()
        while question := self._get_next_question(known, done):
            done.add(question.id)
            chosen = given & question.answer_ids
            if question.kind == "single":
                chosen = chosen[:1]
            if chosen:
                answers[question] = chosen
                known |= chosen
        return answers


class ResPartner(models.Model):
    _inherit = "res.partner"  # pylint: disable=consider-merging-classes-inherited

    def action_send_questionnaire(self):
        """Open a mail to this partner with a link of his own to the questionnaire.

        :return: an action that opens the mail, to be looked over and sent
        """
        self.ensure_one()
        questionnaire = self.env["crm.profiling.questionnaire"].search(
            [("line_ids", "!=", False)], limit=1
        )
        if not questionnaire:
            raise UserError(
                self.env._("Questionnaires: there is none with questions yet.")
            )
        invitation = self.env["crm.profiling.invitation"].create(
            {"partner_id": self.id, "questionnaire_id": questionnaire.id}
        )
        words = self.with_context(lang=self.lang or self.env.lang).env
        return {
            "type": "ir.actions.act_window",
            "res_model": "mail.compose.message",
            "view_mode": "form",
            "target": "new",
            "name": self.env._("Send a Questionnaire"),
            "context": {
                "default_model": "res.partner",
                "default_res_ids": self.ids,
                "default_composition_mode": "comment",
                "default_partner_ids": self.ids,
                "default_subject": words._("A few questions"),
                "default_body": Markup('<p>%s</p><p><a href="%s">%s</a></p>')
                % (
                    words._("Please answer a few questions; it takes two minutes."),
                    invitation._get_link(),
                    words._("Answer now"),
                ),
            },
        }
