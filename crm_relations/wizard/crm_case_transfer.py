from odoo import api, fields, models


class CrmCaseTransfer(models.TransientModel):
    """Hand cases over to another section, also to one where the user does not work."""

    _name = "crm.case.transfer"
    _description = "Hand Over Cases"

    case_ids = fields.Many2many("crm.case", string="Cases", required=True)
    section_id = fields.Many2one("crm.case.section", "To Section", required=True)
    user_id = fields.Many2one(
        "res.users",
        "Responsible",
        domain="[('share', '=', False)]",
        help="Empty: the section decides.",
    )
    note = fields.Text(help="What the next one should know; kept as an internal note.")

    @api.model
    def default_get(self, fields):
        """Take the selected cases."""
        values = super().default_get(fields)
        if self.env.context.get("active_model") == "crm.case":
            values["case_ids"] = [(6, 0, self.env.context.get("active_ids") or [])]
        return values

    def action_transfer(self):
        """Hand the cases over; see `crm.case._transfer_to`.

        :return: True, or an action that leaves a case the user may no longer see
        """
        self.ensure_one()
        return self.case_ids._transfer_to(self.section_id, self.user_id, self.note)
