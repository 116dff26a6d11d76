from markupsafe import Markup
from odoo import api, fields, models

RUNS = 20  # shown of a rule on a case


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
    runs = fields.Html("What It Did", compute="_compute_answer")

    @api.depends("rule_id", "case_id")
    def _compute_answer(self):
        for wizard in self:
            rule, case = wizard.rule_id, wizard.case_id
            lines = rule.explain(case) if rule and case else []
            wizard.criteria = wizard._render_lines(lines)
            wizard.verdict = (
                Markup("<br/>").join(rule._get_verdict(case, lines)) if rule else False
            )
            wizard.runs = wizard._render_runs()

    def _render_runs(self):
        """List what the rule did with the case, latest first, and what led to it."""
        runs = self.env["crm.case.rule.run"].search(
            [("rule_id", "=", self.rule_id.id), ("case_id", "=", self.case_id.id)],
            limit=RUNS,
        )
        if not runs:
            return False
        labels = dict(runs._fields["result"]._description_selection(self.env))
        head = (
            self.env._("When"),
            self.env._("Result"),
            self.env._("Detail"),
            self.env._("Set off by"),
        )
        return self._render_table(
            head,
            (
                (
                    fields.Datetime.context_timestamp(run, run.date).strftime(
                        "%Y-%m-%d %H:%M"
                    ),
                    labels[run.result],
                    run.detail or "",
                    run.parent_id.rule_id.sudo().name or "",
                )
                for run in runs
            ),
        )

    @api.model
    def _render_table(self, head, rows):
        def render(cells, tag):
            cell = Markup(f"<{tag}>%s</{tag}>")
            return Markup("<tr>%s</tr>") % Markup("").join(cell % one for one in cells)

        return Markup(
            '<table class="table table-sm"><thead>%s</thead><tbody>%s</tbody></table>'
        ) % (render(head, "th"), Markup("").join(render(row, "td") for row in rows))

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
        head = (
            self.env._("Condition"),
            self.env._("Wanted"),
            self.env._("This Case"),
            self.env._("Holds"),
        )
        return self._render_table(
            head,
            (
                (one["label"], one["wanted"], one["value"], marks[one["holds"]])
                for one in lines
            ),
        )
