from contextlib import contextmanager
from datetime import timedelta

from freezegun import freeze_time
from odoo import Command, fields

from .profiling_common import ProfilingCommon


class CallCommon(ProfilingCommon):
    """A campaign called by agent and colleague, at any hour, with three on its list.

    jane, bob and walter, in that order; managed by boss. Nobody else is called for.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.profiling.campaign"].search([]).state = "paused"
        cls.people = cls.jane | cls.bob | cls.walter
        cls.campaign = cls._new_campaign("Spring", cls.people)

    @classmethod
    def _new_campaign(cls, name, partners=None, operators=None, **values):
        operators = cls.agent | cls.colleague if operators is None else operators
        campaign = cls.env["crm.profiling.campaign"].create(
            {
                "name": name,
                "questionnaire_id": cls.fair.id,
                "user_id": cls.boss.id,
                "hour_from": 0,
                "hour_to": 24,
                "on_weekends": True,
                "state": "running",
                "operator_line_ids": [
                    Command.create({"user_id": user.id}) for user in operators
                ],
                **values,
            }
        )
        cls._list(campaign, partners or cls.env["res.partner"])
        return campaign

    @classmethod
    def _list(cls, campaign, partners):
        return cls.env["crm.profiling.call"].create(
            [{"campaign_id": campaign.id, "partner_id": p.id} for p in partners]
        )

    def _take(self, user=None, campaign=None):
        """Take the next partner; give the call, maybe none, as that operator."""
        calls = self.env["crm.profiling.call"].with_user(user or self.agent)
        # a request comes alone
        self.env.invalidate_all()
        desk = calls.take_next(campaign and campaign.id)
        return calls.browse(desk["call"] and desk["call"]["id"])

    def _call_of(self, partner, campaign=None):
        return (campaign or self.campaign).call_ids.filtered(
            lambda call: call.partner_id == partner
        )

    @contextmanager
    def _later(self, **duration):
        """Have it later; a request of then begins with an empty cache."""
        self.env.flush_all()
        with freeze_time(fields.Datetime.now() + timedelta(**duration)):
            yield fields.Datetime.now()
