from odoo import api, models
from odoo.tools import ormcache

from ..tools import mail_token


class MailMessage(models.Model):
    _inherit = "mail.message"

    def _get_message_id(self, values):
        """Let the ids of what is said about a case prove that they are ours."""
        message_id = super()._get_message_id(values)
        if values.get("model") != "crm.case" or not values.get("res_id"):
            return message_id
        internal = self.env["mail.message.subtype"]._get_internal_ids()
        subtype_id = values.get("subtype_id") or False
        is_note = values.get("is_internal") or not subtype_id or subtype_id in internal
        case = self.env["crm.case"].browse(values["res_id"])
        return mail_token.add_to_message_id(message_id, case._get_mail_token(is_note))

    def _is_internal_note(self):
        """Tell whether a message is for colleagues only; no query."""
        self.ensure_one()
        internal = self.env["mail.message.subtype"]._get_internal_ids()
        return self.is_internal or self.subtype_id.id in internal

    def _get_case_token(self, case):
        """Give the token for a mail about this message; what is none is a note."""
        return case._get_mail_token(not self.subtype_id or self._is_internal_note())


class MailMessageSubtype(models.Model):
    _inherit = "mail.message.subtype"

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write(vals)

    @api.model
    @ormcache()
    def _get_internal_ids(self):
        """Give the ids of the kinds of message that are for colleagues only."""
        # sudo: a flag, the same for everybody
        internal = self.sudo().search([("internal", "=", True)])
        return frozenset(internal.ids)
