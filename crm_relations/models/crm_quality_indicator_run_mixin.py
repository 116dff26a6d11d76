import logging
from datetime import timedelta
from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import control_chart
from ..tools.control_chart import XMR, C, TooFewPointsError
from ..tools.local_day import get_day_start, get_local_day
from ..tools.local_period import Period, get_first_day, get_periods, move
from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS
from .crm_quality_indicator_measure_mixin import COUNT
from .crm_quality_signal import ACTIVITY_TYPE

_logger = logging.getLogger(__name__)

# periods that a rule looks back at the most
_REACH = max(rule.length for rule in control_chart.RULES.values())
# fresh starts when another transaction was in the way
CONCURRENCY_TRIES = 5


class Figure(NamedTuple):
    """One point as it was just reckoned."""

    period: Period
    n: int
    numerator: float
    value: float | None
    is_finished: bool


class Span(NamedTuple):
    """Points that have one baseline, from ``start`` to before ``end``."""

    start: int
    end: int
    baseline: control_chart.Baseline | None


class CrmQualityIndicatorRunMixin(models.AbstractModel):
    """Brings points, limits and signals of indicators up to date.

    The whole window is reckoned anew each time: a case may move, or be corrected, long
    after its period has ended, and no list of what changed could be trusted.
    """

    _name = "crm.quality.indicator.run.mixin"
    _description = "Computation of Indicators"

    def _compute_anew(self):
        """Reckon after a change of what is measured; old points are no news."""
        # sudo: whoever may change an indicator sees what its figures are
        for indicator in self.sudo().filtered("active"):
            indicator.date_computed = False
            indicator._compute_chart()

    def _forget_points(self):
        """Drop the points of what was measured before, and signals nobody has used."""
        # sudo: as in `_compute_anew`
        indicators = self.sudo()
        indicators.signal_ids.filtered(
            lambda signal: signal.state != "explained" and not signal.case_id
        ).unlink()
        indicators.activity_unlink([ACTIVITY_TYPE])
        indicators.point_ids.unlink()

    def _compute_chart(self):
        """Reckon points, limits and signals; a dozen queries, none in a loop.

        The caller holds a lock on the row, or has just written it.
        """
        self.ensure_one()
        figures = self._get_figures()
        spans = self._get_spans(figures)
        changed = self.env["crm.quality.point"]._store(self, figures, spans)
        found = self._find_signals(figures, spans)
        is_first = not self.date_computed
        if is_first:
            changed = {figure.period.date_from for figure in figures}
        self.env["crm.quality.signal"]._record(
            self,
            figures,
            spans,
            found,
            self._get_candidates(figures, changed),
            is_first,
        )
        self.write(self._prepare_result(figures, spans, found))

    # ------------------------------------------------------------
    # POINTS
    # ------------------------------------------------------------

    def _get_time_zone(self):
        return self.company_id._get_time_zone()

    def _get_today(self):
        return get_local_day(fields.Datetime.now(), self._get_time_zone())

    def _get_figures(self):
        """Reckon all periods of the window, the running one included; two queries.

        :return: list of `Figure`, oldest first; empty without any case
        """
        today, first_case = self._get_today(), self._get_first_case_day()
        if not first_case:
            return []
        # before its first case a section did not exist; 0 would pull the centre down
        first = max(self._get_window_start(), first_case)
        periods = get_periods(self.period, first, today, self._get_time_zone())
        measure = self._get_measure()
        return [
            Figure(period, *total, measure.get_value(total), period.date_to <= today)
            for period, total in zip(periods, self._get_totals(periods), strict=True)
        ]

    def _get_window_start(self):
        """Give the first day that is reckoned anew each time."""
        current = get_first_day(self.period, self._get_today())
        first = move(self.period, current, -self.point_count)
        if self.baseline == "frozen" and self.baseline_from:
            first = min(first, get_first_day(self.period, self.baseline_from))
        return first

    def _get_first_case_day(self):
        # sudo: see `_get_totals`
        Case = self.env["crm.case"].sudo()
        self.env.flush_all()
        query = Case._search(self._get_criteria_domain())
        created = SQL("min(%s)", SQL.identifier(query.table, "create_date"))
        [(first,)] = self.env.execute_query(query.select(created))
        return first and get_local_day(first, self._get_time_zone())

    # ------------------------------------------------------------
    # LIMITS
    # ------------------------------------------------------------

    def _get_spans(self, figures):
        """Divide the points at the notes that start a new baseline.

        :return: list of `Span`, covering all points
        """
        starts = {0}
        for note in self.annotation_ids.filtered("is_baseline"):
            begin = get_first_day(self.period, note.date)
            starts.add(sum(figure.period.date_from < begin for figure in figures))
        bounds = [*sorted(starts - {len(figures)}), len(figures)]
        return [
            Span(start, end, self._fit(figures[start:end], start))
            for start, end in zip(bounds, bounds[1:], strict=False)
        ]

    def _fit(self, figures, start):
        """Reckon what a span does by itself; None with too few points."""
        figures = self._choose_baseline([one for one in figures if one.is_finished])
        kind = self._get_chart_kind()
        plain = kind in (XMR, C)
        try:
            return control_chart.fit(
                kind,
                [one.value if plain else one.numerator for one in figures],
                None if plain else [one.n for one in figures],
            )
        except TooFewPointsError:
            return None

    def _choose_baseline(self, figures):
        if self.baseline == "rolling":
            return figures[-self.baseline_points :]
        first = self.baseline_from
        if first or self.baseline_to:
            last = self.baseline_to or self._get_today()
            chosen = [
                one
                for one in figures
                if (not first or one.period.date_to > first)
                and one.period.date_from <= last
            ]
            if chosen:
                return chosen
        # after a note that starts a new baseline, its first points
        return figures[: self.baseline_points]

    # ------------------------------------------------------------
    # SIGNALS
    # ------------------------------------------------------------

    def _get_z_values(self, figures, spans):
        """Tell how far off each point is; None where it is not known."""
        return [
            span.baseline.get_z(one.value, one.n) if span.baseline else None
            for span in spans
            for one in figures[span.start : span.end]
        ]

    def _find_signals(self, figures, spans):
        """Tell which rules each point breaks; patterns do not cross baselines.

        The running period only counts when it has too many already: what is there can
        but grow.

        :return: {index: {number of the rule: side}}
        """
        rules = [number for number in control_chart.RULES if self[f"rule_{number}"]]
        found = {}
        for span in spans:
            part = figures[span.start : span.end]
            z_values = self._get_z_values(figures, [span])
            signals = control_chart.find_signals(z_values, rules)
            for index, numbers in signals.items():
                if not part[index].is_finished:
                    numbers = [1] if self._is_too_many(z_values[index], numbers) else []
                sides = {
                    number: control_chart.get_side(number, z_values, index)
                    for number in numbers
                }
                if sides:
                    found[span.start + index] = sides
        return found

    def _is_too_many(self, z, numbers):
        return 1 in numbers and z > 0 and self._get_measure().kind == COUNT

    @api.model
    def _get_candidates(self, figures, changed):
        """Give the indexes of points that may be news.

        Those that have changed, and those after them that a rule sees together with
        one. Limits that follow the latest periods would else make news of old points.
        """
        candidates = set()
        for index, figure in enumerate(figures):
            if figure.period.date_from in changed:
                candidates.update(range(index, min(index + _REACH, len(figures))))
        return candidates

    def _prepare_signal(self, figure, baseline, rule, side):
        limits = baseline.get_limits(figure.n)
        return {
            "indicator_id": self.id,
            "date": figure.period.date_from,
            "date_end": figure.period.date_to,
            "rule": str(rule),
            "value": figure.value,
            "centre": limits.centre,
            "lower_limit": limits.lower,
            "upper_limit": limits.upper,
            "side": {1: "above", -1: "below", 0: "neither"}[side],
            "mood": self._get_mood(side),
        }

    def _get_mood(self, side):
        """Tell whether a change to a side is for the better."""
        good = {"higher": 1, "lower": -1}.get(self.direction)
        if not good or not side:
            return "open"
        return "better" if side == good else "worse"

    def _prepare_result(self, figures, spans, found):
        finished = [index for index, one in enumerate(figures) if one.is_finished]
        last = finished[-1] if finished else None
        result = {
            "date_computed": fields.Datetime.now(),
            "date_due": self._get_next_due(),
            "error": False,
            "centre": None,
            "lower_limit": None,
            "upper_limit": None,
            "last_value": figures[last].value if finished else None,
            "last_date": figures[last].period.date_from if finished else False,
            "state": "too_few",
        }
        baseline = spans[-1].baseline if spans else None
        if baseline and finished:
            limits = baseline.get_limits(figures[last].n or 1)
            is_signal = not found.keys().isdisjoint({last, len(figures) - 1})
            result |= {
                "centre": limits.centre,
                "lower_limit": limits.lower,
                "upper_limit": limits.upper,
                "state": "signal" if is_signal else "in_control",
            }
        return result

    def _get_next_due(self):
        """Give the moment at which the company's next day begins."""
        tomorrow = self._get_today() + timedelta(days=1)
        return get_day_start(tomorrow, self._get_time_zone())

    # ------------------------------------------------------------
    # AT NIGHT
    # ------------------------------------------------------------

    @api.model
    def _cron_compute(self):
        """Bring the indicators up to date whose day has ended, each by itself.

        Points, signals, and what signals set off are one transaction: a run that is
        killed leaves an indicator as it was, still due, and the next one takes it.
        """
        due = self.search_count([("date_due", "<=", fields.Datetime.now())])
        time_left = self.env["ir.cron"]._commit_progress(remaining=due)
        while time_left and (indicator := self._lock_next_due()):
            indicator._compute_due()
            time_left = self.env["ir.cron"]._commit_progress(1)

    @api.model
    def _lock_next_due(self):
        """Lock the next indicator that no other worker has."""
        # SQL: see `crm.segment._lock_next_due`
        self.env.flush_all()
        query = SQL(
            "SELECT id FROM crm_quality_indicator WHERE active AND date_due <= %s "
            "ORDER BY date_due, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
            fields.Datetime.now(),
        )
        for _try in range(CONCURRENCY_TRIES):
            try:
                rows = self.env.execute_query(query)
                return self.browse(indicator_id for (indicator_id,) in rows)
            except CONCURRENCY_ERRORS:  # noqa: PERF203 - each try is one
                # another worker has just finished the one this was about to lock
                self.env.cr.rollback()
        return self.browse()

    def _compute_due(self):
        """Compute a locked indicator; whatever goes wrong, the others go on."""
        self.env.invalidate_all()
        try:
            with self.env.cr.savepoint():
                self._compute_chart()
                self.env.flush_all()
        except CONCURRENCY_ERRORS:
            # still due; the lock goes with the transaction
            self.env.cr.rollback()
        except Exception as error:
            # broad: a filter on a field that is gone must not stop the others
            _logger.exception("Indicator %s could not be computed", self.id)
            self.env.invalidate_all()
            self.write({"error": str(error), "date_due": self._get_next_due()})
