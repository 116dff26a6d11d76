from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResUsers(models.Model):
    """Who is away, and who stands in meanwhile."""

    _inherit = "res.users"

    crm_deputy_id = fields.Many2one(
        "res.users",
        "Deputy",
        domain="[('share', '=', False), ('id', '!=', id)]",
        help="Gets the cases that would go to this person while away.",
    )

    @property
    def SELF_READABLE_FIELDS(self):
        return [*super().SELF_READABLE_FIELDS, "crm_deputy_id"]

    @property
    def SELF_WRITEABLE_FIELDS(self):
        return [*super().SELF_WRITEABLE_FIELDS, "crm_deputy_id"]

    @api.constrains("crm_deputy_id")
    def _check_crm_deputy_id(self):
        for user in self:
            if user.crm_deputy_id == user:
                raise ValidationError(
                    self.env._("Deputy: nobody can stand in for himself.")
                )

    def _find_absent(self):
        """Give those who are away now: out of office, or on a leave of their own.

        Two queries whatever the number of people.
        """
        if not self:
            return self
        # sudo: that somebody is away decides who gets a case; why, is not read
        users = self.sudo()
        now = fields.Datetime.now()
        leaves = self.env["resource.calendar.leaves"].sudo()
        away = leaves.search_fetch(
            [
                ("resource_id.user_id", "in", users.ids),
                ("time_type", "=", "leave"),
                ("date_from", "<=", now),
                ("date_to", ">", now),
            ],
            ["resource_id"],
        ).resource_id.user_id
        return self.filtered(lambda user: user in away or user.sudo().is_out_of_office)

    def _find_stand_in(self, company):
        """Give who acts for a person now: himself, else his deputy, and so on.

        :param company: res.company whose case is to be taken over
        :return: res.users, empty when all of them are away, or cannot see cases
        """
        # sudo: groups and companies of colleagues are compared, not shown
        user, passed = self.sudo(), self.sudo().browse()
        while user and user not in passed:
            may_act = user.active if user == self else user._may_get_cases(company)
            if may_act and not user._find_absent():
                return self.browse(user.id)
            passed |= user
            user = user.crm_deputy_id
        return self.browse()

    def _may_get_cases(self, company):
        """Tell whether cases of a company can be given to this person at all."""
        user = self.sudo()
        return (
            user.active
            and not user.share
            and company in user.company_ids
            and user.has_group("crm_relations.crm_relations_group_user")
        )
