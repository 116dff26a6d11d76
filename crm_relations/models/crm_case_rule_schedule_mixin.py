import logging
from datetime import timedelta

from odoo import api, fields, models, tools
from odoo.fields import Domain
from odoo.tools import SQL, Query

_logger = logging.getLogger(__name__)

# what a rule by time reckons from: value of `date_type` -> column of crm_case
DATES = {
    "create": "create_date",
    "open": "date_open",
    "last_action": "date_last_action",
    "date": "date",
    "deadline": "date_deadline",
}
# the state, section and company decide dates and calendars of a case
_ALWAYS_WATCHED = {"section_id", "company_id", "active"}
# touched cases up to which a look at each saves asking the database about some rules
_LOOKED_AT = 10_000
_TOUCHED = "crm_relations.touched"


class CrmCaseRuleScheduleMixin(models.AbstractModel):
    """When a rule by time falls due, computed and stored for whole sets of cases.

    A timer exists as long as its case meets the criteria and the rule has not fired
    for that instant. Everything is one statement, for one case as for a million.
    """

    _name = "crm.case.rule.schedule.mixin"
    _description = "Rule Schedule"

    def _get_timer_watch(self):
        """Name the fields of a case whose change can move this rule's timers."""
        names = self._get_criteria_watch() | _ALWAYS_WATCHED
        if self.date_type in DATES:
            names.add(DATES[self.date_type])
        if self.state_from or self.state_to:
            names |= {"state", "escalation_level"}
        return names

    # ------------------------------------------------------------
    # INSTANTS
    # ------------------------------------------------------------

    def _get_base_sql(self):
        """Give the column that the delay is counted from."""
        return SQL.identifier("crm_case", DATES[self.date_type])

    def _get_due_sql(self, base, delay, unit):
        """Give, as SQL, the instant ``delay`` after ``base``.

        :param SQL base: timestamp, UTC
        :return: SQL of a timestamp; in working time it needs the tables that
            `_get_calendar_sql` joins
        """
        if self.working_time:
            return self.env["resource.calendar"]._get_working_delay_sql(
                base, delay, unit
            )
        return SQL(
            "(%s + %s * %s::interval)", base, delay, f"1 {unit.removesuffix('s')}"
        )

    def _get_calendar_sql(self, cases=None):
        """Give the joins from `crm_case` to the working time of each case.

        :param cases: the few cases in question, whose dates bound the working time to
            reckon with; None means any case
        """
        if not self.working_time:
            return SQL()
        calendars, bounds = self._get_calendars(cases), {}
        if cases is not None:
            dates = list(filter(None, cases.mapped(DATES[self.date_type])))
            dates.append(fields.Datetime.now())
            bounds = {"first": min(dates), "last": max(dates)}
        reach = [calendars._get_working_reach(self.delay, self.delay_unit)]
        if self.repeat_delay:
            reach.append(
                calendars._get_working_reach(self.repeat_delay, self.repeat_unit)
            )
        return SQL(
            """ LEFT JOIN crm_case_section place ON place.id = crm_case.section_id
                LEFT JOIN res_company house ON house.id = crm_case.company_id
                LEFT JOIN %s ON work.calendar_id = COALESCE(
                    place.resource_calendar_id, house.resource_calendar_id) """,
            calendars._get_working_from_sql(seconds=max(reach, key=abs), **bounds),
        )

    def _get_calendars(self, cases=None):
        """Give every calendar that a case may be reckoned with, in three queries."""
        # sudo: hours of work decide instants, whoever is at work now
        if cases is None:
            Section = self.env["crm.case.section"].sudo()
            sections = Section.with_context(active_test=False).search_fetch(
                [("resource_calendar_id", "!=", False)], ["resource_calendar_id"]
            )
            companies = self.env["res.company"].sudo().search(Domain.TRUE)
        else:
            sections, companies = cases.section_id.sudo(), cases.company_id.sudo()
        found = sections.resource_calendar_id | companies.resource_calendar_id
        # a calendar that has lost its hours stops no rule: time just passes there
        return found.filtered(lambda calendar: calendar._has_working_time(0))

    # ------------------------------------------------------------
    # CASES AND THEIR INSTANTS
    # ------------------------------------------------------------

    def _get_wanted_sql(self, case_ids=None, has_run=True, cases=None):
        """Give, as SQL, the timers that this rule should have.

        :param list case_ids: only of these; None means all cases
        :param cases: see `_get_calendar_sql`
        :param bool has_run: whether the rule may have fired before
        :return: SQL of a select of ``rule_id``, ``case_id``, ``occasion_at``,
            ``due_at`` and ``number``
        """
        base = self._get_base_sql()
        tables, criteria = self._get_cases_sql()
        where = [criteria, SQL("%s IS NOT NULL AND due.at IS NOT NULL", base)]
        if case_ids is not None:
            where.append(SQL("crm_case.id = ANY(%s)", list(case_ids)))
        if self.date_from:
            where.append(SQL("due.at >= %s", self.date_from))
        fired, due, number = SQL(), SQL("due.at"), SQL("0")
        if has_run:
            fired, due, number = self._get_fired_sql()
            where.append(SQL("%s <= %s", number, self._get_repeats()))
        return SQL(
            """SELECT %(rule)s::int AS rule_id, crm_case.id AS case_id,
                      due.at AS occasion_at, %(due)s AS due_at, %(number)s AS number
                 FROM %(tables)s %(calendar)s
                CROSS JOIN LATERAL (SELECT date_trunc('second', %(at)s) AS at) due
                %(fired)s WHERE %(where)s""",
            rule=self.id,
            due=due,
            number=number,
            tables=tables,
            calendar=self._get_calendar_sql(cases),
            at=self._get_due_sql(base, self.delay, self.delay_unit),
            fired=fired,
            where=SQL(" AND ").join(where),
        )

    def _get_repeats(self):
        return self.repeat_count if self.repeat_delay else 0

    def _get_fired_sql(self):
        """Give, as SQL, how often the rule has fired for an instant, from the ledger.

        :return: (join, instant of the next firing, number of firings)
        """
        fired = SQL(
            """LEFT JOIN LATERAL (
                SELECT count(*)::int AS number, max(date) AS last
                  FROM crm_case_rule_run run
                 WHERE run.rule_id = %(rule)s AND run.case_id = crm_case.id
                   AND run.result != 'failed'
                   AND (run.occasion = %(occasion)s
                        OR run.occasion LIKE %(occasion)s || ':%%')
            ) fired ON due.at <= %(now)s""",
            rule=self.id,
            occasion=self._get_occasion_sql(SQL("due.at")),
            now=fields.Datetime.now(),
        )
        due = SQL("due.at")
        if self._get_repeats():
            due = SQL(
                "CASE WHEN fired.number > 0 THEN %s ELSE due.at END",
                self._get_due_sql(
                    SQL("fired.last"), self.repeat_delay, self.repeat_unit
                ),
            )
        return fired, due, SQL("COALESCE(fired.number, 0)")

    def _advance_timers(self, timers):
        """Move timers to the next reminder, counted from now.

        Not from the instant before: after a night without a server, reminders still
        come one by one.
        """
        # SQL: each case has its own calendar, and timers are written by nobody else
        self.env.cr.execute(
            SQL(
                """UPDATE crm_case_timer timer
                      SET number = timer.number + 1, attempts = 0, error = NULL,
                          due_at = date_trunc('second', %s)
                     FROM crm_case %s
                    WHERE timer.id = ANY(%s) AND crm_case.id = timer.case_id""",
                self._get_due_sql(
                    SQL("%s::timestamp", fields.Datetime.now()),
                    self.repeat_delay,
                    self.repeat_unit,
                ),
                self._get_calendar_sql(),
                timers.ids,
            )
        )
        timers.invalidate_recordset(flush=False)

    @api.model
    def _get_occasion_sql(self, instant):
        return SQL("('due:' || to_char(%s, 'YYYY-MM-DD\"T\"HH24:MI:SS'))", instant)

    @api.model
    def _get_due_occasion(self, instant, number=0):
        """Name the occasion of an instant, as `_get_occasion_sql` does."""
        mark = f":{number}" if number else ""
        return f"due:{instant:%Y-%m-%dT%H:%M:%S}{mark}"

    def _get_cases_sql(self):
        """Give the cases that meet the criteria, as SQL.

        :return: (tables to select from, condition)
        """
        if self.filter_domain:
            # what it says of today is another thing tomorrow
            return self._compile_cases_sql()
        return self._get_lasting_cases_sql()

    @tools.ormcache("self.id")
    def _get_lasting_cases_sql(self):
        """Keep what was compiled until a rule, a section or a category changes."""
        return self._compile_cases_sql()

    def _compile_cases_sql(self):
        # sudo: see `crm.case.criteria.mixin._match`
        Case = self.env["crm.case"].sudo()
        query = Query(self.env, Case._table, Case._table_sql)
        where = self._domain_to_sql(Case, self._get_criteria_domain(), query)
        return query.from_clause, where

    # ------------------------------------------------------------
    # MAKING TIMERS
    # ------------------------------------------------------------

    def _sync_all_timers(self):
        """Make, move and remove this rule's timers for all cases: one statement."""
        self.ensure_one()
        Timer = self.env["crm.case.timer"].sudo()
        in_force = self.active and self._is_timed()
        wanted = self._get_wanted_sql(has_run=self._has_run()) if in_force else None
        had = Timer.search_count([("rule_id", "=", self.id)], limit=1)
        if in_force or had:
            scope = SQL("timer.rule_id = %s", self.id)
            Timer._replace(wanted, scope if had else None)

    def _has_run(self):
        # sudo: also on cases that the manager at work may not see
        Run = self.env["crm.case.rule.run"].sudo()
        return bool(Run.search_count([("rule_id", "=", self.id)], limit=1))

    def _sync_timers_of(self, causes, candidates, is_new=False, cases=None):
        """Make, move and remove these rules' timers of some cases: one statement.

        :param dict causes: {case id: id of the run that touched it, or None}
        :param dict candidates: {id of a rule: ids of the cases that it may match}
        :param bool is_new: the cases have no timers yet and no run
        :param cases: crm.case, if they are few
        """
        selects = [
            select
            for rule_id, ids in candidates.items()
            if (select := self.browse(rule_id)._try_wanted_sql(ids, not is_new, cases))
        ]
        wanted = SQL(" UNION ALL ").join(selects)
        scope = None
        if not is_new:
            scope = SQL(
                "timer.case_id = ANY(%s) AND timer.rule_id = ANY(%s)",
                list(causes),
                self.ids,
            )
        if selects or scope:
            Timer = self.env["crm.case.timer"].sudo()
            Timer._replace(wanted if selects else None, scope, causes)

    def _try_wanted_sql(self, *args):
        """Give `_get_wanted_sql`, or None for conditions that can no longer be read.

        They were checked when they were saved, but fields may have gone since: whoever
        writes to a case can do nothing about it.
        """
        try:
            return self._get_wanted_sql(*args)
        except Exception:
            # nothing is asked of the database here, so that nothing is half done
            _logger.info("conditions of %s cannot be read", self, exc_info=True)
            return None

    # ------------------------------------------------------------
    # WHAT WAS TOUCHED
    # ------------------------------------------------------------

    @api.model
    def _get_touched(self):
        """Give what this transaction has touched so far.

        :return: {"cases": {case id: run id or None}, "new": set of case ids,
            "names": set of fields that were changed, "rules": set of rule ids}
        """
        precommit = self.env.cr.precommit
        if _TOUCHED not in precommit.data:
            precommit.data[_TOUCHED] = {
                "cases": {},
                "new": set(),
                "names": set(),
                "rules": set(),
            }
            precommit.add(self.env["crm.case.rule"]._settle)
        return precommit.data[_TOUCHED]

    @api.model
    def _touch(self, case_ids, names=None, is_new=False):
        """Remember cases whose timers may have moved, until the end of the transaction.

        Whoever looks at timers before that settles first, see `crm.case.timer`.

        :param names: fields of the cases that were changed; None means any
        :param bool is_new: the cases were created just now
        """
        touched = self._get_touched()
        run_ids = self._get_cause().run_ids
        touched["cases"].update((one, run_ids.get(one)) for one in case_ids)
        if is_new:
            touched["new"].update(case_ids)
        else:
            touched["names"].update(
                self._get_table().watched if names is None else names
            )

    def _touch_rules(self):
        """Remember rules all of whose timers may have moved."""
        self._get_touched()["rules"].update(self.ids)

    @api.model
    def _is_settled(self):
        return _TOUCHED not in self.env.cr.precommit.data

    @api.model
    def _settle(self):
        """Bring the timers of what was touched up to date."""
        self.env.flush_all()
        touched = self.env.cr.precommit.data.pop(_TOUCHED, None)
        if not touched:
            return
        # sudo: timers are the system's
        rules = self.env["crm.case.rule"].sudo()
        for rule in rules.browse(touched["rules"]).exists():
            # one statement each: a million cases
            rule._sync_all_timers()
        causes, new = touched["cases"], touched["new"]
        timed = self._get_table().timed
        self._settle_cases(
            {one: causes[one] for one in causes if one in new}, timed, True
        )
        concerned = [one for one in timed if not one.watch.isdisjoint(touched["names"])]
        self._settle_cases(
            {one: causes[one] for one in causes if one not in new}, concerned
        )

    @api.model
    def _settle_cases(self, causes, listeners, is_new=False):
        """Settle some cases as far as some rules are concerned."""
        if not causes or not listeners:
            return
        # sudo: see `_settle`
        cases = self.env["crm.case"].sudo().browse(causes)
        if len(causes) <= _LOOKED_AT:
            candidates = self._find_candidates(cases.exists(), listeners)
        else:
            candidates, cases = {one.rule_id: list(causes) for one in listeners}, None
        rules = self.env["crm.case.rule"].sudo()
        rules.browse(one.rule_id for one in listeners)._sync_timers_of(
            causes, candidates, is_new, cases
        )

    @api.model
    def _find_candidates(self, cases, listeners):
        """Tell which rules may match which cases, without a query per rule.

        Cases that are alike in all that rules look at are weighed once.

        :return: {id of a rule: ids of cases}, rules that match none left out
        """
        names = sorted({name for one in listeners for name, _values in one.allowed})
        alike = cases.grouped(lambda case: tuple(case[name] for name in names))
        candidates = {}
        for group in alike.values():
            for one in listeners:
                if one.may_match(group[0]):
                    candidates.setdefault(one.rule_id, []).extend(group.ids)
        return candidates

    # ------------------------------------------------------------
    # WHAT NOBODY NOTICES
    # ------------------------------------------------------------

    def _is_drifting(self):
        """Tell whether a case may begin to match without having been written to.

        So with conditions on other records, on the time of day, or on computed fields.
        """
        Case = self.env["crm.case"]
        for condition in Domain(self._read_filter_domain()).iter_conditions():
            name, *path = condition.field_expr.split(".")
            field = Case._fields.get(name)
            is_date = field and field.type in ("date", "datetime")
            relative = is_date and isinstance(condition.value, str)
            if field and (path or relative or not field.store):
                return True
        return False

    @api.model
    def _cron_sync_drifting(self):
        """Look again, once a day, for cases that match without having been touched.

        Rules changed lately are looked at too: a case that somebody was writing to in
        that very moment was weighed by the rule as it had been.
        """
        lately = fields.Datetime.now() - timedelta(days=2)
        for rule in self.search([("date_type", "!=", "none")]):
            if rule.write_date >= lately or rule._is_drifting():
                rule._sync_all_timers()
                self.env["ir.cron"]._commit_progress(1)
