from odoo import api, models


class ResourceCalendarAttendance(models.Model):
    """Tells the calendar that its hours have changed."""

    _inherit = "resource.calendar.attendance"

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._tell_calendars()
        return lines

    def write(self, vals):
        before = self.calendar_id
        result = super().write(vals)
        self._tell_calendars(before)
        return result

    def unlink(self):
        before = self.calendar_id
        result = super().unlink()
        before.exists()._tell_working_time_change()
        return result

    def _tell_calendars(self, before=None):
        calendars = self.calendar_id | (before or self.calendar_id)
        calendars._tell_working_time_change()
