from odoo import fields
from odoo.tools import SQL, sql


class SegmentMembers(fields.Many2many):
    """Members of segments, as a relation that is a view of the memberships in force.

    A table of its own would say the same a second time: for a million partners it cost
    a third of the nightly run, and could differ. Read-only, as a membership has dates.
    """

    def update_db(self, model, columns):
        """Have the view made once the table below it is there."""
        model.pool.post_init(self._create_view, model)

    def _create_view(self, model):
        cr = model.env.cr
        kind = sql.table_kind(cr, self.relation)
        if kind == sql.TableKind.View:
            return
        name = SQL.identifier(self.relation)
        if kind:  # made by a version that kept a table
            cr.execute(SQL("DROP TABLE %s", name))
            cr.execute(
                SQL("DELETE FROM ir_model_relation WHERE name = %s", self.relation)
            )
        cr.execute(
            SQL(
                "CREATE VIEW %s AS SELECT segment_id, partner_id "
                "FROM crm_segment_membership WHERE date_end IS NULL",
                name,
            )
        )
