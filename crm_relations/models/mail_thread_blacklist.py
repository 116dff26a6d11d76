from odoo import api, models
from odoo.fields import Domain
from odoo.tools import ormcache


class MailThread(models.AbstractModel):
    """Odoo's count of undelivered mails, reset without asking every model each time."""

    # a part of its own: pylint: disable=consider-merging-classes-inherited
    _inherit = "mail.thread"

    @api.model
    def _routing_reset_bounce(self, email_message, message_dict):
        """Reset the counts of the sender's address, as Odoo does.

        One query for each model that has any count at all, none for contacts: those of
        the mail in hand were read together.
        """
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is None:
            return super()._routing_reset_bounce(email_message, message_dict)
        hand.take_sender(message_dict)
        if not hand.sender:
            return None
        senders = self.env["crm.case"]._find_senders(hand)
        senders.filtered("message_bounce")._message_reset_bounce(hand.sender)
        self.env["crm.case.delivery"]._unmark_bounces(hand.sender)
        for name in self._get_bounced_models():
            # sudo: as Odoo does, whatever model the address occurs in
            self.env[name].sudo().search(
                Domain("message_bounce", ">", 0)
                & Domain("email_normalized", "=", hand.sender)
            )._message_reset_bounce(hand.sender)
        return None

    @api.model
    @ormcache()
    def _get_bounced_models(self):
        """Name the models, contacts apart, in which an address has a count."""
        # sudo: names of models, and whether there is a count
        models_ = self.env["ir.model"].sudo().search([("is_mail_blacklist", "=", True)])
        return [
            model.model
            for model in models_
            if model.model not in ("mail.thread.blacklist", "res.partner")
            and model.model in self.env
            and not self.env[model.model]._abstract
            and self.env[model.model]
            .sudo()
            .search_count([("message_bounce", ">", 0)], limit=1)
        ]


class MailThreadBlacklist(models.AbstractModel):
    _inherit = "mail.thread.blacklist"

    def write(self, vals):
        if vals.get("message_bounce") and self._name != "res.partner":
            known = self.env["mail.thread"]._get_bounced_models()
            if self._name not in known:
                self.env.registry.clear_cache()
        return super().write(vals)
