from odoo import api, models

from ..tools.mail_priority import priority_of


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def message_route(
        self, message, message_dict, model=None, thread_id=None, custom_values=None
    ):
        """Give new cases the priority that stands in the mail's headers.

        The headers are known here and no longer in `message_new`. Routes to other
        models are left exactly as they are.
        """
        routes = super().message_route(
            message, message_dict, model, thread_id, custom_values
        )
        priority = priority_of(message)
        if not priority:
            return routes
        return [
            (route[0], route[1], {"priority": priority} | (route[2] or {}), *route[3:])
            if route[0] == "crm.case" and not route[1]
            else route
            for route in routes
        ]
