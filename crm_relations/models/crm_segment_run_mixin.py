import hashlib
import logging
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.tools import SQL

from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS

_logger = logging.getLogger(__name__)

# joiners and leavers that are never asked about, whatever their share
GUARD_MINIMUM = 50
# changes after which the planner's statistics are wrong enough to matter
ANALYZE_FROM = 10_000
# fresh starts when another transaction was in the way
CONCURRENCY_TRIES = 5


class TooManyChangesError(Exception):
    """A run would change more than the segment allows without asking."""

    def __init__(self, joined, left):
        super().__init__(joined, left)
        self.joined, self.left = joined, left


class CrmSegmentRunMixin(models.AbstractModel):
    """Brings memberships and categories up to date: in SQL, by what differs only.

    A full run is one statement per segment. After answers were saved, one statement
    brings all segments up to date for those partners.
    """

    _name = "crm.segment.run.mixin"
    _description = "Computation of Segments"

    # ------------------------------------------------------------
    # DELTA
    # ------------------------------------------------------------

    def _apply_delta(self, ids=None):
        """Let partners join and leave; the categories follow.

        The same number of statements whatever the number of partners and segments,
        and those of the actions on joining.

        :param ids: ids of the only partners to look at; None means all
        :return: (joined, left), lists of (id of the segment, id of the partner)
        """
        self.env.flush_all()
        rows = self.env.execute_query(self._get_delta_query(ids))
        joined = [row[:2] for row in rows if row[2]]
        left = [row[:2] for row in rows if not row[2]]
        lost = self._remove_categories(self._get_earned(left))
        changed = self._add_categories(ids) | lost
        changed.update(partner for _segment, partner in joined + left)
        self._forget_changed(changed, len(rows))
        return joined, left

    def _get_delta_query(self, ids):
        """Give the statement: who should be in, joins, leaves; relation kept equal."""
        only = SQL() if ids is None else SQL("AND m.partner_id = ANY(%s)", list(ids))
        now = fields.Datetime.now()
        targets = SQL(" UNION ALL ").join(
            SQL(
                "SELECT %s AS segment_id, t.* FROM (%s) t", one.id, one._get_target(ids)
            )
            for one in self
        )
        # %s::text: what the segment asks for, in words; the same for all who join now
        about = SQL(", ").join(
            SQL(
                "(%s, %s::text, %s)", one.id, one.criteria_text, one._has_join_actions()
            )
            for one in self
        )
        return SQL(
            """WITH target AS MATERIALIZED (%(targets)s),
            current AS MATERIALIZED (
                SELECT m.segment_id, m.partner_id FROM crm_segment_membership m
                WHERE m.segment_id = ANY(%(segments)s) AND m.date_end IS NULL %(only)s),
            joined AS (
                INSERT INTO crm_segment_membership
                    (segment_id, partner_id, date, reason, is_join_due)
                SELECT t.segment_id, t.partner_id, %(now)s, about.reason, about.is_due
                FROM target t
                JOIN (VALUES %(about)s) about(segment_id, reason, is_due)
                    ON about.segment_id = t.segment_id
                WHERE NOT EXISTS (SELECT 1 FROM current c WHERE
                    c.segment_id = t.segment_id AND c.partner_id = t.partner_id)
                ON CONFLICT DO NOTHING
                RETURNING segment_id, partner_id),
            gone AS (
                UPDATE crm_segment_membership m
                SET date_end = %(now)s, is_join_due = FALSE
                FROM (SELECT c.* FROM current c WHERE NOT EXISTS (
                    SELECT 1 FROM target t WHERE t.segment_id = c.segment_id
                    AND t.partner_id = c.partner_id)) g
                WHERE m.segment_id = g.segment_id AND m.partner_id = g.partner_id
                    AND m.date_end IS NULL
                RETURNING m.segment_id, m.partner_id),
            related AS (
                INSERT INTO crm_segment_partner_rel (segment_id, partner_id)
                SELECT segment_id, partner_id FROM joined ON CONFLICT DO NOTHING),
            unrelated AS (
                DELETE FROM crm_segment_partner_rel r USING gone g
                WHERE r.segment_id = g.segment_id AND r.partner_id = g.partner_id)
            SELECT segment_id, partner_id, TRUE FROM joined
            UNION ALL SELECT segment_id, partner_id, FALSE FROM gone""",
            targets=targets,
            segments=list(self.ids),
            only=only,
            about=about,
            now=now,
        )

    # ------------------------------------------------------------
    # CATEGORIES
    # ------------------------------------------------------------

    def _add_categories(self, ids=None):
        """Give every member the category that lacks it.

        :return: set of ids of the partners who got one
        """
        only = SQL() if ids is None else SQL("AND m.partner_id = ANY(%s)", list(ids))
        # raw SQL: one statement, where the ORM writes partner by partner
        rows = self.env.execute_query(
            SQL(
                """INSERT INTO res_partner_res_partner_category_rel
                    (category_id, partner_id)
                SELECT DISTINCT s.category_id, m.partner_id
                FROM crm_segment_membership m JOIN crm_segment s ON s.id = m.segment_id
                WHERE s.id = ANY(%s) AND s.category_id IS NOT NULL
                    AND m.date_end IS NULL %s
                    AND NOT EXISTS (
                        SELECT 1 FROM res_partner_res_partner_category_rel c
                        WHERE c.category_id = s.category_id
                        AND c.partner_id = m.partner_id)
                ON CONFLICT DO NOTHING RETURNING partner_id""",
                list(self.ids),
                only,
            )
        )
        return {partner for (partner,) in rows}

    def _get_earned(self, left):
        """Give the categories that leavers lose, by their segments.

        :param left: list of (id of the segment, id of the partner)
        :return: list of (id of the category, id of the partner)
        """
        earned = {one.id: one.category_id.id for one in self if one.exclusive}
        return [
            (earned[segment], partner)
            for segment, partner in left
            if earned.get(segment)
        ]

    @api.model
    def _remove_categories(self, earned):
        """Take categories from partners, unless another segment still gives them.

        :param earned: list of (id of the category, id of the partner)
        :return: set of ids of the partners who lost one
        """
        if not earned:
            return set()
        categories, partners = zip(*earned, strict=True)
        # raw SQL: as in `_add_categories`
        rows = self.env.execute_query(
            SQL(
                """DELETE FROM res_partner_res_partner_category_rel c
                USING unnest(%s::int[], %s::int[]) AS g(category_id, partner_id)
                WHERE c.category_id = g.category_id AND c.partner_id = g.partner_id
                    AND NOT EXISTS (
                        SELECT 1 FROM crm_segment_membership m
                        JOIN crm_segment o ON o.id = m.segment_id
                        WHERE m.partner_id = g.partner_id AND m.date_end IS NULL
                        AND o.category_id = g.category_id)
                RETURNING c.partner_id""",
                list(categories),
                list(partners),
            )
        )
        return {partner for (partner,) in rows}

    def _forget_changed(self, changed, count):
        """Make caches, stored fields of other addons and the planner follow."""
        self.env["crm.segment.membership"].invalidate_model()
        self.env["res.partner.category"].invalidate_model(["partner_ids"])
        self.invalidate_model(["member_count", "partner_ids"])
        if not changed:
            return
        partners = self.env["res.partner"].browse(changed)
        partners.invalidate_recordset(["category_id", "segment_ids"])
        partners.modified(["category_id", "segment_ids"])
        if count >= ANALYZE_FROM:
            # raw SQL: the next delta of that size takes minutes with old statistics
            self.env.cr.execute(
                "ANALYZE crm_segment_membership, crm_segment_partner_rel, "
                "res_partner_res_partner_category_rel"
            )

    # ------------------------------------------------------------
    # FULL RUN
    # ------------------------------------------------------------

    def _compute_fully(self, confirmed=False):
        """Bring one segment up to date for all partners, unless it is to be asked.

        :param confirmed: a person has seen the numbers
        :return: whether it was done; if not, the segment waits for a person
        """
        self.ensure_one()
        try:
            with self.env.cr.savepoint(), self._bulk_plan():
                joined, left = self._apply_delta()
                if not confirmed:
                    self._guard(len(joined), len(left))
        except TooManyChangesError as change:
            self.env["res.partner"].invalidate_model(["category_id", "segment_ids"])
            self._wait_for_approval(change.joined, change.left)
            return False
        self.write({"date_computed": fields.Datetime.now(), "is_waiting": False})
        self._run_joining()
        return True

    @contextmanager
    def _bulk_plan(self):
        """Have the planner join large sets by hashing, whatever it knows of them.

        It knows nothing of the sizes inside one statement, and a loop over 80,000
        members for each of 80,000 partners never ends. For this transaction only.
        """
        settings = {"enable_nestloop": "off", "work_mem": "64MB", "jit": "off"}
        former = {}
        for name, value in settings.items():
            [(former[name],)] = self.env.execute_query(
                SQL("SELECT current_setting(%s)", name)
            )
            self.env.execute_query(SQL("SELECT set_config(%s, %s, TRUE)", name, value))
        yield
        # not after an error: the savepoint has put them back
        for name, value in former.items():
            self.env.execute_query(SQL("SELECT set_config(%s, %s, TRUE)", name, value))

    def _guard(self, joined, left):
        """Stop a mass change nobody has looked at.

        The first computation of a segment is one by nature; it is asked about only if
        every new member sets off actions.

        :raise TooManyChangesError: above the segment's share
        """
        if not self.date_computed and not self._has_join_actions():
            return
        size = self.member_count - joined + left
        if joined + left > max(GUARD_MINIMUM, size * self.max_change_share / 100):
            raise TooManyChangesError(joined, left)

    def _wait_for_approval(self, joined, left):
        values = {"is_waiting": True, "waiting_join": joined, "waiting_leave": left}
        told = self.is_waiting
        self.write(values)
        if not told:
            self.activity_schedule(
                "mail.mail_activity_data_todo",
                summary=self.env._("Many partners would change"),
                note=self.env._(
                    "%(joined)s partners would join and %(left)s would leave. Nothing "
                    "has changed yet: look at the preview, then apply it.",
                    joined=joined,
                    left=left,
                ),
                user_id=(self.user_id or self.env.user).id,
            )

    # ------------------------------------------------------------
    # AT ONCE
    # ------------------------------------------------------------

    @api.model
    def _update_partners(self, partners):
        """Bring all segments up to date for a few partners; see the query budget.

        Segments that wait for a person are left alone.
        """
        # sudo: who saves answers need not be allowed to change segments
        segments = self.sudo().search([("is_waiting", "=", False)])
        if segments and partners:
            segments._apply_delta(partners.ids)
            segments._run_joining()

    # ------------------------------------------------------------
    # AT NIGHT
    # ------------------------------------------------------------

    @api.model
    def _cron_compute(self):
        """Bring all segments up to date, each in its own transaction.

        What a run has before it is marked in the database: one that is interrupted
        goes on where it stopped, and another worker takes the next segment.
        """
        # raw SQL: whether any is left, and the mark, in one statement
        self.env.cr.execute(
            "UPDATE crm_segment SET is_due = TRUE WHERE active AND NOT EXISTS "
            "(SELECT 1 FROM crm_segment WHERE active AND is_due)"
        )
        left = self._count_due()
        time_left = self.env["ir.cron"]._commit_progress(remaining=left)
        stamps = {}
        while time_left and (segment := self._lock_next_due()):
            segment._compute_due(stamps)
            time_left = self.env["ir.cron"]._commit_progress(1)
        if time_left:
            self._cron_join()

    @api.model
    def _count_due(self):
        [(count,)] = self.env.execute_query(
            SQL("SELECT count(*) FROM crm_segment WHERE active AND is_due")
        )
        return count

    @api.model
    def _lock_next_due(self):
        """Lock the next segment that no other worker has; parents come first."""
        # SQL: the ORM can skip locked rows, but not look for the next one after them
        query = SQL(
            "SELECT id FROM crm_segment WHERE active AND is_due "
            "ORDER BY parent_path, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
        )
        for _try in range(CONCURRENCY_TRIES):
            try:
                rows = self.env.execute_query(query)
                return self.browse(segment_id for (segment_id,) in rows)
            except CONCURRENCY_ERRORS:  # noqa: PERF203 - each try is one
                # another worker has just finished the one this was about to lock
                self.env.cr.rollback()
        return self.browse()

    def _compute_due(self, stamps):
        """Compute a locked segment; whatever goes wrong, the others go on."""
        self.env.invalidate_all()
        try:
            with self.env.cr.savepoint():
                stamp = self._get_stamp(stamps)
                if not (stamp and stamp == self.stamp) and not self.is_waiting:
                    done = self._compute_fully()
                    self.stamp = done and stamp
                self.is_due = False
                self.env.flush_all()
        except CONCURRENCY_ERRORS:
            # somebody has just saved answers of its members: still due, the lock
            # goes with the transaction, and the next round takes it again
            self.env.cr.rollback()
        except Exception:
            # broad: a filter on a field that is gone must not stop the other segments
            _logger.exception("Segment %s could not be computed", self.id)
            self.env.invalidate_all()
            self.is_due = False

    # ------------------------------------------------------------
    # NOTHING CHANGED
    # ------------------------------------------------------------

    def _get_stamp(self, stamps):
        """Give a mark that stays the same as long as nothing can have changed.

        The criteria, and a sum over the versions of all rows they read; False if they
        depend on more, as on the time or on other tables.

        :param dict stamps: what one run has found out already
        """
        chain = self._get_chain()
        if chain.line_ids or not all(segment._has_plain_domain() for segment in chain):
            return False
        if not stamps:
            stamps["rows"] = self._get_row_versions()
        parts = [
            repr(segment._get_domain())
            + repr((segment.answer_yes_ids.ids, segment.answer_no_ids.ids))
            for segment in chain
        ]
        own = (self.category_id.id, self.company_id.id)
        text = repr((parts, own, stamps["rows"]))
        return hashlib.sha256(text.encode()).hexdigest()

    def _has_plain_domain(self):
        """Tell whether the filter reads nothing but columns of partners, no dates."""
        columns = self.env["res.partner"]._fields
        return all(
            leaf.field_expr in columns
            and columns[leaf.field_expr].store
            and columns[leaf.field_expr].type
            not in ("many2many", "one2many", "date", "datetime")
            and not columns[leaf.field_expr].company_dependent
            and leaf.operator in ("in", "not in", "=", "!=", "<", ">", "<=", ">=")
            for leaf in self._get_domain().iter_conditions()
        )

    @api.model
    def _get_row_versions(self):
        """Sum up which versions of partners and valid answers exist.

        Whoever takes a category from a partner writes the partner.
        xmin is the transaction that wrote a row, also by raw SQL, and ctid its place,
        which tells changes within one transaction apart: none escapes.
        """
        return self.env.execute_query(
            SQL(
                """SELECT
                (SELECT (count(*), sum(xmin::text::bigint + hashtid(ctid)))::text
                    FROM res_partner),
                (SELECT (count(*), sum(xmin::text::bigint + hashtid(ctid)))::text
                    FROM crm_profiling_response WHERE active
                    AND (date_expiry IS NULL OR date_expiry > %s))""",
                fields.Datetime.now(),
            )
        )
