import logging

from odoo import api, models
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

JOIN_BATCH = 100  # members whose actions are carried out together, and at once


class CrmSegmentJoinMixin(models.AbstractModel):
    """What happens when a partner joins, once per membership.

    A new membership is marked in the statement that makes it; the mark goes in the
    transaction that carries the actions out. So they happen once, also when they wait
    for the scheduled action because many joined together.
    """

    _name = "crm.segment.join.mixin"
    _description = "Actions on Joining Segments"

    def _has_join_actions(self):
        return bool(
            self.join_section_id or self.join_template_id or self.join_activity_type_id
        )

    def _run_joining(self):
        """Carry out what is due for these segments: a few at once, many later."""
        acting = self.filtered(lambda segment: segment._has_join_actions())
        if not acting:
            return
        due = acting._lock_join_due()
        due._run_join_actions()
        if len(due) == JOIN_BATCH:
            cron = self.env.ref("crm_relations.ir_cron_segment_join", False)
            if cron:
                # sudo: whoever brings the members, the rest follows in the background
                cron.sudo()._trigger()

    @api.model
    def _cron_join(self):
        """Carry out what is due, in batches, each in its own transaction."""
        # few, and written by people
        segments = self.search([])  # pylint: disable=no-search-all
        time_left = True
        while time_left and (due := segments._lock_join_due()):
            due._run_join_actions()
            time_left = self.env["ir.cron"]._commit_progress(len(due))

    def _lock_join_due(self):
        """Lock memberships whose actions are due and that no other worker has."""
        # SQL: the ORM can skip locked rows, but not look for the next ones after them
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM crm_segment_membership "
                "WHERE is_join_due AND date_end IS NULL AND segment_id = ANY(%s) "
                "ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED",
                list(self.ids),
                JOIN_BATCH,
            )
        )
        return self.env["crm.segment.membership"].browse(row[0] for row in rows)

    def _act_on_joining(self, partners):
        """Open cases, send mails and schedule activities for new members.

        :param partners: res.partner, new members of this segment
        """
        self.ensure_one()
        records = partners
        if self.join_section_id:
            records = self.env["crm.case"].create(
                [self._prepare_join_case(partner) for partner in partners]
            )
        if self.join_template_id:
            self.join_template_id.send_mail_batch(records.ids)
        if self.join_activity_type_id:
            for record in records:
                user = self.join_user_id or record.user_id or self.user_id
                record.activity_schedule(
                    activity_type_id=self.join_activity_type_id.id,
                    summary=self.join_activity_type_id.summary or self.name,
                    user_id=(user or self.env.user).id,
                )

    def _prepare_join_case(self, partner):
        values = {
            "name": self.env._(
                "%(segment)s: %(partner)s",
                segment=self.name,
                partner=partner.display_name,
            ),
            "section_id": self.join_section_id.id,
            "partner_id": partner.id,
        }
        if self.join_user_id:
            values["user_id"] = self.join_user_id.id
        return values


class CrmSegmentMembership(models.Model):
    """The actions that memberships are due."""

    _inherit = "crm.segment.membership"

    def _run_join_actions(self):
        """Carry the actions out, segment by segment; one by one if that fails."""
        # sudo: the segment acts, not the one who saved an answer or runs the night
        for segment, members in self.sudo().grouped("segment_id").items():
            try:
                with self.env.cr.savepoint():
                    segment._act_on_joining(members.partner_id)
                    members.write({"is_join_due": False})
            except Exception:  # noqa: PERF203 - each segment is one
                # broad: whatever a template or a section may raise; alone, each
                # member tells its own trouble
                for member in members:
                    member._run_join_actions_alone()

    def _run_join_actions_alone(self):
        try:
            with self.env.cr.savepoint():
                self.segment_id._act_on_joining(self.partner_id)
                self.write({"is_join_due": False, "join_error": False})
        except Exception as error:
            # broad: as above; it must not undo the answers that were just saved
            _logger.info("Actions of membership %s failed", self.id, exc_info=True)
            self.write({"is_join_due": False, "join_error": str(error)})
