from odoo import fields, models

# what comes of a call, as the operator says it
RESULTS = [
    ("done", "Answered"),
    ("again", "Call again"),
    ("missed", "Not reached"),
    ("refused", "Refused"),
]


class CrmProfilingAttempt(models.Model):
    """One call made for a campaign: who called whom, when, and what came of it.

    Written when an operator says what came of it, and never changed afterwards, so that
    each operator's figures stay right when another one calls the same partner next.
    """

    _name = "crm.profiling.attempt"
    _description = "Call of a Campaign"
    _order = "date desc, id desc"
    _rec_name = "call_id"

    call_id = fields.Many2one(
        "crm.profiling.call",
        "Partner on the List",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    campaign_id = fields.Many2one(
        related="call_id.campaign_id", store=True, precompute=True
    )
    partner_id = fields.Many2one(
        related="call_id.partner_id", store=True, precompute=True, index=True
    )
    company_id = fields.Many2one(
        related="call_id.company_id", store=True, precompute=True
    )
    user_id = fields.Many2one(
        "res.users", "Operator", readonly=True, ondelete="set null"
    )
    date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    minutes = fields.Float(
        readonly=True,
        aggregator="avg",
        digits=(16, 1),
        help="From taking the partner in hand to the result.",
    )
    result = fields.Selection(RESULTS, required=True, readonly=True)
    note = fields.Text(readonly=True)

    # progress of campaigns and of their operators
    _progress_idx = models.Index("(campaign_id, user_id, result)")
