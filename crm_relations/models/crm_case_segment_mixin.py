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
        own, company = "partner_id.segment_ids", "commercial_partner_id.segment_ids"
        if operator == "in" and False in value:
            some = [one for one in value if one]
            anyone = Domain(own, "!=", False) | Domain(company, "!=", False)
            return ~anyone | Domain(own, "in", some) | Domain(company, "in", some)
        if operator in Domain.NEGATIVE_OPERATORS:
            return NotImplemented
        return Domain(own, operator, value) | Domain(company, operator, value)

    def _read_group_groupby(self, alias, groupby_spec, query):
        """Group by segments: a case counts once in each segment of either of the two.

        Odoo groups by the many2many fields it stores.
        """
        if groupby_spec != "segment_ids":
            return super()._read_group_groupby(alias, groupby_spec, query)
        self._check_field_access(self._fields["segment_ids"], "read")
        members = query.make_alias(alias, "segment")
        # of no company's business: the rules of segments hold
        segments = self.env["crm.segment"].with_context(active_test=False)._search([])
        table = SQL(
            """(SELECT r.partner_id, r.segment_id FROM crm_segment_partner_rel r
                UNION SELECT p.id, r.segment_id FROM crm_segment_partner_rel r
                JOIN res_partner p ON p.commercial_partner_id = r.partner_id)"""
        )
        query.add_join(
            "LEFT JOIN",
            members,
            table,
            SQL(
                "%s = %s AND %s IN %s",
                SQL.identifier(members, "partner_id"),
                SQL.identifier(alias, "partner_id"),
                SQL.identifier(members, "segment_id"),
                segments.subselect(),
            ),
        )
        return SQL.identifier(members, "segment_id")
