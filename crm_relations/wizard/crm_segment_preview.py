from odoo import fields, models


class CrmSegmentPreview(models.TransientModel):
    """Who would join and leave a segment, before it is applied."""

    _name = "crm.segment.preview"
    _description = "Preview of a Segment"

    segment_id = fields.Many2one(
        "crm.segment", required=True, readonly=True, ondelete="cascade"
    )
    criteria_text = fields.Text(related="segment_id.criteria_text")
    member_count = fields.Integer(related="segment_id.member_count")
    join_count = fields.Integer("Would Join", readonly=True)
    leave_count = fields.Integer("Would Leave", readonly=True)
    joiner_ids = fields.Many2many(
        "res.partner",
        "crm_segment_preview_joiner_rel",
        string="The First to Join",
        readonly=True,
    )
    leaver_ids = fields.Many2many(
        "res.partner",
        "crm_segment_preview_leaver_rel",
        string="The First to Leave",
        readonly=True,
    )

    def action_apply(self):
        """Let them join and leave, as of now."""
        self.ensure_one()
        self.segment_id.check_access("write")
        # sudo: memberships are written by segments only
        segment = self.segment_id.sudo()
        segment._compute_fully(confirmed=True)
        segment.activity_feedback(["mail.mail_activity_data_todo"])
        return {"type": "ir.actions.act_window_close"}
