from markupsafe import Markup
from odoo import api, fields, models

from ..tools import transitions


class CrmCaseSubstitution(models.Model):
    """A case that went to a deputy because somebody was away.

    Written by the system when it passes an absent person over, and closed when that
    person is back: the case says so then, and who is back finds what was done.
    """

    _name = "crm.case.substitution"
    _description = "Case Substitution"
    _order = "date desc, id desc"
    _rec_name = "case_id"
    _log_access = False

    case_id = fields.Many2one(
        "crm.case", required=True, index=True, ondelete="cascade", readonly=True
    )
    absent_id = fields.Many2one(
        "res.users", "Away", required=True, ondelete="cascade", readonly=True
    )
    deputy_id = fields.Many2one(
        "res.users", required=True, ondelete="cascade", readonly=True
    )
    date = fields.Datetime("Since", required=True, readonly=True)
    date_back = fields.Datetime(
        "Back on", readonly=True, help="When the absence was found to be over."
    )

    _case_absent_uniq = models.UniqueIndex(
        "(case_id, absent_id) WHERE date_back IS NULL"
    )
    _lasting_idx = models.Index("(absent_id) WHERE date_back IS NULL")

    @api.model
    def _record(self, cases, absent, deputy):
        """Keep that ``deputy`` got these cases in place of ``absent``; 2 queries."""
        known = self.search(
            [
                ("case_id", "in", cases.ids),
                ("absent_id", "=", absent.id),
                ("date_back", "=", False),
            ]
        ).case_id
        now = fields.Datetime.now()
        self.create(
            [
                {
                    "case_id": case.id,
                    "absent_id": absent.id,
                    "deputy_id": deputy.id,
                    "date": now,
                }
                for case in cases - known
            ]
        )

    @api.model
    def _cron_hand_back(self):
        """Give unclosed cases back to those who have returned, and say so on them.

        Costs what is with deputies, not what exists; two queries when nobody is away.
        """
        away = self._read_group([("date_back", "=", False)], ["absent_id"])
        people = self.env["res.users"].union(*[user for (user,) in away])
        for user in people - people._find_absent():
            lasting = self.search(
                [("absent_id", "=", user.id), ("date_back", "=", False)]
            )
            lasting._hand_back(user)
            self.env["ir.cron"]._commit_progress(len(lasting))

    def _hand_back(self, user):
        """Give back what the deputy still has; what moved on since stays there."""
        self.date_back = fields.Datetime.now()
        back = self.filtered(
            lambda one: (
                one.case_id.user_id == one.deputy_id
                and one.case_id.state in transitions.UNCLOSED
                and user._may_get_cases(one.case_id.company_id)
            )
        )
        bodies = {}
        for one in self:
            if one in back:
                text = self.env._(
                    "%(user)s is back and has the case again, after %(deputy)s.",
                    user=user.name,
                    deputy=one.deputy_id.name,
                )
            else:
                text = self.env._(
                    "%(user)s is back. Meanwhile %(deputy)s stood in.",
                    user=user.name,
                    deputy=one.deputy_id.name,
                )
            bodies[one.case_id.id] = Markup("<p>%s</p>") % text
        self.case_id._message_log_batch(bodies=bodies)
        back.case_id.user_id = user
