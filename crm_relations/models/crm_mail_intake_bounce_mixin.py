from odoo import models


class CrmMailIntakeBounceMixin(models.AbstractModel):
    """What a mail of the ledger says of mails we sent: which did not arrive."""

    _name = "crm.mail.intake.bounce.mixin"
    _description = "Delivery Reports"

    def _is_known_bounce(self):
        """Tell whether this delivery report has been counted already."""
        return bool(self) and bool(
            self.search_count(
                [
                    ("message_id", "=", self.message_id),
                    ("content_key", "=", self.content_key),
                    ("state", "=", "bounce"),
                    ("id", "!=", self.id),
                ],
                limit=1,
            )
        )

    def _record_bounce(self, message_dict):
        bounced = message_dict.get("bounced_message")
        if bounced and bounced.model == "crm.case":
            self._link_cases(self.env["crm.case"].browse(bounced.res_id).exists())
        self.write(
            {
                "state": "bounce",
                "reason": self.env._(
                    "Delivery report for %s.",
                    message_dict.get("bounced_email")
                    or self.env._("an unknown address"),
                ),
            }
        )
