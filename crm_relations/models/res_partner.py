from odoo import api, fields, models
from odoo.fields import Domain

from ..tools import transitions


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = [
        "res.partner",
        "res.partner.sentiment.rule.mixin",
        "res.partner.quality.mixin",
        "res.partner.service.mixin",
        "res.partner.memory.mixin",
        "res.partner.figures.mixin",
        "res.partner.privacy.mixin",
    ]

    case_ids = fields.One2many(
        "crm.case",
        "partner_id",
        "Cases",
        groups="crm_relations.crm_relations_group_user",
    )
    case_count = fields.Integer(
        "Number of Cases",
        compute="_compute_case_count",
        groups="crm_relations.crm_relations_group_user",
        help="Cases of this partner, and of its contacts if it is a company.",
    )
    open_case_count = fields.Integer(
        "Open Cases",
        compute="_compute_case_count",
        groups="crm_relations.crm_relations_group_user",
    )
    # Odoo looks contacts up by this for every mail, and has no index for it
    _email_normalized_idx = models.Index(
        "(email_normalized) WHERE email_normalized IS NOT NULL"
    )

    category_branch_id = fields.Many2one(
        "res.partner.category",
        compute="_compute_category_branch_id",
        search="_search_category_branch_id",
        help="Partners of a category and of all categories below it.",
    )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_case_count(self):
        """Count the cases the reader may see, in two queries."""
        companies = self.filtered(lambda p: p == p.commercial_partner_id)
        counts = self.env["crm.case"]._read_group(
            Domain("commercial_partner_id", "in", companies.ids),
            ["commercial_partner_id", "state"],
            ["__count"],
        ) + self.env["crm.case"]._read_group(
            Domain("partner_id", "in", (self - companies).ids),
            ["partner_id", "state"],
            ["__count"],
        )
        self.case_count = self.open_case_count = 0
        for partner, state, count in counts:
            partner.case_count += count
            if state in transitions.UNCLOSED:
                partner.open_case_count += count

    @api.depends("category_id")
    def _compute_category_branch_id(self):
        for partner in self:
            partner.category_branch_id = partner.category_id[:1]

    def _search_category_branch_id(self, operator, value):
        if operator not in ("in", "child_of"):
            return NotImplemented
        ids = [value] if isinstance(value, int) else list(value)
        return Domain("category_id", "child_of", ids)

    def action_view_cases(self):
        """Open the cases of this partner, and of its contacts if it is a company."""
        self.ensure_one()
        field = "partner_id"
        if self == self.commercial_partner_id:
            field = "commercial_partner_id"
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_action"
        )
        return action | {
            "display_name": self.env._("Cases of %s", self.display_name),
            "domain": [(field, "=", self.id)],
            "context": {"default_partner_id": self.id},
        }
