import logging
from collections import Counter
from dataclasses import dataclass, field

from odoo import SUPERUSER_ID, api, models, tools
from odoo.fields import Domain
from odoo.tools import SQL

from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS

_logger = logging.getLogger(__name__)

# firings that may set each other off; a longer chain is taken for a mistake
MAX_CHAIN = 10
# times that a rule acts on a case because of one event: chains may branch
MAX_AGAIN = 3
CREATE, ENTER, MOVE, ESCALATE, MESSAGE = (
    "create",
    "enter",
    "move",
    "escalate",
    "message",
)
# The chain of firings under way, on the cursor and not in the context: what a rule
# changes may be stored later, by whichever environment flushes, and a context can be
# set by remote callers.
_CAUSE = "crm_case_rule_cause"
# all that rules keep of the context of whoever set them off
_CONTEXT = ("lang", "tz", "allowed_company_ids", "crm_case_rule_hand")


@dataclass(frozen=True)
class Event:
    """Something that happened to a case.

    ``occasion`` names it in the ledger; ``before`` and ``after`` are states.
    """

    kind: str
    occasion: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True)
class Listener:
    """What decides, without asking the database, whether a rule may be concerned."""

    rule_id: int
    timed: bool
    on_create: bool
    on_message: bool
    state_from: str | None
    state_to: str | None
    # (field of the case, the values that are allowed)
    allowed: tuple
    watch: frozenset = frozenset()  # fields of a case that move this rule's timers

    @property
    def any_event(self):
        return not (
            self.on_create or self.on_message or self.state_from or self.state_to
        )

    def hears(self, event):
        """Tell whether the event is of the kind the rule waits for."""
        return not self.timed and getattr(self, f"_hears_{event.kind}")(event)

    def _hears_create(self, event):
        if self.on_create:
            return self.state_to in (None, event.after)
        return self.any_event

    def _hears_enter(self, event):
        """Hear of the state that a case is created in: a move to it, from nowhere."""
        bound = self.on_create or self.on_message or self.state_from
        return not bound and self.state_to == event.after

    def _hears_move(self, event):
        if self.on_create or self.on_message:
            return False
        return self.state_from in (None, ESCALATE, event.before) and (
            self.state_to in (None, event.after)
        )

    def _hears_escalate(self, event):
        if self.state_to == ESCALATE:
            return self.state_from in (None, ESCALATE, event.before)
        return self.any_event

    def _hears_message(self, _event):
        return self.on_message or self.any_event

    def may_match(self, case):
        """Tell whether the criteria that a look at the case decides all hold."""
        return all(
            (case[name].id if case._fields[name].relational else case[name]) in values
            for name, values in self.allowed
        )


@dataclass(frozen=True)
class RuleTable:
    """All active rules, as every write to a case needs them."""

    listeners: tuple = ()
    events: tuple = ()  # those that wait for events
    timed: tuple = ()
    watched: frozenset = frozenset()  # fields of a case that move its timers
    uses_categories: bool = False  # of partners, in rules by time


@dataclass(frozen=True, eq=False)
class Cause:
    """Which firings led here: the rules of the chain, and the last run per case.

    ``counts`` is shared by all that one event sets off: how often each rule has acted
    on each case.
    """

    rule_ids: tuple = ()
    run_ids: dict = field(default_factory=dict)
    counts: Counter = field(default_factory=Counter)


