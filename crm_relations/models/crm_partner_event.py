from odoo import api, fields, models

from ..fields import OptionalInteger

DIRECTIONS = [("in", "Incoming"), ("out", "Outgoing")]


class CrmPartnerEvent(models.Model):
    """Something that happened with a partner: a call, a visit, a letter, a fair.

    People log it, import it, or the program does when a case is opened or closed and
    its kind is to be logged (`_log`).
    """

    _name = "crm.partner.event"
    _description = "Partner Event"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char("Summary", required=True, index="trigram")
    partner_id = fields.Many2one(
        "res.partner",
        required=True,
        index=True,
        ondelete="cascade",
        check_company=True,
    )
    commercial_partner_id = fields.Many2one(
        "res.partner",
        "Company of the Partner",
        related="partner_id.commercial_partner_id",
        store=True,
        precompute=True,
        index=True,
    )
    kind_id = fields.Many2one(
        "crm.partner.event.kind",
        "Kind",
        required=True,
        index=True,
        ondelete="restrict",
        default=lambda self: self._default_kind_id(),
        domain="[('is_automatic', '=', False)]",
    )
    date = fields.Datetime(required=True, default=fields.Datetime.now, index=True)
    duration = fields.Float("Duration (hours)")
    user_id = fields.Many2one(
        "res.users",
        "By",
        index=True,
        ondelete="set null",
        default=lambda self: self.env.user,
        domain="[('share', '=', False)]",
    )
    channel_id = fields.Many2one(
        "crm.case.channel",
        compute="_compute_channel_id",
        store=True,
        readonly=False,
        precompute=True,
        ondelete="restrict",
    )
    direction = fields.Selection(
        DIRECTIONS, help="Incoming: the partner came to us; outgoing: we went to him."
    )
    sentiment = OptionalInteger(
        aggregator="avg",
        help="How the partner felt: 0 very dissatisfied to 10 extremely satisfied.",
    )
    description = fields.Html("Notes")
    case_id = fields.Many2one(
        "crm.case",
        index="btree_not_null",
        ondelete="set null",
        check_company=True,
        help="Who may not see the case does not see the event.",
    )
    reference = fields.Reference(
        selection=lambda self: self.env["crm.case"]._selection_reference(),
        help="Any document it is about.",
    )
    planned_revenue = fields.Monetary()
    planned_cost = fields.Monetary()
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    is_automatic = fields.Boolean(related="kind_id.is_automatic")
    is_on_timeline = fields.Boolean("On the Timeline", default=True, readonly=True)

    _sentiment_range = models.Constraint(
        "CHECK(sentiment >= 0 AND sentiment <= 10)",
        "Sentiment: give a mark from 0 to 10.",
    )
    _duration_positive = models.Constraint(
        "CHECK(duration >= 0)", "Duration: it cannot be negative."
    )

    @api.model
    def _default_kind_id(self):
        return self.env["crm.partner.event.kind"].search(
            [("is_automatic", "=", False)], limit=1
        )

    @api.depends("kind_id")
    def _compute_channel_id(self):
        for event in self:
            event.channel_id = event.kind_id.channel_id or event.channel_id

    # ------------------------------------------------------------
    # HAPPENINGS
    # ------------------------------------------------------------

    @api.model
    def _log(self, code, vals_list):
        """Write what happened by itself, if its kind is to be logged.

        Two queries whatever the number of events; none when the kind is switched off.

        :param str code: the kind's code
        :param vals_list: values of the events, with `name` and `partner_id` at least;
            `date`, `user_id`, `company_id`, `reference`, `planned_revenue`… as wanted
        :return: the events, none if the kind is unknown or switched off
        """
        logged = self.env["crm.partner.event.kind"]._get_logged().get(code)
        if not logged or not vals_list:
            return self.browse()
        kind_id, channel_id, is_on_timeline = logged
        common = {
            "kind_id": kind_id,
            "channel_id": channel_id,
            "is_on_timeline": is_on_timeline,
        }
        # sudo: what happens is logged whoever did it; callers give only values of
        # records that this person has just changed
        return self.sudo().create([common | vals for vals in vals_list])
