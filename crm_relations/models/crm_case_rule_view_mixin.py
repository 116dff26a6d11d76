from odoo import api, fields, models
from odoo.tools import SQL

from .crm_case_rule_trigger_mixin import ESCALATE


class CrmCaseRuleViewMixin(models.AbstractModel):
    """What people see of a rule: its sentence, what it did and what it is about to."""

    _name = "crm.case.rule.view.mixin"
    _description = "Rule on Screen"

    summary = fields.Char("In Words", compute="_compute_summary")
    run_count = fields.Integer("Runs", compute="_compute_run_counts")
    failure_count = fields.Integer("Failures", compute="_compute_run_counts")
    timer_count = fields.Integer("Waiting", compute="_compute_timers")
    next_firing = fields.Datetime(compute="_compute_timers")

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_run_counts(self):
        """Count the runs on cases the reader may see, in one query."""
        Run = self.env["crm.case.rule.run"]
        counts = {}
        for rule, result, count in Run._read_group(
            [("rule_id", "in", self.ids)], ["rule_id", "result"], ["__count"]
        ):
            counts[rule.id, result] = count
        for rule in self:
            rule.failure_count = counts.get((rule.id, "failed"), 0)
            rule.run_count = rule.failure_count + sum(
                counts.get((rule.id, result), 0) for result in ("done", "skipped")
            )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_timers(self):
        """Tell what waits, in one query."""
        rows = self.env["crm.case.timer"]._read_group(
            [("rule_id", "in", self.ids)], ["rule_id"], ["__count", "due_at:min"]
        )
        found = {rule: values for rule, *values in rows}
        for rule in self:
            rule.timer_count, rule.next_firing = found.get(rule, (0, False))

    @api.depends_context("lang")
    def _compute_summary(self):
        for rule in self:
            # sudo: names of what the rule refers to, some of which only
            # administrators may open
            rule.summary = rule.sudo()._get_summary() if rule.id else False

    # ------------------------------------------------------------
    # IN WORDS
    # ------------------------------------------------------------

    def _get_summary(self):
        """Say the rule in one sentence: when, if, then."""
        conditions = [
            f"{self._get_label(one.name)}: {self._format_wanted(one)}"
            for one in self._get_criteria()
            if one.name != "company_id"
        ]
        actions = self._get_action_words()
        words = {
            "when": self._get_trigger_words(),
            "if": ", ".join(conditions),
            "then": ", ".join(actions) or self.env._("nothing"),
        }
        if conditions:
            return self.env._("%(when)s, if %(if)s, then %(then)s", **words)
        return self.env._("%(when)s, then %(then)s", **words)

    def _get_trigger_words(self):
        if self._is_timed():
            return self._get_time_words()
        if self.sla_event:
            events = dict(self._fields["sla_event"]._description_selection(self.env))
            return self.env._("When a service level: %s", events[self.sla_event])
        if self.on_create:
            return self.env._("When a case is created")
        if self.on_message:
            return self.env._("On each new message")
        return self._get_move_words()

    def _get_move_words(self):
        labels = dict(self._fields["state_to"]._description_selection(self.env))
        before, after = labels.get(self.state_from), labels.get(self.state_to)
        if self.state_to == ESCALATE:
            return self.env._("When a case is escalated")
        if before and after:
            return self.env._(
                "When a case goes from %(before)s to %(after)s",
                before=before,
                after=after,
            )
        if after:
            return self.env._("When a case becomes %s", after)
        if before:
            return self.env._("When a case leaves %s", before)
        return self.env._("Whenever something happens to a case")

    def _get_time_words(self):
        units = dict(self._fields["delay_unit"]._description_selection(self.env))
        dates = dict(self._fields["date_type"]._description_selection(self.env))
        values = {
            "count": abs(self.delay),
            "unit": units[self.delay_unit].lower(),
            "date": dates[self.date_type].lower(),
        }
        if self.delay < 0:
            words = self.env._("%(count)s %(unit)s before the %(date)s", **values)
        else:
            words = self.env._("%(count)s %(unit)s after the %(date)s", **values)
        if self.working_time:
            words = self.env._("%s, in working time", words)
        if self.repeat_delay:
            words = self.env._(
                "%(first)s, then every %(count)s %(unit)s, %(times)s times at most",
                first=words,
                count=self.repeat_delay,
                unit=units[self.repeat_unit].lower(),
                times=self.repeat_count,
            )
        return words

    def _get_action_words(self):
        """Name each action that is switched on, with its value."""
        names = (
            "set_state set_section_id escalate set_user_id set_priority "
            "set_category_id add_watchers remind_user remind_partner mail_template_id "
            "mail_to_user mail_to_partner mail_to_watchers mail_to server_action_id "
            "activity_type_id"
        )
        words = []
        for name in names.split():
            if self[name]:
                label = self._fields[name]._description_string(self.env)
                value = self._format_action(name)
                words.append(f"{label}: {value}" if value else label)
        return words

    # ------------------------------------------------------------
    # WHY NOT
    # ------------------------------------------------------------

    def _get_verdict(self, case, lines):
        """Say in a few sentences what the rule has done, or will do, with a case.

        :param lines: as of `explain`
        :return: list of str
        """
        failing = [one["label"] for one in lines if not one["holds"]]
        sentences = [self.env._("It is switched off.")] if not self.active else []
        if not case.active:
            sentences.append(self.env._("The case is archived."))
        if failing:
            sentences.append(
                self.env._("Not fulfilled at present: %s.", ", ".join(failing))
            )
        elif self.active:
            sentences.append(self.env._("At present, every condition is fulfilled."))
        sentences += self._get_timer_words(case)
        if not self._is_timed():
            sentences.append(
                self.env._(
                    "It waits for an event (%s) and looks at the case in that moment "
                    "only.",
                    self._get_trigger_words(),
                )
            )
        return sentences

    def _get_timer_words(self, case):
        # sudo: the case may be read, which was checked, and so may its timers
        timers = self.env["crm.case.timer"].sudo()
        timers = timers.search([("rule_id", "=", self.id), ("case_id", "=", case.id)])
        words = []
        for timer in timers:
            due = fields.Datetime.context_timestamp(self, timer.due_at or self._epoch())
            if not timer.due_at:
                words.append(self.env._("It failed too often and waits for a person."))
            elif timer.error:
                words.append(
                    self.env._(
                        "It failed %(count)s times and tries again on %(due)s: "
                        "%(error)s",
                        count=timer.attempts,
                        due=f"{due:%Y-%m-%d %H:%M}",
                        error=timer.error,
                    )
                )
            else:
                words.append(self.env._("It is due on %s.", f"{due:%Y-%m-%d %H:%M}"))
        if not timers and self._is_timed():
            words.append(self._get_no_timer_words(case))
        return words

    @api.model
    def _epoch(self):
        return fields.Datetime.to_datetime("1970-01-01 00:00:00")

    def _get_no_timer_words(self, case):
        """Say why no instant is set for a case."""
        rows = self.env.execute_query(
            SQL(
                """SELECT %s IS NULL, due.at < %s FROM crm_case %s
                    CROSS JOIN LATERAL (SELECT %s AS at) due WHERE crm_case.id = %s""",
                self._get_base_sql(),
                self.date_from or self._epoch(),
                self._get_calendar_sql(case.sudo()),
                self._get_due_sql(self._get_base_sql(), self.delay, self.delay_unit),
                case.id,
            )
        )
        is_missing, is_past = rows[0]
        if is_missing:
            label = dict(self._fields["date_type"]._description_selection(self.env))
            return self.env._(
                "The case has no such date: %s.", label[self.date_type].lower()
            )
        if is_past:
            return self.env._("It fell due before the rule was switched on.")
        return self.env._("No firing is planned for this case.")

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def _open(self, xml_id, domain, **context):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            f"crm_relations.{xml_id}"
        )
        return action | {
            "domain": [("rule_id", "in", self.ids), *domain],
            "context": {"create": False, **context},
        }

    def action_view_runs(self):
        """Open what the rule did."""
        return self._open("crm_case_rule_run_action", [])

    def action_view_failures(self):
        """Open what went wrong."""
        return self._open("crm_case_rule_run_action", [("result", "=", "failed")])

    def action_view_timers(self):
        """Open the cases that the rule is going to act on, the next one first."""
        return self._open("crm_case_timer_action", [])

    def action_backtest(self):
        """Ask for a period of the past to try the rule on; changes nothing."""
        self.ensure_one()
        return self._open_wizard(
            "crm.case.rule.backtest", self.env._("Try on the Past")
        )

    def action_switch_on(self):
        """Switch the rule on; ask first if some cases would be acted on at once."""
        self.ensure_one()
        if not self._count_overdue():
            self.active = True
            return True
        return self._open_wizard("crm.case.rule.switch.on", self.env._("Switch On"))

    def action_switch_off(self):
        """Switch the rule off; what waits is dropped."""
        self.active = False
        return True

    def _open_wizard(self, model, name):
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": {"default_rule_id": self.id},
        }

    def _count_overdue(self):
        """Count the cases that the rule would act on at once if it were on.

        One statement over all cases.
        """
        self.ensure_one()
        if not self._is_timed():
            return 0
        self.env.flush_all()
        wanted = self._get_wanted_sql(has_run=self._has_run())
        [(count,)] = self.env.execute_query(
            SQL(
                "SELECT count(*) FROM (%s) wanted WHERE due_at <= %s",
                wanted,
                fields.Datetime.now(),
            )
        )
        return count
