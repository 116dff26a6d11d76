from odoo import api, models

from ..tools.mail_automatic import automatic_kind


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
    def message_route(
        self, message, message_dict, model=None, thread_id=None, custom_values=None
    ):
        """Let cases say where their mail goes; other routes are left as they are."""
        intake = self.env["crm.mail.intake"]._get_current()
        forced = intake and intake._get_forced_routes()
        if forced:
            intake.automatic = automatic_kind(message)
            return self.env["crm.case"]._adjust_mail_routes(
                message, message_dict, forced
            )
        routes = super().message_route(
            message, message_dict, model, thread_id, custom_values
        )
        routes = self.env["crm.case"]._adjust_mail_routes(message, message_dict, routes)
        if not intake:
            return routes
        if message_dict.get("is_bounce"):
            intake._record_bounce(message_dict)
            return routes
        return intake._allow_routes(intake._refuse_automatic(message, routes))

    @api.model
    def _routing_handle_bounce(self, email_message, message_dict):
        """Count each delivery report once, however often it is delivered."""
        if self.env["crm.mail.intake"]._get_current()._is_known_bounce():
            return None
        return super()._routing_handle_bounce(email_message, message_dict)

    @api.model
    def _detect_loop_sender(self, message, message_dict, routes):
        intake = self.env["crm.mail.intake"]._get_current()
        if intake.is_released or intake._get_decision():
            return False
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
