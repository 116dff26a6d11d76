from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.misc import format_date

from ..tools import transitions
from .res_partner_figures_mixin import RelationFigure

_WEEKS = 26  # on the picture of the size
_RECENT = 30  # days in which somebody has just joined or left
_YEAR = 365


class CrmSegmentFiguresMixin(models.AbstractModel):
    """What the screen of a segment tells about its members; each figure opens them."""

    _name = "crm.segment.figures.mixin"
    _description = "Figures of Segments"

    open_case_count = fields.Integer("Open Cases", compute="_compute_open_case_count")
    date_changed = fields.Datetime(
        "Last Change",
        compute="_compute_date_changed",
        help="When somebody joined or left.",
    )
    member_figures = fields.Json(compute="_compute_member_figures")
    size_history = fields.Json("Size", compute="_compute_size_history")
    asks_sentiment = fields.Boolean(compute="_compute_asks_sentiment")

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_open_case_count(self):
        unclosed = Domain("state", "in", transitions.UNCLOSED)
        counts = self._count_cases(unclosed)
        for segment in self:
            segment.open_case_count = counts.get(segment._origin, 0)

    def _count_cases(self, domain):
        """Count the members' cases that the reader may see: {segment: number}.

        A query for each segment, as a form shows one: to group the cases by segments
        reads the members of all of them.
        """
        count = self.env["crm.case"].search_count
        return {one: count(one._get_case_domain() & domain) for one in self._origin}

    def _get_case_domain(self):
        return Domain("segment_ids", "in", self._origin.ids)

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_date_changed(self):
        # the last rows per segment, not a sum over all there ever were
        dates = dict(
            self.env["crm.segment.change"]._read_group(
                Domain("segment_id", "in", self._origin.ids),
                ["segment_id"],
                ["date:max"],
            )
        )
        for segment in self:
            segment.date_changed = dates.get(segment._origin, False)

    @api.depends_context("uid", "allowed_company_ids", "lang", "tz")
    def _compute_member_figures(self):
        figures = self._origin._get_member_figures()
        for segment in self:
            rows = figures.get(segment._origin.id, [])
            rows = sorted(rows, key=lambda row: row.sequence)
            segment.member_figures = [row._asdict() for row in rows]

    def _get_member_figures(self):
        """Give the tiles of the form; bridges add theirs, as the reader may see them.

        :return: {id of a segment: list of `RelationFigure`}, whose actions are methods
            of `crm.segment`
        """
        _ = self.env._
        cases = self._count_cases(self._get_year_domain())
        changes = self._count_recent_changes()
        return {
            segment.id: [
                RelationFigure(
                    "joined",
                    _("Joined in 30 days"),
                    str(changes[segment, "join"]),
                    "action_view_joiners",
                    "success" if changes[segment, "join"] else "",
                    10,
                ),
                RelationFigure(
                    "left",
                    _("Left in 30 days"),
                    str(changes[segment, "leave"]),
                    "action_view_leavers",
                    "warning" if changes[segment, "leave"] else "",
                    11,
                ),
                RelationFigure(
                    "cases",
                    _("Cases in 12 months"),
                    str(cases.get(segment, 0)),
                    "action_view_cases_of_year",
                    sequence=20,
                ),
            ]
            for segment in self
        }

    def _count_recent_changes(self):
        """Count who joined and left lately: {(segment, join or leave): number}."""
        rows = self.env["crm.segment.change"]._read_group(
            Domain("segment_id", "in", self.ids)
            & Domain("date", ">=", self._get_days_ago(_RECENT)),
            ["segment_id", "kind"],
            ["__count"],
        )
        return defaultdict(int, {(one, kind): number for one, kind, number in rows})

    @api.model
    def _get_days_ago(self, days):
        return fields.Datetime.now() - timedelta(days=days)

    @api.model
    def _get_year_domain(self):
        return Domain("create_date", ">=", self._get_days_ago(_YEAR))

    @api.depends("line_ids.measure")
    def _compute_asks_sentiment(self):
        for segment in self:
            measures = segment.line_ids.mapped("measure")
            segment.asks_sentiment = "sentiment" in measures

    # ------------------------------------------------------------
    # SIZE OVER TIME
    # ------------------------------------------------------------

    @api.depends_context("uid", "allowed_company_ids", "lang", "tz")
    def _compute_size_history(self):
        changes = self._get_weekly_changes()
        today = fields.Date.context_today(self)
        for segment in self:
            size, points = segment.member_count, []
            for week in range(_WEEKS + 1):
                day = format_date(self.env, today - timedelta(weeks=week))
                points.append({"label": day, "size": size})
                size -= changes[segment._origin.id, week]
            segment.size_history = points[::-1]

    def _get_weekly_changes(self):
        """Give {(id of a segment, weeks ago): joiners less leavers}; one query."""
        now = fields.Datetime.now()
        changes = self.env["crm.segment.change"]
        query = changes._search(
            Domain("segment_id", "in", self._origin.ids)
            & Domain("date", ">", now - timedelta(weeks=_WEEKS))
        )
        # raw SQL: weeks back from today, where the ORM has those of the calendar; of
        # the changes that the reader may see
        rows = self.env.execute_query(
            SQL(
                """SELECT c.segment_id, c.weeks, sum(c.change) FROM (%s) c
                    GROUP BY c.segment_id, c.weeks""",
                query.select(
                    SQL.identifier(query.table, "segment_id"),
                    SQL.identifier(query.table, "change"),
                    SQL(
                        "floor(extract(epoch FROM %s - %s) / 604800)::int AS weeks",
                        now,
                        SQL.identifier(query.table, "date"),
                    ),
                ),
            )
        )
        return defaultdict(int, {(one, week): change for one, week, change in rows})

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_open_cases(self):
        """Open the cases of the members that are not closed."""
        return self._open_cases(
            self.env._("Open cases of members of %s", self.display_name),
            Domain("state", "in", transitions.UNCLOSED),
        )

    def action_view_cases_of_year(self):
        """Open the cases of the members of the last twelve months."""
        return self._open_cases(
            self.env._("Cases of members of %s, 12 months", self.display_name),
            self._get_year_domain(),
        )

    def _open_cases(self, title, domain):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_action"
        )
        return action | {
            "display_name": title,
            "domain": list(self._get_case_domain() & domain),
            "context": {"create": False},
        }

    def action_view_joiners(self):
        """Open who joined in the last 30 days, members or not by now."""
        title = self.env._("Joined %s in 30 days", self.display_name)
        return self._open_memberships(title, "date")

    def action_view_leavers(self):
        """Open who left in the last 30 days."""
        title = self.env._("Left %s in 30 days", self.display_name)
        return self._open_memberships(title, "date_end")

    def _open_memberships(self, title, date_field):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_segment_membership_action"
        )
        since = fields.Datetime.to_string(self._get_days_ago(_RECENT))
        return action | {
            "display_name": title,
            "domain": [("segment_id", "=", self.id), (date_field, ">=", since)],
            "context": {},
        }

    def action_send_mail(self):
        """Open a mail to all members, one each; who opted out is left out by Odoo.

        :return: an action that opens Odoo's composer, to be looked over and sent
        """
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._(
                "Mail to the %(count)s members of %(segment)s",
                count=self.member_count,
                segment=self.display_name,
            ),
            "res_model": "mail.compose.message",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_model": "res.partner",
                "default_composition_mode": "mass_mail",
                "default_res_domain": repr([("segment_ids", "in", self.ids)]),
                "default_use_exclusion_list": True,
            },
        }

    # ------------------------------------------------------------
    # RULES
    # ------------------------------------------------------------

    def _forget_changed(self, changed, count):
        """Have rules by time weigh the members' cases anew.

        They can ask for a category, and hear of it from `write` on partners, which is
        passed over here.
        """
        result = super()._forget_changed(changed, count)
        self.env["res.partner"].browse(changed)._touch_case_timers()
        return result
