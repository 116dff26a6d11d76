from datetime import datetime, timedelta

from odoo.addons.mail.tests.common import freeze_all_time
from odoo.fields import Date
from odoo.tests import tagged

from ..tools.local_day import get_days
from .backlog_common import BacklogCommon

# over the night to summer time of Brussels, which Los Angeles has had already
_BEGIN = datetime(2026, 3, 20, 12)
_DAYS = 16
_ZONES = ("Europe/Brussels", "America/Los_Angeles", "Pacific/Auckland")


@tagged("crm_relations_backlog")
class TestBacklog(BacklogCommon):
    """The backlog of each day against a slow count of what is known of the cases."""

    def _get(self, zone, **scope):
        """Read the screen at the end of the story, and the days that it shows."""
        with freeze_all_time(_BEGIN + timedelta(days=_DAYS)):
            today = self.env.company._get_today()
            days = get_days(today - timedelta(days=_DAYS + 1), today)
            figures = self.env["crm.case.backlog"].get_backlog(
                days[0], Date.to_string(days[-1]), scope
            )
        return figures, days

    def _check(self, past, zone, scope, wanted):
        figures, days = self._get(zone, **scope)
        self.assertEqual(figures["days"], [Date.to_string(day) for day in days])
        ends = [self._end_of(day, zone) for day in days]
        self.assertEqual(
            figures["open"], [len(self._open_at(past, end, wanted)) for end in ends]
        )
        for state, counts in figures["states"].items():
            self.assertEqual(
                counts,
                [
                    len(self._open_at(past, end, lambda s: s[1] == state and wanted(s)))
                    for end in ends
                ],
            )
        return figures, ends

    def test_each_day_is_as_the_oracle_counts_it(self):
        for seed, zone in enumerate(_ZONES):
            self._set_zone(zone)
            past = self._tell_past(seed, _BEGIN, _DAYS, 40)
            below = self.support1 | self.support2
            scopes = (
                ({}, lambda s: True),
                ({"section_id": self.support2.id}, lambda s: s[2] in below.ids),
                ({"section_id": self.support1.id}, lambda s: s[2] == self.support1.id),
                ({"user_id": self.agent.id}, lambda s: s[3] == self.agent.id),
                ({"state": "pending"}, lambda s: s[1] == "pending"),
            )
            for scope, wanted in scopes:
                with self.subTest(seed=seed, zone=zone, scope=scope):
                    figures, ends = self._check(past, zone, scope, wanted)
                    if scope:
                        continue
                    flows = [
                        self._flows_between(past, end - timedelta(hours=hours), end)
                        for end, hours in zip(ends, self._hours_of(ends), strict=True)
                    ]
                    self.assertEqual(figures["opened"], [len(o) for o, _c in flows])
                    self.assertEqual(figures["closed"], [len(c) for _o, c in flows])
            self.env["crm.case"].with_context(active_test=False).search([]).unlink()

    def _hours_of(self, ends):
        """Give how long each day was; the first one is over before anything began."""
        return [24] + [
            (end - before).total_seconds() / 3600
            for before, end in zip(ends, ends[1:], strict=False)
        ]
