from odoo import api, fields, models
from odoo.fields import Domain

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
        """Assign unassigned cases as their sections say; absent people are passed over.

        Two queries per section, whatever the number of cases.
        """
        unassigned = self.filtered(lambda case: not case.user_id)
        for case_section, cases in unassigned.grouped("section_id").items():
            # sudo: the sender of a mail has no rights on the section's people
            section = case_section.sudo()
            if section.assignment == "manual":
                continue
            members = section.member_ids.filtered(
                lambda user: user.active and not user.is_out_of_office
            )
            if not members:
                continue
            by_load = section.assignment == "least_loaded"
            queue = self._get_assignment_queue(section, members, by_load)
            for case in cases.sorted("id"):
                case.user_id = self._take_next(queue, by_load)

    @api.model
    def _get_assignment_queue(self, section, members, by_load):
        """Rank the members of a section for its next assignments.

        :param members: res.users, none of them absent
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
    def _take_next(self, queue, by_load):
        """Take the best ranked member and rank him anew."""
        best = min(queue, key=lambda entry: (entry[0], entry[1], entry[2].id))
        best[0] += by_load
        best[1] = max(entry[1] for entry in queue) + 1
        return best[2]
