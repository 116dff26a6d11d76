from odoo import fields, models

from ..tools.local_day import get_local_day


class ResCompany(models.Model):
    """Where a company's days begin and end."""

    _inherit = "res.company"

    def _get_time_zone(self):
        """Give the name of the zone by which the company counts days: its calendar's.

        The same for everybody who looks at a figure, wherever he is.
        """
        # sudo: the name of a zone, of a company whose case is at hand
        company = self.sudo()
        return company.resource_calendar_id.tz or company.partner_id.tz or "UTC"

    def _get_today(self):
        """Give the company's present day."""
        return get_local_day(fields.Datetime.now(), self._get_time_zone())
