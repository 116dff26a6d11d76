from odoo import fields, models


class CrmMailIntakeAttach(models.TransientModel):
    """Choose the case that mails belong to."""

    _name = "crm.mail.intake.attach"
    _description = "Attach Incoming Mail to a Case"

    intake_ids = fields.Many2many("crm.mail.intake", string="Mails", required=True)
    case_id = fields.Many2one("crm.case", required=True)

    def action_attach(self):
        """Put the mails into the case and open it."""
        self.ensure_one()
        self.intake_ids.action_attach_to_case(self.case_id)
        return self.case_id._get_records_action()
