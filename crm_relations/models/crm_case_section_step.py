from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError
from odoo.tools import SQL, format_duration

from ..tools import transitions

NO_ANSWER, NOT_CLOSED, IN_STATE = "no_answer", "not_closed", "in_state"
REMIND_USER, REMIND_MANAGER, ESCALATE = "remind_user", "remind_manager", "escalate"


class CrmCaseSectionStep(models.Model):
    """One rung of a section's ladder: after how long, with whom somebody speaks.

    Counted in working time from the moment a case comes to the section (or into the
    state), so that the section above starts its own ladder with it.
    """

    _name = "crm.case.section.step"
    _description = "Escalation Step"
    _order = "section_id, hours, id"

    name = fields.Char("Step", compute="_compute_name")
    active = fields.Boolean(default=True)
    section_id = fields.Many2one(
        "crm.case.section", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="section_id.company_id")
    hours = fields.Float("After (working hours)", required=True, default=8.0)
    condition = fields.Selection(
        [
            (NO_ANSWER, "Without first answer"),
            (NOT_CLOSED, "Without being closed"),
            (IN_STATE, "In the state"),
        ],
        "What Lasts",
        required=True,
        default=NO_ANSWER,
    )
    state = fields.Selection(
        [
            (key, label)
            for key, label in transitions.STATES
            if key in transitions.UNCLOSED
        ]
    )
    action = fields.Selection(
        [
            (REMIND_USER, "Remind the responsible"),
            (REMIND_MANAGER, "Remind the manager"),
            (ESCALATE, "Escalate to the parent section"),
        ],
        "What is Done",
        required=True,
        default=REMIND_USER,
        help="Who is away is passed over for the deputy. After an escalation the "
        "former responsible follows the case.",
    )
    date_from = fields.Datetime(
        "Not for the Past",
        readonly=True,
        copy=False,
        default=fields.Datetime.now,
        help="What fell due before this moment is left alone.",
    )

    _hours_positive = models.Constraint(
        "CHECK(hours > 0)", "After: give more than no working hours."
    )

    @api.depends("hours", "condition", "state", "action")
    def _compute_name(self):
        for step in self:
            labels = {
                name: dict(step._fields[name]._description_selection(self.env))
                for name in ("condition", "state", "action")
            }
            condition = labels["condition"].get(step.condition, "")
            if step.condition == IN_STATE:
                condition = f"{condition} {labels['state'].get(step.state, '')}"
            step.name = self.env._(
                "%(hours)s h %(condition)s: %(action)s",
                hours=format_duration(step.hours),
                condition=condition[:1].lower() + condition[1:],
                action=labels["action"].get(step.action, ""),
            )

    @api.constrains("condition", "state")
    def _check_state(self):
        for step in self:
            if step.condition == IN_STATE and not step.state:
                raise ValidationError(
                    self.env._("State: say which one the step is about.")
                )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        steps = super().create(vals_list)
        steps._sync_section_timers(steps.section_id)
        return steps

    def write(self, vals):
        sections = self.section_id
        if not {"hours", "condition", "state", "action", "active"}.isdisjoint(vals):
            # another step: what it would have done before is left alone too
            vals = {"date_from": fields.Datetime.now(), **vals}
        result = super().write(vals)
        self._sync_section_timers(sections | self.section_id)
        return result

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    @api.model
    def _sync_section_timers(self, sections):
        self.env.registry.clear_cache()
        self._sync_timers(SQL("c.section_id = ANY(%s)", sections.ids))

    @api.model
    @tools.ormcache()
    def _has_any(self):
        """Tell whether there are steps: without any, cases cost no query."""
        # sudo: steps of all sections
        return bool(self.sudo().search_count([], limit=1))

    # ------------------------------------------------------------
    # TIMERS
    # ------------------------------------------------------------

    @api.model
    def _sync_timers(self, where):
        """Make, move and remove the timers of steps; 3 queries for any number of cases.

        :param SQL where: a condition on ``c`` (crm_case)
        """
        self.flush_model()
        self.env["crm.case"].flush_model(
            ["state", "section_id", "company_id", "date_first_response", "active"]
        )
        self.env["crm.case.move"].flush_model()
        wanted = self._get_wanted_sql(where)
        # SQL: set-based; timers and runs are the system's
        self.env.execute_query(
            SQL(
                """WITH wanted AS MATERIALIZED (%(wanted)s), gone AS (
                    DELETE FROM crm_case_timer t USING crm_case c
                    WHERE t.case_id = c.id AND t.step_id IS NOT NULL AND (%(where)s)
                    AND NOT EXISTS (SELECT FROM wanted w
                        WHERE w.step_id = t.step_id AND w.case_id = t.case_id)
                )
                INSERT INTO crm_case_timer (case_id, step_id, occasion_at, due_at)
                SELECT case_id, step_id, base, due_at FROM wanted
                ON CONFLICT (step_id, case_id) WHERE step_id IS NOT NULL
                DO UPDATE SET occasion_at = EXCLUDED.occasion_at,
                    due_at = EXCLUDED.due_at, attempts = 0, error = NULL
                WHERE (crm_case_timer.occasion_at, crm_case_timer.due_at)
                    IS DISTINCT FROM (EXCLUDED.occasion_at, EXCLUDED.due_at)
                RETURNING id""",
                wanted=wanted,
                where=where,
            )
        )
        self.env["crm.case.timer"].invalidate_model(flush=False)

    @api.model
    def _get_wanted_sql(self, where):
        """Give, as SQL, the timers that the steps should have.

        1. ``stay``: since when each case is in its section, and in its state there
        2. the instant, in the working time of the section or the company
        3. not what a step has done already for this stay, nor what is past for it
        """
        Calendar = self.env["resource.calendar"]
        [(calendar_ids, hours)] = self.env.execute_query(
            SQL(
                """SELECT (SELECT array_agg(DISTINCT resource_calendar_id)
                    FROM (SELECT resource_calendar_id FROM crm_case_section
                        UNION SELECT resource_calendar_id FROM res_company) x),
                    (SELECT max(hours) FROM crm_case_section_step WHERE active)"""
            )
        )
        seconds = 3600.0 * (hours or 0)
        calendars = Calendar.sudo().browse(filter(None, calendar_ids))
        usable = calendars.filtered(lambda one: one._has_working_time(seconds))
        return SQL(
            """SELECT x.case_id, x.step_id, x.base, x.due_at FROM (
                SELECT c.id AS case_id, step.id AS step_id, stay.base, step.date_from,
                    date_trunc('second', %(due)s) AS due_at
                FROM crm_case c
                JOIN crm_case_section_step step
                    ON step.section_id = c.section_id AND step.active
                JOIN crm_case_section section ON section.id = c.section_id
                JOIN res_company company ON company.id = c.company_id
                JOIN LATERAL (
                    SELECT max(m.date) AS base FROM crm_case_move m
                    WHERE m.case_id = c.id AND (
                        m.section_from_id IS DISTINCT FROM m.section_id
                        OR (step.condition = 'in_state'
                            AND m.state_from IS DISTINCT FROM m.state))
                ) stay ON stay.base IS NOT NULL
                JOIN %(work)s ON COALESCE(work.calendar_id, 0) = COALESCE(
                    section.resource_calendar_id, company.resource_calendar_id, 0)
                WHERE (%(where)s) AND c.active AND c.state IN %(unclosed)s
                AND (step.condition != 'no_answer' OR c.date_first_response IS NULL)
                AND (step.condition != 'in_state' OR c.state = step.state)
            ) x
            WHERE x.due_at >= x.date_from AND NOT EXISTS (
                SELECT FROM crm_case_step_run run WHERE run.step_id = x.step_id
                AND run.case_id = x.case_id AND run.occasion_at = x.base)""",
            due=Calendar._get_working_due_sql(
                SQL("stay.base"), SQL("(step.hours * 3600)")
            ),
            work=usable._get_working_from_sql(seconds=seconds),
            where=where,
            unclosed=transitions.UNCLOSED,
        )
