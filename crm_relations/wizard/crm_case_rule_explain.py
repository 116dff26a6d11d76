from markupsafe import Markup
from odoo import api, fields, models


class CrmCaseRuleExplain(models.TransientModel):
    """Answers, for one case, why a rule did not fire, or did."""

    _name = "crm.case.rule.explain"
    _description = "Why a Rule Did Not Fire"

    case_id = fields.Many2one("crm.case", required=True, ondelete="cascade")
    rule_id = fields.Many2one(
        "crm.case.rule",
        ondelete="cascade",
        domain="[('active', 'in', [True, False])]",
    )
    summary = fields.Char(related="rule_id.summary")
    verdict = fields.Html(compute="_compute_answer")
    criteria = fields.Html(compute="_compute_answer")
    run_ids = fields.Many2many(
        "crm.case.rule.run", string="What It Did", compute="_compute_answer"
    )

    @api.depends("rule_id", "case_id")
    def _compute_answer(self):
        for wizard in self:
            rule, case = wizard.rule_id, wizard.case_id
            lines = rule.explain(case) if rule and case else []
            wizard.criteria = wizard._render_lines(lines)
            wizard.verdict = (
                Markup("<br/>").join(rule._get_verdict(case, lines)) if rule else False
            )
            wizard.run_ids = wizard.run_ids.search(
                [("rule_id", "=", rule.id), ("case_id", "=", case.id)], limit=20
            )

    @api.model
    def _render_lines(self, lines):
        """Draw the conditions as a table: what is wanted, what is, and the verdict."""
        if not lines:
            return False
        marks = {
            True: Markup('<span class="text-success">✓ %s</span>') % self.env._("yes"),
            False: Markup('<strong class="text-danger">✗ %s</strong>')
            % self.env._("no"),
        }
        rows = Markup("").join(
            Markup("<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>")
            % (one["label"], one["wanted"], one["value"], marks[one["holds"]])
            for one in lines
        )
        head = Markup("<tr><th>%s</th><th>%s</th><th>%s</th><th>%s</th></tr>") % (
            self.env._("Condition"),
            self.env._("Wanted"),
            self.env._("This Case"),
            self.env._("Holds"),
        )
        return Markup(
            '<table class="table table-sm"><thead>%s</thead><tbody>%s</tbody></table>'
        ) % (head, rows)
