from ast import literal_eval

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools.call_states import OPEN


class CrmProfilingCampaignListMixin(models.AbstractModel):
    """Who is on the list of a campaign, and how the list is dealt to operators.

    Lists are long: they are made and dealt by one statement each, whatever their size.
    """

    _name = "crm.profiling.campaign.list.mixin"
    _description = "List of a Call Campaign"

    filter_domain = fields.Char("Filter", help="Partners who pass it.")
    segment_ids = fields.Many2many(
        "crm.segment", string="Segments", help="Members of any of these."
    )
    category_ids = fields.Many2many(
        "res.partner.category",
        string="Categories",
        help="Partners of any of these, or of those below them.",
    )
    only_with_phone = fields.Boolean(
        "Only with a Phone Number",
        default=True,
        help="The partner's own, or that of the company.",
    )

    @api.constrains("filter_domain")
    def _check_filter_domain(self):
        """Try the filter as its author: nobody learns by it what he may not read."""
        # sudo(False): Odoo checks constraints as superuser
        partners = self.env["res.partner"].sudo(False)
        try:
            for campaign in self:
                partners.search(campaign._get_filter(), limit=1)
        except (ValueError, SyntaxError, TypeError, UserError) as error:
            raise ValidationError(
                self.env._(
                    "Filter of “%(campaign)s”: %(reason)s",
                    campaign=campaign.name,
                    reason=error,
                )
            ) from error

    def _get_filter(self):
        return Domain(literal_eval(self.filter_domain or "[]"))

    def _get_partner_domain(self):
        """Give the domain of the partners to be called.

        :raise UserError: nothing says who
        """
        self.ensure_one()
        domain = self._get_filter()
        if self.segment_ids:
            domain &= Domain("segment_ids", "in", self.segment_ids.ids)
        if self.category_ids:
            domain &= Domain("category_id", "child_of", self.category_ids.ids)
        if domain.is_true():
            raise UserError(
                self.env._(
                    "Partners: say who is to be called, by a filter, segments or"
                    " categories."
                )
            )
        if self.only_with_phone:
            domain &= Domain("phone", "!=", False) | Domain(
                "commercial_partner_id.phone", "!=", False
            )
        return domain

    def action_add_partners(self):
        """Put those on the list who satisfy the criteria and are not on it yet."""
        added = self._add_partners(self._get_partner_domain())
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if added else "info",
                "message": self.env._("%s partners were added to the list.", added),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _add_partners(self, domain):
        """Put partners on the list: those whom the user sees and one may call.

        :return: how many were not on it yet
        """
        self.ensure_one()
        self.check_access("write")
        domain &= Domain("company_id", "in", (False, self.company_id.id))
        domain &= Domain("do_not_call", "=", False)
        query = self.env["res.partner"].with_context(active_test=True)._search(domain)
        self.env.flush_all()
        # raw SQL: a row each by the ORM takes minutes for 100,000; `query` holds what
        # the user may read, and who is on the list already is left out
        rows = self.env.execute_query(
            SQL(
                """INSERT INTO crm_profiling_call (campaign_id, company_id, partner_id,
                        state, attempt_count, missed_count,
                        create_uid, create_date, write_uid, write_date)
                    SELECT %(campaign)s, %(company)s, found.id, 'todo', 0, 0,
                        %(user)s, %(now)s, %(user)s, %(now)s
                    FROM (%(found)s) found ORDER BY found.id
                    ON CONFLICT DO NOTHING RETURNING id""",
                campaign=self.id,
                company=self.company_id.id,
                user=self.env.uid,
                now=fields.Datetime.now(),
                found=query.select(SQL("res_partner.id")),
            )
        )
        self.env["crm.profiling.call"].invalidate_model()
        self.invalidate_recordset()
        self._deal()
        return len(rows)

    # ------------------------------------------------------------
    # DEAL
    # ------------------------------------------------------------

    def action_deal(self):
        """Deal all open partners anew, the same number to each operator."""
        self._deal(again=True)

    def _deal(self, again=False):
        """Deal out who has no operator; a statement for each campaign, few at a time.

        In hand and promised partners stay where they are.

        :param again: those dealt before as well; a shared list is gathered in
        """
        for campaign in self:
            if campaign.distribution == "dealt" or again:
                campaign._deal_to(campaign._get_least_loaded(), again)

    def _get_least_loaded(self):
        """Give the ids of those to deal to, who has least first; none: to nobody."""
        if self.distribution != "dealt":
            return []
        loads = dict(
            self.env["crm.profiling.call"]
            .sudo()  # sudo: how much colleagues have, not what
            ._read_group(
                [("campaign_id", "=", self.id), ("state", "in", OPEN)],
                ["user_id"],
                ["__count"],
            )
        )
        users = self.sudo().operator_ids
        return users.sorted(lambda user: (loads.get(user, 0), user.id)).ids

    def _deal_to(self, user_ids, again):
        self.env.flush_all()
        # raw SQL: thousands of rows, each to another operator
        self.env.cr.execute(
            SQL(
                """UPDATE crm_profiling_call c
                      SET user_id = (%(users)s::int[])[1 + d.place %% %(count)s]
                     FROM (SELECT id,
                                  (row_number() OVER (ORDER BY id) - 1)::int AS place
                             FROM crm_profiling_call
                            WHERE campaign_id = %(campaign)s AND state IN %(open)s
                              AND (user_id IS NULL
                                   OR %(again)s AND state != 'again')) d
                    WHERE c.id = d.id""",
                users=user_ids,
                count=max(len(user_ids), 1),
                campaign=self.id,
                open=OPEN,
                again=again,
            )
        )
        self.env["crm.profiling.call"].invalidate_model(["user_id"])
