from odoo import api, fields, models

from ..fields import OptionalInteger

DIRECTIONS = [("in", "Incoming"), ("out", "Outgoing")]
_MARK_FIELDS = ("sentiment", "date", "partner_id", "company_id")


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
    )
    kind_id = fields.Many2one(
        "crm.partner.event.kind",
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
    currency_id = fields.Many2one(
        related="company_id.currency_id", store=True, precompute=True
    )
    is_automatic = fields.Boolean(related="kind_id.is_automatic")
    is_on_timeline = fields.Boolean("On the Timeline", default=True, readonly=True)

    # a partner's page of the timeline, and the marks of a night's window
    _company_date_idx = models.Index("(commercial_partner_id, date DESC)")
    _mark_idx = models.Index("(date) WHERE sentiment IS NOT NULL")
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
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        # no line "created" and no follower: an event is itself what happened
        model = self.with_context(mail_create_nolog=True, mail_create_nosubscribe=True)
        events = super(CrmPartnerEvent, model).create(vals_list)
        marked = events.filtered(lambda event: event.sentiment is not False)
        self.env["crm.partner.sentiment"]._update_partners(marked.partner_id)
        return events.with_env(self.env)

    def write(self, vals):
        counts = not vals.keys().isdisjoint(_MARK_FIELDS)
        before = self.partner_id if counts else self.partner_id.browse()
        result = super().write(vals)
        if counts:
            partners = before | self.partner_id
            self.env["crm.partner.sentiment"]._update_partners(partners)
        return result

    def unlink(self):
        marked = self.filtered(lambda event: event.sentiment is not False)
        partners = marked.partner_id
        result = super().unlink()
        self.env["crm.partner.sentiment"]._update_partners(partners)
        return result

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
