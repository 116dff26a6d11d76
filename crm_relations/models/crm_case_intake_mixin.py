from odoo import Command, api, fields, models

from ..tools.mail_automatic import ANSWER


class CrmCaseIntakeMixin(models.AbstractModel):
    """A case and the mails it was made of."""

    _name = "crm.case.intake.mixin"
    _description = "Case Original Mails"

    intake_ids = fields.Many2many(
        "crm.mail.intake",
        "crm_mail_intake_case_rel",
        "case_id",
        "intake_id",
        "Original Mails",
        copy=False,
        groups="crm_relations.crm_relations_group_manager",
    )
    intake_count = fields.Integer(
        "Number of Original Mails",
        compute="_compute_intake_count",
        groups="crm_relations.crm_relations_group_manager",
    )

    @api.depends("intake_ids")
    def _compute_intake_count(self):
        for case in self:
            case.intake_count = len(case.intake_ids)

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """Open a case and link it to the mail in hand."""
        intake = self.env["crm.mail.intake"]._get_current()
        values = dict(custom_values or {})
        if intake:
            values["intake_ids"] = [Command.link(intake.id)]
        return super().message_new(msg_dict, values)

    def message_update(self, msg_dict, update_vals=None):
        """Enter an answer and link the case to the mail in hand."""
        result = super().message_update(msg_dict, update_vals)
        self.env["crm.mail.intake"]._get_current()._link_cases(self)
        return result

    def _apply_reply(self, author):
        """Move nothing when a program answers: nobody has read what we wrote."""
        if self._get_automatic():
            return None
        return super()._apply_reply(author)

    def _notify_get_recipients(self, message, msg_vals=False, **kwargs):
        """Tell nobody outside by mail what a program wrote.

        Two automatic responders would talk to each other through us for ever. Of an
        automatic answer nobody is mailed at all, colleagues may be away as well; it
        stands in the case.
        """
        recipients = super()._notify_get_recipients(message, msg_vals, **kwargs)
        automatic = self._get_automatic()
        if not automatic:
            return recipients
        return [
            data
            for data in recipients
            if not data["share"] and (automatic != ANSWER or data["notif"] != "email")
        ]

    def _message_auto_subscribe_notify(self, partner_ids, template):
        """Announce nothing because of a mail that sets nothing in motion."""
        if self._get_automatic() == ANSWER:
            return None
        return super()._message_auto_subscribe_notify(partner_ids, template)

    @api.model
    def _get_automatic(self):
        """Tell whether a program wrote the mail in hand, or seems to: see loops."""
        Intake = self.env["crm.mail.intake"]
        hand = Intake._get_hand()
        return ANSWER if hand and hand.is_quiet else Intake._get_current().automatic

    def action_view_intakes(self):
        """Open the mails as they were received."""
        self.ensure_one()
        return self.intake_ids._get_records_action(name=self.env._("Original Mails"))
