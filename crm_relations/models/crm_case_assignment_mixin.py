from markupsafe import Markup
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import transitions


class CrmCaseAssignmentMixin(models.AbstractModel):
    """Who becomes responsible for a case that nobody was named for."""

    _name = "crm.case.assignment.mixin"
    _description = "Case Assignment"

    user_id = fields.Many2one(
        "res.users",
        "Responsible",
        default=lambda self: self._default_user_id(),
        index=True,
        tracking=True,
        domain="[('share', '=', False)]",
        check_company=True,
    )

    def _default_user_id(self):
        """Give the person at work; neither the system nor a portal visitor."""
        user = self.env.user
        return user if user._is_internal() and user.active else user.browse()

    def _assign_by_section(self):
        """Assign unassigned cases as their sections say, and say why where nobody can.

        1. Only who is at work, may see cases, is within his capacity and can do the
           category is asked; if all of those are away, their deputies are.
        2. The section's turn is counted: a second worker waits for the first, and one
           that began before the first was through starts over (the row it waits for
           has changed), so that two of them never count the same.

        A fixed number of queries per section, whatever the number of cases.
        """
        unassigned = self.filtered(lambda case: not case.user_id)
        for case_section, cases in unassigned.grouped("section_id").items():
            # sudo: the sender of a mail has no rights on the section's people
            section = case_section.sudo()
            if section.assignment != "manual":
                cases._assign_within(section)

    def _assign_within(self, section):
        by_load = section.assignment == "least_loaded"
        members = self._take_turn(section)
        absent = members.user_id._find_absent()
        queue = self._get_assignment_queue(section, members.user_id, by_load)
        rooms = self._get_assignment_rooms(section, members)
        left = self.browse()
        for case in self.sorted("id"):
            able = [
                line
                for line in members
                if rooms[line.user_id] > 0 and line._can_do(case)
            ]
            users = {line.user_id for line in able if line.user_id not in absent}
            if users:
                case.user_id = self._take_next(queue, by_load, users)
                rooms[case.user_id] -= 1
            elif not case._assign_to_deputy([line.user_id for line in able]):
                left |= case
        left._log_unassigned(members, absent, rooms)

    @api.model
    def _take_turn(self, section):
        """Make other workers wait, and give the rows of members who may get cases.

        :raise psycopg2.errors.SerializationFailure: another worker was through since
            this transaction began; whoever called repeats it
        """
        section._sync_member_lines()
        # SQL: the number is nobody's to read; the ORM would add a date of change
        self.env.execute_query(
            SQL(
                """UPDATE crm_case_section
                SET assignment_turn = COALESCE(assignment_turn, 0) + 1
                WHERE id = %s RETURNING id""",
                section.id,
            )
        )
        company = section.company_id or self.env.company
        members = section.member_line_ids.sorted("id")
        return members.filtered(lambda line: line.user_id._may_get_cases(company))

    @api.model
    def _get_assignment_rooms(self, section, members):
        """Tell how many more cases each member takes in this section."""
        Case = self.env["crm.case"].sudo()
        limited = members.filtered("capacity")
        loads = dict(
            Case._read_group(
                Domain("section_id", "=", section.id)
                & Domain("user_id", "in", limited.user_id.ids)
                & Domain("state", "in", transitions.UNCLOSED),
                ["user_id"],
                ["__count"],
            )
            if limited
            else []
        )
        return {
            line.user_id: (
                line.capacity - loads.get(line.user_id, 0)
                if line.capacity
                else float("inf")
            )
            for line in members
        }

    def _assign_to_deputy(self, absent):
        """Give a case to the deputy of one of those who are away, if there is one."""
        for user in absent:
            deputy = user._find_stand_in(self.company_id)
            if deputy:
                self.user_id = deputy
                # sudo: the system keeps who stood in for whom
                self.env["crm.case.substitution"].sudo()._record(self, user, deputy)
                return True
        return False

    def _log_unassigned(self, members, absent, rooms):
        """Say on cases that were left unassigned what kept each member from it."""
        if not self:
            return
        bodies = {}
        for case in self:
            reasons = [
                line._get_refusal(case, line.user_id in absent, rooms[line.user_id])
                for line in members
            ]
            text = self.env._(
                "Nobody could be assigned: %s",
                ", ".join(reasons) or self.env._("the section has no members at work."),
            )
            bodies[case.id] = Markup("<p>%s</p>") % text
        self._message_log_batch(bodies=bodies)

    @api.model
    def _get_assignment_queue(self, section, members, by_load):
        """Rank the members of a section for its next assignments.

        :param members: res.users
        :param bool by_load: rank by unclosed cases first, else only by who waited
            longest
        :return: list of [load, last, res.users]; ``last`` is the id of the newest
            case given to that member (ids rise even within one transaction, dates
            do not)
        """
        Case = self.env["crm.case"].sudo().with_context(active_test=False)
        mine = Domain("user_id", "in", members.ids)
        in_section = Domain("section_id", "=", section.id)
        last = dict(Case._read_group(mine & in_section, ["user_id"], ["id:max"]))
        load = {}
        if by_load:
            unclosed = Domain("state", "in", transitions.UNCLOSED)
            unclosed &= Domain("active", "=", True)
            load = dict(Case._read_group(mine & unclosed, ["user_id"], ["__count"]))
        return [[load.get(user, 0), last.get(user, 0), user] for user in members]

    @api.model
    def _take_next(self, queue, by_load, users):
        """Take the best ranked of ``users`` and rank him anew."""
        best = min(
            (entry for entry in queue if entry[2] in users),
            key=lambda entry: (entry[0], entry[1], entry[2].id),
        )
        best[0] += by_load
        best[1] = max(entry[1] for entry in queue) + 1
        return best[2]
