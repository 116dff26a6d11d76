from odoo import fields, models


class CrmCaseChannel(models.Model):
    """A way people reach us or we reach them: mail, phone, letter, visit."""

    _name = "crm.case.channel"
    _description = "Communication Channel"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)

    _name_uniq = models.Constraint(
        "unique(name)", "Two channels cannot have the same name."
    )
