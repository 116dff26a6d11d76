from odoo import api, fields, models


class CrmQualityAnnotation(models.Model):
    """A note pinned to a day of an indicator's chart: what happened, what was changed.

    Written by people. One that starts a new baseline divides the chart: limits are
    reckoned apart before and after it.
    """

    _name = "crm.quality.annotation"
    _description = "Note on an Indicator"
    _order = "date desc, id desc"

    indicator_id = fields.Many2one(
        "crm.quality.indicator", required=True, index=True, ondelete="cascade"
    )
    name = fields.Char("Note", required=True)
    date = fields.Date(
        required=True, default=lambda self: self.env.company._get_today()
    )
    is_baseline = fields.Boolean(
        "Starts a New Baseline",
        help="From this period on limits are reckoned anew; before it they stay.",
    )
    user_id = fields.Many2one(
        "res.users",
        "Pinned by",
        readonly=True,
        default=lambda self: self.env.user,
        ondelete="set null",
    )

    @api.model_create_multi
    def create(self, vals_list):
        notes = super().create(vals_list)
        notes.filtered("is_baseline").indicator_id._compute_anew()
        return notes

    def write(self, vals):
        moved = self.filtered("is_baseline").indicator_id
        result = super().write(vals)
        if not vals.keys().isdisjoint({"is_baseline", "date", "indicator_id"}):
            (moved | self.filtered("is_baseline").indicator_id)._compute_anew()
        return result

    def unlink(self):
        moved = self.filtered("is_baseline").indicator_id
        result = super().unlink()
        moved.exists()._compute_anew()
        return result
