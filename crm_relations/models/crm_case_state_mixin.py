from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..exceptions import CaseMoveError
from ..fields import OptionalFloat
from ..tools import transitions

# what a stay in `crm.case.move` is made of: when one changes, a new stay begins
_MOVE_FIELDS = ("state", "stage_id", "section_id", "user_id")


class CrmCaseStateMixin(models.AbstractModel):
    """The life of a case: state, stage, the moves allowed and the dates they leave."""

    _name = "crm.case.state.mixin"
    _description = "Case State"

    stage_id = fields.Many2one(
        "crm.case.stage",
        compute="_compute_stage_id",
        store=True,
        readonly=False,
        precompute=True,
        index=True,
        copy=False,
        tracking=True,
        ondelete="restrict",
        group_expand="_read_group_stage_ids",
        domain="[('id', 'in', board_stage_ids)]",
    )
    state = fields.Selection(
        transitions.STATES,
        compute="_compute_state",
        inverse="_inverse_state",
        store=True,
        precompute=True,
        copy=False,
        help="Follows the stage. Setting it picks the section's first stage in "
        "that state.",
    )
    date_open = fields.Datetime(
        "Opened on",
        compute="_compute_state_dates",
        store=True,
        precompute=True,
        readonly=False,
        copy=False,
        help="When work on the case began for the first time.",
    )
    date_closed = fields.Datetime(
        "Closed on",
        compute="_compute_state_dates",
        store=True,
        precompute=True,
        readonly=False,
        copy=False,
        help="When the case was closed or cancelled.",
    )
    hours_close = OptionalFloat(
        "Hours to Close",
        compute="_compute_hours_close",
        store=True,
        precompute=True,
        copy=False,
        aggregator="avg",
        help="Elapsed hours between creation and closing.",
    )
    move_ids = fields.One2many("crm.case.move", "case_id", "Moves", copy=False)

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("section_id")
    def _compute_stage_id(self):
        """Keep the state when a case changes section, on the new section's board."""
        boards = self.env["crm.case.stage"]._get_boards()
        for case in self:
            section = case.section_id
            board = boards.own.get(section._origin.id) or boards.shared
            if section and case.stage_id._origin.id not in board:
                state = case.stage_id.state or transitions.DRAFT
                case.stage_id = section._get_stage(state)
            else:
                case.stage_id = case.stage_id

    @api.depends("stage_id.state")
    def _compute_state(self):
        states = self.env["crm.case.stage"]._get_boards().states
        for case in self:
            stage = case.stage_id._origin
            case.state = states.get(stage.id) or stage.state or transitions.DRAFT

    def _inverse_state(self):
        groups = self.filtered(lambda c: c.stage_id.state != c.state).grouped(
            lambda c: (c.section_id, c.state)
        )
        for (section, state), cases in groups.items():
            cases.stage_id = section._get_stage(state)

    @api.depends("state")
    def _compute_state_dates(self):
        now = fields.Datetime.now()
        for case in self:
            is_open = case.state == transitions.OPEN
            is_closed = case.state in transitions.CLOSED
            case.date_open = case.date_open or (is_open and now)
            case.date_closed = is_closed and (case.date_closed or now)

    @api.depends("date_closed", "create_date")
    def _compute_hours_close(self):
        for case in self:
            case.hours_close = case._hours_since_creation(case.date_closed)

    def _hours_since_creation(self, date):
        """Give the elapsed hours from creation to ``date``, None without a date."""
        if not date:
            return None
        # as Odoo dates a record that is just being created
        created = self.create_date or self.env.cr.now()
        # an import may carry a date before the moment of the import
        return max((date - created).total_seconds() / 3600, 0.0)

    @api.model
    def _read_group_stage_ids(self, stages, domain):
        """Show every column of the board at hand, empty ones too."""
        section_id = self.env.context.get("default_section_id")
        section = self.env["crm.case.section"].browse(section_id).exists()
        board = (
            section.board_stage_ids
            if section
            else stages.search([("section_ids", "=", False)])
        )
        return (stages | board).sorted()

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("stage_id", "section_id")
    def _check_stage_id(self):
        owners = self.env["crm.case.stage"]._get_boards().owners
        for case in self:
            sections = owners.get(case.stage_id.id)
            if sections and case.section_id.id not in sections:
                raise ValidationError(
                    self.env._(
                        "Stage: “%(stage)s” is not on the board of section "
                        "“%(section)s”.",
                        stage=case.stage_id.name,
                        section=case.section_id.display_name,
                    )
                )

    def _check_moves(self, target):
        """Refuse a forbidden move before anything is written.

        :raise CaseMoveError: names the case, its state and the moves it allows
        """
        for case in self:
            if not transitions.is_allowed(case.state, target):
                raise CaseMoveError(case._get_move_error(target))

    def _get_move_error(self, target):
        labels = dict(self._fields["state"]._description_selection(self.env))
        return self.env._(
            "State: “%(case)s” is %(state)s and cannot become %(target)s. "
            "From here it can go to: %(allowed)s.",
            case=self.display_name,
            state=labels[self.state],
            target=labels.get(target) or target or self.env._("empty"),
            allowed=", ".join(
                labels[state] for state in transitions.allowed_moves(self.state)
            ),
        )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        cases = super().create(self._prepare_stages(vals_list))
        cases._begin_moves()
        return cases

    def write(self, vals):
        target = self._get_target_state(vals)
        if "stage_id" in vals or "state" in vals:
            # also when emptied: a case without a stage is nowhere
            self._check_moves(target)
        opened = self.filtered(
            lambda case: target == transitions.OPEN and case.state != target
        )
        result = super().write(vals)
        if "user_id" not in vals:
            opened._take_unassigned()
        if not vals.keys().isdisjoint((*_MOVE_FIELDS, "active")):
            self._record_moves()
        return result

    def _get_target_state(self, vals):
        """Give the state that writing ``vals`` leads to, or a false value."""
        if "stage_id" in vals:
            return self.env["crm.case.stage"].browse(vals["stage_id"]).state
        return vals.get("state")

    def _take_unassigned(self):
        """Let a person who opens unassigned cases, by button or drag, have them.

        The system (mail, rules) opens cases too and takes none.
        """
        if not self.env.su:
            self.filtered(lambda case: not case.user_id).user_id = self.env.user

    def _prepare_stages(self, vals_list):
        """Turn a state asked for at creation into the section's stage."""
        stages, prepared = {}, []
        for vals in vals_list:
            key = (vals.get("section_id"), vals.get("state"))
            extra = {}
            if all(key) and not vals.get("stage_id"):
                if key not in stages:
                    section = self.env["crm.case.section"].browse(key[0])
                    stages[key] = section._get_stage(key[1]).id
                extra = {"stage_id": stages[key]}
            prepared.append(vals | extra)
        return prepared

    def _begin_moves(self):
        """Begin the first stay of new cases, which have none yet; one query."""
        # sudo: see `_record_moves`
        Move = self.env["crm.case.move"].sudo()
        now = fields.Datetime.now()
        moves = Move.create([case._prepare_move(Move, now) for case in self])
        return self._after_moves(moves)

    def _record_moves(self):
        """Begin a new stay for each case that no longer is where its last one says.

        Three queries whatever the number of cases: the stays that last, their end,
        the new ones. Comparing with what is stored, not with values kept from
        before the write, makes it safe to call twice.
        """
        # sudo: nobody may write moves, so that the past cannot be rewritten; only
        # this method does, with values read from the cases themselves
        Move = self.env["crm.case.move"].sudo()
        lasting = Move.search([("case_id", "in", self.ids), ("date_end", "=", False)])
        current = {move.case_id.id: move for move in lasting}
        now = fields.Datetime.now()
        ended, vals_list = Move, []
        for case in self:
            move = current.get(case.id, Move)
            if move and case._is_still_in(move):
                continue
            ended |= move
            vals_list.append(case._prepare_move(move, now))
        ended.date_end = now
        # the unique index on lasting stays sees the old ones closed first
        ended.flush_recordset()
        return self._after_moves(Move.create(vals_list))

    def _after_moves(self, moves):
        """Hear of the stays that these cases have just begun; a hook.

        :param moves: crm.case.move, maybe fewer than the cases, with sudo
        :return: the same moves
        """
        return moves

    def _is_still_in(self, move):
        """Tell whether a stay says where the case is."""
        return move.is_archived != self.active and all(
            move[name] == self[name] for name in _MOVE_FIELDS
        )

    def _prepare_move(self, previous, now):
        return {
            "case_id": self.id,
            "date": now,
            "author_id": self.env.uid,
            "is_escalation": bool(self.env.context.get("crm_case_escalation")),
            "state_from": previous.state,
            "state": self.state,
            "stage_id": self.stage_id.id,
            "section_from_id": previous.section_id.id,
            "section_id": self.section_id.id,
            "user_id": self.user_id.id,
            "is_archived": not self.active,
            "was_open": previous.is_open,
        }

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_open(self):
        """Start work: open the cases; whoever opens an unassigned one takes it.

        :raise CaseMoveError: a case is neither draft nor pending
        """
        self._move_to(transitions.OPEN)
        self.filtered(lambda case: not case.user_id).user_id = self.env.user
        return True

    def action_pending(self):
        """Wait for somebody: set the cases to pending.

        :raise CaseMoveError: a case is neither draft nor open
        """
        return self._move_to(transitions.PENDING)

    def action_close(self):
        """Close the cases.

        :raise CaseMoveError: a case is closed or cancelled already
        """
        return self._move_to(transitions.DONE)

    def action_cancel(self):
        """Cancel the cases.

        :raise CaseMoveError: a case is closed or cancelled already
        """
        return self._move_to(transitions.CANCEL)

    def action_draft(self):
        """Take closed or cancelled cases up again, as drafts.

        :raise CaseMoveError: a case is not closed
        """
        return self._move_to(transitions.DRAFT)

    def _move_to(self, state):
        """Move by button: unlike a plain write, staying in a state is refused too."""
        for case in self:
            if state not in transitions.allowed_moves(case.state):
                raise CaseMoveError(case._get_move_error(state))
        self.write({"state": state})
        return True

    def _reopen(self):
        """Bring cases back to open through allowed moves, without assigning anyone."""
        for source, cases in self.grouped("state").items():
            for state in transitions.path_to_open(source):
                cases.write({"state": state})
