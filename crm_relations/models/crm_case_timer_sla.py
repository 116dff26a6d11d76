from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from .crm_case_timer import RETRY_MINUTES
from .crm_sla_status import TARGETS


class CrmCaseTimer(models.Model):
    """Timers of promises, when they come to be at risk and when they end, and of steps.

    A promise is reckoned by the working time, not by whether its timer fired: late
    timers give the same dates, and firing one twice changes nothing.
    """

    _inherit = "crm.case.timer"

    sla_policy_id = fields.Many2one(
        "crm.sla.policy", index="btree_not_null", ondelete="cascade", readonly=True
    )
    sla_status_id = fields.Many2one(
        "crm.sla.status", index="btree_not_null", ondelete="cascade", readonly=True
    )
    sla_target = fields.Selection(TARGETS, "Promise", readonly=True)
    step_id = fields.Many2one(
        "crm.case.section.step",
        index="btree_not_null",
        ondelete="cascade",
        readonly=True,
    )

    _sla_status_uniq = models.UniqueIndex(
        "(sla_status_id) WHERE sla_status_id IS NOT NULL"
    )
    _step_case_uniq = models.UniqueIndex("(step_id, case_id) WHERE step_id IS NOT NULL")

    @api.model
    def _set_sla_timers(self, case_ids):
        """Set the timers of the clocks of cases, and remove those that stand still."""
        # SQL: one statement for any number of cases; timers are written by the system
        self.env.execute_query(
            SQL(
                """WITH gone AS (
                    DELETE FROM crm_case_timer t USING crm_sla_status s
                    WHERE t.sla_status_id = s.id AND s.case_id = ANY(%(ids)s)
                    AND (NOT s.is_current OR s.deadline IS NULL
                        OR s.state NOT IN ('on_track', 'at_risk'))
                )
                INSERT INTO crm_case_timer
                    (case_id, sla_policy_id, sla_status_id, sla_target, due_at)
                SELECT s.case_id, s.policy_id, s.id, s.target, CASE
                    WHEN s.state = 'on_track' AND s.date_at_risk < s.deadline
                    THEN s.date_at_risk ELSE s.deadline END
                FROM crm_sla_status s
                WHERE s.case_id = ANY(%(ids)s) AND s.is_current
                AND s.deadline IS NOT NULL AND s.state IN ('on_track', 'at_risk')
                ON CONFLICT (sla_status_id) WHERE sla_status_id IS NOT NULL
                DO UPDATE SET due_at = EXCLUDED.due_at, attempts = 0, error = NULL
                WHERE crm_case_timer.due_at IS DISTINCT FROM EXCLUDED.due_at
                RETURNING id""",
                ids=list(case_ids),
            )
        )
        self.invalidate_model(flush=False)

    def _put_off(self, error):
        """Wait for the next attempt of a step, longer each time; then for a person."""
        wait = RETRY_MINUTES[self.attempts : self.attempts + 1]
        later = fields.Datetime.now() + timedelta(minutes=wait[0]) if wait else False
        self.write(
            {
                "attempts": self.attempts + 1,
                "error": str(error) or type(error).__name__,
                "due_at": later,
            }
        )
