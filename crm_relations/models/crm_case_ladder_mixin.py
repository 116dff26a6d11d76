from markupsafe import Markup
from odoo import api, fields, models
from odoo.tools import SQL

from .crm_case_section_step import ESCALATE, REMIND_USER
from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS

# what ends or begins a wait, beside the moves
_LADDER_FIELDS = {"date_first_response", "active", "company_id"}


class CrmCaseLadderMixin(models.AbstractModel):
    """Nobody's case is forgotten: the steps that the section takes when time passes."""

    _name = "crm.case.ladder.mixin"
    _description = "Case Escalation Ladder"

    step_run_ids = fields.One2many(
        "crm.case.step.run", "case_id", "Escalation Steps", copy=False, readonly=True
    )

    def _after_moves(self, moves):
        moves = super()._after_moves(moves)
        if moves:
            moves.sudo().case_id._sync_step_timers()
        return moves

    def write(self, vals):
        result = super().write(vals)
        if not _LADDER_FIELDS.isdisjoint(vals):
            self._sync_step_timers()
        return result

    def _sync_step_timers(self):
        # sudo: steps are the section's, whoever touches the case
        steps = self.env["crm.case.section.step"].sudo()
        if self.ids and steps._has_any():
            steps._sync_timers(SQL("c.id = ANY(%s)", self.ids))

    @api.model
    def _refresh_step_timers(self, where):
        """Move the timers of steps of all cases that meet a condition on ``c``."""
        # sudo: see `_sync_step_timers`
        steps = self.env["crm.case.section.step"].sudo()
        if steps._has_any():
            self.env.flush_all()
            steps._sync_timers(where)

    # ------------------------------------------------------------
    # FIRING
    # ------------------------------------------------------------

    @api.model
    def _fire_step_timers(self, timers):
        """Take the steps that are due; a case that fails waits and holds nobody up.

        :param timers: crm.case.timer of steps, locked
        """
        for timer in timers.sorted(lambda one: (one.due_at, one.id)):
            # the step before may have moved the case, or its timers
            if not timer.exists():
                continue
            try:
                # one case's trouble must not undo the steps of the others
                with self.env.cr.savepoint():
                    timer.case_id._take_step(timer)
            except CONCURRENCY_ERRORS:
                raise  # the whole batch is repeated, see `crm.case.timer`
            except Exception as error:
                timer._put_off(error)

    def _take_step(self, timer):
        """Do what a step says, unless it was done for this stay of the case."""
        step, base = timer.step_id, timer.occasion_at
        timer.unlink()
        run = self.env["crm.case.step.run"].search(
            [
                ("step_id", "=", step.id),
                ("case_id", "=", self.id),
                ("occasion_at", "=", base),
            ]
        )
        if run:
            return
        run = run.create(
            {
                "step_id": step.id,
                "case_id": self.id,
                "occasion_at": base,
                "date": fields.Datetime.now(),
            }
        )
        user, detail = self._do_step(step)
        run.write({"user_id": user.id, "detail": detail})

    def _do_step(self, step):
        """Remind, or escalate; at the top section, remind its manager instead.

        :return: (res.users it concerns, text)
        """
        if step.action == ESCALATE and self.can_escalate:
            former = self.section_id.user_id
            self.action_escalate()
            # who managed it before learns how it ends, as the responsible does
            self.message_subscribe(partner_ids=former.partner_id.ids)
            return self.user_id, self.env._("Escalated to %s", self.section_id.name)
        asked = self.user_id if step.action == REMIND_USER else self.env["res.users"]
        asked = asked or self.section_id.user_id
        reminded = asked._find_stand_in(self.company_id) if asked else asked
        reminded = reminded or self.section_id._find_present_manager()
        if not reminded:
            return reminded, self.env._("Nobody to remind")
        self._remind_of_step(step, reminded)
        if asked and reminded != asked:
            return reminded, self.env._(
                "Reminded %(reminded)s, as %(asked)s is away",
                reminded=reminded.name,
                asked=asked.name,
            )
        return reminded, self.env._("Reminded %s", reminded.name)

    def _remind_of_step(self, step, user):
        latest = self._get_latest_messages().get(self.id)
        body = Markup("<p>%s</p><blockquote>%s</blockquote>") % (
            step.name,
            (latest.body if latest else self.description) or "",
        )
        self.message_notify(
            partner_ids=user.partner_id.ids,
            subject=self.env._("Reminder: %s", self.display_name),
            body=body,
        )
