from odoo import api, models

from ..tools.mail_automatic import automatic_kind
from ..tools.mail_header import remember_headers


class MailThread(models.AbstractModel):
    """Odoo's gateway, telling the ledger what becomes of a mail of ours.

    Mail to other models passes through all of this unchanged: only with a row of the
    ledger in the context does anything differ.
    """

    _inherit = "mail.thread"

    @api.model
    def message_process(
        self,
        model,
        message,
        custom_values=None,
        save_original=False,
        strip_attachments=False,
        thread_id=None,
    ):
        """Take mail for cases through the ledger; see Odoo's own for the parameters.

        :return: the id of the record the mail entered, or False. A mail that could
            not be processed is no error here: it waits in the ledger.
        """
        options = {
            "model": model,
            "custom_values": custom_values,
            "save_original": save_original,
            "strip_attachments": strip_attachments,
            "thread_id": thread_id,
        }
        Intake = self.env["crm.mail.intake"]
        # sudo: who hands mail in need not see the ledger
        raw = Intake._read_message(message)
        if Intake._get_current() or not Intake._takes_piped(model, raw):
            return super().message_process(message=message, **options)
        return Intake.sudo()._take_piped(self, raw, options)

    @api.model
    def message_parse(self, message, save_original=False):
        """Read each header once; Odoo asks for some of them a dozen times."""
        if self.env["crm.mail.intake"]._get_hand() is not None:
            remember_headers(message)
        return super().message_parse(message, save_original=save_original)

    @api.model
    def message_route(
        self, message, message_dict, model=None, thread_id=None, custom_values=None
    ):
        """Let cases say where their mail goes; other routes are left as they are."""
        Intake = self.env["crm.mail.intake"]
        Case = self.env["crm.case"]
        intake, hand = Intake._get_current(), Intake._get_hand()
        forced = intake and intake._get_forced_routes()
        if intake:
            intake.automatic = automatic_kind(message)
        if forced:
            return Case._adjust_mail_routes(message, message_dict, forced)
        routes = None
        if intake and not message_dict.get("is_bounce") and not thread_id:
            routes = self._route_in_hand(hand, message, message_dict, model)
        if routes is None:
            routes = super().message_route(
                message, message_dict, model, thread_id, custom_values
            )
        routes = Case._adjust_mail_routes(message, message_dict, routes)
        if not intake:
            return routes
        if message_dict.get("is_bounce"):
            return routes  # `_routing_handle_bounce` has ended the row
        return intake._allow_routes(intake._refuse_unwanted(hand, routes))

    @api.model
    def _route_in_hand(self, hand, message, message_dict, model):
        """Route a mail that only cases can claim.

        :param hand: `MailInHand`
        :param model: what it becomes if no alias takes it
        :return: the routes; None: Odoo's own routing is to decide, because an alias
            of another model, or an answer to one, may be meant
        """
        Alias = self.env["mail.alias"]
        doors = Alias._find_inbound(hand.recipients)
        models = {door.model for door in doors} | {one.model for one in hand.known}
        is_catchall = Alias._get_inbound().catchall.intersection(hand.recipients)
        if models - {"crm.case", None} or (is_catchall and not doors):
            return None
        if not doors and model != "crm.case":
            return None
        self._routing_reset_bounce(message, message_dict)
        hand.take_sender(message_dict)
        routes = [Alias._get_case_route(door, self.env.uid) for door in doors]
        routes = self.env["crm.case"]._route_mail(
            hand,
            message,
            message_dict,
            routes or [("crm.case", 0, {}, self.env.uid, None)],
        )
        if not any(route[1] for route in routes):
            # Odoo's, for what is said to have no parent
            message_dict.pop("parent_id", None)
        message_dict["author_id"] = hand.author.id
        return [
            route
            for route in routes
            if not route[4]
            or self.env["crm.case"]._routing_check_route(message, message_dict, route)
        ]

    @api.model
    def _get_parent_message(self, msg_dict):
        """Take the message that was found with the case, not the latest of its id."""
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is None:
            return super()._get_parent_message(msg_dict)
        known = {}
        for one in hand.known:
            if one.message:
                known.setdefault(one.mail_id, one.message)
        found = next((known[name] for name in hand.references if name in known), None)
        # sudo: as Odoo does, who brings a mail need not see what it answers
        return self.env["mail.message"].sudo().browse(found) if found else None

    @api.model
    def _message_parse_post_process(self, message, message_dict, routes):
        """Leave the author as the routing has found him."""
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is None or hand.author is None:
            return super()._message_parse_post_process(message, message_dict, routes)
        # without a sender, Odoo does not look for him again
        values = super()._message_parse_post_process(
            message, message_dict | {"email_from": ""}, routes
        )
        return values | {"author_id": hand.author.id}

    @api.model
    def _partner_find_from_emails(self, records_emails, *args, **kwargs):
        """Do not look again for addresses that are known to be nobody's."""
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is not None and kwargs.get("no_create"):
            records_emails = {
                record: [email for email in emails if hand.may_be_partner(email)]
                for record, emails in records_emails.items()
            }
        return super()._partner_find_from_emails(records_emails, *args, **kwargs)

    @api.model
    def _routing_handle_bounce(self, email_message, message_dict):
        """Count only what a delivery report proves, and each report once."""
        intake = self.env["crm.mail.intake"]._get_current()
        count = super()._routing_handle_bounce
        if intake:
            return intake._take_report(email_message, message_dict, count)
        return count(email_message, message_dict)

    @api.model
    def _detect_is_bounce(self, message, message_dict):
        """Take neither read receipts nor complaints about spam for bounces."""
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is None:
            return super()._detect_is_bounce(message, message_dict)
        bounces = self.env["mail.alias"]._get_inbound().bounces
        return self.env["crm.mail.intake"]._detect_report(
            message, not bounces.isdisjoint(hand.recipients)
        )

    def _message_parse_extract_bounce(self, email_message, message_dict):
        """Read delivery reports as they are, not only as they should be."""
        intake = self.env["crm.mail.intake"]._get_current()
        if not intake:
            return super()._message_parse_extract_bounce(email_message, message_dict)
        if self._detect_is_bounce(email_message, message_dict):
            return intake._read_bounce(email_message)
        intake._read_receipt(self.env["crm.mail.intake"]._get_hand(), email_message)
        return {"is_bounce": False}

    @api.model
    def _detect_loop_sender(self, message, message_dict, routes):
        """Judge floods of mail for cases our way: Odoo drops the 21st of a sender."""
        Intake = self.env["crm.mail.intake"]
        intake, hand = Intake._get_current(), Intake._get_hand()
        if intake.is_released or intake._get_decision():
            return False
        if intake and all(route[0] == "crm.case" for route in routes):
            return intake._detect_flood(hand, routes)
        found = super()._detect_loop_sender(message, message_dict, routes)
        if found and intake:
            intake._hold(
                self.env._(
                    "Many mails of this sender came within a short time, as in a loop "
                    "of automatic answers. The sender was told."
                )
            )
        return found

    @api.model
    def _detect_loop_headers(self, msg_dict):
        intake = self.env["crm.mail.intake"]._get_current()
        if intake.is_released or intake._get_decision():
            return False
        found = super()._detect_loop_headers(msg_dict)
        if found and intake:
            intake._hold(self.env._("It answers an automatic notice of ours."))
        return found

    def _routing_create_bounce_email(
        self, email_from, body_html, message, **mail_values
    ):
        """Queue notices to senders instead of sending them here.

        The transaction may be undone and repeated; what was sent is not.
        """
        thread = self
        if self.env["crm.mail.intake"]._get_current():
            thread = self.with_context(crm_mail_intake_queue=True)
        return super(MailThread, thread)._routing_create_bounce_email(
            email_from, body_html, message, **mail_values
        )
