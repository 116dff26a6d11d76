from markupsafe import Markup
from odoo import api, models
from odoo.tools import consteq, formataddr, hmac, parse_contact_from_email

from ..tools import mail_identity, mail_token
from .crm_case_mail_recipients_mixin import EXCHANGE_TYPES

# what our own announcements say of themselves, so that no program answers them
AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


class CrmCaseTokenMixin(models.AbstractModel):
    """What our mails carry so that their answers come home; see `tools/mail_token`."""

    _name = "crm.case.token.mixin"
    _description = "Case Tokens in Mail"

    def _get_mail_token(self, is_note=False):
        """Give the token that proves to have had mail about this case.

        :param is_note: about its internal notes, so that an answer stays internal
        """
        self.ensure_one()
        kind = mail_token.NOTE if is_note else mail_token.PUBLIC
        # sudo: the database's secret, of which only a digest leaves
        digest = hmac(self.env(su=True), "crm_relations.case", f"{kind}{self.id}")
        return mail_token.write_token(kind, self.id, digest)

    def _notify_by_email_get_base_mail_values(
        self, message, recipients_data, additional_values=None
    ):
        """Let every answer bring a token back, also one to a customer's own mail.

        Public mail names no notes, and what no person wrote says so.
        """
        if message.message_type not in EXCHANGE_TYPES:
            headers = dict((additional_values or {}).get("headers") or {}, **AUTOMATIC)
            additional_values = dict(additional_values or {}, headers=headers)
        values = super()._notify_by_email_get_base_mail_values(
            message, recipients_data, additional_values=additional_values
        )
        if not self.id:
            return values
        references = (values.get("references") or "").split()
        if not message._is_internal_note():
            references = [one for one in references if not mail_token.is_note(one)]
        token = message._get_case_token(self)
        mark = f"<{token}@{mail_identity.DOMAIN}>"
        return values | {"references": " ".join([mark, *references])}

    def _notify_by_email_render_layout(
        self, message, recipients_group, msg_vals=False, render_values=None
    ):
        """Print the token small below the text: some programs answer without ids."""
        body = super()._notify_by_email_render_layout(
            message, recipients_group, msg_vals=msg_vals, render_values=render_values
        )
        if not self.id or not body:
            return body
        line = Markup(
            '<div style="font-size:10px;color:#a0a0a0;margin-top:12px">%s</div>'
        ) % self.env._("Reference: %s", message._get_case_token(self))
        head, end, tail = str(body).rpartition("</body>")
        return Markup(head + line + end + tail) if end else Markup(body) + line

    def _notify_get_reply_to_batch(self, defaults=None, author_ids=None):
        """Put the token into the address, where the section says that it arrives."""
        result = super()._notify_get_reply_to_batch(defaults, author_ids)
        # sudo: a setting of the section, whoever writes
        for case in self.sudo().filtered("section_id.use_tagged_reply"):
            name, address = parse_contact_from_email(result.get(case.id) or "")
            if address:
                tagged = mail_token.add_to_address(address, case._get_mail_token())
                result[case.id] = formataddr((name, tagged))
        return result

    @api.model
    def _check_tokens(self, tokens):
        """Leave the tokens that this database made; no query.

        :param tokens: list of `mail_token.Token`
        """
        return [
            token
            for token in tokens
            if consteq(
                self.browse(token.case_id)._get_mail_token(
                    token.kind == mail_token.NOTE
                ),
                f"{token.kind}{token.case_id}.{token.key}",
            )
        ]
