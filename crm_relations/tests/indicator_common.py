from datetime import date, datetime, timedelta

from odoo import fields
from odoo.addons.mail.tests.common import freeze_all_time

from ..tools.local_day import get_day_start
from ..tools.local_period import WEEK, get_first_day, move
from .common import CrmRelationsCommon

# a Tuesday; the clocks of Brussels changed on 29 March and on 25 October
TODAY = date(2026, 11, 3)
ZONE = "Europe/Brussels"
ONLY_RULE_1 = {f"rule_{number}": number == 1 for number in range(1, 9)}


class IndicatorCommon(CrmRelationsCommon):
    """Indicators over cases of the past; the company's days are those of Brussels."""

    clock = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.company.resource_calendar_id.tz = ZONE
        # those of the example company would run as well
        cls.env["crm.quality.indicator"].search([]).active = False

    def setUp(self):
        super().setUp()
        self._set_today(TODAY)

    def _set_today(self, day):
        """Let it be noon of a day, until told otherwise."""
        self._set_clock(datetime(day.year, day.month, day.day, 12))

    def _set_clock(self, moment):
        if self.clock:
            self.clock.__exit__(None, None, None)
        else:
            self.addCleanup(lambda: self.clock.__exit__(None, None, None))
        self.clock = freeze_all_time(moment)
        self.clock.__enter__()

    @classmethod
    def _new_indicator(cls, **values):
        return cls.env["crm.quality.indicator"].create(
            {"name": "Indicator", "section_id": cls.support1.id, **values}
        )

    def _new_cases(self, counts, period=WEEK, first=None, **values):
        """Open so many cases in each of consecutive periods, the last before today's.

        :param counts: list of int
        :param first: first day of the first period instead
        :return: list of crm.case, one for each period
        """
        current = get_first_day(period, TODAY)
        first = first or move(period, current, -len(counts))
        cases = self.env["crm.case"].create(
            [
                {
                    "name": f"Case {index}",
                    "section_id": self.support1.id,
                    "user_id": False,
                    **values,
                }
                for index in range(sum(counts))
            ]
        )
        self.env.flush_all()
        result, taken = [], 0
        for index, count in enumerate(counts):
            part = cases[taken : taken + count]
            taken += count
            # the last moment of the period's first day, where time zones matter most
            day = get_day_start(move(period, first, index) + timedelta(days=1), ZONE)
            self._backdate(part, day - timedelta(minutes=1))
            result.append(part)
        return result

    def _backdate(self, cases, moment):
        """Let cases have been created at a moment."""
        if cases:
            # SQL: the ORM says itself when something was created
            self.env.cr.execute(
                "UPDATE crm_case SET create_date = %s WHERE id = ANY(%s)",
                [fields.Datetime.to_string(moment), cases.ids],
            )
            cases.invalidate_recordset(["create_date"])

    def _values(self, indicator):
        """Give the values of finished periods, oldest first; None where unknown."""
        points = indicator.point_ids.filtered("is_finished").sorted("date")
        return [None if p.value is False else p.value for p in points]

    def _broken(self, indicator):
        """Give {first day of a period: numbers of the rules it broke}."""
        found = {}
        for signal in indicator.signal_ids.sorted("rule"):
            found.setdefault(signal.date, []).append(int(signal.rule))
        return found

    def _run_night(self, rounds=None):
        self._run_scheduled(self.env["crm.quality.indicator"]._cron_compute, rounds)
