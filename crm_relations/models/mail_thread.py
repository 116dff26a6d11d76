from odoo import api, models


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def message_route(
        self, message, message_dict, model=None, thread_id=None, custom_values=None
    ):
        """Let cases say where their mail goes; other routes are left as they are."""
        routes = super().message_route(
            message, message_dict, model, thread_id, custom_values
        )
        Case = self.env["crm.case"]
        return [
            Case._adjust_mail_route(message, route) if route[0] == Case._name else route
            for route in routes
        ]
