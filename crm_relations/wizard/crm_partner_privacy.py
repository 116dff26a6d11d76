import base64

from odoo import api, fields, models
from odoo.exceptions import UserError


class CrmPartnerPrivacy(models.TransientModel):
    """Hands over what is kept of one person, or erases it but for figures."""

    _name = "crm.partner.privacy"
    _description = "Export or Erase a Person"

    partner_id = fields.Many2one("res.partner", "Person", required=True)
    summary = fields.Text("What Is Kept", compute="_compute_summary")
    confirmation = fields.Char(
        "Name Once More", help="Type the person's name to erase him for ever."
    )
    export_file = fields.Binary(readonly=True, attachment=False)

    @api.depends("partner_id")
    def _compute_summary(self):
        for wizard in self:
            records = (
                wizard.partner_id._get_personal_records() if wizard.partner_id else {}
            )
            wizard.summary = "\n".join(
                f"{self.env['ir.model']._get(name).name}: {len(found)}"
                for name, found in records.items()
            )

    def action_export(self):
        """Download what is kept of the person, as a zip."""
        self.ensure_one()
        self.export_file = base64.b64encode(self.partner_id._export_person())
        name = f"person-{self.partner_id.id}.zip"
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self._name}/{self.id}/export_file/{name}"
            "?download=true",
            "target": "download",
        }

    def action_erase(self):
        """Erase the person; the figures stay.

        :raise UserError: the name was not typed again, or see `_check_erasable`
        """
        self.ensure_one()
        partner = self.partner_id
        name = partner.name or ""
        if (self.confirmation or "").strip() != name.strip():
            raise UserError(
                self.env._("Name Once More: type “%s” to erase this person.", name)
            )
        email = partner.email or "-"
        count = partner._erase_person()
        self._log_erasure(name, email, count)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _log_erasure(self, name, email, count):
        """Leave the proof in Odoo's own log of erasures, where it is installed."""
        if "privacy.log" in self.env:
            # sudo: the log is the administrators'; it hides the name by itself
            self.env["privacy.log"].sudo().create(
                {
                    "anonymized_name": name,
                    "anonymized_email": email,
                    "execution_details": self.env._("Erased, figures kept"),
                    "records_description": "\n".join(
                        f"{model}: {number}" for model, number in count.items()
                    ),
                    "user_id": self.env.uid,
                }
            )
