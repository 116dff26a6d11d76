from odoo import fields, models


class CrmMailIntakeIgnore(models.TransientModel):
    """Say why mails are not to become cases."""

    _name = "crm.mail.intake.ignore"
    _description = "Ignore Incoming Mail"

    intake_ids = fields.Many2many("crm.mail.intake", string="Mails", required=True)
    reason = fields.Char(required=True, help="Stays with the mail.")

    def action_ignore(self):
        """End the mails; see `crm.mail.intake.action_ignore`."""
        self.ensure_one()
        return self.intake_ids.action_ignore(self.reason)
