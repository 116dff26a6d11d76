from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools.call_states import UNFINISHED
from .crm_profiling_attempt import RESULTS

_GROUP = "crm_relations.crm_relations_group_user"


class CrmProfilingOperator(models.Model):
    """One person who calls for one campaign, and how far he is.

    Removing the row ends it: what he had is given back. The calls he made stay.
    """

    _name = "crm.profiling.operator"
    _description = "Operator of a Call Campaign"
    _order = "campaign_id, id"
    _rec_name = "user_id"

    campaign_id = fields.Many2one(
        "crm.profiling.campaign", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="campaign_id.company_id")
    user_id = fields.Many2one(
        "res.users",
        "Operator",
        required=True,
        index=True,
        ondelete="cascade",
        domain=lambda self: [("all_group_ids", "in", self.env.ref(_GROUP).ids)],
    )
    attempt_count = fields.Integer("Calls", compute="_compute_progress")
    open_count = fields.Integer(
        "Open",
        compute="_compute_progress",
        help="In hand, promised to call again, or dealt to this operator.",
    )
    done_count = fields.Integer("Answered", compute="_compute_progress")
    missed_count = fields.Integer("Not Reached", compute="_compute_progress")
    again_count = fields.Integer("Call Again", compute="_compute_progress")
    refused_count = fields.Integer("Refused", compute="_compute_progress")
    progress = fields.Json(compute="_compute_progress")

    _campaign_user_uniq = models.UniqueIndex(
        "(campaign_id, user_id)", "Operators: this person is an operator already."
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    def _compute_progress(self):
        """Count the calls each one made, and what each one still has: 2 queries."""
        domain = [
            ("campaign_id", "in", self.campaign_id.ids),
            ("user_id", "in", self.user_id.ids),
        ]
        made = self._count("crm.profiling.attempt", domain, "result")
        unfinished = [*domain, ("state", "in", UNFINISHED)]
        left = self._count("crm.profiling.call", unfinished, "state")
        for operator in self:
            key = operator.campaign_id.id, operator.user_id.id
            counts = made.get(key, {})
            operator.attempt_count = sum(counts.values())
            operator.open_count = sum(left.get(key, {}).values())
            for result, _label in RESULTS:
                operator[f"{result}_count"] = counts.get(result, 0)
            operator.progress = self.campaign_id._prepare_progress(counts)

    def _count(self, model, domain, field):
        counts = {}
        for campaign, user, value, count in self.env[model]._read_group(
            domain, ["campaign_id", "user_id", field], ["__count"]
        ):
            counts.setdefault((campaign.id, user.id), {})[value] = count
        return counts

    @api.constrains("user_id", "campaign_id")
    def _check_user(self):
        for operator in self:
            # sudo: groups and companies of a colleague are compared, not shown
            user = operator.sudo().user_id
            company = operator.campaign_id.company_id
            if not user.has_group(_GROUP) or company not in user.company_ids:
                raise ValidationError(
                    self.env._(
                        "Operators: %(user)s has no role in Relations, or does not"
                        " work in %(company)s.",
                        user=user.name,
                        company=company.name,
                    )
                )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        operators = super().create(vals_list)
        operators.campaign_id._deal()
        return operators

    def write(self, vals):
        """Give back what the one who is replaced had."""
        leaves = "user_id" in vals or "campaign_id" in vals
        if leaves:
            self._release()
        result = super().write(vals)
        if leaves:
            self.campaign_id._deal()
        return result

    def unlink(self):
        self._release()
        campaigns = self.campaign_id
        result = super().unlink()
        campaigns.exists()._deal()
        return result

    def _release(self):
        """Give back what these operators have: in hand, promised, dealt."""
        pairs = {(row.campaign_id.id, row.user_id.id) for row in self}
        # sudo: lines follow the operators, whoever may choose those
        calls = (
            self.env["crm.profiling.call"]
            .sudo()
            .search(
                [
                    ("campaign_id", "in", self.campaign_id.ids),
                    ("user_id", "in", self.user_id.ids),
                    ("state", "in", UNFINISHED),
                ]
            )
        )
        calls.filtered(
            lambda call: (call.campaign_id.id, call.user_id.id) in pairs
        )._give_back()

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_calls(self):
        """Open what this operator called, or still has.

        `call_state` in the context: only what came of it, such as "missed".
        """
        self.ensure_one()
        result = self.env.context.get("call_state")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_profiling_attempt_action"
        )
        domain = [
            ("campaign_id", "=", self.campaign_id.id),
            ("user_id", "=", self.user_id.id),
        ]
        if result:
            domain.append(("result", "=", result))
        return action | {
            "display_name": self.env._("Calls of %s", self.user_id.name),
            "domain": domain,
            "views": [(False, "list"), (False, "pivot"), (False, "graph")],
            "context": {},
        }

    def action_view_open(self):
        """Open the partners that this operator still has."""
        self.ensure_one()
        return self.campaign_id._get_calls_action(
            self.env._("Open for %s", self.user_id.name),
            [("user_id", "=", self.user_id.id), ("state", "in", UNFINISHED)],
        )
