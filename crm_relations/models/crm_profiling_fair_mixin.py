import base64
import io
import secrets
from datetime import timedelta

import qrcode
from markupsafe import Markup
from odoo import api, fields, models
from odoo.fields import Domain

_DAYS = 7  # a fair; open it again for the next one
# prospects an hour from one page: more than a stand can bear, little for a robot
_PER_HOUR = 120
_MAX_LENGTH = 100  # of a name, a company, an address, a number
_CONTACT = ("name", "company_name", "email", "phone")


class CrmProfilingFairMixin(models.AbstractModel):
    """A page of the questionnaire for a stand: who scans the code becomes a prospect.

    The address holds a code that cannot be guessed and that lapses. A visitor is always
    a new partner: recognizing one by what he types would let a stranger answer for him.
    """

    _name = "crm.profiling.fair.mixin"
    _description = "Page for a Fair"

    fair_code = fields.Char(
        copy=False, readonly=True, groups="crm_relations.crm_relations_group_user"
    )
    fair_date_end = fields.Datetime(
        "Page Open Until", copy=False, help="From then on its code leads nowhere."
    )
    fair_url = fields.Char("Address of the Page", compute="_compute_fair_url")
    fair_image = fields.Html(
        "Code to Scan", compute="_compute_fair_url", sanitize=False
    )

    @api.depends("fair_code")
    def _compute_fair_url(self):
        for questionnaire in self:
            code = questionnaire.fair_code
            url = code and f"{questionnaire.get_base_url()}/crm/fair/{code}"
            questionnaire.fair_url = url
            questionnaire.fair_image = url and self._draw_code(url)

    def _draw_code(self, url):
        """Give an image of an address for a phone to scan, as HTML of its own."""
        stream = io.BytesIO()
        qrcode.make(url.encode("ascii"), box_size=6).save(stream, format="PNG")
        return Markup('<img src="data:image/png;base64,%s" alt="%s"/>') % (
            base64.b64encode(stream.getvalue()).decode(),
            url,
        )

    def action_open_fair(self):
        """Open a page with a new code for a week; a former code leads nowhere."""
        self.ensure_one()
        self.write(
            {
                "fair_code": secrets.token_urlsafe(16),
                "fair_date_end": fields.Datetime.now() + timedelta(days=_DAYS),
            }
        )
        return True

    def action_close_fair(self):
        """Close the page: its code leads nowhere."""
        self.write({"fair_code": False, "fair_date_end": False})
        return True

    @api.model
    def _find_by_fair_code(self, code):
        """Find the questionnaire whose page is open; the answer is sudo."""
        # sudo: the visitor has no user; the code is what gives access to this row
        return self.sudo().search(
            Domain("fair_code", "=", code)
            & Domain("fair_code", "!=", False)
            & Domain("fair_date_end", ">", fields.Datetime.now()),
            limit=1,
        )

    def _is_fair_crowded(self):
        """Tell whether more visitors came within the hour than a stand can bear."""
        hour_ago = fields.Datetime.now() - timedelta(hours=1)
        return (
            self.env["crm.profiling.invitation"].search_count(
                Domain("questionnaire_id", "=", self.id)
                & Domain("user_id", "=", False)
                & Domain("create_date", ">", hour_ago),
                limit=_PER_HOUR,
            )
            == _PER_HOUR
        )

    def _invite_visitor(self, contact, lang=None):
        """Make a prospect of what a visitor typed, and give his link to the questions.

        :param contact: texts as sent by a browser, by name of field; others are ignored
        """
        self.ensure_one()
        values = {
            name: (contact.get(name) or "").strip()[:_MAX_LENGTH] for name in _CONTACT
        }
        partner = self.env["res.partner"].create(
            values | {"lang": lang, "comment": self.env._("Fair: %s", self.name)}
        )
        return self.env["crm.profiling.invitation"].create(
            {
                "partner_id": partner.id,
                "questionnaire_id": self.id,
                "user_id": False,
            }
        )
