from dateutil.relativedelta import relativedelta
from odoo import api, fields, models
from odoo.exceptions import UserError

_PERIOD = ("service_report_first", "service_report_last")


class CrmServiceReport(models.TransientModel):
    """For whom and for when a service report is printed or sent."""

    _name = "crm.service.report"
    _description = "Service Report"

    partner_ids = fields.Many2many("res.partner", string="Customers", required=True)
    period = fields.Selection(
        [
            ("last_month", "Last Month"),
            ("last_quarter", "Last Quarter"),
            ("last_year", "Last Year"),
            ("this_year", "This Year so Far"),
            ("other", "Other"),
        ],
        required=True,
        default="last_month",
    )
    section_ids = fields.Many2many(
        "crm.case.section",
        string="Sections",
        help="Only their cases, and those of the sections below. Empty: all.",
    )
    date_first = fields.Date(
        "From", compute="_compute_dates", store=True, readonly=False, required=True
    )
    date_last = fields.Date(
        "To", compute="_compute_dates", store=True, readonly=False, required=True
    )

    @api.depends("period")
    def _compute_dates(self):
        for wizard in self:
            bounds = wizard._get_bounds()
            if bounds:
                wizard.date_first, wizard.date_last = bounds

    def _get_bounds(self):
        """Give first and last day of a named period, None of another one."""
        today = self.env.company._get_today()
        month, year = today.replace(day=1), today.replace(month=1, day=1)
        quarter = month.replace(month=(month.month - 1) // 3 * 3 + 1)
        day = relativedelta(days=1)
        return {
            "last_month": (month - relativedelta(months=1), month - day),
            "last_quarter": (quarter - relativedelta(months=3), quarter - day),
            "last_year": (year - relativedelta(years=1), year - day),
            "this_year": (year, today),
        }.get(self.period)

    def action_print(self):
        """Print the report of each partner.

        :raise UserError: the period ends before it begins
        """
        report = self.env.ref("crm_relations.res_partner_report_service")
        period = self._get_period()
        # ids among the data: the web client leaves them out when there are some
        return report.with_context(**period).report_action(
            self.partner_ids, data={"partner_ids": self.partner_ids.ids, **period}
        )

    def action_send(self):
        """Open the composer with the report of each partner attached.

        :raise UserError: as of printing
        """
        template = self.env.ref("crm_relations.mail_template_service_report")
        return self.partner_ids._compose_with(template, **self._get_period())

    def _get_period(self):
        self.ensure_one()
        if self.date_last < self.date_first:
            raise UserError(self.env._("To: it must not be before the first day."))
        bounds = (self.date_first, self.date_last)
        period = dict(zip(_PERIOD, map(fields.Date.to_string, bounds), strict=True))
        return period | {"service_report_section_ids": self.section_ids.ids}


class ReportServiceReport(models.AbstractModel):
    """What the service report is printed from; the period is in data or context."""

    _name = "report.crm_relations.res_partner_service_report"
    _description = "Service Report to Print"

    @api.model
    def _get_report_values(self, docids, data=None):
        data = data or {}
        Partner = self.env["res.partner"]
        partners = Partner.browse(docids or data.get("partner_ids") or [])
        # the composer attaches the report with what the dialog left in the context
        options = {**self.env.context, **data}
        first, last = (fields.Date.to_date(options.get(name)) for name in _PERIOD)
        if not first or not last:
            first, last = self.env["crm.service.report"].new({})._get_bounds()
        return {
            "docs": partners,
            "first": first,
            "last": last,
            "sections": self.env["crm.case.section"].browse(
                options.get("service_report_section_ids") or []
            ),
            "company": self.env.company,
        }
