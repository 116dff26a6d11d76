from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import ormcache

from ..tools import transitions


class Boards(NamedTuple):
    """All boards, as ids: a handful of stages that every case asks for."""

    states: dict[int, str]  # of every stage, archived ones too
    owners: dict[int, frozenset[int]]  # the sections of stages that are not shared
    shared: tuple[int, ...]
    own: dict[int, tuple[int, ...]]  # by section


class CrmCaseStage(models.Model):
    """A column of a board. It *is in* one state, so that moving a card moves the state.

    Stages without sections form the board that all sections share; a section that
    names stages of its own has its own board instead.
    """

    _name = "crm.case.stage"
    _description = "Case Stage"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    state = fields.Selection(
        transitions.STATES,
        required=True,
        default=transitions.OPEN,
        help="What a case in this column counts as, in every list and statistic.",
    )
    fold = fields.Boolean(
        string="Folded on the Board",
        help="The column is shown closed, with its number of cases only.",
    )
    section_ids = fields.Many2many(
        "crm.case.section",
        string="Only for Sections",
        help="Empty: the stage is on the board of every section without its own.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        stages = super().create(vals_list)
        self._forget_boards()
        return stages

    def write(self, vals):
        self._forget_boards()  # the cases ask for the new state while it is written
        result = super().write(vals)
        self._forget_boards()
        if "state" in vals:
            # the cases in these columns are in another state now: a new stay begins
            # sudo: of all of them, whoever may see them
            self.env["crm.case"].sudo().with_context(active_test=False).search(
                [("stage_id", "in", self.ids)]
            )._record_moves()
        return result

    def unlink(self):
        self._forget_boards()
        return super().unlink()

    @api.model
    def _forget_boards(self):
        self.env.registry.clear_cache()

    @api.model
    @ormcache()
    def _get_boards(self):
        """Give all `Boards`; two queries, once after a change."""
        # sudo: ids and states, which are the same for everybody
        stages = self.sudo().with_context(active_test=False)
        stages = stages.search([])  # pylint: disable=no-search-all
        owners = {
            stage.id: frozenset(stage.section_ids.ids)
            for stage in stages
            if stage.section_ids
        }
        active = stages.filtered("active")
        own = {}
        for stage in active:
            for section_id in owners.get(stage.id, ()):
                own[section_id] = (*own.get(section_id, ()), stage.id)
        return Boards(
            {stage.id: stage.state for stage in stages},
            owners,
            tuple(stage.id for stage in active if stage.id not in owners),
            own,
        )
