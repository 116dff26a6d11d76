from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from odoo import fields

from .common import CrmRelationsCommon


class QualityCommon(CrmRelationsCommon):
    """Cases about ACME's and Walter's deliveries, in the section Quality.

    Scratches and cracks are categories of that section. One criterion counts cases
    (100 points for none, 0 for ten), so that scores can be reckoned in the head.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.company.write(
            {
                "quality_months": 12,
                "quality_bound_a": 90,
                "quality_bound_b": 70,
                "quality_repeat_days": 90,
                "quality_fall_section_id": False,
            }
        )
        cls.quality.is_quality = True
        cls.scratch, cls.crack = cls.env["crm.case.category"].create(
            [
                {"name": name, "section_id": cls.quality.id}
                for name in ("Scratch", "Crack")
            ]
        )
        cls.Score = cls.env["crm.quality.score"]
        cls.env["crm.quality.score.criterion"].search([]).active = False
        cls._new_criterion("case_count", best=0, worst=10)

    @classmethod
    def _new_criterion(cls, measure, **values):
        cls.env.flush_all()  # one that was just archived is in the way until then
        return cls.env["crm.quality.score.criterion"].create(
            {"measure": measure, **values}
        )

    @classmethod
    def _new_fault(cls, days=1, partner=None, **values):
        """Open a quality case as if it were so many days ago."""
        partner = cls.acme if partner is None else partner
        values = {"section": cls.quality, "partner_id": partner.id} | values
        case = cls._new_case("Fault", **values)
        cls._set_created(case, fields.Datetime.now() - timedelta(days=days))
        return case

    @classmethod
    def _set_created(cls, case, moment):
        cls.env.flush_all()
        # the ORM does not let anybody change it
        cls.env.cr.execute(
            "UPDATE crm_case SET create_date = %s WHERE id = %s", (moment, case.id)
        )
        case.invalidate_recordset()

    @classmethod
    def _new_action(cls, days=7, **values):
        """Agree on a corrective action that is due in so many days."""
        due = cls.company._get_today() + timedelta(days=days)
        values = {"user_id": cls.quality_user.id} | values
        if "case_id" not in values:
            values = {"partner_id": cls.acme.id} | values
        return cls.env["crm.quality.action"].create(
            {"name": "Change the tool", "date_deadline": due, **values}
        )

    def _compute(self, partners=None, days=0, company=None):
        """Compute scores as if it were so many days later."""
        ids = None if partners is None else partners.ids
        with freeze_time(fields.Datetime.now() + timedelta(days=days)):
            self.Score._compute_company(company or self.company, ids)
        self.env.invalidate_all()

    def _row(self, partner=None, company=None):
        return self.Score.search(
            [
                ("partner_id", "=", (partner or self.acme).id),
                ("company_id", "=", (company or self.company).id),
                ("is_current", "=", True),
            ]
        )

    @contextmanager
    def _knowing(self, **hooks):
        """Let a bridge know of ``{hook: {partner id: value}}``, always."""
        cls = self.env.registry["res.partner"]
        patches = [
            patch.object(cls, f"_get_{hook}", lambda *_args, found=found: dict(found))
            for hook, found in hooks.items()
        ]
        for one in patches:
            one.start()
        try:
            yield
        finally:
            for one in patches:
                one.stop()
