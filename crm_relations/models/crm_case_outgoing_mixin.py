from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import UserError

from .crm_case_delivery import BOUNCE


class CrmCaseOutgoingMixin(models.AbstractModel):
    """Mail about a case that did not arrive: shown, sent again, dismissed."""

    _name = "crm.case.outgoing.mixin"
    _description = "Case Outgoing Mail"

    delivery_ids = fields.One2many(
        "crm.case.delivery",
        "case_id",
        "Undelivered Mail",
        readonly=True,
        # whoever sees the case sees these
        bypass_search_access=True,
    )
    delivery_problem = fields.Text(
        "Not Delivered",
        compute="_compute_delivery_problem",
        compute_sudo=True,
        help="Which addresses mail about this case did not reach, and why.",
    )
    can_send_again = fields.Boolean(
        compute="_compute_delivery_problem", compute_sudo=True
    )

    @api.depends("delivery_ids.kind", "delivery_ids.code", "delivery_ids.mail_id")
    @api.depends_context("lang")
    def _compute_delivery_problem(self):
        for case in self:
            rows = case.delivery_ids
            sentences = dict.fromkeys(row._get_sentence() for row in rows)
            case.delivery_problem = "\n".join(sentences) or False
            case.can_send_again = any(
                row.kind != BOUNCE and row.mail_id for row in rows
            )

    # ------------------------------------------------------------
    # SEND
    # ------------------------------------------------------------

    def _notify_by_email_get_base_mail_values(
        self, message, recipients_data, additional_values=None
    ):
        """Send through the section's own server, if it has one."""
        values = super()._notify_by_email_get_base_mail_values(
            message, recipients_data, additional_values=additional_values
        )
        # sudo: outgoing servers belong to administrators; only an id is taken
        server = self[:1].section_id.sudo().mail_server_id
        if server and not message.sudo().mail_server_id:
            values["mail_server_id"] = server.id
        return values

    def action_send_again(self):
        """Send what could not be sent once more, now, to those it did not reach.

        :raise UserError: there is nothing left to send
        """
        self.check_access("write")
        # sudo: mails belong to the system; these are about cases the user may write
        rows = self.sudo().delivery_ids.filtered(lambda row: row.kind != BOUNCE)
        mails = rows.mail_id
        if not mails:
            raise UserError(
                self.env._(
                    "The mail is not kept any more. Write again from the discussion, "
                    "or dismiss the notice."
                )
            )
        mails._send_case_mails_again()
        return True

    def action_dismiss_undelivered(self):
        """Take the notice off; what could not be sent is not tried any more."""
        self.check_access("write")
        # sudo: as above; the notice is the system's, to dismiss it is the user's
        for case in self.sudo().filtered("delivery_ids"):
            sentences = case.delivery_problem.splitlines()
            case._cancel_unsent()
            case.activity_unlink(["crm_relations.mail_activity_type_undelivered"])
            case._message_log(
                body=Markup("<p>%s</p>%s")
                % (
                    self.env._("Dismissed:"),
                    Markup("").join(Markup("<p>%s</p>") % line for line in sentences),
                ),
                author_id=self.env.user.partner_id.id,
            )
        self.invalidate_recordset(["delivery_ids", "delivery_problem"])
        return True

    def _cancel_unsent(self):
        """Give up the mails and take the marks off, also those in the discussion."""
        mails = self.delivery_ids.mail_id
        notifications = self.env["mail.notification"].search(
            [
                ("mail_mail_id", "in", mails.ids),
                ("notification_status", "=", "exception"),
            ]
        )
        notifications.notification_status = "canceled"
        mails.cancel()
        self.delivery_ids.unlink()

    # ------------------------------------------------------------
    # TELL
    # ------------------------------------------------------------

    def _schedule_undelivered_activity(self, kind, rows):
        """Tell the responsible, else the manager of the section or of one above.

        Where there is nobody, the figure in the overview must do.
        """
        self.ensure_one()
        section = self.section_id
        while section and not section.user_id:
            section = section.parent_id
        user = self.user_id or section.user_id
        if not user:
            return
        followers = self.message_partner_ids
        lines = Markup("").join(
            Markup("<p>%s</p>") % row._get_sentence() for row in rows
        )
        # no mail about it: mail is what does not work
        self.with_context(mail_activity_quick_update=True).activity_schedule(
            activity_type_id=kind.id,
            date_deadline=fields.Date.context_today(self),
            user_id=user.id,
            summary=self.env._("Mail could not be sent"),
            note=lines,
        )
        # an activity makes its user a follower; who only manages need not become one
        if user != self.user_id:
            self.message_unsubscribe((self.message_partner_ids - followers).ids)

    def _move_deliveries_to(self, target):
        """Hang the notices on the case that this one is merged into."""
        known = {(row.kind, row.email) for row in target.delivery_ids}
        doubled = self.delivery_ids.filtered(
            lambda row: row.kind == BOUNCE and (row.kind, row.email) in known
        )
        doubled.unlink()
        self.delivery_ids.case_id = target
