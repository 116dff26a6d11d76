from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import transitions
from ..tools.local_day import get_day_start

# ages in days at which a bar of the age distribution begins
AGES = (0, 2, 4, 8, 15, 31, 91)


def get_condition_sql(model, domain):
    """Give a domain on columns of the model itself as SQL."""
    return domain.optimize_full(model)._to_sql(model, model._table, None)


class CrmCaseBacklogMixin(models.AbstractModel):
    """What a case tells about the backlog, now and on any past day."""

    _name = "crm.case.backlog.mixin"
    _description = "Case in the Backlog"

    open_on_day = fields.Date(
        "Open on",
        store=False,
        compute="_compute_open_on_day",
        search="_search_open_on_day",
        help="Finds the cases that were in the backlog at the end of a day.",
    )

    # each figure about what is open now, record rules included
    _unclosed_idx = models.Index(
        """(section_id, user_id, company_id, date_deadline, stage_id)
        INCLUDE (state, sla_state, create_date, date_last_action)
        WHERE active IS TRUE AND state IN ('draft', 'open', 'pending')"""
    )

    # what waits longest
    _unanswered_idx = models.Index(
        """(create_date, id, section_id, user_id, company_id)
        WHERE active IS TRUE AND state IN ('draft', 'open', 'pending')
        AND date_first_response IS NULL"""
    )
    # what was answered, and what was closed, in the last weeks
    _first_response_idx = models.Index(
        """(date_first_response, section_id)
        WHERE active IS TRUE AND date_first_response IS NOT NULL"""
    )
    _closed_idx = models.Index(
        """(date_closed, section_id)
        WHERE active IS TRUE AND date_closed IS NOT NULL"""
    )

    def _compute_open_on_day(self):
        # a case is open on many days; this is a question, not an answer
        self.open_on_day = False

    def _search_open_on_day(self, operator, value):
        if operator != "in":
            return NotImplemented
        Move = self.env["crm.case.move"]
        stays = Domain.OR(
            Move._get_open_domain(fields.Date.to_date(day)) for day in value if day
        )
        # whoever sees a case sees its moves: no rule need be checked again
        return Domain("move_ids", "any!", stays)

    # ------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------

    @api.model
    def _get_unclosed_domain(self):
        return Domain("state", "in", transitions.UNCLOSED)

    @api.model
    def _count_unclosed(self, scope):
        """Count what is open now by state; one query.

        :return: {state: number}
        """
        return dict(
            self._read_group(
                self._get_unclosed_domain() & scope, ["state"], ["__count"]
            )
        )

    @api.model
    def _get_age_domains(self):
        """Give the bars of the age distribution: how many days ago cases were created.

        :return: [(label, Domain)], the youngest first
        """
        today = self.env.company._get_today()
        zone = self.env.company._get_time_zone()
        bars, before = [], Domain.TRUE
        for begin, after in zip(AGES, (*AGES[1:], None), strict=True):
            label = f"{begin}–{after - 1}" if after else f"> {begin - 1}"
            domain = before
            if after:
                start = get_day_start(today - timedelta(days=after - 1), zone)
                domain &= Domain("create_date", ">=", start)
                before = Domain("create_date", "<", start)
            bars.append((label, domain))
        return bars

    @api.model
    def _count_ages(self, scope):
        """Count what is open now by age; one query.

        :return: [{"label", "count"}]
        """
        bars = self._get_age_domains()
        query = self._search(self._get_unclosed_domain() & scope, order="")
        counts = self._count_filtered(query, [domain for _label, domain in bars])
        return [
            {"label": label, "count": count}
            for (label, _domain), count in zip(bars, counts, strict=True)
        ]

    @api.model
    def _count_filtered(self, query, domains):
        """Count the rows of ``query`` that meet each condition, in one pass.

        The conditions may only be on columns of the case itself.

        :return: list of int
        """
        # SQL: the query carries the reader's access; Odoo counts one condition a time
        row = self.env.execute_query(query.select(*self._get_count_sql(domains)))
        return list(row[0])

    @api.model
    def _get_count_sql(self, domains):
        return [
            SQL("count(*) FILTER (WHERE %s)", get_condition_sql(self, domain))
            for domain in domains
        ]

    @api.model
    def action_view_age(self, index, scope=None):
        """Open the cases of a bar of the age distribution.

        :param int index: of the bar, the youngest cases are 0
        :param scope: as in `crm.case.backlog.get_backlog`
        :return: action over crm.case
        """
        label, domain = self._get_age_domains()[index]
        domain &= self.env["crm.case.backlog"]._get_scope_domain(scope)
        return self._get_figure_action(
            self.env._("Open for %s days", label),
            self._get_unclosed_domain() & domain,
            active_test=True,
        )

    @api.model
    def _get_figure_action(self, name, domain, active_test=False):
        """Give an action that lists exactly the cases behind a figure."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_action"
        )
        views = ["list"] + [
            view for view in action["view_mode"].split(",") if view != "list"
        ]
        return action | {
            "display_name": name,
            "domain": list(domain),
            "context": {"active_test": active_test, "create": False},
            "view_mode": ",".join(views),
            "views": [(False, view) for view in views],
        }
