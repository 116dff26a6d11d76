from odoo import api, fields, models

from ..tools import transitions


class CrmCaseSectionMember(models.Model):
    """How much and what a member of a section takes when cases are assigned.

    There is one row for each of the section's members and none for others: adding a
    row makes a member, removing it ends the membership, and the other way round.
    """

    _name = "crm.case.section.member"
    _description = "Section Member"
    _order = "section_id, id"
    _rec_name = "user_id"

    section_id = fields.Many2one(
        "crm.case.section", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="section_id.company_id")
    user_id = fields.Many2one(
        "res.users",
        "Member",
        required=True,
        index=True,
        ondelete="cascade",
        domain="[('share', '=', False)]",
    )
    capacity = fields.Integer(
        aggregator=None,
        help="Unclosed cases of this section at most; 0 is no limit. Who has so many "
        "gets no more by itself.",
    )
    category_ids = fields.Many2many(
        "crm.case.category",
        string="Can Do",
        domain="""[
            '|', ('section_id', '=', False), ('section_id', 'parent_of', section_id)
        ]""",
        help="Empty: cases of every category.",
    )
    is_absent = fields.Boolean("Away", compute="_compute_is_absent")
    load = fields.Integer("Unclosed", compute="_compute_load")

    _section_user_uniq = models.UniqueIndex(
        "(section_id, user_id)", "Member: this person is a member already."
    )
    _capacity_positive = models.Constraint(
        "CHECK(capacity >= 0)", "Capacity: it cannot be negative."
    )

    def _compute_is_absent(self):
        absent = self.user_id._find_absent()
        for member in self:
            member.is_absent = member.user_id in absent

    def _compute_load(self):
        """Count each member's unclosed cases in the section, in one query."""
        # sudo: how busy a colleague is, not with what
        counts = (
            self.env["crm.case"]
            .sudo()
            ._read_group(
                [
                    ("section_id", "in", self.section_id.ids),
                    ("user_id", "in", self.user_id.ids),
                    ("state", "in", transitions.UNCLOSED),
                ],
                ["section_id", "user_id"],
                ["__count"],
            )
        )
        loads = {(section.id, user.id): count for section, user, count in counts}
        for member in self:
            key = member.section_id.id, member.user_id.id
            member.load = loads.get(key, 0)

    @api.model_create_multi
    def create(self, vals_list):
        members = super().create(vals_list)
        for section, own in members.grouped("section_id").items():
            if new := own.user_id - section.member_ids:
                section.member_ids |= new
        return members

    def unlink(self):
        by_section = self.grouped("section_id")
        gone = {section: own.user_id for section, own in by_section.items()}
        result = super().unlink()
        for section, users in gone.items():
            if section.exists() and users & section.member_ids:
                section.member_ids -= users
        return result

    def _can_do(self, case):
        """Tell whether the member takes cases of this category."""
        return not self.category_ids or case.category_id in self.category_ids

    def _get_refusal(self, case, is_absent, room):
        """Tell why the member did not get a case; the first reason is enough."""
        if is_absent:
            reason = self.env._("away")
        elif room <= 0:
            reason = self.env._("has %s cases already", self.capacity)
        else:
            reason = self.env._("does not do “%s”", case.category_id.name or "")
        return f"{self.user_id.name} ({reason})"
