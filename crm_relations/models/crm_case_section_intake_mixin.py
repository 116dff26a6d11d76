from odoo import fields, models
from odoo.tools import format_datetime, plaintext2html


class CrmCaseSectionIntakeMixin(models.AbstractModel):
    """A section and the mails that could not become cases of it."""

    _name = "crm.case.section.intake.mixin"
    _description = "Section Incoming Mail"
    _inherit = ["mail.activity.mixin"]

    def _schedule_quarantine_activity(self, kind):
        """Tell the section's manager, or the next one above, once.

        Where there is no manager the ledger itself must do.
        """
        user = self._find_next_manager()
        if user:
            self._schedule_unfollowed(
                kind,
                user,
                self.env._("Incoming mail could not be processed"),
                self.env._(
                    "Mail waits in quarantine. See Relations, Incoming Mail: replay "
                    "it, make a case of it, attach it to one, or ignore it with a "
                    "reason."
                ),
            )

    def _schedule_mailbox_activity(self, server):
        """Tell the section's manager, or an administrator, that a mailbox fails.

        :return: mail.activity
        """
        kind = self.env.ref("crm_relations.mail_activity_type_mailbox")
        user = self._find_next_manager() or self.env.ref("base.user_admin")
        section = self.with_context(lang=user.lang)
        return section._schedule_unfollowed(
            kind,
            user,
            section.env._("The mailbox %s cannot be read", server.name),
            section.env._(
                "It has failed since %(date)s, and its mail waits there. An "
                "administrator finds it under Settings, Technical, Incoming Mail "
                "Servers. The last error: %(error)s",
                date=format_datetime(section.env, server.error_date, tz=user.tz),
                error=server.error_message,
            ),
        )

    def _find_next_manager(self):
        """Give the manager of this section, or of the next one above that has one."""
        section = self
        while section and not section.user_id:
            section = section.parent_id
        return section.user_id

    def _schedule_unfollowed(self, kind, user, summary, note):
        """Schedule an activity, due today, for somebody who need not follow.

        :return: mail.activity
        """
        self.ensure_one()
        followers = self.message_partner_ids
        activity = self.activity_schedule(
            activity_type_id=kind.id,
            date_deadline=fields.Date.context_today(self),
            user_id=user.id,
            summary=summary,
            note=plaintext2html(note),
        )
        # an activity makes its user a follower, who would then get every new case
        self.message_unsubscribe((self.message_partner_ids - followers).ids)
        return activity
