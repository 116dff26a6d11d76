from odoo import api, fields, models


class CrmCaseMerge(models.TransientModel):
    """Choose which of several cases stays; the others are merged into it."""

    _name = "crm.case.merge"
    _description = "Merge Cases"

    case_ids = fields.Many2many("crm.case", string="Cases to merge", required=True)
    into_id = fields.Many2one("crm.case", "Merge into", required=True)

    @api.model
    def default_get(self, fields):
        """Take the selected cases; propose the oldest unclosed one to stay."""
        values = super().default_get(fields)
        if self.env.context.get("active_model") == "crm.case":
            cases = self.env["crm.case"].browse(self.env.context.get("active_ids"))
            values["case_ids"] = [(6, 0, cases.ids)]
            unclosed = cases.filtered(lambda case: not case.date_closed)
            values["into_id"] = (
                (unclosed or cases).sorted("id")[:1].id if len(cases) > 1 else False
            )
        return values

    def action_merge(self):
        """Merge and open the case that stays.

        :raise CaseMergeError: nothing is left to merge
        """
        self.ensure_one()
        return (self.case_ids - self.into_id).action_merge(self.into_id)
