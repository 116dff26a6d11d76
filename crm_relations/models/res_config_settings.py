from odoo import fields, models

from .crm_mail_intake import KEEP_DAYS


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    crm_mail_intake_keep_days = fields.Integer(
        "Keep Original Mails (days)",
        config_parameter="crm_relations.mail_intake_keep_days",
        default=KEEP_DAYS,
        help="Originals of mails that ended well are removed after this; 0 keeps them "
        "for ever. Cases and quarantined mails are not touched.",
    )
    crm_mail_authserv_id = fields.Char(
        "Receiving Server's Name",
        config_parameter="crm_relations.mail_authserv_id",
        help="The first word of the Authentication-Results header in the mails that your "
        "mail server receives. Only senders it has checked may give commands by mail.",
    )
