from markupsafe import Markup, escape
from odoo import fields, models
from odoo.tools import SQL, email_normalize, email_normalize_all
from odoo.tools.mail import email_split_and_format_normalize

from ..tools import transitions
from ..tools.mail_reference import add_mark

# cases given to a person at once that are still announced to him one by one
ANNOUNCED = 20
# the actions that change a case, in the order the note tells them
_CHANGES = (
    "set_state",
    "set_section_id",
    "set_user_id",
    "set_priority",
    "set_category_id",
    "escalate",
    "add_watchers",
)
# told to other mail systems, so that none of them answers by itself (RFC 3834)
AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


class CrmCaseRuleActionMixin(models.AbstractModel):
    """What a rule does with the cases it fires on, all of them at once.

    First the case is changed, then people are told, so that they hear of the case as
    it is now. Mail is queued in the same transaction and never sent in it.
    """

    _name = "crm.case.rule.action.mixin"
    _description = "Rule Action"

    def _get_actions(self):
        """List the actions by what switches them on, in the order they are done.

        :return: list of (name of a field or None, method taking crm.case)
        """
        return [
            (None, self._apply_values),
            ("escalate", self._apply_escalation),
            ("add_watchers", self._apply_watchers),
            ("server_action_id", self._apply_server_action),
            ("activity_type_id", self._apply_activity),
            ("remind_user", self._apply_remind_user),
            ("remind_partner", self._apply_remind_partner),
            (None, self._apply_mail),
        ]

    def _apply(self, cases):
        """Do what the rule says."""
        for name, action in self._get_actions():
            if name is None or self[name]:
                action(cases)
        self._log_note(cases)

    def _get_impossible(self, cases):
        """Tell on which cases the actions are not allowed, and why.

        :return: {case id: reason}
        """
        reasons = {}
        if state := self.set_state:
            for case in cases:
                if not transitions.is_allowed(case.state, state):
                    reasons[case.id] = case._get_move_error(state)
        if self.escalate:
            for case in cases.filtered(lambda case: not case.can_escalate):
                reasons[case.id] = self.env._(
                    "It cannot be escalated: it is closed, or its section has no "
                    "parent."
                )
        return reasons

    # ------------------------------------------------------------
    # THE CASE
    # ------------------------------------------------------------

    def _get_values(self):
        """Give what is written on every case alike."""
        names = {
            "section_id": self.set_section_id.id,
            "user_id": self.set_user_id.id,
            "priority": self.set_priority,
            "category_id": self.set_category_id.id,
            "state": self.set_state,
        }
        return {name: value for name, value in names.items() if value}

    def _apply_values(self, cases):
        values = self._get_values()
        if not values:
            return
        if "user_id" in values and len(cases) > ANNOUNCED:
            cases = cases.with_context(mail_auto_subscribe_no_notify=True)
        # what is so already is no change: it would only wake other rules
        same = cases.filtered(lambda case: case._has_values(values))
        (cases - same).write(values)

    def _apply_escalation(self, cases):
        if len(cases) > ANNOUNCED:
            cases = cases.with_context(mail_auto_subscribe_no_notify=True)
        cases.action_escalate()

    def _apply_watchers(self, cases):
        """Add each address once, one write per different list."""
        added = cases._mail_cc_sanitized_raw_dict(self.add_watchers)
        for current, alike in cases.grouped("email_cc").items():
            known = set(email_normalize_all(current or ""))
            missing = [text for key, text in added.items() if key not in known]
            if missing:
                alike.email_cc = ", ".join(filter(None, [current, *missing]))

    def _apply_server_action(self, cases):
        # sudo: a manager has chosen it for this; see `_check_server_action`
        self.server_action_id.sudo().with_context(
            active_model=cases._name, active_ids=cases.ids, active_id=cases.ids[0]
        ).run()

    def _apply_activity(self, cases):
        for user, own in cases.grouped("user_id").items():
            own.activity_schedule(
                activity_type_id=self.activity_type_id.id,
                summary=self.name,
                user_id=(user or self.env.user).id,
            )

    # ------------------------------------------------------------
    # MAIL
    # ------------------------------------------------------------

    def _apply_remind_user(self, cases):
        self._mail(cases, lambda case: (case.user_id.partner_id, ""), internal=True)

    def _apply_remind_partner(self, cases):
        self._mail(cases, lambda case: case._get_rule_customer())

    def _apply_mail(self, cases):
        """Mail the template to all who are named, each address once per case."""
        named = self._get_mail_targets()
        if not named and not self.mail_template_id:
            return
        self._mail(
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
        """
        found = {}
        if recipients:
            found = self._find_recipients(cases, recipients)
            cases = cases.filtered(lambda case: case.id in found)
        if not cases:
            return
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
        # sudo: mails to be sent belong to the system
        mails = self.env["mail.mail"].sudo().create(self._obey_budget(values_list))
        if mails:
            self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()

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
            "headers": repr(AUTOMATIC),
            "message_type": "auto_comment",
            "is_internal": internal,
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
        """Leave out what the mail gateway's budget for automatic mail does not allow.

        The gateway, if it counts, offers `_may_mail_automatically` on cases.
        """
        may_mail = getattr(self.env["crm.case"], "_may_mail_automatically", None)
        if not may_mail:
            return values_list
        return [one for one in values_list if may_mail(self._get_addresses(one))]

    def _get_addresses(self, values):
        partners = self.env["res.partner"].browse(values["recipient_ids"][0][2])
        named = [values.get("email_to"), values.get("email_cc")]
        return list(filter(None, [*partners.mapped("email"), *named]))

    # ------------------------------------------------------------
    # NOTE
    # ------------------------------------------------------------

    def _get_note(self):
        """Say in the discussion what the rule has changed, or nothing."""
        changes = [
            ": ".join(
                filter(
                    None,
                    (
                        self._fields[name]._description_string(self.env),
                        self._format_action(name),
                    ),
                )
            )
            for name in _CHANGES
            if self[name]
        ]
        return changes and Markup("<p>%s</p>") % self.env._(
            "Rule “%(rule)s”: %(changes)s",
            rule=self.name,
            changes=" · ".join(changes),
        )

    def _format_action(self, name):
        field, value = self._fields[name], self[name]
        if field.type == "boolean":
            return ""
        if field.relational:
            return value.display_name
        if field.type == "selection":
            return dict(field._description_selection(self.env))[value]
        return str(value)

    def _log_note(self, cases):
        """Note on all cases what was done, in one statement.

        Odoo's own batch takes 0.3 ms a case, ten times as long: it computes addresses
        of answers, threads and recipients, which a note has none of.
        """
        note = self._get_note()
        if not note or not cases:
            return
        author = self.env.user.partner_id
        now = fields.Datetime.now()
        # SQL: plain rows that nobody is notified of; what was rendered was escaped
        self.env.execute_query(
            SQL(
                """INSERT INTO mail_message
                    (model, res_id, body, message_type, subtype_id, is_internal,
                     author_id, email_from, date, create_date, write_date, create_uid,
                     write_uid, message_id)
                SELECT 'crm.case', id, %(body)s, 'notification', %(subtype)s, TRUE,
                       %(author)s, %(email)s, %(now)s, %(now)s, %(now)s, %(uid)s,
                       %(uid)s, '<' || gen_random_uuid() || '-note@crm-relations>'
                  FROM unnest(%(ids)s) AS id RETURNING id""",
                body=escape(note),
                subtype=self.env["ir.model.data"]._xmlid_to_res_id("mail.mt_note"),
                author=author.id,
                email=author.email_formatted,
                now=now,
                uid=self.env.uid,
                ids=cases.ids,
            )
        )
        cases.invalidate_recordset(["message_ids"], flush=False)
