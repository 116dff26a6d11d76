from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import transitions

_LONGEST = 8  # cases in the list of those that wait longest
# figures of now in the order of the page, each in the words of its card on the overview
_NOW = ("open", "waiting", "unassigned", "late", "at_risk")


class CrmCaseSectionTeamMixin(models.AbstractModel):
    """The team's page: what the people of a section have before them, at a glance.

    Everything is counted over the cases that the reader may see, sub-sections
    included, and every figure opens its cases.
    """

    _name = "crm.case.section.team.mixin"
    _description = "Team's Page"

    # ------------------------------------------------------------
    # THE PAGE
    # ------------------------------------------------------------

    @api.readonly
    @api.model
    def get_team_page(self, section_id=None):
        """Give what the team's page shows; 17 queries whatever there is.

        :param int section_id: empty stands for the first section the user works in
        :return: {"sections": [{"id", "name"}], "section": {"id", "name"} or False,
            "date": now, and what `_get_team_figures` adds}
        """
        sections = self.search([])  # pylint: disable=no-search-all
        section = self._find_team_section(sections, section_id)
        page = {
            "sections": [{"id": one.id, "name": one.display_name} for one in sections],
            "section": False,
            "date": fields.Datetime.to_string(fields.Datetime.now()),
        }
        if section:
            page["section"] = {"id": section.id, "name": section.display_name}
            page |= section._get_team_figures()
        return page

    @api.model
    def _find_team_section(self, sections, section_id):
        """Give the section that is asked for if it can be seen, else one's own."""
        if section_id and section_id in sections.ids:
            return self.browse(section_id)
        own = self.search([("staff_ids", "in", self.env.uid)], limit=1)
        return own or sections[:1]

    def _get_team_figures(self):
        """Give the parts of the page; a hook: add a key of your own through `super`.

        :return: {"is_partial", "now", "weeks", "members", "waiting", "chart"}
        """
        self.ensure_one()
        scope = self._get_team_scope()
        by_user, by_state = self._count_team_now(scope)
        return {
            "is_partial": not self.env.user.has_group(
                "crm_relations.crm_relations_group_section"
            ),
            "now": self._get_team_now(by_user),
            "weeks": self._get_team_weeks(scope),
            "members": self._get_team_members(by_user, scope),
            "waiting": self._get_team_waiting(scope),
            "chart": self._get_team_chart(scope, by_state),
        }

    def _get_team_scope(self):
        """Give the condition on cases, and on stays: this section and those below.

        By their ids, of which the database knows how many cases each has.
        """
        below = self.with_context(active_test=False).search(
            [("id", "child_of", self.id)]
        )
        return Domain("section_id", "in", below.ids)

    # ------------------------------------------------------------
    # NOW
    # ------------------------------------------------------------

    @api.model
    def _get_team_now_domains(self):
        """Give what each figure of now counts, among the unclosed cases.

        Only conditions on columns of the case: all are counted in one pass.

        :return: {key: Domain over crm.case}
        """
        return {
            "open": Domain.TRUE,
            "waiting": Domain("state", "!=", transitions.PENDING),
            "unassigned": Domain("user_id", "=", False),
            "late": Domain("date_deadline", "<", "now"),
            "at_risk": Domain("sla_state", "in", ("at_risk", "missed")),
        }

    def _count_team_now(self, scope):
        """Count the unclosed cases by responsible, by state and by figure; one query.

        :return: ({user id or None: {figure: number, "last_action": date}},
            {state: number})
        """
        Case = self.env["crm.case"]
        domains = self._get_team_now_domains()
        query = Case._search(Case._get_unclosed_domain() & scope, order="")
        user, state, last_action = (
            SQL.identifier(Case._table, name)
            for name in ("user_id", "state", "date_last_action")
        )
        query.groupby = SQL("%s, %s", user, state)
        # SQL: the query carries the reader's access; Odoo counts one condition a time
        rows = self.env.execute_query(
            query.select(
                user,
                state,
                SQL("max(%s)", last_action),
                SQL("count(*)"),
                *Case._get_count_sql(domains.values()),
            )
        )
        by_user, by_state = {}, Counter()
        for user_id, name, last, count, *counts in rows:
            by_state[name] += count
            own = by_user.setdefault(user_id, {"last_action": None})
            for key, number in zip(domains, counts, strict=True):
                own[key] = own.get(key, 0) + number
            if last and (not own["last_action"] or last > own["last_action"]):
                own["last_action"] = last
        return by_user, by_state

    def _get_team_now(self, by_user):
        labels = {
            "open": self.env._("Unclosed"),
            "waiting": self.env._("Waiting for us"),
            "unassigned": self.env._("Unassigned"),
            "late": self.env._("Late"),
            "at_risk": self.env._("Promise at risk"),
        }
        return [
            {
                "key": key,
                "label": labels[key],
                "value": sum(counts[key] for counts in by_user.values()),
            }
            for key in _NOW
        ]

    # ------------------------------------------------------------
    # PEOPLE
    # ------------------------------------------------------------

    def _get_team_members(self, by_user, scope):
        """Tell who is on what, the busiest first; 5 queries.

        :return: list of {"id", "name", "open", "late", "last_action", "capacity",
            "is_away"}; the capacity is 0 where there is no limit
        """
        lines = self.env["crm.case.section.member"].search(scope)
        capacities = {}
        for user, own in lines.grouped("user_id").items():
            limits = own.mapped("capacity")
            capacities[user.id] = sum(limits) if all(limits) else 0
        users = self.env["res.users"].browse(
            {*capacities, *filter(None, by_user)} | {*self.user_id.ids}
        )
        absent = users._find_absent()
        rows = []
        # sudo: names of colleagues
        for user in users.sudo():
            counts = by_user.get(user.id, {})
            last = counts.get("last_action")
            rows.append(
                {
                    "id": user.id,
                    "name": user.name,
                    "open": counts.get("open", 0),
                    "late": counts.get("late", 0),
                    "last_action": last and fields.Datetime.to_string(last),
                    "capacity": capacities.get(user.id, 0),
                    "is_away": user.id in absent.ids,
                }
            )
        return sorted(rows, key=lambda row: (-row["open"], row["name"], row["id"]))

    # ------------------------------------------------------------
    # WHAT WAITS LONGEST
    # ------------------------------------------------------------

    def _get_unanswered_domain(self, scope):
        return (
            self.env["crm.case"]._get_unclosed_domain()
            & Domain("date_first_response", "=", False)
            & scope
        )

    def _get_team_waiting(self, scope):
        """Give the oldest cases that nobody has answered yet."""
        cases = self.env["crm.case"].search_fetch(
            self._get_unanswered_domain(scope),
            ["name", "number", "create_date", "user_id", "partner_id", "contact_name"],
            limit=_LONGEST,
            order="create_date, id",
        )
        return [
            {
                "id": case.id,
                "name": case.name,
                "number": case.number,
                "since": fields.Datetime.to_string(case.create_date),
                # sudo: names, of a case that the reader sees
                "user": case.user_id.sudo().name or "",
                "partner": case.partner_id.sudo().display_name
                or case.contact_name
                or "",
            }
            for case in cases
        ]

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_team(self):
        """Open the team's page of this section."""
        self.ensure_one()
        action = self.env["ir.actions.client"]._for_xml_id(
            "crm_relations.crm_case_section_action_team"
        )
        return action | {"context": {"active_id": self.id}}

    def action_view_team_figure(self, key, user_id=None):
        """Open the cases behind a figure of the page.

        :param str key: of a figure of now, "unanswered", or one of the week's
            preceded by "week:" or "former:"
        :param int user_id: only this person's
        :return: action over crm.case
        """
        self.ensure_one()
        self.check_access("read")
        Case = self.env["crm.case"]
        own = Domain("user_id", "=", user_id) if user_id else Domain.TRUE
        scope, now = self._get_team_scope(), self._get_team_now_domains()
        if key in now:
            domain = Case._get_unclosed_domain() & scope & now[key]
            label = next(
                row["label"] for row in self._get_team_now({}) if row["key"] == key
            )
        elif key == "unanswered":
            domain = self._get_unanswered_domain(scope)
            label = self.env._("Unanswered")
        else:
            label, domain = self._get_week_figure(*key.partition(":")[::2], scope)
        # a merged case was opened and closed all the same
        is_flow = key.endswith((":opened", ":closed"))
        return Case._get_figure_action(
            f"{self.display_name}: {label}", domain & own, active_test=not is_flow
        )

    def _get_week_figure(self, week, key, scope):
        """Give the name and the condition of a figure of the week.

        :raise UserError: there is no such figure
        """
        weeks = ("week", "former")
        if week not in weeks:
            raise UserError(self.env._("Figure: the page has no “%s”.", week))
        span = self._get_team_spans()[weeks.index(week)]
        if key in ("opened", "closed"):
            stays = self._get_span_domain("date", span) & scope
            stays &= self.env["crm.case.move"]._get_flow_domain(key == "opened")
            domain = Domain("move_ids", "any", stays)
        else:
            names = {"answer": "date_first_response"}
            domain = scope & self._get_span_domain(names.get(key, "date_closed"), span)
            if key == "promise":
                domain &= Domain("sla_state", "in", ("met", "missed"))
        label = {
            "opened": self.env._("Opened"),
            "closed": self.env._("Closed"),
            "answer": self.env._("Answered"),
        }.get(key, self.env._("Closed"))
        return label, domain
