from odoo import fields, models


class CrmCaseTimer(models.Model):
    """The instant at which a rule, or a service level target, falls due for a case.

    A row exists while something is to come: it is made and kept right when the case,
    the rule or a calendar changes, and removed when it has fired. Users read it and
    nobody writes it by hand. What waits is found by an index on `due_at`, so that a
    tick of the scheduled action costs what is due and not what exists.
    """

    _name = "crm.case.timer"
    _description = "Case Timer"
    _order = "due_at, id"
    _rec_name = "case_id"
    _log_access = False

    case_id = fields.Many2one(
        "crm.case", required=True, index=True, ondelete="cascade", readonly=True
    )
    rule_id = fields.Many2one(
        "crm.case.rule", index="btree_not_null", ondelete="cascade", readonly=True
    )
    due_at = fields.Datetime("Due", readonly=True, help="Empty: waits for a person.")
    occasion_at = fields.Datetime(
        "For",
        readonly=True,
        help="The instant the rule asked for; later attempts do not change it.",
    )
    number = fields.Integer(
        "Reminder", readonly=True, help="How many reminders went before this one."
    )
    occasion = fields.Char(
        readonly=True, help="The event that the rule failed on and will try again."
    )
    parent_id = fields.Many2one(
        "crm.case.rule.run",
        "Set by",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The firing of another rule that led to this timer.",
    )
    attempts = fields.Integer(readonly=True)
    error = fields.Text(readonly=True)

    _due_idx = models.Index("(due_at, id) WHERE due_at IS NOT NULL")
    # one timer for a rule and case; events that failed wait beside it, one by one
    _rule_case_uniq = models.UniqueIndex(
        "(rule_id, case_id) WHERE rule_id IS NOT NULL AND occasion IS NULL"
    )
    _occasion_uniq = models.UniqueIndex(
        "(rule_id, case_id, occasion) WHERE occasion IS NOT NULL"
    )

    def _cron_fire(self):
        """Fire what is due, in batches that several workers share."""
