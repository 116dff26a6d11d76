from odoo import fields, models

_GROUP = "crm_relations.crm_relations_group_user"


class ResPartner(models.Model):
    """Whether one may call a partner, and the lists he is on."""

    _inherit = "res.partner"  # pylint: disable=consider-merging-classes-inherited

    do_not_call = fields.Boolean(
        groups=_GROUP,
        tracking=True,
        help="No campaign calls this partner.",
    )
    call_ids = fields.One2many(
        "crm.profiling.call", "partner_id", "On Call Lists", groups=_GROUP
    )

    def write(self, vals):
        """Take those off the lists who are archived or want no calls."""
        result = super().write(vals)
        if vals.get("do_not_call") or not vals.get("active", True):
            self.env["crm.profiling.call"]._exclude_partners(self)
        return result

    def _get_personal_records(self):
        found = super()._get_personal_records()
        calls = self.env["crm.profiling.call"].search([("partner_id", "=", self.id)])
        return found | {
            "crm.profiling.call": calls,
            "crm.profiling.attempt": calls.attempt_ids,
        }

    def _erase_person(self):
        """Erase what was noted in calls, too; that they were made stays."""
        records = self._get_personal_records()
        count = super()._erase_person()
        # sudo: as in the method above, which has checked that all of it may be seen
        for name in ("crm.profiling.call", "crm.profiling.attempt"):
            records[name].sudo().write({"note": False})
        return count


class ResUsers(models.Model):
    """Who leaves the company calls no more."""

    _inherit = "res.users"  # pylint: disable=consider-merging-classes-inherited

    def write(self, vals):
        """Have what a colleague who leaves was to call dealt to the others."""
        result = super().write(vals)
        if not vals.get("active", True):
            # sudo: who leaves, leaves all campaigns, whoever sees to it
            self.env["crm.profiling.operator"].sudo().search(
                [("user_id", "in", self.ids)]
            ).unlink()
        return result
