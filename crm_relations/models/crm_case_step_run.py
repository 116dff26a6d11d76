from odoo import fields, models


class CrmCaseStepRun(models.Model):
    """What a step of the ladder has done with a case, once per stay in the section.

    Written in the transaction that also does it, and never changed afterwards.
    """

    _name = "crm.case.step.run"
    _description = "Escalation Step Run"
    _order = "date desc, id desc"
    _rec_name = "case_id"
    _log_access = False

    step_id = fields.Many2one(
        "crm.case.section.step",
        required=True,
        index=True,
        ondelete="cascade",
        readonly=True,
    )
    case_id = fields.Many2one(
        "crm.case", required=True, index=True, ondelete="cascade", readonly=True
    )
    occasion_at = fields.Datetime("Stay since", required=True, readonly=True)
    date = fields.Datetime(required=True, readonly=True)
    user_id = fields.Many2one("res.users", "Whom", readonly=True, ondelete="set null")
    detail = fields.Text(readonly=True)

    _occasion_uniq = models.UniqueIndex("(step_id, case_id, occasion_at)")
