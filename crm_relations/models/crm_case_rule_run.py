from odoo import api, fields, models

from ..exceptions import LedgerError


class CrmCaseRuleRun(models.Model):
    """One firing, or refusal to fire, of a rule on a case for one occasion.

    Written in the transaction that also does what the rule says, so that both are
    there or neither is: this is what makes a rule fire exactly once. Never changed
    afterwards; an attempt that failed is a row of its own (its occasion ends in the
    number of the attempt) beside the one that succeeds in the end.
    """

    _name = "crm.case.rule.run"
    _description = "Rule Run"
    _order = "date desc, id desc"
    _rec_name = "rule_id"
    _log_access = False

    rule_id = fields.Many2one(
        "crm.case.rule", required=True, ondelete="restrict", readonly=True
    )
    case_id = fields.Many2one(
        "crm.case", required=True, index=True, ondelete="cascade", readonly=True
    )
    occasion = fields.Char(required=True, readonly=True)
    date = fields.Datetime(required=True, readonly=True)
    result = fields.Selection(
        [("done", "Done"), ("failed", "Failed"), ("skipped", "Skipped")],
        required=True,
        readonly=True,
    )
    detail = fields.Text(readonly=True)
    parent_id = fields.Many2one(
        "crm.case.rule.run",
        "Set off by",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The firing whose effect was the occasion for this one.",
    )

    _occasion_uniq = models.UniqueIndex(
        "(rule_id, case_id, occasion)",
        "Occasion: this rule has dealt with it for this case.",
    )
    _rule_date_idx = models.Index("(rule_id, date DESC)")
    _failed_idx = models.Index("(rule_id, date DESC) WHERE result = 'failed'")

    @api.model_create_multi
    def create(self, vals_list):  # pylint: disable=method-required-super
        """Refuse: only firing a rule writes the ledger."""
        self._refuse_change()

    def write(self, vals):  # pylint: disable=method-required-super
        """Refuse: what happened is not rewritten."""
        self._refuse_change()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_never(self):
        self._refuse_change()

    def _refuse_change(self):
        raise LedgerError(
            self.env._("Rule runs are a record of what happened and never change.")
        )
