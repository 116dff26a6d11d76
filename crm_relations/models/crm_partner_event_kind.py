from odoo import api, fields, models
from odoo.tools import ormcache


class CrmPartnerEventKind(models.Model):
    """A kind of event: what people log by hand, or what happens by itself.

    A kind with a code is written by the program, and only while it is active: archiving
    it is how a company says that such happenings are not to be logged. People make as
    many kinds without a code as they like.
    """

    _name = "crm.partner.event.kind"
    _description = "Kind of Event"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(
        "Logged", default=True, help="Events of other kinds are not written."
    )
    code = fields.Char(
        copy=False, help="What programs call it; empty for kinds logged by hand."
    )
    is_automatic = fields.Boolean(
        "By Itself", help="Written when it happens; people do not pick it."
    )
    is_on_timeline = fields.Boolean(
        "On the Timeline",
        default=True,
        help="Off for what the timeline shows already, as the moves of cases.",
    )
    channel_id = fields.Many2one(
        "crm.case.channel",
        ondelete="set null",
        help="Proposed when such an event is logged.",
    )
    icon = fields.Char(default="fa-circle-o", help="Name of a Font Awesome icon.")

    _code_uniq = models.UniqueIndex(
        "(code) WHERE code IS NOT NULL AND code != ''",
        "Code: another kind of event has it already.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    @api.model
    @ormcache()
    def _get_logged(self):
        """Give the kinds that programs may write; one query, once after a change.

        :return: {code: (id, channel's id or False, is it on the timeline)}
        """
        # sudo: settings that are the same for everybody
        kinds = self.sudo().search([("code", "!=", False), ("active", "=", True)])
        return {
            kind.code: (kind.id, kind.channel_id.id, kind.is_on_timeline)
            for kind in kinds
        }
