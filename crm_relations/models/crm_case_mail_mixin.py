from odoo import api, fields, models
from odoo.tools import email_normalize, email_normalize_all, parse_contact_from_email
from odoo.tools.mail import email_split_and_format_normalize

from ..exceptions import NoSectionError
from ..tools import transitions
from ..tools.mail_priority import priority_of
from ..tools.mail_reference import add_mark

# what people say to each other, unlike what the system notes or announces
_EXCHANGE_TYPES = ("comment", "email", "email_outgoing")


class CrmCaseMailMixin(models.AbstractModel):
    """The discussion of a case: mail in, mail out, who is told and what it changes."""

    _name = "crm.case.mail.mixin"
    _description = "Case Mail"
    _inherit = ["mail.thread.cc", "mail.activity.mixin"]
    _primary_email = "email_from"

    email_from = fields.Char(
        "Email",
        compute="_compute_email_from",
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
        values = self._prepare_case_from_mail(msg_dict, section) | values
        model = self.with_company(section.company_id)
        case = super(CrmCaseMailMixin, model).message_new(msg_dict, values)
        case._assign_by_section()
        return self.browse(case.id)

    def message_update(self, msg_dict, update_vals=None):
        result = super().message_update(msg_dict, update_vals)
        author = self.env["res.partner"].browse(msg_dict.get("author_id") or [])
        for case in self:
            # a colleague who answers a note talks to colleagues only
            if not (msg_dict.get("is_internal") and case._is_staff(author)):
                case._apply_reply(author)
        return result

    @api.model
    def _adjust_mail_route(self, message, route):
        """Lead a mail to the case that lives on; give new cases their priority.

        A merged case answers through the one it was merged into. Any other
        archived one is out of everybody's sight, so that an answer to it opens a
        new case in its section.

        :param message: email.message.EmailMessage, which `message_new` never sees
        :param route: (model, thread id, values, user id, alias), to this model
        :return: the route to take
        """
        model, thread_id, values, *rest = route
        values = dict(values or {})
        if thread_id:
            # sudo: who writes a mail has no rights; nothing but ids are taken
            case = self.sudo().browse(thread_id)._find_living_case()
            thread_id = case.id if case.active else 0
            values.setdefault("section_id", case.section_id.id)
        if not thread_id and (priority := priority_of(message)):
            values.setdefault("priority", priority)
        return (model, thread_id, values, *rest)

    def _find_living_case(self):
        """Give the case that this one was merged into, however often, or itself."""
        case = self
        while case.merged_into_id and not case.active:
            case = case.merged_into_id
        return case

    @api.model
    def _prepare_case_from_mail(self, msg_dict, section):
        """Give the values of a new case; a section's or an alias' own ones win."""
        sender = msg_dict.get("email_from") or ""
        author = self.env["res.partner"].browse(msg_dict.get("author_id") or [])
        if not self._may_be_customer(author, section.company_id or self.env.company):
            author = author.browse()
        channel = self.env.ref(
            "crm_relations.crm_case_channel_mail", raise_if_not_found=False
        )
        watchers = self._mail_cc_sanitized_raw_dict(msg_dict.get("cc"))
        watchers.pop(email_normalize(sender), None)
        values = {
            "name": msg_dict.get("subject") or self.env._("(no subject)"),
            "description": msg_dict.get("body"),
            "partner_id": author.id,
            "email_cc": ", ".join(watchers.values()),
            "channel_id": channel and channel.id,
            "section_id": section.id,
            # the user behind the gateway is nobody's idea of a responsible
            "user_id": False,
        }
        if not author:
            values["contact_name"] = parse_contact_from_email(sender)[0]
        return values

    @api.model
    def _may_be_customer(self, partner, company):
        """Tell whether a case of ``company`` may name this partner.

        A contact that belongs to another company would make the case invalid, and
        its mail would be lost.
        """
        return not partner.company_id or partner.company_id == company

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
        """Leave our own addresses out: a section that watches itself is a loop.

        The customer is told anyway and need not watch his own case.
        """
        addresses = super()._mail_cc_sanitized_raw_dict(cc_string)
        addresses.pop(False, None)
        addresses.pop(self[:1].email_normalized, None)
        own = self._find_own_addresses(addresses)
        return {key: value for key, value in addresses.items() if key not in own}

    @api.model
    def _find_own_addresses(self, addresses):
        """Tell which of some normalized addresses come back to us."""
        addresses = list(addresses)
        if not addresses:
            return set()
        # sudo: aliases are not readable for everybody
        aliases = self.env["mail.alias.domain"].sudo()._find_aliases(addresses)
        boxes = self.env["crm.case.section"]._find_mailbox_addresses(addresses)
        return {*aliases, *boxes}

    # ------------------------------------------------------------
    # DISCUSSION
    # ------------------------------------------------------------

    def message_post(self, *, message_type="notification", **kwargs):
        """Post a message; a mail is passed on to those who did not get it yet.

        Passing on costs at most five queries, whatever the number of watchers.
        """
        if message_type == "email":
            kwargs = self._prepare_received(kwargs)
        return super().message_post(message_type=message_type, **kwargs)

    def _prepare_received(self, kwargs):
        """Complete what the gateway says of a received mail.

        :return: new arguments for `message_post`
        """
        kwargs = kwargs | self._drop_own_addresses(kwargs)
        if not kwargs.get("author_id") and not kwargs.get("email_from"):
            # False, not None: else a mail without sender is signed by OdooBot, which
            # is staff and would count as our answer
            kwargs["author_id"] = False
        comment = self.env["ir.model.data"]._xmlid_to_res_id("mail.mt_comment")
        # neither notes nor the first mail, whose watchers stand in its Cc
        if kwargs.get("subtype_id") == comment:
            kwargs |= self._get_relay_recipients(kwargs)
        return kwargs

    @api.model
    def _drop_own_addresses(self, kwargs):
        """Leave our mailboxes out of a mail's To and Cc.

        Odoo does so with aliases. Otherwise answers would be proposed to go to
        ourselves, and recipients would answer to us twice.
        """
        names = ("incoming_email_to", "incoming_email_cc")
        own = self._find_own_addresses(
            email_normalize_all(",".join(kwargs.get(name) or "" for name in names))
        )
        if not own:
            return {}
        return {
            name: ", ".join(
                address
                for address in email_split_and_format_normalize(kwargs.get(name))
                if email_normalize(address) not in own
            )
            for name in names
        }

    def _get_relay_recipients(self, kwargs):
        """Give whom a mail is passed on to: customer, watchers and the responsible.

        Whoever stands in the mail's own To or Cc has it already. Followers are
        Odoo's business; `_notify_get_recipients` sees to it that nobody who is
        several of these is told twice.
        """
        self.ensure_one()
        reached = set(
            email_normalize_all(
                f"{kwargs.get('incoming_email_to') or ''},"
                f"{kwargs.get('incoming_email_cc') or ''},"
                f"{kwargs.get('email_from') or ''}"
            )
        )
        customer = self.partner_id.email or self.email_from or ""
        missing = [
            address
            for address in email_split_and_format_normalize(
                f"{customer},{self.email_cc or ''}"
            )
            if email_normalize(address) not in reached
        ]
        partners = self._partner_find_from_emails_single(missing, no_create=True)
        known = set(partners.mapped("email_normalized"))
        emails = [
            address for address in missing if email_normalize(address) not in known
        ]
        # sudo: the mail's author need not be allowed to read users
        partners |= self.user_id.sudo().partner_id
        return {
            "partner_ids": list({*(kwargs.get("partner_ids") or []), *partners.ids}),
            "outgoing_email_to": ", ".join(
                filter(None, [kwargs.get("outgoing_email_to"), *emails])
            )
            or False,
        }

    def _message_post_after_hook(self, message, msg_values):
        result = super()._message_post_after_hook(message, msg_values)
        if message.message_type in _EXCHANGE_TYPES:
            # sudo: who may post may not always write the case (portal)
            self.sudo()._record_exchange(message.sudo())
        return result

    def _record_exchange(self, message):
        """Keep on the case what a message changes: dates, customer, inline images."""
        values = {"date_last_action": fields.Datetime.now()}
        if message.subtype_id == self._creation_subtype():
            if "cid:" in (self.description or ""):
                # only the posted text knows where the images are kept
                values["description"] = message.body
        elif self._is_first_response(message):
            values["date_first_response"] = values["date_last_action"]
        customer = self.partner_id or self._find_customer(message)
        if customer != self.partner_id:
            values["partner_id"] = customer.id
        self.write(values)

    def _is_first_response(self, message):
        return (
            not self.date_first_response
            and not (message.is_internal or message.subtype_id.internal)
            and self._is_staff(message.author_id)
        )

    def _find_customer(self, message):
        """Find the contact made for an unknown sender, often while answering him."""
        partners = message.author_id | message.partner_ids
        return partners.filtered(
            lambda partner: (
                partner.email_normalized
                and partner.email_normalized == self.email_normalized
                and self._may_be_customer(partner, self.company_id)
            )
        )[:1]

    def _notify_get_recipients(self, message, msg_vals=False, **kwargs):
        """Mail nobody twice or his own words, and keep what is internal in the house.

        Addresses count: one person may be several partners, or a follower and a
        watcher. People who read in Odoo are told whatever their address.
        """
        recipients = super()._notify_get_recipients(message, msg_vals, **kwargs)
        values = msg_vals or {}
        message = message.sudo()
        if (values.get("message_type") or message.message_type) not in _EXCHANGE_TYPES:
            return recipients
        if message.is_internal or message.subtype_id.internal:
            recipients = [data for data in recipients if not data["share"]]
        mailed = {False}
        if not kwargs.get("notify_author") and not kwargs.get("notify_author_mention"):
            mailed |= {email_normalize(message.email_from)}
        unique = []
        # colleagues before contacts, contacts before bare addresses
        for data in sorted(
            recipients, key=lambda data: (data["share"], not data["id"])
        ):
            address = data["email_normalized"]
            if data["notif"] != "email" or not address or address not in mailed:
                unique.append(data)
                mailed.add(address)
        return unique

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
        subject = values.get("subject") or message.subject or ""
        if self.number:
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
