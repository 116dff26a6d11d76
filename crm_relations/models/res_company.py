from odoo import fields, models

from ..tools.local_day import get_local_day


class ResCompany(models.Model):
    """Where a company's days begin and end."""

    _inherit = "res.company"

    def _get_time_zone(self):
        """Give the name of the zone by which the company counts days: its calendar's.

        The same for everybody who looks at a figure, wherever he is.
        """
        # as of a case without a section: remembered, each move of a case asks for it
        return self.env["crm.case"]._get_section_calendar(False, self.id)[1]

    def _get_today(self):
        """Give the company's present day."""
        return get_local_day(fields.Datetime.now(), self._get_time_zone())
