from odoo import models
from odoo.fields import Domain


class ResPartnerCategory(models.Model):
    _inherit = "res.partner.category"

    def _get_partner_domain(self):
        """Give the domain of the partners in these categories and below them."""
        return Domain("category_id", "child_of", self.ids)

    def action_mail_partners(self):
        """Open Odoo's composer for all partners of these categories with an address.

        Each gets a mail of his own, which stands in his history.
        """
        domain = self._get_partner_domain() & Domain("email", "!=", False)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send Mail"),
            "res_model": "mail.compose.message",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_model": "res.partner",
                "default_composition_mode": "mass_mail",
                "default_res_ids": self.env["res.partner"].search(domain).ids,
                "default_partner_to": "{{ object.id or '' }}",
                "mailing_document_based": True,
            },
        }

    def action_log_event(self):
        """Open the dialog that logs an event with all partners of these categories."""
        return (
            self.env["res.partner"]
            .search(self._get_partner_domain())
            .action_log_event()
        )
