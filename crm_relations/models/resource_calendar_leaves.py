from odoo import api, models


class ResourceCalendarLeaves(models.Model):
    """Tells calendars that their days off have changed."""

    _inherit = "resource.calendar.leaves"

    @api.model_create_multi
    def create(self, vals_list):
        leaves = super().create(vals_list)
        leaves._get_calendars_off()._tell_working_time_change()
        return leaves

    def write(self, vals):
        before = self._get_calendars_off()
        result = super().write(vals)
        (before | self._get_calendars_off())._tell_working_time_change()
        return result

    def unlink(self):
        before = self._get_calendars_off()
        result = super().unlink()
        before.exists()._tell_working_time_change()
        return result

    def _get_calendars_off(self):
        """Give the calendars in which these are days off for everybody."""
        shared = self.filtered(lambda leave: not leave.resource_id)
        if not shared:
            # a person's own leave moves no deadline, but who asks now must see it
            self.env["resource.calendar"]._forget_working_time()
            return shared.calendar_id
        everywhere = shared.filtered(lambda leave: not leave.calendar_id)
        calendars = shared.calendar_id
        if everywhere:
            # sudo: calendars of colleagues whom the writer may not read
            companies = everywhere.company_id.ids
            calendars |= (
                calendars.sudo()
                .with_context(active_test=False)
                .search([("company_id", "in", [*companies, False])])
            )
        return calendars
