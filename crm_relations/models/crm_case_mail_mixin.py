from odoo import api, fields, models
from odoo.tools import email_normalize, email_normalize_all
from odoo.tools.mail import email_split_and_format_normalize

from ..exceptions import NoSectionError
from ..tools import transitions
from ..tools.mail_reference import add_mark

_EXCHANGE_TYPES = ("comment", "email", "email_outgoing")


class CrmCaseMailMixin(models.AbstractModel):
    """The discussion of a case: mail in, mail out, who is told and what it changes."""

    _name = "crm.case.mail.mixin"
    _description = "Case Mail"
    _inherit = ["mail.thread.cc", "mail.activity.mixin"]
    _primary_email = "email_from"

    email_from = fields.Char(
        "Email",
        compute="_compute_contact",
        store=True,
        readonly=False,
        index="trigram",
        tracking=True,
        help="Answers go to this address.",
    )
    email_normalized = fields.Char(
        compute="_compute_email_normalized", store=True, index="btree_not_null"
    )
    email_cc = fields.Char(
        "Watchers", help="Addresses that receive a copy of every exchange."
    )
    date_last_action = fields.Datetime(
        "Last Action",
        compute="_compute_date_last_action",
        store=True,
        readonly=False,
        copy=False,
        help="Latest move, message or note.",
    )
    date_first_response = fields.Datetime(
        "First Response", readonly=True, copy=False, help="Our first answer."
    )
    hours_first_response = fields.Float(
        "Hours to First Response",
        compute="_compute_hours_first_response",
        store=True,
        copy=False,
        aggregator="avg",
        help="Elapsed hours between creation and our first answer.",
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("email_from")
    def _compute_email_normalized(self):
        for case in self:
            case.email_normalized = email_normalize(case.email_from, strict=False)

    @api.depends("state", "section_id", "user_id")
    def _compute_date_last_action(self):
        self.date_last_action = fields.Datetime.now()

    @api.depends("date_first_response", "create_date")
    def _compute_hours_first_response(self):
        for case in self:
            case.hours_first_response = case._hours_since_creation(
                case.date_first_response
            )

    # ------------------------------------------------------------
    # GATEWAY
    # ------------------------------------------------------------

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """Open a case from a mail; see `mail.thread` for the parameters.

        :raise NoSectionError: the mail names no section and there is none to take it
        """
        values = dict(custom_values or {})
        section = self._find_mail_section(values)
        defaults = {
            "name": msg_dict.get("subject") or self.env._("(no subject)"),
            "description": msg_dict.get("body"),
            "partner_id": msg_dict.get("author_id"),
            "channel_id": self.env.ref(
                "crm_relations.crm_case_channel_mail", raise_if_not_found=False
            ),
            "section_id": section.id,
        }
        defaults["channel_id"] = defaults["channel_id"] and defaults["channel_id"].id
        if not defaults["partner_id"]:
            defaults["contact_name"] = self._get_sender_name(msg_dict)
        # the user behind the gateway is nobody's idea of a responsible
        model = self.with_context(default_user_id=False)
        if section.company_id:
            model = model.with_company(section.company_id)
        case = super(CrmCaseMailMixin, model).message_new(msg_dict, defaults | values)
        case._assign_by_section()
        return case

    def message_update(self, msg_dict, update_vals=None):
        result = super().message_update(msg_dict, update_vals)
        author = self.env["res.partner"].browse(msg_dict.get("author_id") or [])
        for case in self:
            case._apply_reply(author)
        return result

    @api.model
    def _find_mail_section(self, values):
        """Give the section of a new mail: alias, mailbox, else the first one."""
        Section = self.env["crm.case.section"].sudo()
        server_id = self.env.context.get("default_fetchmail_server_id")
        server = self.env["fetchmail.server"].sudo().browse(server_id or [])
        section = (
            Section.browse(values.get("section_id") or []).exists()
            or server.section_id
            or Section._get_default_section()
        )
        if not section:
            raise NoSectionError(
                self.env._("Section: there is none yet to receive this mail.")
            )
        return section

    @api.model
    def _get_sender_name(self, msg_dict):
        pairs = self._mail_cc_sanitized_raw_dict(msg_dict.get("email_from"))
        formatted = next(iter(pairs.values()), "")
        return formatted.rpartition(" <")[0].strip('"') or False

    def _apply_reply(self, author):
        """Move the case as its section wants when ``author`` answers by mail."""
        if self._is_staff(author):
            state = self.section_id.staff_reply_state
            moves = transitions.allowed_moves(self.state)
            if author == self.user_id.partner_id and state in moves:
                self.state = state
        elif self.state == transitions.PENDING or (
            self.state in transitions.CLOSED and self.section_id.reopen_on_reply
        ):
            self._reopen()

    def _is_staff(self, author):
        """Tell whether a partner speaks for us on this case.

        A colleague who is the case's own customer does not.
        """
        return (
            bool(author)
            and not author.partner_share
            and (author != self.partner_id or author == self.user_id.partner_id)
        )

    def _mail_cc_sanitized_raw_dict(self, cc_string):
        """Leave our own addresses out: a section that watches itself is a loop."""
        addresses = super()._mail_cc_sanitized_raw_dict(cc_string)
        addresses.pop(False, None)
        if not addresses:
            return addresses
        # sudo: aliases are not readable for everybody
        own = self.env["mail.alias.domain"].sudo()._find_aliases(list(addresses))
        own += self.env["crm.case.section"]._find_mailbox_addresses(list(addresses))
        return {key: value for key, value in addresses.items() if key not in own}

    # ------------------------------------------------------------
    # DISCUSSION
    # ------------------------------------------------------------

    def message_post(self, *, message_type="notification", **kwargs):
        """Post a message; a mail is passed on to those who did not get it yet."""
        if message_type == "email" and not self._is_note(kwargs.get("subtype_id")):
            kwargs = self._add_relay_recipients(kwargs)
        return super().message_post(message_type=message_type, **kwargs)

    def _message_post_after_hook(self, message, msg_values):
        result = super()._message_post_after_hook(message, msg_values)
        if message.message_type in _EXCHANGE_TYPES:
            # sudo: who may post may not always write the case (portal)
            self.sudo()._stamp_exchange(message.sudo())
        return result

    def _stamp_exchange(self, message):
        values = {"date_last_action": fields.Datetime.now()}
        if (
            not self.date_first_response
            and not self._is_note(message.subtype_id.id)
            and self._is_staff(message.author_id)
        ):
            values["date_first_response"] = values["date_last_action"]
        self.write(values)

    def _is_note(self, subtype_id):
        return subtype_id == self.env["ir.model.data"]._xmlid_to_res_id("mail.mt_note")

    def _add_relay_recipients(self, kwargs):
        """Add customer and watchers to a mail's recipients, each once.

        Left out: the author, whoever stands in the mail's own To or Cc, and the
        followers, whom Odoo tells anyway. At most three queries.
        """
        self.ensure_one()
        author = self.env["res.partner"].browse(kwargs.get("author_id") or [])
        reached = set(
            email_normalize_all(
                f"{kwargs.get('incoming_email_to') or ''},"
                f"{kwargs.get('incoming_email_cc') or ''},"
                f"{kwargs.get('email_from') or ''}"
            )
        )
        reached.update((author | self.message_partner_ids).mapped("email_normalized"))
        wanted = {
            email_normalize(address): address
            for address in email_split_and_format_normalize(
                f"{self.partner_id.email or self.email_from or ''},{self.email_cc or ''}"
            )
        }
        missing = [wanted[key] for key in wanted if key and key not in reached]
        partners = self._partner_find_from_emails_single(missing, no_create=True)
        known = set(partners.mapped("email_normalized"))
        emails = [
            address for address in missing if email_normalize(address) not in known
        ]
        return kwargs | {
            "partner_ids": list({*(kwargs.get("partner_ids") or []), *partners.ids}),
            "outgoing_email_to": ", ".join(
                filter(None, [kwargs.get("outgoing_email_to"), *emails])
            )
            or False,
        }

    # ------------------------------------------------------------
    # OUTGOING MAIL
    # ------------------------------------------------------------

    def _message_compute_subject(self):
        self.ensure_one()
        return add_mark(self.name, self.number)

    def _notify_by_email_get_base_mail_values(
        self, message, recipients_data, additional_values=None
    ):
        values = super()._notify_by_email_get_base_mail_values(
            message, recipients_data, additional_values=additional_values
        )
        subject = values.get("subject") or message.subject or self.name
        # one line: a header cannot hold more
        values["subject"] = add_mark(" ".join(subject.splitlines()), self.number)
        return values

    def _notify_get_reply_to_batch(self, defaults=None, author_ids=None):
        """Let answers come back to the section's address."""
        result = super()._notify_get_reply_to_batch(defaults, author_ids)
        for case in self:
            # sudo: aliases and mailboxes are not readable for everybody
            address = case.section_id.sudo()._get_reply_address()
            if address:
                result[case.id] = case._notify_get_reply_to_formatted_email(
                    address, author_id=(author_ids or {}).get(case.id, False)
                )
        return result

    def _creation_subtype(self):
        return self.env.ref("crm_relations.mail_message_subtype_case_new")

    def _track_subtype(self, initial_values):
        self.ensure_one()
        if "state" in initial_values:
            return self.env.ref("crm_relations.mail_message_subtype_case_state")
        if "section_id" in initial_values:
            return self.env.ref("crm_relations.mail_message_subtype_case_section")
        return super()._track_subtype(initial_values)
