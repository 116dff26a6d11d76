from odoo import fields, models


class CrmCaseCategory(models.Model):
    """A subject inside a section: Fault, Corrective Action, and the like."""

    _name = "crm.case.category"
    _description = "Case Category"
    _order = "section_id, sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    color = fields.Integer(aggregator=None)
    section_id = fields.Many2one(
        "crm.case.section",
        index=True,
        ondelete="cascade",
        help="Its sub-sections use the category too. Empty: every section does.",
    )
    company_id = fields.Many2one(related="section_id.company_id", store=True)
    probability = fields.Float(
        string="Probability (%)",
        aggregator="avg",
        help="Copied to a case when the category is picked.",
    )

    _probability_range = models.Constraint(
        "CHECK(probability >= 0 AND probability <= 100)",
        "Probability: give a percentage between 0 and 100.",
    )
