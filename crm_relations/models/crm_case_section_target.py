from odoo import fields, models


class CrmCaseSection(models.Model):
    """The targets of a section on its team's page."""

    _inherit = "crm.case.section"  # pylint: disable=consider-merging-classes-inherited

    def _get_team_figures(self):
        targets = self._get_running_targets()
        labels = dict(targets._selection_measure())
        rows = [
            {
                "id": target.id,
                "measure": labels.get(target.measure, ""),
                # sudo: the name of a colleague whose target one may read
                "whose": target.user_id.sudo().name or "",
                "period": target.period_text,
                "actual": target.actual_text,
                "value": target.value_text,
                "progress": target.progress,
                "state": target.state,
            }
            for target in targets
        ]
        return super()._get_team_figures() | {"targets": rows}

    def _get_running_targets(self):
        """Give the targets of now: of these sections, and the reader's own ones."""
        today = fields.Date.context_today(self)
        return self.env["crm.case.target"].search(
            [
                ("date_from", "<=", today),
                ("date_to", ">=", today),
                "|",
                ("section_id", "in", self.ids),
                "&",
                ("section_id", "=", False),
                ("user_id", "=", self.env.uid),
            ]
        )
