from collections import Counter

from odoo import fields, models, tools
from odoo.exceptions import UserError

from ..tools.mail_authentication import find_server_name

SAMPLE = 20  # latest mails that are looked at


class CrmMailboxSenderMixin(models.AbstractModel):
    """The server that receives a mailbox' mail, and checks who sent it."""

    _name = "crm.mailbox.sender.mixin"
    _description = "Receiving Server of a Mailbox"

    authserv_id = fields.Char(
        "Receiving Server's Name",
        help="Whose word counts on who sent a mail: the first word of the "
        "Authentication-Results header at the top of a mail received here, such as "
        "mx.example.com. Only senders it has checked may give commands by mail. If it "
        "has several names, give all. Empty: the name in Settings, Relations.",
    )

    @tools.ormcache("self.id", cache="stable")
    def _get_authserv_id(self):
        """Give the name; no query, for every mail is judged by it."""
        # sudo: the gateway needs it, whoever brings the mail
        return self.sudo().authserv_id or ""

    def write(self, vals):
        result = super().write(vals)
        if "authserv_id" in vals:
            self.env.registry.clear_cache("stable")
        return result

    def action_detect_authserv_id(self):
        """Fill in the name that most of the latest mails carry at their top.

        :raise UserError: less than half of them carry the same one
        """
        self.ensure_one().check_access("write")
        # sudo: the ledger belongs to managers; only a name leaves it
        mails = (
            self.env["crm.mail.intake"]
            .sudo()
            .with_context(bin_size=False)
            .search([("server_id", "=", self.id)], limit=SAMPLE)
        )
        names = Counter(find_server_name(mail.raw or b"").lower() for mail in mails)
        name, count = (names.most_common(1) or [("", 0)])[0]
        # what a few mails carry, their senders may have written
        if not name or count * 2 <= len(mails):
            raise UserError(
                self.env._(
                    "Receiving Server's Name: the latest %s mails of this mailbox do "
                    "not agree on one. Its server may not check senders.",
                    len(mails),
                )
            )
        self.authserv_id = name
        return True
