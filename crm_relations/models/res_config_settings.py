from odoo import fields, models

from .crm_case_automatic_mail import DOMAIN_PER_HOUR, PER_DAY, PER_HOUR
from .crm_case_route_mixin import REOPEN_DAYS
from .crm_mail_health import CRITICAL_MINUTES, WARNING_MINUTES
from .crm_mail_intake import KEEP_DAYS
from .crm_mail_intake_form_mixin import ATTACHMENT_LIMIT_MB
from .crm_mail_intake_loop_mixin import FLOOD_PER_SENDER, QUIET_PER_CASE
from .crm_partner_sentiment import DAYS, DEFAULT, DROP, FACTOR, PERIODS


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    crm_mail_intake_keep_days = fields.Integer(
        "Keep Original Mails (days)",
        config_parameter="crm_relations.mail_intake_keep_days",
        default=KEEP_DAYS,
        help="Originals of mails that ended well are removed after this; 0 keeps them "
        "for ever. Cases and quarantined mails are not touched.",
    )
    crm_mail_health_warning_minutes = fields.Integer(
        "Mail Is Late (minutes)",
        config_parameter="crm_relations.mail_health_warning_minutes",
        default=WARNING_MINUTES,
        help="Mail health shows a warning when mail waits so long, or when a mailbox "
        "could not be read so long.",
    )
    crm_mail_health_critical_minutes = fields.Integer(
        "Mail Stands Still (minutes)",
        config_parameter="crm_relations.mail_health_critical_minutes",
        default=CRITICAL_MINUTES,
        help="After so long, mail health says that mail does not work.",
    )
    crm_mail_attachment_limit_mb = fields.Integer(
        "Largest Attachment (MB)",
        config_parameter="crm_relations.mail_attachment_limit_mb",
        default=ATTACHMENT_LIMIT_MB,
        help="Larger files stay in the original mail; 0 attaches all.",
    )
    crm_mail_reopen_days = fields.Integer(
        "Answers Open Closed Cases (days)",
        config_parameter="crm_relations.mail_reopen_days",
        default=REOPEN_DAYS,
        help="An answer to a case that was closed or merged longer ago opens a new "
        "case, which refers to the old one.",
    )
    crm_mail_quiet_case = fields.Integer(
        "Mails into One Case (per hour)",
        config_parameter="crm_relations.mail_quiet_case",
        default=QUIET_PER_CASE,
        help="Beyond this, nobody is mailed any more about a mail to the case, so that "
        "two programs cannot talk to each other.",
    )
    crm_mail_flood_sender = fields.Integer(
        "New Cases of One Sender (per hour)",
        config_parameter="crm_relations.mail_flood_sender",
        default=FLOOD_PER_SENDER,
        help="Mails beyond this are held in the ledger.",
    )
    crm_automatic_mail_hour = fields.Integer(
        "Automatic Mails to One Address (per hour)",
        config_parameter="crm_relations.automatic_mail_hour",
        default=PER_HOUR,
        help="Rules send nobody outside more than this; 0 sends none.",
    )
    crm_automatic_mail_day = fields.Integer(
        "Automatic Mails to One Address (per day)",
        config_parameter="crm_relations.automatic_mail_day",
        default=PER_DAY,
        help="Rules send nobody outside more than this; 0 sends none.",
    )
    crm_automatic_mail_domain = fields.Integer(
        "Automatic Mails to One Domain (per hour)",
        config_parameter="crm_relations.automatic_mail_domain",
        default=DOMAIN_PER_HOUR,
        help="How many received mails may set off, to addresses of one domain; three "
        "times as many in a day.",
    )
    crm_mail_authserv_id = fields.Char(
        "Receiving Server's Name",
        config_parameter="crm_relations.mail_authserv_id",
        help="The first word of the Authentication-Results header in the mails that "
        "your mail server receives. Only senders it has checked may give commands by "
        "mail.",
    )
    crm_sentiment_days = fields.Integer(
        "Days of a Period",
        config_parameter="crm_relations.sentiment_days",
        default=DAYS,
    )
    crm_sentiment_periods = fields.Integer(
        "Periods That Count",
        config_parameter="crm_relations.sentiment_periods",
        default=PERIODS,
    )
    crm_sentiment_factor = fields.Float(
        "Weight of a Period",
        config_parameter="crm_relations.sentiment_factor",
        default=FACTOR,
        help="From 0 (marks change nothing) to 1 (only the last period counts).",
    )
    crm_sentiment_default = fields.Float(
        "Where a Partner Begins",
        config_parameter="crm_relations.sentiment_default",
        default=DEFAULT,
        help="From 0 to 10.",
    )
    crm_sentiment_drop = fields.Float(
        "A Drop Is at Least",
        config_parameter="crm_relations.sentiment_drop",
        default=DROP,
        help="A partner who falls by so many points within a period cools down.",
    )
