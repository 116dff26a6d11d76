from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class CrmCaseSegmentMixin(models.AbstractModel):
    """Cases are found and grouped by the segments of their partner and his company.

    Segments are often of companies, while it is their contacts who write.
    """

    _name = "crm.case.segment.mixin"
    _description = "Segments of Cases"

    segment_ids = fields.Many2many(
        "crm.segment",
        string="Segments of the Partner",
        compute="_compute_segment_ids",
        search="_search_segment_ids",
    )

    @api.depends("partner_id.segment_ids", "commercial_partner_id.segment_ids")
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_segment_ids(self):
        # sudo: the partner of a case that one may read; his segments as one may see
        found = {
            case: case.partner_id.segment_ids | case.commercial_partner_id.segment_ids
            for case in self.sudo()
        }
        segments = self.env["crm.segment"].union(*found.values()).sudo(self.env.su)
        seen = segments._filtered_access("read")
        for case in self:
            case.segment_ids = found[case].sudo(self.env.su) & seen

    def _search_segment_ids(self, operator, value):
        if operator in Domain.NEGATIVE_OPERATORS:
            return NotImplemented
        if operator != "in":
            return self._get_segment_domain(self._find_segments(operator, value))
        ids = [one for one in value if one]
        found = self._get_segment_domain(self._find_segments("in", ids))
        if False in value:
            found |= ~self._get_segment_domain(self._find_segments("!=", False))
        return found

    @api.model
    def _find_segments(self, operator, value):
        """Query the segments that a condition means, of those the reader may see."""
        segments = self.env["crm.segment"].with_context(active_test=False)
        if operator in ("any", "any!"):
            return segments._search(value) if isinstance(value, Domain) else value
        by_id = operator in ("in", "!=", "child_of", "parent_of")
        field = "id" if by_id else "display_name"
        return segments._search([(field, operator, value)])

    @api.model
    def _get_segment_domain(self, segments):
        """Give the cases of members; one hash of partners, however many they are."""

        def to_sql(_model, alias, _query):
            return SQL(
                "COALESCE(%s IN (SELECT m.partner_id FROM %s m), FALSE)",
                SQL.identifier(alias, "partner_id"),
                self._get_members(segments),
            )

        return Domain.custom(to_sql=to_sql)

    @api.model
    def _get_members(self, segments):
        """Give the SQL table (partner_id, segment_id): members, and their contacts."""
        return SQL(
            """(SELECT r.partner_id, r.segment_id FROM crm_segment_partner_rel r
                WHERE r.segment_id IN %(segments)s
                UNION SELECT p.id, r.segment_id FROM crm_segment_partner_rel r
                JOIN res_partner p ON p.commercial_partner_id = r.partner_id
                WHERE r.segment_id IN %(segments)s)""",
            segments=segments.subselect(),
        )

    def _read_group_groupby(self, alias, groupby_spec, query):
        """Group by segments: a case counts once in each segment of either of the two.

        Odoo groups by the many2many fields it stores.
        """
        if groupby_spec != "segment_ids":
            return super()._read_group_groupby(alias, groupby_spec, query)
        self._check_field_access(self._fields["segment_ids"], "read")
        members = query.make_alias(alias, "segment")
        query.add_join(
            "LEFT JOIN",
            members,
            self._get_members(self._find_segments("!=", False)),
            SQL(
                "%s = %s",
                SQL.identifier(members, "partner_id"),
                SQL.identifier(alias, "partner_id"),
            ),
        )
        return SQL.identifier(members, "segment_id")
