import json
import logging
from contextlib import contextmanager
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import SQL

from .crm_case_rule_ledger_mixin import ERROR_LIMIT
from .crm_case_rule_trigger_mixin import MAX_CHAIN, Cause
from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS, CONCURRENCY_TRIES

_logger = logging.getLogger(__name__)

BATCH = 1000  # timers per transaction
# minutes to wait after each attempt that failed; after the last, a person is needed
RETRY_MINUTES = (1, 5, 30, 120, 720, 1440, 1440)


class CrmCaseTimer(models.Model):
    """The instant at which a rule, or a service level target, falls due for a case.

    A row exists while something is to come: it is made and kept right when the case,
    the rule or a calendar changes, and removed when it has fired. Users read it and
    nobody writes it by hand. What waits is found by an index on `due_at`, so that a
    tick of the scheduled action costs what is due and not what exists.
    """

    _name = "crm.case.timer"
    _description = "Case Timer"
    _order = "due_at, id"
    _rec_name = "case_id"
    _log_access = False

    case_id = fields.Many2one(
        "crm.case", required=True, index=True, ondelete="cascade", readonly=True
    )
    rule_id = fields.Many2one(
        "crm.case.rule", index="btree_not_null", ondelete="cascade", readonly=True
    )
    due_at = fields.Datetime("Due", readonly=True, help="Empty: waits for a person.")
    occasion_at = fields.Datetime(
        "For",
        readonly=True,
        help="The instant the rule asked for; later attempts do not change it.",
    )
    number = fields.Integer(
        "Reminder", readonly=True, help="How many reminders went before this one."
    )
    occasion = fields.Char(
        readonly=True, help="The event that the rule failed on and will try again."
    )
    parent_id = fields.Many2one(
        "crm.case.rule.run",
        "Set by",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The firing of another rule that led to this timer.",
    )
    attempts = fields.Integer(readonly=True)
    error = fields.Text(readonly=True)

    _due_idx = models.Index("(due_at, id) WHERE due_at IS NOT NULL")
    # one timer for a rule and case; events that failed wait beside it, one by one
    _rule_case_uniq = models.UniqueIndex(
        "(rule_id, case_id) WHERE rule_id IS NOT NULL AND occasion IS NULL"
    )
    _occasion_uniq = models.UniqueIndex(
        "(rule_id, case_id, occasion) WHERE occasion IS NOT NULL"
    )

    def init(self):
        """Have the table swept often: each tick looks where timers were just removed.

        With PostgreSQL's own settings a fifth of a large table may be dead rows, all of
        them at the end of the index where the next due timer is looked for.
        """
        # SQL: a setting of the table that the ORM has no word for
        self.env.cr.execute(
            "ALTER TABLE crm_case_timer SET (autovacuum_vacuum_scale_factor = 0.01)"
        )

    # ------------------------------------------------------------
    # READING
    # ------------------------------------------------------------

    @api.model
    def _search(self, domain, *args, **kwargs):
        """Show timers as they are after the changes of this transaction."""
        rules = self.env["crm.case.rule"]
        # a change counts from where it is stored
        self.env["crm.case"].flush_model()
        if not rules._is_settled():
            rules._settle()
        return super()._search(domain, *args, **kwargs)

    def _get_occasion(self):
        """Name what this timer fires for, as the ledger has it."""
        if self.occasion:
            return self.occasion
        return self.rule_id._get_due_occasion(self.occasion_at, self.number)

    # ------------------------------------------------------------
    # STORING
    # ------------------------------------------------------------

    @api.model
    def _replace(self, wanted, scope=None, causes=None):
        """Make, move and remove timers, in one statement.

        Those that stand for the same instant as before are kept as they are.

        :param SQL wanted: select as of `_get_wanted_sql`; None means none is
        :param SQL scope: condition on `timer`: those that may be removed; None when
            there is nothing to remove
        :param dict causes: {case id: id of the run that led to it}
        """
        parents = {key: run for key, run in (causes or {}).items() if run}
        parent = SQL("NULL::int")
        if parents:
            parent = SQL(
                "(%s::jsonb ->> wanted.case_id::text)::int", json.dumps(parents)
            )
        # SQL: set-based, a million rows as well as one; nothing hangs on a timer
        if not wanted:
            self.env.cr.execute(
                SQL(
                    """DELETE FROM crm_case_timer timer
                        WHERE timer.occasion IS NULL AND %s""",
                    scope,
                )
            )
        else:
            self.env.cr.execute(
                SQL(
                    """%(wanted)s
                    INSERT INTO crm_case_timer AS timer (rule_id, case_id, occasion_at,
                                                   due_at, number, parent_id, attempts)
                    SELECT wanted.*, %(parent)s, 0 FROM wanted
                        ON CONFLICT (rule_id, case_id)
                           WHERE rule_id IS NOT NULL AND occasion IS NULL
                        DO UPDATE SET occasion_at = EXCLUDED.occasion_at,
                           due_at = EXCLUDED.due_at, number = EXCLUDED.number,
                           parent_id = EXCLUDED.parent_id, attempts = 0, error = NULL
                     WHERE timer.occasion_at != EXCLUDED.occasion_at""",
                    wanted=self._with_removal(wanted, scope),
                    parent=parent,
                )
            )
        self._forget_read()

    @api.model
    def _with_removal(self, wanted, scope):
        if not scope:
            return SQL("WITH wanted AS (%s)", wanted)
        return SQL(
            """WITH wanted AS MATERIALIZED (%s), gone AS (
                DELETE FROM crm_case_timer timer
                 WHERE timer.occasion IS NULL AND %s AND NOT EXISTS (
                    SELECT FROM wanted WHERE wanted.rule_id = timer.rule_id
                       AND wanted.case_id = timer.case_id))""",
            wanted,
            scope,
        )

    @api.model
    def _forget_read(self):
        """Let timers be read anew after SQL has written them."""
        self.invalidate_model(flush=False)
        self.env["crm.case"].invalidate_model(["timer_ids"], flush=False)

    @api.model
    def _keep_failed(self, rule, case, occasion, error, run_id):
        """Wait for the next attempt of a rule on a case, a longer time each attempt.

        :param run_id: the crm.case.rule.run that was the occasion, if any
        :return: the crm.case.timer
        """
        # sudo: timers are the system's
        found = self.sudo().search(
            [("rule_id", "=", rule.id), ("case_id", "=", case.id)]
        )
        timer = found.filtered(lambda one: one._get_occasion() == occasion)[:1]
        timer = timer or self.sudo().create(
            {
                "rule_id": rule.id,
                "case_id": case.id,
                "occasion": occasion,
                "parent_id": run_id,
            }
        )
        timer._postpone(error)
        return timer

    def action_retry(self):
        """Let timers that wait for a later attempt, or for a person, fire at once."""
        self.env["crm.case.rule"].browse().check_access("write")
        self.check_access("read")
        # sudo: nobody writes timers by hand, but who sets up rules may say "now"
        self.sudo().write({"due_at": fields.Datetime.now()})
        self._wake()
        return True

    @api.model
    def _wake(self):
        # sudo: a wake-up call of a fixed action
        self.env.ref("crm_relations.ir_cron_case_timers").sudo()._trigger()

    # ------------------------------------------------------------
    # FIRING
    # ------------------------------------------------------------

    @api.model
    def _cron_fire(self):
        """Fire what is due, in batches that several workers share.

        Each batch is a transaction of its own. Nothing is due: two statements.
        """
        # what the caller has changed counts, on its own cursor as on ours
        self.env["crm.case.rule"]._settle()
        with self._open_cursor() as timers:
            passed = []
            time_left = timers.env["ir.cron"]._commit_progress()
            while time_left:
                count = timers._fire_batch(passed)
                if not count:
                    return
                time_left = timers.env["ir.cron"]._commit_progress(count)
            timers._wake()

    @contextmanager
    def _open_cursor(self):
        """Give this model on a cursor of its own, as the system.

        Each batch is committed; what the caller holds is not to be committed with it.
        """
        with self.env.registry.cursor() as cr:
            # as the system: rules of all companies act on cases of all companies
            yield self.with_env(self.env(cr=cr, user=SUPERUSER_ID, su=True))

    def _fire_batch(self, passed):
        """Fire one batch.

        :param list passed: ids of timers left alone in this tick, added to
        :return: how many were taken, 0 when nothing is left
        """
        for left in reversed(range(CONCURRENCY_TRIES)):
            try:
                found = self._lock_due(passed)
                timers = self._lock_cases(found)
                passed += (found - timers).ids
                timers._fire_locked()
                # before the caller commits: what fails here must be repeated here
                self.env.cr.flush()
                return len(found)
            except CONCURRENCY_ERRORS:  # noqa: PERF203 - each try is one
                self.env.cr.rollback()
                if not left:
                    _logger.info("timers are busy; they wait for the next tick")
        return 0

    def _lock_due(self, passed):
        # SQL: the ORM can skip locked rows, but not look for the next ones after them
        rows = self.env.execute_query(
            SQL(
                """SELECT id FROM crm_case_timer
                    WHERE due_at <= %s AND id != ALL(%s)
                    ORDER BY due_at, id LIMIT %s FOR UPDATE SKIP LOCKED""",
                fields.Datetime.now(),
                passed,
                BATCH,
            )
        )
        return self.browse(row[0] for row in rows)

    def _lock_cases(self, timers):
        """Lock the cases too; leave those that somebody is working on right now."""
        if not timers:
            return timers
        rows = self.env.execute_query(
            SQL(
                """SELECT timer.id FROM crm_case_timer timer
                     JOIN crm_case ON crm_case.id = timer.case_id
                    WHERE timer.id = ANY(%s)
                    ORDER BY timer.due_at, timer.id
                      FOR NO KEY UPDATE OF crm_case SKIP LOCKED""",
                timers.ids,
            )
        )
        return self.browse(row[0] for row in rows)

    def _fire_locked(self):
        """Fire locked timers rule by rule, in the order of the rules."""
        targets = self.filtered(lambda timer: not timer.rule_id)
        if targets:
            fire = self.env["crm.case"]._fire_sla_timers
            targets._fire_guarded(lambda: fire(targets))
        by_rule = (self - targets).grouped("rule_id")
        stopped = {}
        for index, rule in enumerate(sorted(by_rule, key=_sequence)):
            timers = by_rule[rule]
            if index:
                timers = timers._find_still_due()
            timers._fire_guarded(
                lambda timers=timers, rule=rule: timers._fire_rule(rule, stopped)
            )

    def _fire_guarded(self, fire):
        """Fire timers that belong together; what is wrong with all is put off.

        A rule whose conditions name a field that is gone must not hold up the others.
        """
        self.env.cr.flush()
        try:
            with self.env.cr.savepoint():
                fire()
        except CONCURRENCY_ERRORS:
            raise  # the batch is repeated
        except Exception as error:
            # whatever it is: it is kept, for people to read
            _logger.info("%s could not be fired", self, exc_info=True)
            self.env["crm.case.rule"]._set_cause(None)
            self._postpone(str(error)[:ERROR_LIMIT] or type(error).__name__)

    def _postpone(self, error):
        """Try these timers again later, a longer time after each attempt."""
        now = fields.Datetime.now()
        for attempts, timers in self.exists().grouped("attempts").items():
            wait = RETRY_MINUTES[attempts : attempts + 1]
            later = now + timedelta(minutes=wait[0]) if wait else False
            timers.write({"attempts": attempts + 1, "error": error, "due_at": later})

    def _find_still_due(self):
        """Leave out what an earlier rule of this batch has moved or removed."""
        self.env["crm.case.rule"]._settle()
        return self.search(
            [("id", "in", self.ids), ("due_at", "<=", fields.Datetime.now())]
        )

    def _fire_rule(self, rule, stopped):
        """Fire the timers of one rule; several of a case one after the other."""
        matching = rule._match(self.case_id)
        lapsed = self.filtered(lambda timer: timer.case_id not in matching)
        lapsed.unlink()
        rest = self - lapsed
        while rest:
            first = {timer.case_id: timer for timer in reversed(rest)}
            turn = self.browse(timer.id for timer in first.values())
            turn._fire_turn(rule, stopped)
            rest -= turn

    def _fire_turn(self, rule, stopped):
        """Fire timers of one rule, no two of the same case."""
        for cause, timers in self._get_causes().items():
            by_case = {timer.case_id.id: timer.id for timer in timers}
            occasions = {timer.case_id.id: timer._get_occasion() for timer in timers}

            def settle(cases, by_case=by_case):
                self.browse(by_case[case_id] for case_id in cases.ids)._go_on(rule)

            rule._set_cause(cause)
            rule._fire(timers.case_id, occasions, stopped, settle)
        rule._set_cause(None)

    def _get_causes(self):
        """Group timers by the chain of firings that led to them.

        :return: {Cause: crm.case.timer}
        """
        chains = self._read_chains() if self.parent_id else {}
        groups = {}
        for timer in self:
            groups.setdefault(chains.get(timer.id, ()), []).append(timer)
        return {
            Cause(
                chain,
                {one.case_id.id: one.parent_id.id for one in timers if chain},
            ): self.browse(timer.id for timer in timers)
            for chain, timers in groups.items()
        }

    def _read_chains(self):
        """Give the rules that led to each timer, the first one first.

        :return: {timer id: tuple of rule ids}
        """
        rows = self.env.execute_query(
            SQL(
                """WITH RECURSIVE chain (timer_id, run_id, depth) AS (
                    SELECT id, parent_id, 1 FROM crm_case_timer
                     WHERE id = ANY(%s) AND parent_id IS NOT NULL
                     UNION ALL
                    SELECT chain.timer_id, run.parent_id, chain.depth + 1
                      FROM chain JOIN crm_case_rule_run run ON run.id = chain.run_id
                     WHERE run.parent_id IS NOT NULL AND chain.depth < %s)
                SELECT chain.timer_id, array_agg(run.rule_id ORDER BY chain.depth DESC)
                  FROM chain JOIN crm_case_rule_run run ON run.id = chain.run_id
                 GROUP BY chain.timer_id""",
                self.ids,
                MAX_CHAIN,
            )
        )
        return {timer_id: tuple(rule_ids) for timer_id, rule_ids in rows}

    def _go_on(self, rule):
        """Remove timers that fire now, or move them to the next reminder."""
        going_on = self.filtered(
            lambda timer: (
                not timer.occasion
                and rule.repeat_delay
                and timer.number < rule.repeat_count
            )
        )
        ending = self - going_on
        if ending:
            # SQL: nothing hangs on a timer, and Odoo looks for what might, row by row
            self.env.cr.execute(
                SQL("DELETE FROM crm_case_timer WHERE id = ANY(%s)", ending.ids)
            )
            self._forget_read()
        if going_on:
            rule._advance_timers(going_on)


def _sequence(rule):
    return rule.sequence, rule.id
