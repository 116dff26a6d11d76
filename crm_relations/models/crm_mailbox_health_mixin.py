from odoo import fields, models


class CrmMailboxHealthMixin(models.AbstractModel):
    """What the ledger knows of a mailbox, shown where the mailbox is set up."""

    _name = "crm.mailbox.health.mixin"
    _description = "Mailbox Figures"

    waiting_count = fields.Integer(compute="_compute_figures")
    date_oldest_waiting = fields.Datetime(compute="_compute_figures")
    received_hour = fields.Integer(compute="_compute_figures")
    received_day = fields.Integer(compute="_compute_figures")

    def _compute_figures(self):
        """Read the figures in one query; mailboxes that are not read have none."""
        # sudo: figures for whoever may see the mailbox
        doors = self.env["crm.mail.health"].sudo()
        doors = doors.search([("server_id", "in", self.ids)])
        known = {door.server_id: door for door in doors}
        for server in self:
            door = known.get(server._origin.id, doors.browse())
            server.waiting_count = door.waiting
            server.date_oldest_waiting = door.date_oldest
            server.received_hour = door.received_hour
            server.received_day = door.received_day
