from odoo import fields, models
from odoo.tools import SQL


class CrmSegmentCategoryMixin(models.AbstractModel):
    """The categories of members, in bulk: raw SQL where the ORM writes row by row."""

    _name = "crm.segment.category.mixin"
    _description = "Categories of Segments"

    def _add_categories(self, ids=None):
        """Give every member the category that lacks it.

        :param ids: ids of the only partners to look at; None means all
        :return: set of ids of the partners who got one
        """
        only = SQL() if ids is None else SQL("AND m.partner_id = ANY(%s)", list(ids))
        rows = self.env.execute_query(
            SQL(
                """INSERT INTO res_partner_res_partner_category_rel
                    (category_id, partner_id)
                SELECT DISTINCT s.category_id, m.partner_id
                FROM crm_segment_membership m JOIN crm_segment s ON s.id = m.segment_id
                WHERE s.id = ANY(%s) AND m.segment_id = ANY(%s)
                    AND s.category_id IS NOT NULL AND m.date_end IS NULL %s
                    AND NOT EXISTS (
                        SELECT 1 FROM res_partner_res_partner_category_rel c
                        WHERE c.category_id = s.category_id
                        AND c.partner_id = m.partner_id)
                ON CONFLICT DO NOTHING RETURNING partner_id""",
                list(self.ids),
                list(self.ids),
                only,
            )
        )
        return {partner for (partner,) in rows}

    def _remove_categories(self, left, categories=None):
        """Take categories from leavers, unless another segment still gives them.

        :param left: {id of the segment: ids of the partners}
        :param categories: {id of the segment: id of the category it gave}, if not the
            one it gives
        :return: set of ids of the partners who lost one
        """
        if categories is None:
            categories = {one.id: one.category_id.id for one in self if one.exclusive}
        pairs = [
            (categories[segment], partner)
            for segment, partners in left.items()
            if categories.get(segment)
            for partner in partners
        ]
        if not pairs:
            return set()
        given, partners = zip(*pairs, strict=True)
        rows = self.env.execute_query(
            SQL(
                """DELETE FROM res_partner_res_partner_category_rel c
                USING unnest(%s::int[], %s::int[]) AS g(category_id, partner_id)
                WHERE c.category_id = g.category_id AND c.partner_id = g.partner_id
                    AND c.category_id = ANY(%s)
                    AND NOT EXISTS (
                        SELECT 1 FROM crm_segment_membership m
                        JOIN crm_segment o ON o.id = m.segment_id
                        WHERE m.partner_id = ANY(%s) AND m.date_end IS NULL
                        AND m.partner_id = g.partner_id
                        AND o.category_id = g.category_id)
                RETURNING c.partner_id""",
                list(given),
                list(partners),
                list(set(given)),
                list(partners),
            )
        )
        return {partner for (partner,) in rows}

    def _replace_category(self, former):
        """Give the members the new category and take the former one.

        :param former: list of (exclusive segment, id of its former category)
        """
        self.env.flush_all()
        old = {one.id: category for one, category in former if category}
        members = self.env.execute_query(
            SQL(
                "SELECT segment_id, array_agg(partner_id) FROM crm_segment_membership "
                "WHERE segment_id = ANY(%s) AND date_end IS NULL GROUP BY 1",
                list(old),
            )
        )
        lost = self._remove_categories(dict(members), old)
        self._forget_changed(lost | self._add_categories(), 0)

    def _end_memberships(self):
        """Let everybody leave: an archived or deleted segment has no members."""
        self.env.flush_all()
        # the history stays, only its end is noted
        rows = self.env.execute_query(
            SQL(
                """WITH gone AS (
                    UPDATE crm_segment_membership
                    SET date_end = %s, is_join_due = FALSE
                    WHERE segment_id = ANY(%s) AND date_end IS NULL
                    RETURNING segment_id, partner_id)
                SELECT segment_id, array_agg(partner_id) FROM gone GROUP BY 1""",
                fields.Datetime.now(),
                list(self.ids),
            )
        )
        left = dict(rows)
        lost = self._remove_categories(left)
        self._forget_changed(lost.union(*left.values()), sum(map(len, left.values())))

    def _forget_changed(self, changed, count):
        """Make caches and stored fields of other addons follow.

        :param changed: set of ids of the partners who joined, left, won or lost a
            category
        :param count: how many memberships began or ended
        """
        self.env["crm.segment.membership"].invalidate_model()
        self.env["res.partner.category"].invalidate_model(["partner_ids"])
        self.invalidate_model(["member_count", "partner_ids"])
        if changed:
            partners = self.env["res.partner"].browse(changed)
            partners.invalidate_recordset(["category_id", "segment_ids"])
            partners.modified(["category_id", "segment_ids"])
