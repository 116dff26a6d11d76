from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import transitions
from .crm_case_rule_sla_mixin import SLA
from .crm_case_rule_trigger_mixin import Event
from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS
from .crm_sla_status import AT_RISK, FIRST_RESPONSE, MISSED, RESOLUTION, TARGETS

# unclosed cases that a change of a policy or a calendar waits for, about ten seconds
AT_ONCE = 5000
_IN_DAYS = 5  # working days from which on hours tell nobody anything
_ELAPSED_DAY = 24
# a change of these makes a move, which is noticed where it is recorded
_MOVE_FIELDS = {"state", "stage_id", "section_id", "user_id"}
# a change of these stops a clock or puts it on another calendar
_CLOCK_FIELDS = {"company_id", "date_first_response", "date_closed"}
_SLA_FIELDS = (
    "sla_policy_id",
    "sla_first_response_deadline",
    "sla_resolution_deadline",
    "sla_deadline",
    "sla_target",
    "sla_hours_paused",
    "sla_state",
    "sla_status_ids",
)


class CrmCaseSlaMixin(models.AbstractModel):
    """What was promised for a case, by when, and how much time is left.

    The fields are written by SQL, for all cases concerned at once, and by nothing
    else: they follow from the policies, the case's stays and the working time.
    """

    _name = "crm.case.sla.mixin"
    _description = "Case Service Level"

    sla_policy_id = fields.Many2one(
        "crm.sla.policy",
        "Service Level",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
    )
    sla_first_response_deadline = fields.Datetime(
        "First Answer by", readonly=True, copy=False
    )
    sla_resolution_deadline = fields.Datetime("Solution by", readonly=True, copy=False)
    sla_deadline = fields.Datetime(
        "Next Promise by",
        readonly=True,
        copy=False,
        help="The first promise not kept yet. Empty: none, or the clock is paused.",
    )
    sla_target = fields.Selection(TARGETS, "Next Promise", readonly=True, copy=False)
    sla_hours_paused = fields.Float(
        "Working Hours Left while Paused", readonly=True, copy=False, aggregator=None
    )
    sla_state = fields.Selection(
        [
            ("none", "No Promise"),
            ("on_track", "On Track"),
            (AT_RISK, "At Risk"),
            ("met", "Met"),
            (MISSED, "Missed"),
        ],
        "Promise",
        default="none",
        required=True,
        readonly=True,
        copy=False,
    )
    sla_left = fields.Char("Time Left", compute="_compute_sla_left")
    sla_status_ids = fields.One2many(
        "crm.sla.status", "case_id", "Promises", readonly=True, copy=False
    )
    sla_reason = fields.Text("Why this Service Level", compute="_compute_sla_reason")

    # "late" and "at risk", in order of what is due first
    _sla_idx = models.Index(
        """(sla_state, sla_deadline)
        WHERE state IN ('draft', 'open', 'pending') AND sla_state != 'none'"""
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("sla_deadline", "sla_target", "sla_hours_paused", "sla_state")
    @api.depends_context("lang")
    def _compute_sla_left(self):
        """Tell the working time left; 5 queries whatever the number of cases."""
        now = fields.Datetime.now()
        for case in self:
            case.sla_left = case._get_sla_left(now)

    def _get_sla_left(self, now):
        is_open = self.state in transitions.UNCLOSED
        if not (is_open and (self.sla_deadline or self.sla_hours_paused)):
            return False
        calendar = self._get_sla_calendar()
        if not self.sla_deadline:
            left = self._format_hours(self.sla_hours_paused, calendar)
            return self.env._("Paused, %s left", left)
        hours = calendar._get_working_hours_between(now, self.sla_deadline)
        left = self._format_hours(abs(hours), calendar)
        is_late, is_answer = self.sla_deadline <= now, self.sla_target == FIRST_RESPONSE
        texts = {
            (False, True): self.env._("%s to answer", left),
            (True, True): self.env._("Answer %s late", left),
            (False, False): self.env._("%s to solve", left),
            (True, False): self.env._("Solution %s late", left),
        }
        return texts[is_late, is_answer]

    def _get_sla_calendar(self):
        """Give the calendar of the case's clocks, as `crm.sla.status` finds it."""
        # sudo: nothing but working hours are read
        case = self.sudo()
        calendar = (
            case.sla_policy_id.resource_calendar_id
            or case.section_id.resource_calendar_id
            or case.company_id.resource_calendar_id
        )
        # nobody's work stops because a calendar has lost its hours
        return calendar if calendar._has_working_time(0) else calendar.browse()

    @api.model
    def _format_hours(self, hours, calendar):
        """Tell a duration as people do: in minutes, hours, or working days."""
        day = calendar.hours_per_day or _ELAPSED_DAY
        if hours >= _IN_DAYS * day:
            return self.env._("%s days", round(hours / day))
        minutes = round(hours * 60)
        hours, minutes = divmod(minutes, 60)
        if not hours:
            return self.env._("%s min", minutes)
        if not minutes:
            return self.env._("%s h", hours)
        return self.env._("%(hours)s h %(minutes)02d", hours=hours, minutes=minutes)

    def _compute_sla_reason(self):
        Policy = self.env["crm.sla.policy"]
        for case in self:
            case.sla_reason = (
                case._get_sla_reason(Policy._get_matching(case))
                if Policy._get_watch() and case.id
                else False
            )

    def _get_sla_reason(self, matching):
        """Tell in a sentence or two which policy applies and why no other one does."""
        policy = self.sudo().sla_policy_id
        if not policy:
            return self.env._("The case meets the conditions of no service level.")
        # sudo: the conditions' names are shown to whoever sees the case
        conditions = [
            f"{line['label']}: {line['wanted']}" for line in policy.explain(self.sudo())
        ]
        lines = [
            self.env._(
                "“%(policy)s” applies: %(conditions)s.",
                policy=policy.name,
                conditions=", ".join(conditions) or self.env._("it has no conditions"),
            )
        ]
        others = matching - policy
        if others:
            lines.append(
                self.env._(
                    "It goes before %(others)s, which the case meets too: most "
                    "conditions first, then the order of the list.",
                    others=", ".join(f"“{other.name}”" for other in others),
                )
            )
        return "\n".join(lines)

    # ------------------------------------------------------------
    # FIGURES AND FILTERS
    # ------------------------------------------------------------

    @api.model
    def _get_sla_card_domains(self):
        """Give what the figure of the service level on a section's card counts."""
        unclosed = Domain("state", "in", transitions.UNCLOSED)
        return {
            "sla_count": unclosed & Domain("sla_state", "in", (AT_RISK, MISSED)),
        }

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    def _after_moves(self, moves):
        """Find promises and move their clocks before rules hear of the move."""
        moves = super()._after_moves(moves)
        if moves and self.env["crm.sla.policy"]._get_watch():
            # sudo: as below
            moves.sudo().case_id._apply_sla()
        return moves

    def write(self, vals):
        result = super().write(vals)
        watch = self.env["crm.sla.policy"]._get_watch()
        # moves have been dealt with by now
        names = vals.keys() - _MOVE_FIELDS
        # sudo: what is promised does not depend on who touches the case
        if watch and not names.isdisjoint(watch | {"partner_id"}):
            self.sudo()._apply_sla()
        elif watch and not names.isdisjoint(_CLOCK_FIELDS):
            self.sudo()._refresh_sla(SQL("c.id = ANY(%s)", self.ids))
        return result

    # ------------------------------------------------------------
    # SERVICE LEVELS
    # ------------------------------------------------------------

    def _apply_sla(self):
        """Find the policies of these cases anew and reckon their clocks."""
        if not self.ids:
            return
        changed = self._set_sla_policies(SQL("crm_case.id = ANY(%s)", self.ids))
        if changed:
            self.env["crm.sla.status"]._sync(changed)
        self._refresh_sla(SQL("c.id = ANY(%s)", self.ids), changed)

    @api.model
    def _apply_sla_everywhere(self):
        """Apply policies that have changed to all unclosed cases.

        At once if they are few; else a scheduled action does it, and whoever has
        changed a policy need not wait for it. It sets off no rules: what a promise
        made today has missed is no news.
        """
        # sudo: a promise binds all cases, whoever may see them
        unclosed = self.env["crm.case"].sudo().with_context(active_test=False)
        unclosed = unclosed.search(
            [("state", "in", transitions.UNCLOSED)], limit=AT_ONCE + 1, order="id"
        )
        if len(unclosed) > AT_ONCE:
            self.env["crm.sla.policy"]._apply_later()
        else:
            self._apply_sla_to(unclosed.ids)

    @api.model
    def _apply_sla_to(self, case_ids):
        """Find the policies of cases and reckon their clocks, telling nobody."""
        if not case_ids:
            return
        changed = self._set_sla_policies(SQL("crm_case.id = ANY(%s)", case_ids))
        promised = self.env.execute_query(
            SQL(
                """SELECT id FROM crm_case
                WHERE id = ANY(%s) AND sla_policy_id IS NOT NULL""",
                case_ids,
            )
        )
        ids = list({*changed, *[case_id for (case_id,) in promised]})
        if ids:
            self.env["crm.sla.status"]._sync(ids)
            self._refresh_sla(SQL("c.id = ANY(%s)", ids), ids, quiet=True)

    @api.model
    def _refresh_running_sla(self, where):
        """Reckon anew the clocks that run or are paused and meet a condition.

        As above: at once if they are few.

        :param SQL where: see `crm.sla.status._refresh`
        """
        if not self.env["crm.sla.policy"]._get_watch():
            return
        self.env.flush_all()
        status_ids = self.env["crm.sla.status"]._find_running(where, AT_ONCE + 1)
        if len(status_ids) > AT_ONCE:
            self.env["crm.sla.policy"]._apply_later()
        elif status_ids:
            self._refresh_sla(SQL("s.id = ANY(%s)", status_ids))

    @api.model
    def _set_sla_policies(self, where):
        """Give each unclosed case the policy that fits it best; one query.

        Closed cases keep the promise that they ended with.

        :param SQL where: a condition on ``crm_case``
        :return: ids of the cases that have another policy now
        """
        self.env["crm.case"].flush_model()
        # SQL: see `crm.sla.status._sync`
        rows = self.env.execute_query(
            SQL(
                """UPDATE crm_case SET sla_policy_id = best.policy_id
                FROM (%s) AS best
                WHERE crm_case.id = best.id AND crm_case.state IN %s
                AND best.policy_id IS DISTINCT FROM best.old_policy_id
                RETURNING crm_case.id""",
                self.env["crm.sla.policy"]._get_best_sql(where),
                transitions.UNCLOSED,
            )
        )
        return [case_id for (case_id,) in rows]

    @api.model
    def _refresh_sla(self, where, case_ids=(), quiet=False):
        """Reckon the clocks that meet a condition, and what the cases show of them.

        :param SQL where: see `crm.sla.status._refresh`
        :param case_ids: more cases that show something else now
        :param bool quiet: nobody is told what was missed
        """
        changed = self.env["crm.sla.status"]._refresh(where)
        ids = list({*case_ids, *[row[1] for row in changed]})
        if not ids:
            return
        self._show_sla(ids)
        self.env["crm.case.timer"]._set_sla_timers(ids)
        events = [
            (status_id, state)
            for status_id, _case_id, state, old in changed
            if state != old and state in (AT_RISK, MISSED)
        ]
        if events and not quiet:
            self._on_sla_events(events)

    @api.model
    def _on_sla_events(self, events):
        """Tell the rules that promises have come to be at risk or were missed.

        :param events: list of (id of crm.sla.status, "at_risk" or "missed"); together
            they name an occasion, which comes once
        """
        rules = self.env["crm.case.rule"]
        if not rules._get_table().events:
            return
        # sudo: rules act on all cases, whoever set them off
        statuses = self.env["crm.sla.status"].sudo()
        by_case = {}
        for status_id, state in events:
            case_id = statuses.browse(status_id).case_id.id
            event = Event(SLA, f"sla:{status_id}:{state}", after=state)
            by_case.setdefault(case_id, []).append(event)
        rules._fire_events(self.env["crm.case"].sudo().browse(by_case), by_case)

    @api.model
    def _fire_sla_timers(self, timers):
        """Take the steps and reckon the clocks whose timers are due.

        :param timers: crm.case.timer of promises and of steps, locked
        """
        self._fire_step_timers(timers.filtered("step_id"))
        self._reckon_due(timers.exists().filtered("sla_status_id"))

    @api.model
    def _reckon_due(self, timers):
        """Reckon clocks; what fails is halved until the failing one stands alone.

        Firing late or twice changes nothing: when a promise was missed follows from
        the working time, not from the moment that somebody looked. 6 queries for any
        number of them.
        """
        if not timers:
            return
        try:
            # one clock's trouble must not stop the others
            with self.env.cr.savepoint():
                self._refresh_sla(SQL("s.id = ANY(%s)", timers.sla_status_id.ids))
                now = fields.Datetime.now()
                # a timer that has nothing more to say would come back for ever
                timers.exists().filtered(lambda timer: timer.due_at <= now).unlink()
        except CONCURRENCY_ERRORS:
            raise  # the whole batch is repeated, see `crm.case.timer`
        except Exception as error:
            if len(timers) == 1:
                timers._put_off(error)
                return
            half = len(timers) // 2
            self._reckon_due(timers[:half])
            self._reckon_due(timers[half:])

    @api.model
    def _show_sla(self, case_ids):
        """Write on cases what their clocks say, in one query."""
        # SQL: see `crm.sla.status._sync`; no dates of change, nobody has done it
        self.env.execute_query(
            SQL(
                """UPDATE crm_case c SET
                    sla_state = x.state, sla_target = x.target,
                    sla_deadline = x.deadline, sla_hours_paused = x.hours_paused,
                    sla_first_response_deadline = x.first_response,
                    sla_resolution_deadline = x.resolution
                FROM (
                    SELECT c.id,
                        max(s.deadline) FILTER (WHERE s.target = %(first)s)
                            AS first_response,
                        max(s.deadline) FILTER (WHERE s.target = %(solution)s)
                            AS resolution,
                        min(s.deadline) FILTER (WHERE s.date_met IS NULL) AS deadline,
                        (array_agg(s.target ORDER BY s.deadline, s.target)
                            FILTER (WHERE s.date_met IS NULL))[1] AS target,
                        COALESCE(min(s.hours - s.hours_used)
                            FILTER (WHERE s.state = 'paused'), 0) AS hours_paused,
                        CASE WHEN bool_or(s.state = 'missed') THEN 'missed'
                            WHEN bool_or(s.state = 'at_risk') THEN 'at_risk'
                            WHEN bool_or(s.state IN ('on_track', 'paused'))
                                THEN 'on_track'
                            WHEN bool_or(s.state = 'met') THEN 'met'
                            ELSE 'none' END AS state
                    FROM crm_case c LEFT JOIN crm_sla_status s
                        ON s.case_id = c.id AND s.is_current
                    WHERE c.id = ANY(%(ids)s) GROUP BY c.id
                ) AS x
                WHERE c.id = x.id
                RETURNING c.id""",
                first=FIRST_RESPONSE,
                solution=RESOLUTION,
                ids=case_ids,
            )
        )
        cases = self.env["crm.case"].browse(case_ids)
        cases.invalidate_recordset(_SLA_FIELDS, flush=False)
        rules = self.env["crm.case.rule"]
        if not rules._get_table().watched.isdisjoint(_SLA_FIELDS):
            # SQL passes by where timers of rules notice a change
            rules._touch(case_ids)
