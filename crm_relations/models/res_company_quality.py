from odoo import fields, models

MONTHS, BOUND_A, BOUND_B, REPEAT_DAYS = 12, 90.0, 70.0, 90


class ResCompany(models.Model):
    """How a company judges its suppliers."""

    _inherit = "res.company"

    quality_months = fields.Integer(
        "Months That Count",
        default=MONTHS,
        help="A supplier's score is made of so many months up to now; the trend is "
        "against the same time before.",
    )
    quality_bound_a = fields.Float("Class A from", default=BOUND_A)
    quality_bound_b = fields.Float("Class B from", default=BOUND_B)
    quality_repeat_days = fields.Integer(
        "Repeated within Days",
        default=REPEAT_DAYS,
        help="A case is a repeat if the supplier had one of the same category within "
        "so many days before.",
    )
    quality_fall_section_id = fields.Many2one(
        "crm.case.section",
        "When a Class Falls, Open a Case in",
        domain="[('company_id', 'in', (False, id))]",
        help="Once for each fall. Empty: nothing is opened.",
    )

    _quality_months_positive = models.Constraint(
        "CHECK(quality_months BETWEEN 1 AND 120)",
        "Months That Count: give 1 to 120.",
    )
    _quality_bounds_ordered = models.Constraint(
        "CHECK(0 <= quality_bound_b AND quality_bound_b <= quality_bound_a "
        "AND quality_bound_a <= 100)",
        "Class A from: give bounds between 0 and 100, that of A above that of B.",
    )
    _quality_repeat_days_positive = models.Constraint(
        "CHECK(quality_repeat_days >= 0)", "Repeated within Days: give 0 or more."
    )
