from urllib.parse import urlencode

from odoo import fields, models, tools
from odoo.tools.urls import urljoin

_FIELDS = ["crm_digest"]


class ResUsers(models.Model):
    """Who gets the weekly summary; see `crm.case.digest`."""

    _inherit = "res.users"  # pylint: disable=consider-merging-classes-inherited

    crm_digest = fields.Selection(
        [
            ("none", "No mail"),
            ("sections", "Of the sections I manage"),
            ("all", "Of all sections (managers)"),
        ],
        "Weekly Summary of Cases",
        required=True,
        default="sections",
        help="A mail on Monday with the figures that changed beyond chance, and what "
        "is late. A week without any sends none.",
    )
    crm_digest_date = fields.Date(readonly=True, copy=False)

    @property
    def SELF_READABLE_FIELDS(self):
        return super().SELF_READABLE_FIELDS + _FIELDS

    @property
    def SELF_WRITEABLE_FIELDS(self):
        return super().SELF_WRITEABLE_FIELDS + _FIELDS

    def _get_crm_digest_url(self):
        """Give the address that ends the weekly mail, without a login."""
        self.ensure_one()
        query = urlencode({"user": self.id, "token": self._get_crm_digest_token()})
        return urljoin(self.get_base_url(), f"/crm/digest/stop?{query}")

    def _get_crm_digest_token(self):
        return tools.hmac(self.env(su=True), "crm-digest-stop", self.id)

    def _stop_crm_digest(self, token):
        """End the weekly mail of this user if the token is his.

        :return: bool
        """
        # sudo: the reader of a mail is not logged in; the token shows that it is his
        user = self.sudo().exists()
        if not user or not tools.consteq(user._get_crm_digest_token(), token):
            return False
        user.crm_digest = "none"
        return True
