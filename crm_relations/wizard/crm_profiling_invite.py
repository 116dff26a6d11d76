from markupsafe import Markup
from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

_SHOWN = 20  # partners named for each reason; the rest is counted
# what stands in the mail for the link that each partner gets of his own
_PLACE = "/crm/questions/own-link"


class CrmProfilingInvite(models.TransientModel):
    """Chooses the questionnaire for many partners, and says who gets none and why."""

    _name = "crm.profiling.invite"
    _description = "Send a Questionnaire"

    questionnaire_id = fields.Many2one(
        "crm.profiling.questionnaire",
        required=True,
        domain=[("line_ids", "!=", False)],
        default=lambda self: self.env["crm.profiling.questionnaire"].search(
            [("line_ids", "!=", False)], limit=1
        ),
        ondelete="cascade",
    )
    partner_ids = fields.Many2many(
        "res.partner",
        string="Partners",
        default=lambda self: self.env["res.partner"].browse(
            self.env.context.get("active_ids", [])
        ),
    )
    send_count = fields.Integer("Mails", compute="_compute_reasons")
    addressless_count = fields.Integer(compute="_compute_reasons")
    addressless_ids = fields.Many2many(
        "res.partner", string="Without a Mail Address", compute="_compute_reasons"
    )
    blacklisted_count = fields.Integer(compute="_compute_reasons")
    blacklisted_ids = fields.Many2many(
        "res.partner", string="On the Blacklist", compute="_compute_reasons"
    )
    invited_count = fields.Integer(compute="_compute_reasons")
    invited_ids = fields.Many2many(
        "res.partner", string="Invited Already", compute="_compute_reasons"
    )

    @api.depends("questionnaire_id", "partner_ids")
    def _compute_reasons(self):
        for wizard in self:
            sorted_out = wizard._sort_out()
            wizard.send_count = len(sorted_out.pop("send"))
            for reason, partners in sorted_out.items():
                wizard[f"{reason}_count"] = len(partners)
                wizard[f"{reason}_ids"] = [Command.set(partners[:_SHOWN].ids)]

    def _sort_out(self):
        """Give {reason: partners}, `send` being none; few queries for any number."""
        left = self.partner_ids._origin
        found = {}
        for reason, find in (
            (
                "addressless",
                lambda some: some.filtered(lambda p: not p.email_normalized),
            ),
            ("blacklisted", lambda some: some.filtered("is_blacklisted")),
            ("invited", self._find_invited),
        ):
            found[reason] = find(left)
            left -= found[reason]
        return found | {"send": left}

    def _find_invited(self, partners):
        """Find those who have a link to the same questionnaire that still works."""
        invitations = self.env["crm.profiling.invitation"]
        return invitations._find_open(partners, self.questionnaire_id).partner_id

    def action_compose(self):
        """Open the mail, to be looked over; each partner gets a link of his own."""
        self.ensure_one()
        partners = self._sort_out()["send"]
        if not partners:
            raise UserError(self.env._("Partners: none of them can be sent it."))
        return {
            "type": "ir.actions.act_window",
            "res_model": "mail.compose.message",
            "view_mode": "form",
            "target": "new",
            "name": self.env._("Send a Questionnaire"),
            "context": {
                "default_model": "res.partner",
                "default_res_ids": partners.ids,
                "default_composition_mode": "mass_mail",
                "default_crm_questionnaire_id": self.questionnaire_id.id,
                "default_subject": self.env._("A few questions"),
                "default_body": Markup('<p>%s</p><p><a href="%s">%s</a></p>')
                % (
                    self.env._("Please answer a few questions; it takes two minutes."),
                    self.get_base_url() + _PLACE,
                    self.env._("Answer now"),
                ),
                # another click of an impatient user must not open it for all contacts
                "active_ids": partners.ids,
            },
        }


class CrmProfilingInvitation(models.Model):
    """Invitations that are still open."""

    _inherit = "crm.profiling.invitation"

    @api.model
    def _find_open(self, partners, questionnaire):
        """Find the invitations of partners to a questionnaire that still work."""
        return self.search_fetch(
            Domain("partner_id", "in", partners.ids)
            & Domain("questionnaire_id", "=", questionnaire.id)
            & Domain("date_answered", "=", False)
            & Domain("date_expiry", ">", fields.Datetime.now()),
            ["partner_id"],
        )


class MailComposeMessage(models.TransientModel):
    """Mails to many, in which each partner finds a link of his own."""

    _inherit = "mail.compose.message"

    crm_questionnaire_id = fields.Many2one(
        "crm.profiling.questionnaire", "Questionnaire", ondelete="cascade"
    )

    def _manage_mail_values(self, mail_values_all):
        """Invite those who are about to be mailed; who was invited meanwhile is not."""
        values_all = super()._manage_mail_values(mail_values_all)
        place = self.get_base_url() + _PLACE
        asked = {
            res_id: values
            for res_id, values in values_all.items()
            if self.crm_questionnaire_id and place in (values.get("body_html") or "")
        }
        if not asked:
            return values_all
        invitations = self.env["crm.profiling.invitation"]
        partners = self.env["res.partner"].browse(asked)
        invited = invitations._find_open(partners, self.crm_questionnaire_id).partner_id
        for invitation in invitations.create(
            [
                {
                    "partner_id": partner.id,
                    "questionnaire_id": self.crm_questionnaire_id.id,
                }
                for partner in partners - invited
                if asked[partner.id].get("state") not in ("cancel", "exception")
            ]
        ):
            values, link = asked[invitation.partner_id.id], invitation._get_link()
            for name in {"body", "body_html"} & values.keys():
                values[name] = (values[name] or "").replace(place, link)
        return {
            res_id: values
            for res_id, values in values_all.items()
            if res_id not in invited.ids
        }
