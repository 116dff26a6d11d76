from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import transitions
from ..tools.local_day import get_local_day


class CrmCaseMove(models.Model):
    """One stay of a case: since when it was in this state, stage, section and hands.

    A row is written by the case when one of the four changes, or when it is archived
    or taken back, and never changed afterwards except that the next move closes it
    with `date_end`. Time per state, section or person is the sum of `hours`; the
    backlog on any past day is the open rows that cover the day's end.
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
    company_id = fields.Many2one(
        related="case_id.company_id",
        store=True,
        precompute=True,
        ondelete="cascade",
        help="The company that has the case now: who may see it, sees all its past.",
    )
    # so that who may see the case finds its past in an index, without reading the case
    case_section_id = fields.Many2one(
        related="case_id.section_id",
        string="Section Now",
        store=True,
        precompute=True,
        ondelete="set null",
    )
    case_user_id = fields.Many2one(
        related="case_id.user_id",
        string="Responsible Now",
        store=True,
        precompute=True,
        ondelete="set null",
    )
    is_archived = fields.Boolean("Archived", readonly=True)
    is_open = fields.Boolean(
        "In the Backlog",
        compute="_compute_is_open",
        store=True,
        precompute=True,
        help="Draft, open or pending, and not archived.",
    )
    was_open = fields.Boolean(
        "In the Backlog Before",
        compute="_compute_was_open",
        store=True,
        precompute=True,
        readonly=False,
    )
    # kept, so that a company that moves to another time zone keeps its past figures
    day = fields.Date(
        compute="_compute_day",
        store=True,
        precompute=True,
        help="Of the beginning, in the company's time zone.",
    )
    day_end = fields.Date(
        "Last Day",
        compute="_compute_day_end",
        store=True,
        precompute=True,
        help="Of the end, in the company's time zone.",
    )

    # the stay that lasts, found without reading the case's past; also the guard
    # that a case is never in two places at once
    _current_uniq = models.UniqueIndex("(case_id) WHERE date_end IS NULL")
    _state_date_idx = models.Index("(state, date)")
    # the backlog of some weeks, its section and access included, from an index alone
    _day_idx = models.Index(
        """(day, section_id, company_id)
        INCLUDE (case_id, user_id, state, is_open, was_open, date,
            case_section_id, case_user_id, id)"""
    )
    _day_end_idx = models.Index(
        """(day_end, section_id, company_id)
        INCLUDE (case_id, user_id, state, date_end, case_section_id, case_user_id, id)
        WHERE is_open AND day_end IS NOT NULL"""
    )

    # what came into a section's backlog and left it, without what went on inside
    _turn_idx = models.Index(
        """(day) INCLUDE (section_id, section_from_id, company_id, is_open, was_open,
            date, case_section_id, case_user_id)
        WHERE is_open <> was_open OR section_from_id <> section_id"""
    )

    @api.depends("date", "date_end")
    def _compute_hours(self):
        for move in self:
            stay = move.date_end - move.date if move.date_end else None
            move.hours = stay.total_seconds() / 3600 if stay else 0.0

    @api.depends("state", "is_archived")
    def _compute_is_open(self):
        for move in self:
            is_unclosed = move.state in transitions.UNCLOSED
            move.is_open = is_unclosed and not move.is_archived

    @api.depends("state_from")
    def _compute_was_open(self):
        """For rows that do not say so, as those of an import."""
        for move in self:
            move.was_open = move.state_from in transitions.UNCLOSED

    @api.depends("date")
    def _compute_day(self):
        for move in self:
            move.day = get_local_day(move.date, move.company_id._get_time_zone())

    @api.depends("date_end")
    def _compute_day_end(self):
        for move in self:
            zone = move.company_id._get_time_zone()
            move.day_end = move.date_end and get_local_day(move.date_end, zone)

    @api.model
    def _get_open_domain(self, day):
        """Give which stays were in the backlog at the end of a day."""
        return (
            Domain("is_open", "=", True)
            & Domain("day", "<=", day)
            & (Domain("day_end", "=", False) | Domain("day_end", ">", day))
        )

    @api.model
    def _get_flow_domain(self, is_opened):
        """Give which stays brought a case into the backlog, or took it out."""
        return Domain("is_open", "=", is_opened) & Domain(
            "was_open", "=", not is_opened
        )

    @api.model
    def _get_turn_domain(self):
        """Give the stays that `_turn_idx` knows, in the words of that index."""
        return Domain.custom(
            to_sql=lambda _model, alias, _query: SQL(
                "(%(is_open)s <> %(was_open)s OR %(before)s <> %(section)s)",
                is_open=SQL.identifier(alias, "is_open"),
                was_open=SQL.identifier(alias, "was_open"),
                before=SQL.identifier(alias, "section_from_id"),
                section=SQL.identifier(alias, "section_id"),
            )
        )
