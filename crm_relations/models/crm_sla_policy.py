from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, Query, format_duration, ormcache

from ..tools import transitions
from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS

APPLY_BATCH = 5000  # cases per transaction, about ten seconds
_APPLIED_UP_TO = "crm_relations.sla_applied_up_to"
PREVIEW_LIMIT = 1000  # cases opened by the preview: their ids travel with the action
_PAUSABLE = (transitions.DRAFT, transitions.OPEN, transitions.PENDING)


class CrmSlaPolicy(models.Model):
    """What we promise for some cases: a first answer and a solution in working time.

    Written by managers. Of the policies whose conditions a case meets, the most
    specific one applies: the one with most conditions, then the first in order.
    What became of each promise is in `crm.sla.status`.
    """

    _name = "crm.sla.policy"
    _description = "Service Level Policy"
    _inherit = ["crm.case.criteria.mixin"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True, copy=False)
    sequence = fields.Integer(default=10)
    description = fields.Text(translate=True)

    # The promise
    hours_first_response = fields.Float(
        "First Answer within", help="In working hours; 0:00 promises none."
    )
    hours_resolution = fields.Float(
        "Solution within", help="In working hours; 0:00 promises none."
    )
    at_risk_percent = fields.Integer(
        "Warn at (%)",
        default=25,
        aggregator=None,
        help="A case is at risk when so much of the time, or less, is left. 0: never.",
    )
    resource_calendar_id = fields.Many2one(
        "resource.calendar",
        "Working Time",
        ondelete="restrict",
        help="Empty: the section's, else the company's.",
    )
    pause_states = fields.Char(
        default=transitions.PENDING,
        help="States in which the clock stands still, separated by commas.",
    )
    pause_draft = fields.Boolean(
        "Paused while Draft",
        compute="_compute_pause_draft",
        inverse="_inverse_pause_draft",
    )
    pause_pending = fields.Boolean(
        "Paused while Pending",
        compute="_compute_pause_pending",
        inverse="_inverse_pause_pending",
    )

    # What it does
    criteria_count = fields.Integer(
        "Conditions",
        compute="_compute_criteria_count",
        help="Of several policies that apply, the one with most conditions wins.",
    )
    summary = fields.Char("In Short", compute="_compute_summary")
    open_case_count = fields.Integer(
        "Unclosed Cases", compute="_compute_open_case_count"
    )

    _hours_positive = models.Constraint(
        "CHECK(hours_first_response >= 0 AND hours_resolution >= 0)",
        "First answer and solution within: the hours cannot be negative.",
    )
    _at_risk_percent_range = models.Constraint(
        "CHECK(at_risk_percent >= 0 AND at_risk_percent < 100)",
        "Warn at: give a percentage from 0 to 99.",
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    # one method per switch: Odoo takes those of a method for written all together

    @api.depends("pause_states")
    def _compute_pause_draft(self):
        for policy in self:
            policy.pause_draft = transitions.DRAFT in policy._get_pause_states()

    def _inverse_pause_draft(self):
        for policy in self:
            policy._set_pause(transitions.DRAFT, policy.pause_draft)

    @api.depends("pause_states")
    def _compute_pause_pending(self):
        for policy in self:
            policy.pause_pending = transitions.PENDING in policy._get_pause_states()

    def _inverse_pause_pending(self):
        for policy in self:
            policy._set_pause(transitions.PENDING, policy.pause_pending)

    def _set_pause(self, state, is_paused):
        states = {*self._get_pause_states(), state}
        if not is_paused:
            states.remove(state)
        self.pause_states = ",".join(one for one in _PAUSABLE if one in states)

    def _get_pause_states(self):
        return [s.strip() for s in (self.pause_states or "").split(",") if s.strip()]

    def _compute_criteria_count(self):
        for policy in self:
            policy.criteria_count = len(policy._get_criteria())

    @api.depends("hours_first_response", "hours_resolution")
    def _compute_summary(self):
        for policy in self:
            parts = []
            if policy.hours_first_response:
                hours = format_duration(policy.hours_first_response)
                parts.append(self.env._("first answer in %s h", hours))
            if policy.hours_resolution:
                hours = format_duration(policy.hours_resolution)
                parts.append(self.env._("solution in %s h", hours))
            policy.summary = ", ".join(parts)

    def _compute_open_case_count(self):
        counts = dict(
            self.env["crm.case"]._read_group(
                self._get_open_domain(), ["sla_policy_id"], ["__count"]
            )
        )
        for policy in self:
            policy.open_case_count = counts.get(policy, 0)

    def _get_open_domain(self):
        return Domain("sla_policy_id", "in", self.ids) & Domain(
            "state", "in", transitions.UNCLOSED
        )

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("hours_first_response", "hours_resolution")
    def _check_promise(self):
        for policy in self:
            if not (policy.hours_first_response or policy.hours_resolution):
                raise ValidationError(
                    self.env._(
                        "First answer and solution within: “%s” promises neither; "
                        "give the hours of one of them.",
                        policy.name,
                    )
                )

    @api.constrains("pause_states")
    def _check_pause_states(self):
        labels = dict(
            self.env["crm.case"]._fields["state"]._description_selection(self.env)
        )
        for policy in self:
            for state in policy._get_pause_states():
                if state not in _PAUSABLE:
                    raise ValidationError(
                        self.env._(
                            "Pause States: “%(state)s” is none in which a clock runs. "
                            "Choose from: %(states)s.",
                            state=labels.get(state, state),
                            states=", ".join(_PAUSABLE),
                        )
                    )

    @api.constrains("resource_calendar_id", "company_id")
    def _check_resource_calendar_id(self):
        for policy in self:
            calendar = policy.resource_calendar_id
            if calendar:
                # refuses one without working hours, by name
                calendar._get_working_time()
            company = calendar.company_id
            if company and policy.company_id and company != policy.company_id:
                raise ValidationError(
                    self.env._(
                        "Working Time: “%(calendar)s” belongs to another company than "
                        "the policy.",
                        calendar=calendar.name,
                    )
                )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        policies = super().create([self._clean_pauses(vals) for vals in vals_list])
        policies._on_change()
        return policies

    def write(self, vals):
        result = super().write(self._clean_pauses(vals))
        if not vals.keys() <= {"name", "description"}:
            self._on_change()
        return result

    @api.model
    def _clean_pauses(self, vals):
        """Keep the list of states without blanks: SQL cuts it at the commas."""
        if not vals.get("pause_states"):
            return vals
        return vals | {"pause_states": vals["pause_states"].replace(" ", "")}

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        # sudo: whatever cases the policy was applied to
        used = self.env["crm.sla.status"].sudo().search([("policy_id", "in", self.ids)])
        if used:
            raise ValidationError(
                self.env._(
                    "“%s” was applied to cases and is part of their history. Archive "
                    "it instead.",
                    used[0].policy_id.name,
                )
            )

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    def _on_change(self):
        """Apply the policies anew to all cases that are not closed."""
        self.env.registry.clear_cache()
        self.flush_model()
        # sudo: a promise binds all cases, whoever may see them
        self.env["crm.case"].sudo()._apply_sla_everywhere()

    # ------------------------------------------------------------
    # MANY CASES
    # ------------------------------------------------------------

    @api.model
    def _apply_later(self):
        """Let the scheduled action apply the policies to all unclosed cases."""
        # sudo: a mark of the system's, see `_cron_apply`
        self.env["ir.config_parameter"].sudo().set_param(_APPLIED_UP_TO, "0")
        self.env.ref("crm_relations.ir_cron_sla_apply").sudo()._trigger()

    @api.model
    def _cron_apply(self):
        """Apply the policies to unclosed cases, in batches, from where it stopped.

        The mark says up to which case it was done; it is kept with each batch, so
        that a killed worker repeats no more than one. Nothing to do: one query.
        """
        time_left = self.env["ir.cron"]._commit_progress()
        while time_left:
            try:
                count = self._apply_batch()
            except CONCURRENCY_ERRORS:
                # somebody works on one of these cases: later, with what he has done
                self.env.cr.rollback()
                count = 0
                time_left = 0
            if not count and time_left:
                return
            time_left = time_left and self.env["ir.cron"]._commit_progress(count)
        self.env.ref("crm_relations.ir_cron_sla_apply").sudo()._trigger()

    @api.model
    def _apply_batch(self):
        """Apply the policies to the next cases; give how many there were."""
        parameters = self.env["ir.config_parameter"].sudo()
        mark = parameters.get_param(_APPLIED_UP_TO)
        if not mark:
            return 0
        Case = self.env["crm.case"].sudo().with_context(active_test=False)
        cases = Case.search(
            [("state", "in", transitions.UNCLOSED), ("id", ">", int(mark))],
            limit=APPLY_BATCH,
            order="id",
        )
        parameters.set_param(_APPLIED_UP_TO, str(cases[-1].id) if cases else False)
        Case._apply_sla_to(cases.ids)
        return len(cases)

    # ------------------------------------------------------------
    # THE BEST POLICY
    # ------------------------------------------------------------

    @api.model
    @ormcache()
    def _get_watch(self):
        """Name the fields of a case whose change can bring it another policy.

        Cleared with every change of a policy, so that cases cost no query where
        there are no policies.

        :return: frozenset of str; empty without any policy
        """
        # sudo: as in `_get_ranked`
        policies = self.sudo().search([("active", "=", True)])
        names = set().union(*[policy._get_criteria_watch() for policy in policies])
        return frozenset(names)

    @api.model
    def _get_ranked(self):
        """Give the active policies, the most specific first."""
        # sudo: which policy applies to a case does not depend on who touches it
        policies = self.sudo().search([("active", "=", True)])
        return policies.sorted(lambda policy: -policy.criteria_count)

    @api.model
    def _get_best_sql(self, where):
        """Give, as SQL, the best policy of each case, one row for each.

        :param SQL where: a condition on ``crm_case``
        :return: SQL of a select with ``id``, ``policy_id`` (NULL without one) and
            ``old_policy_id``
        """
        Case = self.env["crm.case"].sudo()
        query = Query(self.env, Case._table, Case._table_sql)
        query.add_where(where)
        whens = [
            SQL(
                "WHEN %s THEN %s",
                self._domain_to_sql(Case, policy._get_criteria_domain(), query),
                policy.id,
            )
            for policy in self._get_ranked()
        ]
        best = SQL("CASE %s END", SQL(" ").join(whens)) if whens else SQL("NULL::int")
        return query.select(
            SQL("crm_case.id AS id"),
            SQL("%s AS policy_id", best),
            SQL("crm_case.sla_policy_id AS old_policy_id"),
        )

    def _get_matching(self, case):
        """Give all policies whose conditions a case meets, the best first."""
        return self._get_ranked().filtered(lambda policy: policy._match(case.sudo()))

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_cases(self):
        """Open the unclosed cases that the policy applies to."""
        self.ensure_one()
        return self._prepare_case_action(list(self._get_open_domain()))

    def action_preview(self):
        """Open the unclosed cases that meet the conditions, changing nothing.

        Also those for which a more specific policy wins; the first of a great number.
        """
        self.ensure_one()
        domain = self._get_criteria_domain()
        domain &= Domain("state", "in", transitions.UNCLOSED)
        cases = self.env["crm.case"].search(domain, limit=PREVIEW_LIMIT)
        return self._prepare_case_action([("id", "in", cases.ids)])

    def _prepare_case_action(self, domain):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_action"
        )
        views = ["list", "kanban", "form"]
        return action | {
            "display_name": self.name,
            "domain": domain,
            "context": {},
            "view_mode": ",".join(views),
            "views": [(False, view) for view in views],
        }
