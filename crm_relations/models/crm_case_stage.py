from odoo import fields, models

from ..tools import transitions


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

    def write(self, vals):
        result = super().write(vals)
        if "state" in vals:
            # the cases in these columns are in another state now: a new stay begins
            # sudo: of all of them, whoever may see them
            self.env["crm.case"].sudo().with_context(active_test=False).search(
                [("stage_id", "in", self.ids)]
            )._record_moves()
        return result