class CrmCaseRuleTriggerMixin(models.AbstractModel):
    """When a rule fires: which events it hears, in what order, and only once.

    An event fires its rules in its own transaction, so that the row of the ledger,
    the effect and the event are kept together or not at all.
    """

    _name = "crm.case.rule.trigger.mixin"
    _description = "Rule Trigger"

    # ------------------------------------------------------------
    # TABLE
    # ------------------------------------------------------------

    @api.model
    @tools.ormcache()
    def _get_table(self):
        """Compile the active rules; a look-up until one of them changes.

        :return: RuleTable
        """
        # sudo: rules of all companies act, whoever touches the case
        rules = self.env["crm.case.rule"].sudo().with_context(active_test=True)
        rules = rules.search(Domain.TRUE)
        timed = rules.filtered(lambda rule: rule._is_timed())
        listeners = [rule._get_listener() for rule in rules]
        return RuleTable(
            tuple(listeners),
            tuple(one for one in listeners if not one.timed),
            tuple(one for one in listeners if one.timed),
            frozenset().union(*(listener.watch for listener in listeners)),
            bool(timed.partner_category_id),
        )

    def _get_listener(self):
        return Listener(
            self.id,
            self._is_timed(),
            self.on_create,
            self.on_message,
            self.state_from or None,
            self.state_to or None,
            tuple(self._get_allowed_values()),
            frozenset(self._get_timer_watch() if self._is_timed() else ()),
        )

    def _is_timed(self):
        return self.date_type != "none"

    def _get_allowed_values(self):
        """Give the criteria that one look at a case decides.

        :return: iterable of (field of crm.case, frozenset of values)
        """
        for name in ("company_id", "category_id", "user_id", "channel_id"):
            if self[name]:
                yield name, frozenset(self[name].ids)
        if self.section_id:
            branch = (
                self.env["crm.case.section"]
                .sudo()
                .with_context(active_test=False)
                .search([("id", "child_of", self.section_id.id)])
            )
            yield "section_id", frozenset(branch.ids)
        if self.priority_min or self.priority_max:
            low, high = self.priority_min or "0", self.priority_max or "9"
            yield "priority", frozenset(p for p in "0123" if low <= p <= high)
        yield "active", frozenset([True])

    # ------------------------------------------------------------
    # EVENTS
    # ------------------------------------------------------------

    @api.model
    def _fire_events(self, cases, events):
        """Fire what waits for some events that have just happened.

        :param cases: crm.case
        :param events: {case id: list of Event}, in the order they happened
        """
        table = self._get_table()
        heard = [
            (listener, pairs)
            for listener in table.events
            if (pairs := self._get_heard(listener, cases, events))
        ]
        if not heard:
            return
        context = {key: v for key, v in self.env.context.items() if key in _CONTEXT}
        if (hand := self.env["crm.mail.intake"]._get_hand()) is not None:
            # under a name of its own: what a rule says is not part of the mail
            context["crm_case_rule_hand"] = hand
        # as the system: a rule may do what the person at work may not
        system = self.env(user=SUPERUSER_ID, context=context)
        rules = system["crm.case.rule"]
        outer = self._get_cause()
        self._set_cause(outer)
        stopped = {}
        for listener, pairs in heard:
            rules.browse(listener.rule_id)._fire_for_events(pairs, stopped)
            self._set_cause(outer)
        self._set_cause(outer if outer.rule_ids else None)

    def _get_heard(self, listener, cases, events):
        """Give the occasions of a rule.

        :return: list of (case id, occasion)
        """
        return [
            (case.id, event.occasion)
            for case in cases
            for event in events.get(case.id, ())
            if listener.hears(event) and listener.may_match(case)
        ]

    def _fire_for_events(self, pairs, stopped):
        """Fire one rule for the events it has heard.

        :param pairs: list of (case id, occasion)
        :param stopped: {(case id, occasion): name of the rule that ended the sequence},
            added to
        """
        Case = self.env["crm.case"]
        self.env.cr.flush()
        try:
            with self.env.cr.savepoint(flush=False):
                found = self._match(Case.browse({pair[0] for pair in pairs}))
        except CONCURRENCY_ERRORS:
            raise  # the whole transaction is to be repeated, and will be
        except Exception as error:
            # conditions that can no longer be read must not stop the user's work
            for case_id, occasion in pairs:
                self._set_aside(Case.browse(case_id), occasion, error)
            return
        matching = set(found.ids)
        # one occasion of a case after the other: the first may change the case
        for one_each in _one_per_case(p for p in pairs if p[0] in matching):
            occasions = dict(one_each)
            self._fire(Case.browse(occasions), occasions, stopped)

    def _get_state_domain(self):
        """Give what `state_from` and `state_to` ask of a case outside of any move.

        By time, or on a message, a case *is* in a state: the one named last, and it
        came there from the one named first if both are given.
        """
        now, before = self.state_to or self.state_from, self.state_from
        if not now or not (self._is_timed() or self.on_message):
            return Domain.TRUE
        domain = self._get_is_in_domain(now)
        if self.state_to and before == ESCALATE:
            domain &= self._get_is_in_domain(before)
        elif self.state_to and before:
            domain &= Domain.custom(to_sql=_came_from(before))
        return domain

    @api.model
    def _get_is_in_domain(self, state):
        if state == ESCALATE:
            return Domain("escalation_level", ">", 0)
        return Domain("state", "=", state)

    # ------------------------------------------------------------
    # FIRING
    # ------------------------------------------------------------

    def _fire(self, cases, occasions, stopped=None, settle=None):
        """Fire this rule on cases that match, once per occasion, whatever goes wrong.

        What fails is tried again in halves until the failing case stands alone: it is
        set aside with its error and holds nobody up.

        :param cases: crm.case, locked or in the transaction that changes them
        :param occasions: {case id: occasion}
        :param stopped: {(case id, occasion): rule's name}; those are not fired, and
            the ones this rule stops are added
        :param settle: function(cases) called in the same savepoint as the effect
        :return: crm.case on which it fired
        """
        stopped = {} if stopped is None else stopped
        refused = self._get_refusals(cases, occasions, stopped)
        if refused:
            self._write_runs(
                cases.filtered(lambda case: case.id in refused),
                occasions,
                "skipped",
                refused,
            )
            if settle:
                settle(cases.filtered(lambda case: case.id in refused))
        rest = cases.filtered(lambda case: case.id not in refused)
        fired = self._fire_in_parts(rest, occasions, settle)
        if self.stop_processing:
            stopped.update({(case.id, occasions[case.id]): self.name for case in fired})
        return fired

    def _fire_in_parts(self, cases, occasions, settle):
        if not cases:
            return cases
        cause = self._get_cause()
        counts = Counter(cause.counts)
        # what others left to be written must not be taken for our failure
        self.env.cr.flush()
        try:
            with self.env.cr.savepoint():
                return self._fire_together(cases, occasions, settle)
        except CONCURRENCY_ERRORS:
            raise  # the whole transaction is to be repeated, and will be
        except Exception as error:
            # whatever it is: one case must not hold up the others, nor the user
            cause.counts.clear()
            cause.counts.update(counts)
            self._set_cause(cause)
            if len(cases) == 1:
                _logger.info("%s failed on %s", self, cases, exc_info=True)
                self._set_aside(cases, occasions[cases.id], error)
                return cases.browse()
        half = len(cases) // 2
        return self._fire_in_parts(cases[:half], occasions, settle) | (
            self._fire_in_parts(cases[half:], occasions, settle)
        )

    def _fire_together(self, cases, occasions, settle):
        runs = self._write_runs(cases, occasions, "done")
        fresh = cases.filtered(lambda case: case.id in runs)
        if settle:
            settle(cases)
        cause = self._get_cause()
        cause.counts.update((self.id, case_id) for case_id in runs)
        self._set_cause(Cause((*cause.rule_ids, self.id), runs, cause.counts))
        # the note below tells what has changed; tracking takes 3 ms a case
        remarks = self._apply(fresh.with_context(mail_notrack=True))
        self._remark_runs(runs, remarks)
        # what is stored now is this rule's doing
        self.env.flush_all()
        self._set_cause(cause)
        return fresh

    @api.model
    def _get_cause(self):
        """Give the firings that led here."""
        return self.env.cr.cache.get(_CAUSE) or Cause()

    @api.model
    def _set_cause(self, cause):
        self.env.cr.cache[_CAUSE] = cause

    def _get_refusals(self, cases, occasions, stopped):
        """Tell which cases the rule leaves alone on purpose.

        :return: {case id: reason}
        """
        cause = self._get_cause()
        if self.id in cause.rule_ids or len(cause.rule_ids) >= MAX_CHAIN:
            reason = self._get_chain_text(cause.rule_ids)
            return dict.fromkeys(cases.ids, reason)
        refused = {
            case.id: self._get_chain_text(cause.rule_ids)
            for case in cases
            if cause.counts[self.id, case.id] >= MAX_AGAIN
        }
        refused |= {
            case.id: self.env._(
                "“%s” has ended the sequence.", stopped[case.id, occasions[case.id]]
            )
            for case in cases
            if (case.id, occasions[case.id]) in stopped
        }
        return self._get_impossible(cases) | refused

    def _get_chain_text(self, rule_ids):
        # sudo: the chain may lead through rules of another company, named only
        chain = self.sudo().browse((*rule_ids, self.id))
        names = " → ".join(chain.browse(one).name for one in chain._ids)
        if self.id in rule_ids:
            return self.env._("Rules set each other off: %s", names)
        return self.env._("Too many rules set each other off: %s", names)


def _came_from(state):
    """Give the condition that a case was in ``state`` before the one it is in."""

    def to_sql(_model, alias, _query):
        return SQL(
            """(SELECT state_from FROM crm_case_move
                 WHERE case_id = %s AND state_from IS DISTINCT FROM state
                 ORDER BY id DESC LIMIT 1) = %s""",
            SQL.identifier(alias, "id"),
            state,
        )

    return to_sql


def _one_per_case(pairs):
    """Split (case id, occasion) pairs into lists that name each case once."""
    rounds = []
    counts = {}
    for case_id, occasion in pairs:
        index = counts.get(case_id, 0)
        counts[case_id] = index + 1
        if index == len(rounds):
            rounds.append([])
        rounds[index].append((case_id, occasion))
    return rounds
