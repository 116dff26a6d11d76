"""What moves the promises of cases without touching the cases themselves."""

from odoo import fields, models
from odoo.tools import SQL

from ..tools import transitions


class CrmCaseSection(models.Model):
    """A section with another working time has other deadlines."""

    _inherit = "crm.case.section"

    sla_count = fields.Integer("At Risk", compute="_compute_case_counts")

    def write(self, vals):
        result = super().write(vals)
        if "resource_calendar_id" in vals:
            # refuses one without working hours, by name
            for calendar in self.resource_calendar_id:
                calendar._get_working_time()
            where = SQL("c.section_id = ANY(%s)", self.ids)
            self.env["crm.case"]._refresh_running_sla(where)
            self.env["crm.case"]._refresh_step_timers(where)
        return result


class ResCompany(models.Model):
    """A company with another working time has other deadlines."""

    _inherit = "res.company"

    def write(self, vals):
        result = super().write(vals)
        if "resource_calendar_id" in vals:
            where = SQL("c.company_id = ANY(%s)", self.ids)
            self.env["crm.case"]._refresh_running_sla(where)
            self.env["crm.case"]._refresh_step_timers(where)
        return result


class ResPartner(models.Model):
    """A partner in another category (a contract, say) is promised something else."""

    _inherit = "res.partner"

    def write(self, vals):
        result = super().write(vals)
        watch = {"category_id", "parent_id"} & vals.keys()
        if watch and self.env["crm.sla.policy"]._get_watch():
            # sudo: all their cases, whoever may see them
            cases = self.env["crm.case"].sudo()
            cases.search(
                [
                    ("commercial_partner_id", "in", self.commercial_partner_id.ids),
                    ("state", "in", transitions.UNCLOSED),
                ]
            )._apply_sla()
        return result


class ResourceCalendar(models.Model):
    """Hours and days off move the deadlines of the clocks that run."""

    _inherit = "resource.calendar"

    def _on_working_time_change(self):
        result = super()._on_working_time_change()
        if self.ids:
            self.env["crm.case"]._refresh_running_sla(
                SQL(
                    """(p.resource_calendar_id = ANY(%(ids)s)
                    OR section.resource_calendar_id = ANY(%(ids)s)
                    OR company.resource_calendar_id = ANY(%(ids)s))""",
                    ids=self.ids,
                )
            )
            self.env["crm.case"]._refresh_step_timers(SQL("TRUE"))
        return result
