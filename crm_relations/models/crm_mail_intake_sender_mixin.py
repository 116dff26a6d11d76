import re
from datetime import timedelta

import idna
from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import SQL

from ..tools import mail_authentication, mail_identity

_NAMES = re.compile(r"[\s,;]+")
NOTICE_PAUSE = timedelta(hours=1)  # between notices to one address


class CrmMailIntakeSenderMixin(models.AbstractModel):
    """Who wrote a mail, and how far that is to be believed.

    Everything rests on what the receiving server wrote into the mail; see
    `tools/mail_authentication.py`. Without a server to trust nobody is verified.
    """

    _name = "crm.mail.intake.sender.mixin"
    _description = "Sender of Incoming Mails"

    def _judge_sender(self, raw):
        """Give the `sender_verdict` of a mail.

        :param raw: its bytes; ``self`` is its row, or empty before there is one
        """
        names = self._get_server_names()
        return mail_authentication.judge(raw, names) if names else "none"

    def _is_sender_judged(self):
        """Tell whether there is a receiving server whose findings are believed."""
        return bool(self._get_server_names())

    def _get_server_names(self):
        """List the names under which our receiving server writes its findings."""
        server_id = self.env.context.get("default_fetchmail_server_id")
        # sudo: settings that the gateway needs, whoever brings the mail
        server = self.sudo().server_id
        if not self:
            if not self._is_trusted_to_pipe():
                return []
            server = self.env["fetchmail.server"].sudo().browse(server_id or [])
        parameter = "crm_relations.mail_authserv_id"
        settings = self.env["ir.config_parameter"].sudo()
        text = server._get_authserv_id() or settings.get_param(parameter) or ""
        return [name for name in _NAMES.split(text) if name]

    @api.model
    def _is_trusted_to_pipe(self):
        """Tell whether the caller's mail may carry our receiving server's findings.

        `message_process` can be called by anybody who may log in, with any bytes: a
        portal user could write the server's findings himself.
        """
        user = self.env.user
        return (
            self.env.uid == SUPERUSER_ID
            or user.has_group("base.group_system")
            or user.has_group("crm_relations.crm_relations_group_manager")
        )

    # ------------------------------------------------------------
    # COLLEAGUES
    # ------------------------------------------------------------

    def _get_verified_user(self):
        """Give the colleague who wrote the mail beyond doubt, or nobody.

        :return: res.users, one at most
        """
        self.ensure_one()
        if self.sender_verdict != "verified":
            return self.env["res.users"]
        raw = self.with_context(bin_size=False).raw or b""
        users = self._find_colleagues_at(mail_authentication.sender_address(raw))
        return users if len(users) == 1 else users.browse()

    @api.model
    def _find_colleagues_at(self, *addresses):
        """Find the active internal users with one of these addresses.

        :param addresses: normalized; a domain in ASCII is looked for as written, too
        """
        wanted = {*addresses, *map(_to_unicode, addresses)} - {"", False, None}
        # sudo: who writes a mail has no rights; users are only compared
        Users = self.env["res.users"].sudo()
        if not wanted:
            return Users
        return Users.search(
            [("share", "=", False), ("email_normalized", "in", list(wanted))]
        )

    # ------------------------------------------------------------
    # ONCE
    # ------------------------------------------------------------

    def _claim_commands(self):
        """Tell whether this is the first mail of this content to give its commands.

        A signed mail stays verified when somebody sends it again, under another
        Message-ID or as an answer to another case.
        """
        return self._claim("commands", self.content_key)

    def _claim_notice(self, address):
        """Tell whether ``address`` may get a notice: one an hour, whoever writes."""
        now = fields.Datetime.now()
        hour = int(now.timestamp() // NOTICE_PAUSE.total_seconds())
        before = self.env["crm.mail.intake.receipt"].search_count(
            [
                ("key", "=", self._get_once_key("notice", address, hour - 1)),
                ("create_date", ">", now - NOTICE_PAUSE),
            ],
            limit=1,
        )
        return not before and self._claim("notice", address, hour)

    def _claim(self, *parts):
        """Take what there is only once; two workers wait for each other.

        :return: whether this mail is the first
        """
        # SQL: ON CONFLICT waits for a worker that has the same mail in hand, and then
        # either knows better or starts afresh (a serialization failure)
        query = SQL(
            "INSERT INTO crm_mail_intake_receipt "
            "(key, intake_id, content_key, create_uid, create_date, write_uid, "
            "write_date) VALUES (%(key)s, %(row)s, %(content)s, %(uid)s, "
            "now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC') "
            "ON CONFLICT (key) DO NOTHING RETURNING id",
            key=self._get_once_key(*parts),
            row=self.id,
            content=self.content_key,
            uid=self.env.uid,
        )
        # as `execute_query`, but to start afresh is no error for the log
        self.env.cr.execute(query, log_exceptions=False)
        return bool(self.env.cr.fetchall())

    @api.model
    def _get_once_key(self, *parts):
        return mail_identity.derive_message_id(*parts).strip("<>")


def _to_unicode(address):
    local, _at, domain = (address or "").rpartition("@")
    try:
        return f"{local}@{idna.decode(domain)}" if "xn--" in domain else ""
    except (idna.IDNAError, UnicodeError):
        return ""
