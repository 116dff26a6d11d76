from odoo import api, fields, models


class CrmCaseRuleSwitchOn(models.TransientModel):
    """Asks what to do with cases that are due before a rule is switched on."""

    _name = "crm.case.rule.switch.on"
    _description = "Switch On a Rule"

    rule_id = fields.Many2one("crm.case.rule", required=True, ondelete="cascade")
    overdue_count = fields.Integer(
        "Cases Due at Once", compute="_compute_overdue_count"
    )
    past = fields.Selection(
        [
            ("skip", "Leave them alone: the rule counts from now on"),
            ("fire", "Act on them within the next minutes"),
        ],
        "These Cases",
        required=True,
        default="skip",
    )

    @api.depends("rule_id")
    def _compute_overdue_count(self):
        for wizard in self:
            wizard.overdue_count = wizard.rule_id._count_overdue()

    def action_switch_on(self):
        """Switch the rule on as chosen."""
        self.ensure_one()
        now = fields.Datetime.now()
        self.rule_id.write(
            {"active": True, "date_from": now if self.past == "skip" else False}
        )
        return {"type": "ir.actions.act_window_close"}
