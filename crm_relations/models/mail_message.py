from odoo import models

from ..tools import mail_token


class MailMessage(models.Model):
    _inherit = "mail.message"

    def _get_message_id(self, values):
        """Let the ids of what is said about a case prove that they are ours."""
        message_id = super()._get_message_id(values)
        if values.get("model") != "crm.case" or not values.get("res_id"):
            return message_id
        # sudo: a flag of a subtype, whoever posts
        subtype = self.env["mail.message.subtype"].sudo()
        subtype = subtype.browse(values.get("subtype_id") or [])
        is_note = bool(values.get("is_internal") or not subtype or subtype.internal)
        case = self.env["crm.case"].browse(values["res_id"])
        return mail_token.add_to_message_id(message_id, case._get_mail_token(is_note))
