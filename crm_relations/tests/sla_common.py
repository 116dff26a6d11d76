from datetime import datetime, timedelta

from freezegun import freeze_time
from odoo import Command, fields

from .common import CrmRelationsCommon

MONDAY = datetime(2026, 3, 2, 8)  # a week without any night of the clocks


class SlaCommon(CrmRelationsCommon):
    """One office (Monday to Friday, 8 to 12 and 13 to 17, UTC) and one policy.

    "Standard" promises a first answer in 4 working hours and a solution in 16, to
    every case of Support 1. The clock of the tests stands at Monday, 8 o'clock.
    """

    _frozen = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.sla.policy"].search([]).active = False
        cls.office = cls._new_calendar("Office", ((8, 12), (13, 17)), range(5))
        cls.support1.resource_calendar_id = cls.office
        cls.standard = cls._new_policy("Standard", section_id=cls.support1.id)

    def setUp(self):
        super().setUp()
        self._set_clock(MONDAY)

    def _set_clock(self, instant):
        """Let it be ``instant`` from now on."""
        if self._frozen:
            self._frozen.stop()
        else:
            self.addCleanup(self._stop_clock)
        self._frozen = freeze_time(instant)
        self._frozen.start()

    def _stop_clock(self):
        self._frozen.stop()

    def _pass_hours(self, hours):
        self._set_clock(fields.Datetime.now() + timedelta(hours=hours))

    @classmethod
    def _new_calendar(cls, name, hours, days, **values):
        lines = [
            {"name": "Work", "dayofweek": str(day), "hour_from": a, "hour_to": b}
            for day in days
            for a, b in hours
        ]
        return cls.env["resource.calendar"].create(
            {
                "name": name,
                "tz": "UTC",
                "attendance_ids": [Command.clear()]
                + [Command.create(line) for line in lines],
                **values,
            }
        )

    @classmethod
    def _new_policy(cls, name, **values):
        return cls.env["crm.sla.policy"].create(
            {
                "name": name,
                "hours_first_response": 4,
                "hours_resolution": 16,
                **values,
            }
        )

    def _status(self, case, target="first_response", policy=None):
        return case.sla_status_ids.filtered(
            lambda status: (
                status.target == target
                and (status.policy_id == policy if policy else status.is_current)
            )
        )

    def _answer(self, case):
        """Answer as the agent, in the discussion."""
        case.with_user(self.agent).sudo().message_post(
            body="We are on it",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            author_id=self.agent.partner_id.id,
        )

    def _at(self, day, hour, minute=0):
        """Give an instant of the week of the tests; day 0 is Monday."""
        return MONDAY.replace(hour=hour, minute=minute) + timedelta(days=day)
