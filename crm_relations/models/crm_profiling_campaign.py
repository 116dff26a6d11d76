from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools.call_hours import CallHours, find_open_zones
from ..tools.call_states import UNFINISHED

# in the order of the bar: what is through with, then what is left
_BAR = ("done", "refused", "given_up", "excluded", "again", "missed", "working", "todo")


class CrmProfilingCampaign(models.Model):
    """Partners to be asked one questionnaire by phone, by a few operators."""

    _name = "crm.profiling.campaign"
    _description = "Call Campaign"
    _inherit = ["crm.profiling.campaign.list.mixin", "mail.thread"]
    _order = "sequence, id desc"
    _check_company_auto = True

    name = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("running", "Running"),
            ("paused", "Paused"),
            ("done", "Ended"),
        ],
        required=True,
        readonly=True,
        default="draft",
        tracking=True,
        copy=False,
    )
    questionnaire_id = fields.Many2one(
        "crm.profiling.questionnaire", required=True, index=True, ondelete="restrict"
    )
    user_id = fields.Many2one(
        "res.users",
        "Responsible",
        index=True,
        ondelete="set null",
        default=lambda self: self.env.user,
        domain="[('share', '=', False)]",
        tracking=True,
    )
    operator_line_ids = fields.One2many(
        "crm.profiling.operator", "campaign_id", "Operators", copy=True
    )
    operator_ids = fields.Many2many(
        "res.users",
        string="Calling",
        compute="_compute_operator_ids",
        inverse="_inverse_operator_ids",
        search="_search_operator_ids",
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
    )
    date_start = fields.Date("From", copy=False, help="Nobody is called before.")
    date_end = fields.Date("To", copy=False, help="Nobody is called after this day.")
    call_ids = fields.One2many("crm.profiling.call", "campaign_id", "Partners to Call")

    # How to call
    distribution = fields.Selection(
        [
            ("pool", "Whoever is free takes the next"),
            ("dealt", "Dealt out equally beforehand"),
        ],
        required=True,
        default="pool",
    )
    max_attempts = fields.Integer(
        "Give Up After",
        required=True,
        default=3,
        help="So many times not reached, and the partner is given up.",
    )
    hours_wait = fields.Float(
        "Hours until the Next Try", required=True, default=4.0, aggregator=None
    )
    hour_from = fields.Float("Call From", required=True, default=9.0, aggregator=None)
    hour_to = fields.Float("Call To", required=True, default=18.0, aggregator=None)
    on_weekends = fields.Boolean("At Weekends Too")
    minutes_hold = fields.Integer(
        "Minutes in Hand",
        required=True,
        default=30,
        help="When an operator vanished, the partner in hand is given to somebody else "
        "after so many minutes.",
    )

    # How far it is
    call_count = fields.Integer("Partners", compute="_compute_progress")
    open_count = fields.Integer("Open", compute="_compute_progress")
    done_count = fields.Integer("Answered", compute="_compute_progress")
    progress = fields.Json(compute="_compute_progress")
    is_mine = fields.Boolean("I Call", compute="_compute_is_mine")

    _max_attempts_positive = models.Constraint(
        "CHECK(max_attempts > 0)", "Give up after: at least one attempt."
    )
    _hours_wait_positive = models.Constraint(
        "CHECK(hours_wait >= 0)", "Hours until the next try: not negative."
    )
    _minutes_hold_positive = models.Constraint(
        "CHECK(minutes_hold > 0)", "Minutes in hand: at least one."
    )
    _hours_in_order = models.Constraint(
        "CHECK(hour_from >= 0 AND hour_from < hour_to AND hour_to <= 24)",
        "Call from, call to: hours of one day, the second one later.",
    )
    _dates_in_order = models.Constraint(
        "CHECK(date_start <= date_end)", "To: it is before the day the campaign begins."
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("operator_line_ids.user_id")
    def _compute_operator_ids(self):
        for campaign in self:
            campaign.operator_ids = campaign.operator_line_ids.user_id

    def _inverse_operator_ids(self):
        for campaign in self:
            lines, users = campaign.operator_line_ids, campaign.operator_ids
            campaign.operator_line_ids = [
                (2, line.id) for line in lines if line.user_id not in users
            ] + [(0, 0, {"user_id": user.id}) for user in users - lines.user_id]

    def _search_operator_ids(self, operator, value):
        return [("operator_line_ids.user_id", operator, value)]

    @api.depends_context("uid")
    @api.depends("operator_line_ids.user_id", "state")
    def _compute_is_mine(self):
        for campaign in self:
            campaign.is_mine = (
                campaign.state == "running" and self.env.user in campaign.operator_ids
            )

    @api.depends("call_ids.state")
    def _compute_progress(self):
        """Count the partners by what came of them, in one query."""
        counts = {}
        for campaign, state, count in self.env["crm.profiling.call"]._read_group(
            [("campaign_id", "in", self.ids)], ["campaign_id", "state"], ["__count"]
        ):
            counts.setdefault(campaign.id, {})[state] = count
        for campaign in self:
            own = counts.get(campaign.id, {})
            campaign.call_count = sum(own.values())
            campaign.open_count = sum(own.get(state, 0) for state in UNFINISHED)
            campaign.done_count = own.get("done", 0)
            campaign.progress = self._prepare_progress(own)

    @api.model
    def _prepare_progress(self, counts):
        """Give what the bar shows: [{key, label, count}], without what is none.

        :param counts: {state of a call, or result of one: number}
        """
        labels = self._get_state_labels()
        return [
            {"key": state, "label": labels[state], "count": counts[state]}
            for state in _BAR
            if counts.get(state)
        ]

    @api.model
    def _get_state_labels(self):
        state = self.env["crm.profiling.call"]._fields["state"]
        return dict(state._description_selection(self.env))

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    def write(self, vals):
        """Deal the list out, or gather it in, when the way it is called changes."""
        changed = self.filtered(
            lambda campaign: (
                vals.get("distribution", campaign.distribution) != campaign.distribution
            )
        )
        result = super().write(vals)
        changed._deal(again=True)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_called(self):
        called = self.env["crm.profiling.attempt"].search(
            [("campaign_id", "in", self.ids)], limit=1
        )
        if called:
            raise UserError(
                self.env._(
                    "Campaign: calls were made for “%s”. Archive it instead.",
                    called.campaign_id.name,
                )
            )

    # ------------------------------------------------------------
    # WHO MAY BE CALLED NOW
    # ------------------------------------------------------------

    @api.model
    def _get_callable(self, campaign_id=False):
        """Find the campaigns that this user calls for today.

        :param campaign_id: this one only
        """
        today = fields.Date.context_today(self)
        domain = (
            Domain("state", "=", "running")
            & Domain("operator_line_ids.user_id", "=", self.env.uid)
            & (Domain("date_start", "=", False) | Domain("date_start", "<=", today))
            & (Domain("date_end", "=", False) | Domain("date_end", ">=", today))
        )
        if campaign_id:
            domain &= Domain("id", "=", campaign_id)
        return self.search(domain)

    def _get_hours_condition(self, moment):
        """Give SQL that says whether partner `p` may be called at a moment.

        It is his own time zone that counts, else the company's.
        """
        hours = CallHours(self.hour_from, self.hour_to, self.on_weekends)
        if hours.is_always:
            return SQL("TRUE")
        # sudo: an operator need not see the company's own partner
        zone = self.sudo().company_id.partner_id.tz or self.env.user.tz or "UTC"
        return SQL("COALESCE(p.tz, %s) = ANY(%s)", zone, find_open_zones(hours, moment))

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_start(self):
        """Let the operators call; also after a pause, or once more after the end.

        :raise UserError: there is nobody to call, or nothing to ask
        """
        for campaign in self:
            if not campaign.operator_line_ids:
                raise UserError(
                    self.env._("Operators: say who calls for “%s”.", campaign.name)
                )
            if not campaign.questionnaire_id.question_ids:
                raise UserError(
                    self.env._(
                        "Questionnaire: “%s” has no questions.",
                        campaign.questionnaire_id.name,
                    )
                )
        self.write({"state": "running"})

    def action_pause(self):
        """Give out nobody for the time being; who is in hand is finished."""
        self.write({"state": "paused"})

    def action_end(self):
        """End it; what is open stays open and is called no more."""
        self.write({"state": "done"})

    def action_view_calls(self):
        """Open the list; `call_state` in the context: only those in that state.

        "open" stands for all who are not through with.
        """
        self.ensure_one()
        wanted = self.env.context.get("call_state")
        labels = self._get_state_labels() | {"open": self.env._("Open")}
        if wanted not in labels:
            return self._get_calls_action(self.name, [])
        states = UNFINISHED if wanted == "open" else (wanted,)
        return self._get_calls_action(
            f"{self.name}: {labels[wanted]}", [("state", "in", states)]
        )

    def _get_calls_action(self, name, domain):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_profiling_call_action"
        )
        return action | {
            "display_name": name,
            "domain": [("campaign_id", "=", self.id), *domain],
            "context": {"default_campaign_id": self.id},
        }

    def action_view_attempts(self):
        """Open the calls made, to be counted by operator, day and result."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_profiling_attempt_action"
        )
        return action | {
            "display_name": self.env._("Calls of %s", self.name),
            "domain": [("campaign_id", "=", self.id)],
            "context": {},
        }

    def action_open_desk(self):
        """Open the operator's desk for this campaign."""
        self.ensure_one()
        action = self.env["ir.actions.client"]._for_xml_id(
            "crm_relations.crm_profiling_call_desk"
        )
        return action | {"context": {"campaign_id": self.id}}
