from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools.quality_score import Line


class CrmQualityScoreCriterion(models.Model):
    """What one figure counts in the score of a supplier.

    A company with criteria of its own goes by those only; the others by the criteria
    that belong to no company.
    """

    _name = "crm.quality.score.criterion"
    _description = "Criterion of a Supplier's Score"
    _order = "company_id, sequence, id"
    _rec_name = "measure"

    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        index="btree_not_null",
        ondelete="cascade",
        help="Empty: for all companies that have no criteria of their own.",
    )
    measure = fields.Selection(selection="_selection_measure", required=True)
    weight = fields.Float(
        required=True,
        default=10,
        help="How much it counts, compared with the weights of the others.",
    )
    best = fields.Float(
        "100 Points for", required=True, help="This value or a better one."
    )
    worst = fields.Float(
        "0 Points for",
        required=True,
        help="This value or a worse one; in between, points are proportional.",
    )

    _measure_uniq = models.UniqueIndex(
        "(measure, COALESCE(company_id, 0)) WHERE active",
        "Measure: there is a criterion for it already.",
    )
    _weight_positive = models.Constraint(
        "CHECK(weight > 0)", "Weight: give a number above 0."
    )

    @api.model
    def _selection_measure(self):
        measures = self.env["crm.quality.score"]._get_measures()
        units = {"%": "%", "h": self.env._("hours")}
        return [
            (
                name,
                f"{measure.label} ({units[measure.unit]})"
                if measure.unit in units
                else measure.label,
            )
            for name, measure in measures.items()
        ]

    @api.constrains("best", "worst")
    def _check_scale(self):
        for criterion in self:
            if criterion.best == criterion.worst:
                raise ValidationError(
                    self.env._(
                        "100 Points for: it must differ from the value for 0 points."
                    )
                )

    @api.model
    def _get_criteria(self, company):
        """Give the criteria that a company goes by."""
        own = self.search([("company_id", "=", company.id)])
        return own or self.search([("company_id", "=", False)])

    def _get_lines(self, figures):
        """Measure a supplier by these criteria.

        :param figures: {measure: number or None}
        :return: list of `Line`
        """
        return [
            Line(
                criterion.measure,
                figures.get(criterion.measure),
                criterion.best,
                criterion.worst,
                criterion.weight,
            )
            for criterion in self
        ]
