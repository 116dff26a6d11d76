from odoo import fields, models


class CrmCaseSectionIntakeMixin(models.AbstractModel):
    """A section and the mails that could not become cases of it."""

    _name = "crm.case.section.intake.mixin"
    _description = "Section Incoming Mail"
    _inherit = ["mail.activity.mixin"]

    def _schedule_quarantine_activity(self, kind):
        """Tell the section's manager, or the next one above, once.

        Where there is no manager the ledger itself must do.
        """
        self.ensure_one()
        section = self
        while section and not section.user_id:
            section = section.parent_id
        if not section:
            return
        followers = self.message_partner_ids
        self.activity_schedule(
            activity_type_id=kind.id,
            date_deadline=fields.Date.context_today(self),
            user_id=section.user_id.id,
            summary=self.env._("Incoming mail could not be processed"),
            note=self.env._(
                "Mail waits in quarantine. See Relations, Incoming Mail: replay it, "
                "make a case of it, attach it to one, or ignore it with a reason."
            ),
        )
        # an activity makes its user a follower, who would then get every new case
        self.message_unsubscribe((self.message_partner_ids - followers).ids)
