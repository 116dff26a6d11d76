import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL, split_every

from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS

_logger = logging.getLogger(__name__)

# segments of one transaction: one pass over the partners decides all of them, and so
# many are begun anew after an interruption; see bench/results/segments.json
BATCH = 10
# the longest that saving answers takes, from its first statement to its commit
SAVING_TIME = timedelta(hours=1)
LATE_BATCH = 1000  # partners looked at again in one transaction
# fresh starts when another transaction was in the way
CONCURRENCY_TRIES = 5


class CrmSegmentNightMixin(models.AbstractModel):
    """The nightly run: a batch of segments after the other, alone or beside others.

    What a run has before it is marked in the database: one that is interrupted goes on
    where it stopped, and another worker takes the next batch.
    """

    _name = "crm.segment.night.mixin"
    _description = "Nightly Run of Segments"

    @api.model
    def _cron_compute(self):
        """Bring all segments up to date; each batch is a transaction of its own."""
        self._begin_run()
        start, left = fields.Datetime.now(), self._count_due()
        time_left = self.env["ir.cron"]._commit_progress(remaining=left)
        marks = self._get_marks() if time_left else {}
        while time_left and (segments := self._lock_due()):
            segments._compute_due(marks)
            time_left = self.env["ir.cron"]._commit_progress(len(segments))
        if time_left and self._update_late(start):
            self._cron_join()

    @api.model
    def _begin_run(self):
        """Mark all segments as due, unless a run was interrupted."""
        try:
            # raw SQL: whether any is left, and the mark, in one statement
            self.env.cr.execute(
                "UPDATE crm_segment SET is_due = TRUE WHERE active AND NOT EXISTS "
                "(SELECT 1 FROM crm_segment WHERE active AND is_due)"
            )
        except CONCURRENCY_ERRORS:
            # another worker has begun this very run
            self.env.cr.rollback()

    @api.model
    def _update_late(self, start):
        """Look again at partners whose answers were saved while the run went on.

        Neither transaction saw what the other did: the run may have let in or out by
        former answers. What is not committed even now the next run sees.

        :return: seconds left
        """
        # raw SQL: a scan of all responses, for a column without an index; none if the
        # run has changed nothing
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT partner_id FROM crm_profiling_response
                WHERE write_date >= %s AND EXISTS (
                    SELECT 1 FROM crm_segment WHERE date_computed >= %s)""",
                start - SAVING_TIME,
                start,
            )
        )
        time_left = 1
        partner_ids = [partner_id for (partner_id,) in rows]
        for some in split_every(LATE_BATCH, partner_ids):
            try:
                self._update_partners(self.env["res.partner"].browse(some))
            except CONCURRENCY_ERRORS:
                # another worker, or somebody who saves just now, does the same
                self.env.cr.rollback()
            time_left = self.env["ir.cron"]._commit_progress()
            if not time_left:
                break
        return time_left

    @api.model
    def _count_due(self):
        [(count,)] = self.env.execute_query(
            SQL("SELECT count(*) FROM crm_segment WHERE active AND is_due")
        )
        return count

    @api.model
    def _lock_due(self):
        """Lock the next segments that no other worker has; parents come first."""
        # SQL: the ORM can skip locked rows, but not look for the next ones after them
        query = SQL(
            "SELECT id FROM crm_segment WHERE active AND is_due "
            "ORDER BY parent_path, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED",
            BATCH,
        )
        for _try in range(CONCURRENCY_TRIES):
            try:
                rows = self.env.execute_query(query)
                return self.browse(segment_id for (segment_id,) in rows)
            except CONCURRENCY_ERRORS:  # noqa: PERF203 - each try is one
                # another worker has just finished one that this was about to lock
                self.env.cr.rollback()
        return self.browse()

    def _compute_due(self, marks):
        """Compute locked segments; whatever goes wrong with one, the others go on.

        :param marks: as of `_get_marks`
        :return: whether they are done; if not, others were in the way
        """
        self.env.invalidate_all()
        try:
            with self.env.cr.savepoint():
                self._compute_changed(marks)
                self.is_due = False
                self.env.flush_all()
        except CONCURRENCY_ERRORS:
            # somebody has just saved answers of members: still due, the locks go with
            # the transaction, and the next round takes them again
            self.env.cr.rollback()
            return False
        except Exception:
            # broad: a filter on a field that is gone must not stop the other segments
            if len(self) > 1:
                return all(segment._compute_due(marks) for segment in self)
            _logger.exception("Segment %s could not be computed", self.id)
            self.env.invalidate_all()
            self.is_due = False
        return True

    def _compute_changed(self, marks):
        """Compute those of which anything has changed since their last run."""
        changed = self.filtered(
            lambda segment: (
                not segment.is_waiting
                and not (segment.stamp and segment.stamp == marks.get(segment.id))
            )
        )
        if not changed:
            return
        done = changed._compute_fully()
        (changed - done).stamp = False
        categories = done._get_category_digests()
        for segment in done:
            # its own run has changed the category; all else is as it was before
            mark = marks.get(segment.id, "").rpartition("/")[0]
            digest = categories.get(segment.category_id.id, "")
            segment.stamp = mark and f"{mark}/{digest}"
