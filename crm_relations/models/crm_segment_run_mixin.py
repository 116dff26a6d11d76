from contextlib import contextmanager

from odoo import fields, models
from odoo.tools import SQL

# joiners and leavers that are never asked about, whatever their share
GUARD_MINIMUM = 50
# changes after which the planner's statistics are wrong enough to matter
ANALYZE_FROM = 1_000


class CrmSegmentRunMixin(models.AbstractModel):
    """Brings memberships up to date for all partners: in SQL, by what differs only.

    1. What differs is written down, in one pass over the partners for any number of
       segments (`crm.segment.criteria.mixin`).
    2. Who would change more than he may is left for a person to look at.
    3. For the others what differs is carried out; the categories follow
       (`crm.segment.category.mixin`).
    """

    _name = "crm.segment.run.mixin"
    _description = "Computation of Segments"

    def _compute_fully(self, confirmed=False):
        """Bring segments up to date for all partners, unless they are to be asked.

        The same number of statements whatever the number of partners and segments, and
        those of the actions on joining.

        :param confirmed: a person has seen the numbers
        :return: the segments that were done; the others wait for a person
        """
        self.env.flush_all()
        with self._bulk_plan():
            counts = self._write_down_differences()
            done = self if confirmed else self - self._guard(counts)
            if done:
                differences = SQL(
                    "SELECT * FROM crm_segment_difference WHERE segment_id = ANY(%s)",
                    list(done.ids),
                )
                done._apply_differences(differences)
            self.env.cr.execute("DROP TABLE crm_segment_difference")
        done.write({"date_computed": fields.Datetime.now(), "is_waiting": False})
        done._run_joining()
        return done

    @contextmanager
    def _bulk_plan(self):
        """Have the planner join large sets by hashing, whatever it knows of them.

        It knows nothing of the sizes inside one statement, and a loop over 80,000
        members for each of 80,000 partners never ends. For this transaction only.
        """
        settings = {"enable_nestloop": "off", "work_mem": "64MB", "jit": "off"}
        read = SQL(", ").join(SQL("current_setting(%s)", name) for name in settings)
        [former] = self.env.execute_query(SQL("SELECT %s", read))
        self._set_plan(settings.items())
        yield
        # not after an error: the rollback puts them back
        self._set_plan(zip(settings, former, strict=True))

    def _set_plan(self, settings):
        changes = (SQL("set_config(%s, %s, TRUE)", *setting) for setting in settings)
        self.env.execute_query(SQL("SELECT %s", SQL(", ").join(changes)))

    # ------------------------------------------------------------
    # 1. WHAT DIFFERS
    # ------------------------------------------------------------

    def _get_differences(self, ids=None):
        """Give the SQL of who is to join or leave.

        :param ids: ids of the only partners to look at; None means all
        :return: SQL of rows (segment_id, partner_id, is_joining), sorted: rows and
            indexes are then written, and partners read, in the order they lie in
        """
        only = SQL() if ids is None else SQL("AND partner_id = ANY(%s)", list(ids))
        return SQL(
            """SELECT COALESCE(t.segment_id, c.segment_id) AS segment_id,
                COALESCE(t.partner_id, c.partner_id) AS partner_id,
                c.partner_id IS NULL AS is_joining
            FROM (%s) t FULL JOIN (
                SELECT segment_id, partner_id FROM crm_segment_membership
                WHERE segment_id = ANY(%s) AND date_end IS NULL %s) c
            ON c.segment_id = t.segment_id AND c.partner_id = t.partner_id
            WHERE t.partner_id IS NULL OR c.partner_id IS NULL
            ORDER BY 1, 2""",
            self._get_target(ids),
            list(self.ids),
            only,
        )

    def _write_down_differences(self):
        """Put what differs into a table of this transaction.

        :return: {id of a segment: (how many join, how many leave)}
        """
        # raw SQL: of all partners, there may be millions
        self.env.cr.execute(
            SQL(
                "CREATE TEMPORARY TABLE crm_segment_difference ON COMMIT DROP AS (%s)",
                self._get_differences(),
            )
        )
        self.env.cr.execute("ANALYZE crm_segment_difference")
        rows = self.env.execute_query(
            SQL(
                "SELECT segment_id, count(*) FILTER (WHERE is_joining), "
                "count(*) FILTER (WHERE NOT is_joining) "
                "FROM crm_segment_difference GROUP BY 1"
            )
        )
        return {segment_id: (joining, leaving) for segment_id, joining, leaving in rows}

    # ------------------------------------------------------------
    # 2. WHO IS TO BE ASKED
    # ------------------------------------------------------------

    def _guard(self, counts):
        """Stop mass changes that nobody has looked at.

        :param counts: as of `_write_down_differences`
        :return: the segments that now wait for a person
        """
        asking = self.browse()
        for segment in self:
            joining, leaving = counts.get(segment.id, (0, 0))
            if segment._is_mass_change(joining + leaving):
                asking |= segment
                segment._wait_for_approval(joining, leaving)
        return asking

    def _is_mass_change(self, changes):
        """Tell whether so many changes are to be asked about.

        The first computation of a segment is one by nature; it is asked about only if
        every new member sets off actions.
        """
        if changes <= GUARD_MINIMUM:
            return False
        if not self.date_computed and not self._has_join_actions():
            return False
        return changes > self.member_count * self.max_change_share / 100

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
    # 3. WHO JOINS, WHO LEAVES
    # ------------------------------------------------------------

    def _apply_differences(self, differences, ids=None):
        """Let partners join and leave; the categories follow.

        :param differences: SQL of rows as of `_get_differences`
        :param ids: ids of the only partners it is about; None means all
        """
        rows = self.env.execute_query(self._get_apply_query(differences))
        left = {segment: partners for segment, joined, partners in rows if not joined}
        changed = self._remove_categories(left)
        # the night also gives back what somebody has taken by hand
        if ids is None or any(joined for _segment, joined, _partners in rows):
            changed |= self._add_categories(ids)
        for _segment, _joined, partners in rows:
            changed.update(partners)
        count = sum(len(partners) for *_key, partners in rows)
        if count >= ANALYZE_FROM:
            # raw SQL: with old statistics who saves answers waits for a scan of all
            self.env.cr.execute(
                "ANALYZE crm_segment_membership, res_partner_res_partner_category_rel"
            )
        self._forget_changed(changed, count)

    def _get_apply_query(self, differences):
        """Give the statement; its rows are (segment, whether they joined, partners).

        Who has just been let in or out by somebody else is passed over, or the
        transaction begins anew.
        """
        # ::text: what the segment asks for, in words; the same for all who join now
        reasons = self._get_reasons()
        about = SQL(", ").join(
            SQL(
                "(%s, %s::text, %s)",
                one.id,
                reasons.get(one.id),
                one._has_join_actions(),
            )
            for one in self
        )
        return SQL(
            """WITH difference AS MATERIALIZED (%(differences)s),
            joined AS (
                INSERT INTO crm_segment_membership
                    (segment_id, partner_id, date, reason, is_join_due)
                SELECT d.segment_id, d.partner_id, %(now)s, about.reason, about.is_due
                FROM difference d JOIN (VALUES %(about)s)
                    about(segment_id, reason, is_due)
                    ON about.segment_id = d.segment_id
                WHERE d.is_joining
                ON CONFLICT DO NOTHING RETURNING segment_id, partner_id),
            gone AS (
                UPDATE crm_segment_membership m
                SET date_end = %(now)s, is_join_due = FALSE FROM difference d
                WHERE NOT d.is_joining AND m.segment_id = ANY(%(segments)s)
                    AND m.segment_id = d.segment_id AND m.partner_id = d.partner_id
                    AND m.date_end IS NULL
                RETURNING m.segment_id, m.partner_id)
            SELECT segment_id, TRUE, array_agg(partner_id) FROM joined GROUP BY 1
            UNION ALL
            SELECT segment_id, FALSE, array_agg(partner_id) FROM gone GROUP BY 1""",
            differences=differences,
            about=about,
            now=fields.Datetime.now(),
            segments=list(self.ids),
        )
