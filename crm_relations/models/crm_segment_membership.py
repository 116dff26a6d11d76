from odoo import api, fields, models
from odoo.tools import SQL


class CrmSegmentMembership(models.Model):
    """One partner in one segment since a date, and until when.

    Written by the segment only, in bulk, and never changed afterwards except that its
    end is noted: who was in which segment on any past day can be told.
    """

    _name = "crm.segment.membership"
    _description = "Segment Membership"
    _order = "date desc, id desc"
    _rec_name = "partner_id"
    _log_access = False

    segment_id = fields.Many2one(
        "crm.segment", required=True, readonly=True, index=True, ondelete="cascade"
    )
    partner_id = fields.Many2one(
        "res.partner", required=True, readonly=True, index=True, ondelete="cascade"
    )
    date = fields.Datetime("Since", required=True, readonly=True)
    date_end = fields.Datetime("Until", readonly=True, help="Empty: still a member.")
    reason = fields.Text(
        readonly=True, help="What the segment asked for when the partner joined."
    )
    is_join_due = fields.Boolean("Actions Due", readonly=True)
    join_error = fields.Text(
        "What Went Wrong",
        readonly=True,
        help="Why the actions on joining were not carried out.",
    )

    # one partner is in one segment once, whatever workers and users do at a time
    _current_uniq = models.UniqueIndex(
        "(segment_id, partner_id) WHERE date_end IS NULL"
    )
    _join_due_idx = models.Index("(id) WHERE is_join_due")


class CrmSegmentChange(models.Model):
    """One joining (+1) or leaving (-1), so that sums over time are sizes."""

    _name = "crm.segment.change"
    _description = "Segment over Time"
    _order = "date desc, id desc"
    _rec_name = "segment_id"
    _auto = False
    _depends = {
        "crm.segment.membership": ["segment_id", "partner_id", "date", "date_end"]
    }

    segment_id = fields.Many2one("crm.segment", readonly=True)
    partner_id = fields.Many2one("res.partner", readonly=True)
    date = fields.Datetime(readonly=True)
    kind = fields.Selection([("join", "Joined"), ("leave", "Left")], readonly=True)
    change = fields.Integer("Members", readonly=True, aggregator="sum")

    @property
    @api.model
    def _table_query(self):
        return SQL(
            """SELECT id * 2 AS id, segment_id, partner_id, date, 'join' AS kind,
                    1 AS change FROM crm_segment_membership
                UNION ALL
                SELECT id * 2 + 1, segment_id, partner_id, date_end, 'leave', -1
                FROM crm_segment_membership WHERE date_end IS NOT NULL"""
        )
