from odoo import api, fields, models


class CrmSegmentExplain(models.TransientModel):
    """Why a partner is in a segment, or why not and what is missing."""

    _name = "crm.segment.explain"
    _description = "Why (not) in a Segment"

    partner_id = fields.Many2one("res.partner", required=True, ondelete="cascade")
    segment_id = fields.Many2one(
        "crm.segment", ondelete="cascade", help="Empty: those the partner is in."
    )
    explanation = fields.Text(compute="_compute_explanation")

    @api.depends("partner_id", "segment_id")
    def _compute_explanation(self):
        for wizard in self:
            partner = wizard.partner_id
            segments = wizard.segment_id or partner.segment_ids
            texts = [segment.explain(partner) for segment in segments if partner]
            wizard.explanation = "\n\n".join(texts) or self.env._(
                "In no segment. Choose one to see what is missing."
            )
