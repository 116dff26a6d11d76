from odoo import api, fields, models
from odoo.exceptions import MissingError
from odoo.tools import SQL, email_normalize, parse_contact_from_email
from odoo.tools.mail import email_split_and_format

from ..exceptions import NoSectionError
from ..fields import OptionalFloat
from ..tools import transitions
from ..tools.mail_header import read_header
from ..tools.mail_priority import priority_of
from .crm_case_mail_recipients_mixin import EXCHANGE_TYPES


class CrmCaseMailMixin(models.AbstractModel):
    """The discussion of a case: what mail and messages change in it."""

    _name = "crm.case.mail.mixin"
    _description = "Case Mail"
    _inherit = ["crm.case.mail.recipients.mixin", "mail.activity.mixin"]
    _primary_email = "email_from"

    email_from = fields.Char(
        "Email",
        compute="_compute_email_from",
        store=True,
        precompute=True,
        readonly=False,
        index="trigram",
        tracking=True,
        help="Answers go to this address.",
    )
    email_normalized = fields.Char(
        compute="_compute_email_normalized",
        store=True,
        precompute=True,
        index="btree_not_null",
    )
    date_last_action = fields.Datetime(
        "Last Action",
        compute="_compute_date_last_action",
        store=True,
        precompute=True,
        readonly=False,
        copy=False,
        help="Latest move, message or note.",
    )
    date_first_response = fields.Datetime(
        "First Response", readonly=True, copy=False, help="Our first answer."
    )
    hours_first_response = OptionalFloat(
        "Hours to First Response",
        compute="_compute_hours_first_response",
        store=True,
        precompute=True,
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
        hand = self.env["crm.mail.intake"]._get_hand()
        case = super(CrmCaseMailMixin, model).message_new(msg_dict, values)
        if hand is not None and not values.get("description"):
            # by the message, see `_record_exchange`: its text is clean then
            hand.described = case.id
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
    def _adjust_mail_routes(self, message, message_dict, routes):
        """Let a mail to cases become one entry in each section it is addressed to.

        :param message: email.message.EmailMessage, which `message_new` never sees
        :param message_dict: what Odoo read of it; headers it could not are repaired
        :param routes: (model, thread id, values, user id, alias) each; those to other
            models are left as they are
        :return: the routes to take, to a case last, so that its id is the result
        """
        ours = [route for route in routes if route[0] == self._name]
        if not ours:
            return routes
        message_dict.update(self._repair_headers(message))
        others = [route for route in routes if route[0] != self._name]
        return others + [self._adjust_mail_route(message, route) for route in ours]

    @api.model
    def _adjust_mail_route(self, message, route):
        """Lead a mail to the case that lives on; give new cases their priority.

        A merged case answers through the one it was merged into. Any other
        archived one is out of everybody's sight, so that an answer to it opens a
        new case in its section.
        """
        model, thread_id, values, *rest = route
        values = dict(values or {})
        if thread_id:
            # sudo: who writes a mail has no rights; nothing but ids are taken
            case = self.sudo().browse(thread_id)._find_living_cases()
            thread_id = case.id if case.active else 0
            values.setdefault("section_id", case.section_id.id)
        if not thread_id and (priority := priority_of(message)):
            values.setdefault("priority", priority)
        return (model, thread_id, values, *rest)

    @api.model
    def _repair_headers(self, message):
        """Give what Odoo could not read of a mail's subject and sender."""
        names = {"subject": "Subject", "email_from": "From"}
        texts = {key: read_header(message, name) for key, name in names.items()}
        # the name only: nothing that passes checks elsewhere may hide in odd bytes
        sender = next(iter(email_split_and_format(texts["email_from"])), "")
        known = email_normalize(str(message.get("From", "")))
        texts["email_from"] = sender if email_normalize(sender) == known else None
        return {key: text for key, text in texts.items() if text}

    def _find_living_cases(self):
        """Give the cases that these were merged into, however often, or themselves."""
        living = self.browse()
        for case in self:
            while case.merged_into_id and not case.active:
                case = case.merged_into_id
            living |= case
        return living

    @api.model
    def _prepare_case_from_mail(self, msg_dict, section):
        """Give the values of a new case; a section's or an alias' own ones win."""
        sender = msg_dict.get("email_from") or ""
        author = self.env["res.partner"].browse(msg_dict.get("author_id") or [])
        if not self._may_be_customer(author, section.company_id or self.env.company):
            author = author.browse()
        channel_id = self.env["ir.model.data"]._xmlid_to_res_id(
            "crm_relations.crm_case_channel_mail"
        )
        watchers = self._mail_cc_sanitized_raw_dict(msg_dict.get("cc"))
        watchers.pop(email_normalize(sender), None)
        values = {
            "name": msg_dict.get("subject") or self.env._("(no subject)"),
            "partner_id": author.id,
            "email_cc": ", ".join(watchers.values()),
            "channel_id": channel_id,
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
        section = Section.browse(values.get("section_id") or [])
        try:
            # reads all of it, which is needed anyway, and tells whether it exists
            section.mapped("company_id")
        except MissingError:
            section = section.browse()
        section = section or server.section_id or Section._get_default_section()
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

    # ------------------------------------------------------------
    # DISCUSSION
    # ------------------------------------------------------------

    def _message_post_after_hook(self, message, msg_values):
        result = super()._message_post_after_hook(message, msg_values)
        if message.message_type in EXCHANGE_TYPES:
            # sudo: who may post may not always write the case (portal)
            self.sudo()._record_exchange(message.sudo())
        return result

    def _record_exchange(self, message):
        """Keep on the case what a message changes: dates, customer, inline images."""
        values = {"date_last_action": fields.Datetime.now()}
        if message.subtype_id == self._creation_subtype():
            # the moment of the first mail is that of the creation
            values.clear()
            hand = self.env["crm.mail.intake"]._get_hand()
            if hand is not None and hand.described == self.id:
                self._describe_by(message)
        elif self._is_first_response(message):
            values["date_first_response"] = values["date_last_action"]
        customer = self.partner_id or self._find_customer(message)
        if customer != self.partner_id:
            values["partner_id"] = customer.id
        if values:
            self.write(values)

    def _describe_by(self, message):
        """Take over a message's text, which knows where its images are kept.

        Not by way of Python, which would read it and sanitize it again.
        """
        message.flush_recordset(["body"])
        self.flush_recordset(["description"])
        # SQL: from one sanitized field into another of the same rules
        self.env.cr.execute(
            SQL(
                "UPDATE crm_case SET description = body FROM mail_message message "
                "WHERE crm_case.id = %s AND message.id = %s",
                self.id,
                message.id,
            )
        )
        self.invalidate_recordset(["description"], flush=False)

    def _is_first_response(self, message):
        return (
            not self.date_first_response
            and not message._is_internal_note()
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

    def _creation_subtype(self):
        # not `ref`, which asks each time whether it is still there
        return self.env["mail.message.subtype"].browse(
            self.env["ir.model.data"]._xmlid_to_res_id(
                "crm_relations.mail_message_subtype_case_new", raise_if_not_found=True
            )
        )

    def _track_subtype(self, initial_values):
        self.ensure_one()
        if "section_id" in initial_values:
            return self.env.ref("crm_relations.mail_message_subtype_case_section")
        # the stage tells the state as well: one line in the discussion, not two
        if "stage_id" in initial_values:
            return self.env.ref("crm_relations.mail_message_subtype_case_state")
        return super()._track_subtype(initial_values)
