from odoo import api, fields, models
from odoo.fields import Domain

_USER = "crm_relations.crm_relations_group_user"


class CrmCaseSection(models.Model):
    _inherit = "crm.case.section"

    is_quality = fields.Boolean(
        "Cases Are about a Supplier's Quality",
        help="Its cases count in the score of the supplier they are about, as long as "
        "they are in this section.",
    )


class CrmCaseCategory(models.Model):
    _inherit = "crm.case.category"

    is_quality = fields.Boolean(
        "Supplier Quality",
        help="Cases of this category count in the score of the supplier, in whatever "
        "section they are.",
    )


class CrmCase(models.Model):
    """A case about what a supplier delivered: quantity, cost, and what is done."""

    _inherit = "crm.case"

    is_quality = fields.Boolean(
        "Supplier Quality", compute="_compute_is_quality", search="_search_is_quality"
    )
    defective_quantity = fields.Float(
        digits=(16, 2),
        help="Units that cannot be used; counted against what the supplier delivered.",
    )
    actual_cost = fields.Monetary(
        help="What it cost in the end. As long as it is 0, the planned cost counts."
    )
    quality_action_ids = fields.One2many(
        "crm.quality.action", "case_id", "Corrective and Preventive Actions"
    )
    quality_action_count = fields.Integer(
        "Actions", compute="_compute_quality_action_count"
    )
    supplier_class = fields.Selection(
        [("a", "A"), ("b", "B"), ("c", "C")],
        compute="_compute_supplier_class",
        search="_search_supplier_class",
        help="The class of the partner as a supplier of the case's own company.",
    )

    _defective_quantity_positive = models.Constraint(
        "CHECK(defective_quantity >= 0)", "Defective Quantity: it cannot be negative."
    )
    _actual_cost_positive = models.Constraint(
        "CHECK(actual_cost >= 0)", "Actual Cost: it cannot be negative."
    )

    @api.depends("section_id.is_quality", "category_id.is_quality")
    def _compute_is_quality(self):
        for case in self:
            case.is_quality = case.section_id.is_quality or case.category_id.is_quality

    @api.model
    def _search_is_quality(self, operator, value):
        """Look flags up first: a few ids let PostgreSQL use the indexes of cases."""
        if operator != "in":
            return NotImplemented
        quality = Domain.OR(
            # sudo: which sections are about quality is no secret
            Domain(field, "in", self.env[model].sudo()._search(flagged))
            for field, model, flagged in (
                ("section_id", "crm.case.section", [("is_quality", "=", True)]),
                ("category_id", "crm.case.category", [("is_quality", "=", True)]),
            )
        )
        return Domain.OR(quality if wanted else ~quality for wanted in value)

    @api.depends("quality_action_ids")
    def _compute_quality_action_count(self):
        """Count the actions the reader may see; no query where there are none to see.

        Only cases about quality show them.
        """
        self.quality_action_count = 0
        quality = self._origin.filtered("is_quality")
        if quality:
            counts = self.env["crm.quality.action"]._read_group(
                [("case_id", "in", quality.ids)], ["case_id"], ["__count"]
            )
            for case, count in counts:
                case.quality_action_count = count

    @api.depends("company_id", "commercial_partner_id")
    def _compute_supplier_class(self):
        for company, cases in self.grouped("company_id").items():
            # sudo: the class is for all who see the case; of its company only
            Score = self.env["crm.quality.score"].sudo().with_company(company)
            found = Score._get_current(cases.commercial_partner_id.ids)
            for case in cases:
                row = found.get(case.commercial_partner_id.id)
                case.supplier_class = row.quality_class if row else False

    @api.model
    def _search_supplier_class(self, operator, value):
        if operator != "in":
            return NotImplemented
        # sudo: as in `_compute_supplier_class`
        Score = self.env["crm.quality.score"].sudo()
        companies = Score.env["res.company"].search([])  # pylint: disable=no-search-all
        return Domain.OR(
            Domain("company_id", "=", company.id)
            & Score._get_class_domain("commercial_partner_id", value, company)
            for company in companies
        )

    def _move_documents_to(self, target):
        """Let actions and defective units go along when cases are merged."""
        result = super()._move_documents_to(target)
        actions = self.with_context(active_test=False).quality_action_ids
        actions.case_id = target
        target.defective_quantity += sum(self.mapped("defective_quantity"))
        return result

    def action_view_quality_actions(self):
        """Open the corrective and preventive actions of this case."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_quality_action_action"
        )
        return action | {
            "display_name": self.env._("Actions of %s", self.display_name),
            "domain": [("case_id", "=", self.id)],
            "context": {"default_case_id": self.id},
        }

    def _get_8d(self):
        """Give the eight disciplines of this case as its actions tell them.

        For the supplier: no notes and no cost.
        """
        self.ensure_one()
        actions = self.quality_action_ids.filtered(
            lambda action: action.state != "cancel"
        )
        team = (self.user_id | actions.user_id | actions.check_user_id).mapped("name")
        if self.partner_id:
            team.append(self.partner_id.name)
        return {
            "team": team,
            "causes": [*dict.fromkeys(filter(None, actions.mapped("root_cause")))],
            "done": actions.filtered("date_done"),
            **{
                kind: actions.filtered(lambda action, kind=kind: action.kind == kind)
                for kind in ("containment", "corrective", "preventive")
            },
        }
