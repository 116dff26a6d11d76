from statistics import fmean

from odoo import api, models
from odoo.fields import Domain

from ..models.crm_sla_status import FIRST_RESPONSE, RESOLUTION
from ..tools import transitions
from ..tools.local_day import get_day_start
from ..tools.quality_score import get_share


class ResPartnerServiceMixin(models.AbstractModel):
    """What was done for a customer in a period: the service report."""

    _name = "res.partner.service.mixin"
    _description = "Service to a Customer"

    def _get_service_figures(self, first, last, sections=None):
        """Give what the printed service report shows, of the cases the reader may see.

        Cases about a supplier's quality are none of service; cancelled ones were none.

        :param first: date, the first day of the period
        :param last: date, the last day of it; days are those of the company
        :param sections: crm.case.section, those below count too; none: all
        :return: dict
        """
        self.ensure_one()
        zone = self.env.company._get_time_zone()
        since = get_day_start(first, zone)
        until = get_day_start(last.fromordinal(last.toordinal() + 1), zone)
        within = self._get_period_domain(since, until)
        Case = self.env["crm.case"]
        of_partner = self._get_service_domain()
        if sections:
            of_partner &= Domain("section_id", "child_of", sections.ids)
        opened = Case.search(of_partner & within("create_date"))
        closed = Case.search(
            of_partner & within("date_closed") & Domain("state", "=", transitions.DONE),
            order="date_closed, id",
        )
        answered = Case.search(of_partner & within("date_first_response"))
        unclosed = Case.search(
            of_partner & Domain("state", "in", transitions.UNCLOSED),
            order="create_date, id",
        )
        return {
            "first": first,
            "last": last,
            "opened": opened,
            "closed": closed,
            "unclosed": unclosed,
            "hours_first_response": _mean(answered.mapped("hours_first_response")),
            "hours_close": _mean(closed.mapped("hours_close")),
            "promises": self._get_promises(of_partner, within),
            "categories": self._count_categories(opened, closed, unclosed),
        }

    def _get_service_domain(self):
        company = self.commercial_partner_id == self
        return (
            Domain("commercial_partner_id" if company else "partner_id", "=", self.id)
            & Domain("company_id", "=", self.env.company.id)
            & Domain("is_quality", "=", False)
            & Domain("state", "!=", transitions.CANCEL)
        )

    @api.model
    def _get_period_domain(self, since, until):
        return lambda field: Domain(field, ">=", since) & Domain(field, "<", until)

    def _get_promises(self, of_partner, within):
        """Count the service levels that were decided in the period.

        :return: list of {"label", "met", "missed", "rate"}, those there were
        """
        Status = self.env["crm.sla.status"]
        cases = self.env["crm.case"]._search(of_partner)
        decided = Domain("case_id", "in", cases) & Domain("is_current", "=", True)
        met = decided & Domain("state", "=", "met") & within("date_met")
        missed = decided & Domain("state", "=", "missed") & within("date_missed")
        found = []
        labels = dict(Status._fields["target"]._description_selection(self.env))
        counts = {
            (state, target): count
            for state, domain in (("met", met), ("missed", missed))
            for target, count in Status._read_group(domain, ["target"], ["__count"])
        }
        for target in (FIRST_RESPONSE, RESOLUTION):
            good = counts.get(("met", target), 0)
            bad = counts.get(("missed", target), 0)
            if good + bad:
                found.append(
                    {
                        "label": labels[target],
                        "met": good,
                        "missed": bad,
                        "rate": get_share(good, good + bad),
                    }
                )
        return found

    def _count_categories(self, opened, closed, unclosed):
        """Count by category, the busiest first.

        :return: list of (name, opened, closed, unclosed)
        """
        categories = (opened | closed | unclosed).category_id.sorted("name")
        rows = [
            (
                category.name,
                *(_count(cases, category) for cases in (opened, closed, unclosed)),
            )
            for category in categories
        ]
        without = self.env["crm.case.category"]
        others = [_count(cases, without) for cases in (opened, closed, unclosed)]
        if any(others):
            rows.append((self.env._("Other"), *others))
        return sorted(rows, key=lambda row: row[1:], reverse=True)

    def action_service_report(self):
        """Open the dialog that prints or sends the service report of these partners."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_service_report_action"
        )
        return action | {"context": {"default_partner_ids": self.ids}}


def _count(cases, category):
    return len(cases.filtered(lambda case: case.category_id == category))


def _mean(values):
    return fmean(values) if values else None
