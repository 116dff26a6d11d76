from odoo import api, fields, models
from odoo.tools import email_normalize, email_normalize_all, hmac
from odoo.tools.mail import email_split_and_format_normalize

from ..tools.mail_reference import add_mark

# what people say to each other, unlike what the system notes or announces
EXCHANGE_TYPES = ("comment", "email", "email_outgoing")


class CrmCaseMailRecipientsMixin(models.AbstractModel):
    """Who is told what is said about a case, once each, and how the mail looks."""

    _name = "crm.case.mail.recipients.mixin"
    _description = "Case Mail Recipients"
    _inherit = ["mail.thread.cc"]

    email_cc = fields.Char(
        "Watchers", help="Addresses that receive a copy of every exchange."
    )

    # ------------------------------------------------------------
    # OUR OWN ADDRESSES
    # ------------------------------------------------------------

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
        is_inbound = self.env["mail.alias"]._is_inbound
        return {address for address in addresses if is_inbound(address)}

    # ------------------------------------------------------------
    # PASSING MAIL ON
    # ------------------------------------------------------------

    def message_post(self, *, message_type="notification", **kwargs):
        """Post a message; a mail is passed on to those who did not get it yet.

        Finding whom to pass it on to costs eleven queries with nothing in the cache,
        whatever the number of watchers.
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

    def _notify_get_recipients(self, message, msg_vals=False, **kwargs):
        """Mail nobody twice or his own words, and keep what is internal in the house.

        Addresses count: one person may be several partners, or a follower and a
        watcher. People who read in Odoo are told whatever their address.
        """
        recipients = super()._notify_get_recipients(message, msg_vals, **kwargs)
        values = msg_vals or {}
        message = message.sudo()
        if (values.get("message_type") or message.message_type) not in EXCHANGE_TYPES:
            return recipients
        if message._is_internal_note():
            recipients = [data for data in recipients if not data["share"]]
        mailed = set()
        if not kwargs.get("notify_author") and not kwargs.get("notify_author_mention"):
            mailed.add(email_normalize(message.email_from))
        return self._drop_repeated(recipients, mailed)

    @api.model
    def _drop_repeated(self, recipients, mailed):
        """Leave out recipients whose address is had already.

        :param recipients: list of dict, as of `_notify_get_recipients`
        :param mailed: set of normalized addresses that need no mail
        """
        unique, mailed = [], set(mailed)
        # colleagues before contacts, contacts before bare addresses
        for data in sorted(recipients, key=lambda one: (one["share"], not one["id"])):
            address = data["email_normalized"]
            if data["notif"] != "email" or not address or address not in mailed:
                unique.append(data)
                mailed.add(address)
        return unique

    # ------------------------------------------------------------
    # OUTGOING MAIL
    # ------------------------------------------------------------

    def _notify_thread_by_email(self, message, recipients_data, **kwargs):
        """Send soon what a scheduled action has to say, as when it passes mail on.

        Odoo leaves such mails to its queue, which looks once an hour.
        """
        result = super()._notify_thread_by_email(message, recipients_data, **kwargs)
        queued = self.env.context.get("mail_notify_force_send") is False
        if queued and any(one["notif"] == "email" for one in recipients_data):
            # sudo: whoever writes a mail may have it sent, by a fixed action
            queue = self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()
            queue._trigger()
        return result

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

    def _notify_by_email_get_headers(self, headers=None):
        """Mark our mails, so that we know them when they come back.

        What is only passed on asks programs not to answer it.
        """
        headers = dict(super()._notify_by_email_get_headers(headers=headers) or {})
        headers["X-CRM-Relations"] = self._get_loop_mark()
        if self.env["crm.mail.intake"]._get_hand() is not None:
            headers["X-Auto-Response-Suppress"] = "OOF, DR, RN, NRN, AutoReply"
        return headers

    @api.model
    def _get_loop_mark(self):
        """Give what stands in the headers of all mails of this database."""
        # sudo: the database's secret, of which only a digest leaves
        return hmac(self.env(su=True), "crm_relations.loop", "mark")[:32]

    def _notify_get_reply_to_batch(self, defaults=None, author_ids=None):
        """Let answers come back to the section's address."""
        result = {}
        for case in self:
            # sudo: aliases and mailboxes are not readable for everybody
            address = case.section_id.sudo()._get_reply_address()
            if address:
                result[case.id] = case._notify_get_reply_to_formatted_email(
                    address, author_id=(author_ids or {}).get(case.id, False)
                )
        others = self.filtered(lambda case: case.id not in result)
        if others or not self:
            result |= super(
                CrmCaseMailRecipientsMixin, others
            )._notify_get_reply_to_batch(defaults, author_ids)
        return result
