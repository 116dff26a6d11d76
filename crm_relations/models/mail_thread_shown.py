from markupsafe import Markup
from odoo import api, models
from odoo.tools import parse_contact_from_email, plaintext2html
from odoo.tools.mail import formataddr

from ..tools.mail_shown import LINE_LIMIT, hide_remote, plain_line


class MailThreadShown(models.AbstractModel):
    """What of a mail to a case is shown: it loads nothing and looks like what it is.

    Other models get the mail as Odoo read it, also where one mail goes to both.
    """

    # a file of its own: each part of the gateway has its reason to change
    _inherit = "mail.thread"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _message_route_process(self, message, message_dict, routes):
        ours = [route for route in routes or () if route[0] == "crm.case"]
        if not ours:
            return super()._message_route_process(message, message_dict, routes)
        others = [route for route in routes if route[0] != "crm.case"]
        if others:
            # a copy: Odoo takes values out of it on the way
            super()._message_route_process(message, dict(message_dict), others)
        message_dict.update(self._get_shown(message_dict))
        # cases last, so that their id is the answer
        return super()._message_route_process(message, message_dict, ours)

    @api.model
    def _get_shown(self, message_dict):
        """Give the texts of a mail as a case shows them.

        :param message_dict: what Odoo read of the mail
        :return: those of its values that people read
        """
        texts = {
            key: plain_line(message_dict[key], limit=None)
            for key in ("to", "cc", "to_filtered", "cc_filtered")
            if message_dict.get(key)
        }
        for key in ("email_from", "from"):
            if message_dict.get(key):
                texts[key] = self._get_shown_sender(message_dict[key])
        if message_dict.get("subject"):
            texts["subject"] = plain_line(message_dict["subject"])
        if message_dict.get("body"):
            texts["body"] = self._get_shown_body(message_dict["body"])
        return texts

    @api.model
    def _get_shown_sender(self, email_from):
        """Shorten a sender's name, never the address: answers go there."""
        email_from = plain_line(email_from, limit=None)
        if len(email_from) <= LINE_LIMIT:
            return email_from
        name, address = parse_contact_from_email(email_from)
        return formataddr((plain_line(name), address)) if address else email_from

    @api.model
    def _get_shown_body(self, body):
        """Replace what a mail's text would load from elsewhere by links.

        Whoever opens the case would tell the sender so, and when, and from where.
        """
        if not isinstance(body, Markup):
            # of text that is not HTML, such as text/xml, Odoo knows no better
            return plaintext2html(body)
        return Markup(
            hide_remote(str(body), self.get_base_url(), self._get_image_label)
        )

    @api.model
    def _get_image_label(self, description):
        if description:
            return self.env._("Image: %s", description)
        return self.env._("Image")
