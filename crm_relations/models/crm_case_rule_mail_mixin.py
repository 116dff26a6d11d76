from markupsafe import Markup
from odoo import models
from odoo.tools import email_normalize, email_normalize_all
from odoo.tools.mail import email_split_and_format_normalize

from ..tools.mail_reference import add_mark
from .mail_in_hand import MailInHand

# told to other mail systems, so that none of them answers by itself (RFC 3834)
AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


class CrmCaseRuleMailMixin(models.AbstractModel):
    """What a rule mails: to whom, what, and no more often than the budget allows."""

    _name = "crm.case.rule.mail.mixin"
    _description = "Rule Mail"

    def _apply_remind_user(self, cases):
        return self._mail(
            cases, lambda case: (case.user_id.partner_id, ""), internal=True
        )

    def _apply_remind_partner(self, cases):
        return self._mail(cases, lambda case: case._get_rule_customer())

    def _apply_mail(self, cases):
        """Mail the template to all who are named, each address once per case."""
        named = self._get_mail_targets()
        if not named and not self.mail_template_id:
            return None
        return self._mail(
            cases, self._get_mail_recipients if named else None, self.mail_template_id
        )

    def _get_mail_targets(self):
        names = ("mail_to_user", "mail_to_partner", "mail_to_watchers", "mail_to")
        return [name for name in names if self[name]]

    def _get_mail_recipients(self, case):
        """Give whom the rule names: (res.partner, addresses separated by commas)."""
        partners, addresses = case.env["res.partner"], []
        if self.mail_to_user:
            partners |= case.user_id.partner_id
        if self.mail_to_partner:
            customer, address = case._get_rule_customer()
            partners |= customer
            addresses.append(address)
        if self.mail_to_watchers:
            addresses.append(case.email_cc)
        addresses.append(self.mail_to)
        return partners, ", ".join(filter(None, addresses))

    def _find_recipients(self, cases, recipients):
        """Give each address once, and none of ours, which would come back as mail.

        Three queries whatever the number of cases.

        :param recipients: function(case) giving (res.partner, addresses)
        :return: {case id: values of `mail.mail`}, cases without anybody left out
        """
        named = {case.id: recipients(case) for case in cases}
        texts = [text for _partners, text in named.values()]
        texts += [
            one.email or "" for partners, _text in named.values() for one in partners
        ]
        own = cases._find_own_addresses(set(email_normalize_all(", ".join(texts))))
        found = {}
        for case_id, (partners, text) in named.items():
            unique = {
                one.email_normalized: one.id for one in partners if one.email_normalized
            }
            others = {
                email_normalize(address): address
                for address in email_split_and_format_normalize(text)
            }
            values = {
                "recipient_ids": [unique[key] for key in unique if key not in own],
                "email_to": ", ".join(
                    text
                    for key, text in others.items()
                    if key not in unique and key not in own
                ),
            }
            if any(values.values()):
                found[case_id] = values
        return found

    def _mail(self, cases, recipients, template=None, internal=False):
        """Queue one mail per case.

        :param recipients: see `_find_recipients`; None leaves them to the template
        :param template: mail.template; empty sends the latest message of the case
        :param internal: only colleagues read it
        :return: {case id: list of what was held back, and why}
        """
        found = {}
        if recipients:
            found = self._find_recipients(cases, recipients)
            cases = cases.filtered(lambda case: case.id in found)
        if not cases:
            return {}
        contents = (
            self._render_template(template, cases)
            if template
            else self._prepare_reminders(cases)
        )
        reply_to = cases._notify_get_reply_to_batch()
        values_list = [
            self._prepare_mail(case, contents[case.id], found.get(case.id), internal)
            | {"reply_to": reply_to[case.id]}
            for case in cases
        ]
        allowed, held = self._obey_budget(values_list)
        # sudo: mails to be sent belong to the system
        if self.env["mail.mail"].sudo().create(allowed):
            self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
        return held

    def _render_template(self, template, cases):
        """Render a template for all cases, without its recipients if others are named.

        :return: {case id: values of `mail.mail`}
        """
        names = ["attachment_ids", "auto_delete", "body_html", "email_from", "subject"]
        names += ["mail_server_id", "report_template_ids"]
        if not self._get_mail_targets():
            names += ["email_cc", "email_to", "partner_to"]
        # sudo: the template's author decides what it shows of a case
        rendered = template.sudo()._generate_template(cases.ids, names)
        for values in rendered.values():
            values["recipient_ids"] = values.pop("partner_ids", [])
            values["body"] = values.get("body_html")
        return rendered

    def _prepare_reminders(self, cases):
        """Write what was said last on each case, with its files if wanted.

        Two queries whatever the number of cases.

        :return: {case id: values of `mail.mail`}
        """
        latest = cases._get_latest_messages()
        return {
            case.id: {
                "subject": self.env._("Reminder: %s", case.name),
                "body_html": self._format_reminder(case, latest.get(case.id)),
                "attachment_ids": (
                    latest[case.id].attachment_ids.ids
                    if self.remind_attach and case.id in latest
                    else []
                ),
            }
            for case in cases
        }

    def _format_reminder(self, case, message):
        body = message.body if message else case.description or Markup()
        intro = self.env._("A reminder of “%s”, which was last spoken of as follows:")
        return Markup("<p>%s</p><blockquote>%s</blockquote>") % (
            intro % case.display_name,
            body,
        )

    def _prepare_mail(self, case, content, recipients, internal):
        values = content | (recipients or {})
        attachments = values.pop("attachments", [])
        values |= {
            "model": case._name,
            "res_id": case.id,
            "record_name": case.name,
            "subject": add_mark(
                " ".join((values.get("subject") or case.name).splitlines()), case.number
            ),
            "body": values.get("body_html"),
            "headers": repr(AUTOMATIC | {"X-CRM-Relations": case._get_loop_mark()}),
            "message_type": "auto_comment",
            "is_internal": internal,
            # without one it is a note, and so would be what a customer answers to it
            "subtype_id": self.env["ir.model.data"]._xmlid_to_res_id(
                "mail.mt_note" if internal else "mail.mt_comment"
            ),
            "auto_delete": False,
            "author_id": self.env.user.partner_id.id,
            "recipient_ids": [(6, 0, values.get("recipient_ids") or [])],
            "attachment_ids": [(6, 0, values.get("attachment_ids") or [])]
            + [(0, 0, {"name": name, "datas": datas}) for name, datas in attachments],
        }
        if not values.get("email_from"):
            values["email_from"] = self._get_sender(case)
        return values

    def _get_sender(self, case):
        company = case.company_id or self.env.company
        return company.email_formatted or self.env.user.email_formatted

    def _obey_budget(self, values_list):
        """Leave out whom the budget of automatic mail allows nothing.

        :return: (values of the mails that have a recipient left, {case id: list of
            what was held back, and why})
        """
        hand = self.env.context.get("crm_case_rule_hand")
        reasons = self.env["crm.case.automatic.mail"]._spend(
            [self._get_addresses(values) for values in values_list],
            # of this type it is ours; a remote caller cannot make one
            hand if isinstance(hand, MailInHand) else None,
        )
        allowed, held = [], {}
        for values, refused in zip(values_list, reasons, strict=True):
            if refused:
                held.setdefault(values["res_id"], []).extend(
                    self.env._(
                        "No mail to %(address)s: %(reason)s", address=one, reason=why
                    )
                    for one, why in sorted(refused.items())
                )
                self._drop_addresses(values, refused)
            if self._get_addresses(values) or not refused:
                allowed.append(values)
        return allowed, held

    def _get_addresses(self, values):
        """Give all recipients of a mail that is to be made, as normalized addresses."""
        partners = self.env["res.partner"].browse(values["recipient_ids"][0][2])
        texts = [values.get("email_to"), values.get("email_cc")]
        return {
            *filter(None, partners.mapped("email_normalized")),
            *email_normalize_all(", ".join(filter(None, texts))),
        }

    def _drop_addresses(self, values, refused):
        """Take recipients out of the values of a mail."""
        partners = self.env["res.partner"].browse(values["recipient_ids"][0][2])
        left = partners.filtered(lambda one: one.email_normalized not in refused)
        values["recipient_ids"] = [(6, 0, left.ids)]
        for name in ("email_to", "email_cc"):
            values[name] = ", ".join(
                address
                for address in email_split_and_format_normalize(values.get(name) or "")
                if email_normalize(address) not in refused
            )
