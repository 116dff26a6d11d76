from odoo import api, fields, models


class CrmCaseSectionServiceMixin(models.AbstractModel):
    """How a section keeps its promises: who takes what, and what if nobody does."""

    _name = "crm.case.section.service.mixin"
    _description = "Section Service"

    assignment = fields.Selection(
        [
            ("manual", "By hand"),
            ("round_robin", "Each member in turn"),
            ("least_loaded", "The member with the fewest unclosed cases"),
        ],
        required=True,
        default="manual",
        help="Who becomes responsible for a case that arrives by mail.",
    )
    member_line_ids = fields.One2many(
        "crm.case.section.member", "section_id", "Members' Work", copy=False
    )
    assignment_turn = fields.Integer(
        readonly=True, copy=False, help="Rises with each assignment, see the case."
    )
    step_ids = fields.One2many(
        "crm.case.section.step", "section_id", "Escalation Steps", copy=True
    )

    @api.model_create_multi
    def create(self, vals_list):
        sections = super().create(vals_list)
        sections._sync_member_lines()
        return sections

    def write(self, vals):
        result = super().write(vals)
        if "member_ids" in vals:
            self._sync_member_lines()
        return result

    def _sync_member_lines(self):
        """Keep one row per member, in three queries at most."""
        # sudo: rows follow the members, whoever may choose those
        Member = self.env["crm.case.section.member"].sudo()
        lines = Member.search([("section_id", "in", self.ids)])
        lines.filtered(
            lambda line: line.user_id not in line.section_id.sudo().member_ids
        ).unlink()
        known = {(line.section_id.id, line.user_id.id) for line in lines.exists()}
        Member.create(
            [
                {"section_id": section.id, "user_id": user.id}
                for section in self.sudo()
                for user in section.member_ids
                if (section.id, user.id) not in known
            ]
        )

    def _find_present_manager(self):
        """Give who takes over what is escalated here: the manager or his deputy.

        When both are away, the next manager above who is not, else the manager all
        the same: a case is better in his name than in nobody's.
        """
        # sudo: who stands above may not be the reader's to know
        section = self.sudo()
        while section:
            company = section.company_id or self.env.company
            if stand_in := section.user_id._find_stand_in(company):
                return stand_in
            section = section.parent_id if section.user_id else section.browse()
        return self.sudo().user_id
