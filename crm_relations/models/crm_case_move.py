from odoo import api, fields, models

from ..tools import transitions


class CrmCaseMove(models.Model):
    """One stay of a case: since when it was in this state, stage, section and hands.

    A row is written by the case when one of the four changes, and never changed
    afterwards except that the next move closes it with `date_end`. Time per state,
    section or person is the sum of `hours`; the backlog on any past day is the
    rows that cover it.
    """

    _name = "crm.case.move"
    _description = "Case Move"
    _order = "date desc, id desc"
    _rec_name = "case_id"
    _log_access = False

    case_id = fields.Many2one(
        "crm.case", required=True, index=True, ondelete="cascade", readonly=True
    )
    date = fields.Datetime("Since", required=True, readonly=True)
    date_end = fields.Datetime("Until", readonly=True, help="Empty: still so.")
    hours = fields.Float(
        compute="_compute_hours",
        store=True,
        precompute=True,
        aggregator="sum",
        help="Elapsed hours of this stay; empty while it lasts.",
    )
    author_id = fields.Many2one(
        "res.users", "Moved by", readonly=True, ondelete="set null"
    )
    is_escalation = fields.Boolean("Escalation", readonly=True)
    state_from = fields.Selection(transitions.STATES, "From State", readonly=True)
    state = fields.Selection(transitions.STATES, required=True, readonly=True)
    stage_id = fields.Many2one("crm.case.stage", readonly=True, ondelete="set null")
    section_from_id = fields.Many2one(
        "crm.case.section", "From Section", readonly=True, ondelete="set null"
    )
    section_id = fields.Many2one(
        "crm.case.section", index=True, readonly=True, ondelete="set null"
    )
    user_id = fields.Many2one(
        "res.users", "Responsible", index=True, readonly=True, ondelete="set null"
    )
    company_id = fields.Many2one("res.company", readonly=True, ondelete="cascade")

    # the stay that lasts, found without reading the case's past; also the guard
    # that a case is never in two places at once
    _current_uniq = models.UniqueIndex("(case_id) WHERE date_end IS NULL")
    _state_date_idx = models.Index("(state, date)")

    @api.depends("date", "date_end")
    def _compute_hours(self):
        for move in self:
            stay = move.date_end - move.date if move.date_end else None
            move.hours = stay.total_seconds() / 3600 if stay else 0.0
