from odoo import Command, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain

from .segment_facts import Facts
from .segment_members_field import SegmentMembers

PREVIEW_LIMIT = 80  # partners shown by name in a preview

# a change of these makes a segment that waits for a person ask anew
_CRITERIA = {
    "parent_id",
    "answer_yes_ids",
    "answer_no_ids",
    "filter_domain",
    "line_ids",
    "company_id",
    "active",
}


class CrmSegment(models.Model):
    """Partners who meet criteria, and the category they earn by it.

    People write the criteria; who is a member is computed, when answers are saved and
    at night, and kept with its dates in `crm.segment.membership`.
    """

    _name = "crm.segment"
    _description = "Segment"
    _inherit = [
        # first: it tells rules what the run has changed
        "crm.segment.figures.mixin",
        "crm.segment.criteria.mixin",
        "crm.segment.mark.mixin",
        "crm.segment.category.mixin",
        "crm.segment.run.mixin",
        "crm.segment.instant.mixin",
        "crm.segment.night.mixin",
        "crm.segment.join.mixin",
        "crm.segment.outcome.mixin",
        "crm.segment.explain.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _parent_store = True
    _order = "parent_path, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    user_id = fields.Many2one(
        "res.users",
        "Responsible",
        default=lambda self: self.env.user,
        help="Is asked before many partners change.",
    )
    company_id = fields.Many2one(
        "res.company", help="Empty: partners of all companies."
    )
    parent_id = fields.Many2one(
        "crm.segment",
        "Part of",
        index=True,
        ondelete="restrict",
        check_company=True,
        help="What it asks for is asked here as well.",
    )
    child_ids = fields.One2many("crm.segment", "parent_id", "Parts")
    parent_path = fields.Char(index=True)

    # Result
    category_id = fields.Many2one(
        "res.partner.category",
        ondelete="restrict",
        index="btree_not_null",
        help="Members get it.",
    )
    exclusive = fields.Boolean(
        default=True, help="Who leaves the segment loses the category."
    )

    # Criteria
    answer_yes_ids = fields.Many2many(
        "crm.profiling.answer",
        "crm_segment_answer_yes_rel",
        "segment_id",
        "answer_id",
        "Answers",
        help="One of those listed, for every question of which any is listed.",
    )
    answer_no_ids = fields.Many2many(
        "crm.profiling.answer",
        "crm_segment_answer_no_rel",
        "segment_id",
        "answer_id",
        "Excluded Answers",
        help="None of them.",
    )
    line_ids = fields.One2many("crm.segment.line", "segment_id", "Figures", copy=True)
    filter_domain = fields.Char("Filter", help="Any other condition on partners.")
    criteria_text = fields.Text(
        "In Words", compute="_compute_criteria_text", compute_sudo=True
    )

    # State of mind: read by the measure of that name
    sentiment_days = fields.Integer("Days per Period", default=30)
    sentiment_periods = fields.Integer("Periods", default=6)
    sentiment_factor = fields.Float("Weight of a Period", default=0.5)
    sentiment_default = fields.Float("Start Value", default=5.0)

    _sentiment_range = models.Constraint(
        "CHECK(sentiment_days > 0 AND sentiment_periods > 0 "
        "AND sentiment_factor BETWEEN 0 AND 1 AND sentiment_default BETWEEN 0 AND 10)",
        "Sentiment: give at least one day and one period, a weight from 0 to 1 and a "
        "start value from 0 to 10.",
    )

    # On joining
    join_section_id = fields.Many2one("crm.case.section", "Open a Case in")
    join_user_id = fields.Many2one(
        "res.users", "Assign to", domain="[('share', '=', False)]"
    )
    join_template_id = fields.Many2one(
        "mail.template",
        "Send a Mail",
        domain="[('model', 'in', ('res.partner', 'crm.case'))]",
        help="About the case if one is opened, else about the partner.",
    )
    join_activity_type_id = fields.Many2one("mail.activity.type", "Schedule")

    # Members
    membership_ids = fields.One2many("crm.segment.membership", "segment_id", "History")
    partner_ids = SegmentMembers(
        "res.partner",
        "crm_segment_partner_rel",
        "segment_id",
        "partner_id",
        "Members",
        readonly=True,
        copy=False,
    )
    member_count = fields.Integer("Members now", compute="_compute_member_count")

    # Runs
    max_change_share = fields.Integer(
        "Ask above (%)",
        default=20,
        help="If more of the members than this would join and leave at once, nothing "
        "changes until a person agrees.",
    )
    date_computed = fields.Datetime("Last Computed", readonly=True, copy=False)
    is_due = fields.Boolean(readonly=True, copy=False)
    is_waiting = fields.Boolean("Waits for Approval", readonly=True, copy=False)
    waiting_join = fields.Integer("Would Join", readonly=True, copy=False)
    waiting_leave = fields.Integer("Would Leave", readonly=True, copy=False)
    stamp = fields.Char(readonly=True, copy=False)

    _share_range = models.Constraint(
        "CHECK(max_change_share >= 0)", "Ask above: give a percentage, 0 or more."
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("answer_yes_ids", "answer_no_ids", "filter_domain", "parent_id")
    @api.depends("line_ids.measure", "line_ids.operator", "line_ids.value")
    @api.depends("line_ids.days", "line_ids.mandatory", "parent_id.criteria_text")
    @api.depends_context("lang")
    def _compute_criteria_text(self):
        for segment in self:
            facts = Facts([])
            own = (
                segment._get_answer_criteria(facts)
                + segment._get_figure_criteria(facts)
                + ([segment._get_filter_words()] if segment._has_filter() else [])
            )
            texts = [one if isinstance(one, str) else one.text for one in own]
            inherited = segment.parent_id.criteria_text
            segment.criteria_text = "; ".join(
                [*([inherited] if inherited else []), *texts]
            )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_member_count(self):
        counts = dict(
            self.env["crm.segment.membership"]._read_group(
                Domain("segment_id", "in", self.ids) & Domain("date_end", "=", False),
                ["segment_id"],
                ["__count"],
            )
        )
        for segment in self:
            segment.member_count = counts.get(segment._origin, 0)

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("parent_id")
    def _check_parent(self):
        if self._has_cycle():
            raise ValidationError(
                self.env._("Part of: a segment cannot be a part of itself.")
            )

    @api.constrains("filter_domain")
    def _check_filter_domain(self):
        """Try the filter as its author: nobody learns by it what he may not read."""
        # sudo(False): Odoo checks constraints as superuser
        partners = self.env["res.partner"].sudo(False)
        for segment in self:
            domain = segment._get_domain()
            try:
                partners.search(domain, limit=1)
            except (ValueError, TypeError, UserError) as error:
                raise ValidationError(
                    self.env._(
                        "Filter of “%(segment)s”: %(reason)s",
                        segment=segment.name,
                        reason=error,
                    )
                ) from error

    @api.constrains("company_id", "join_section_id")
    def _check_join_company(self):
        for segment in self.filtered("company_id"):
            company = segment.join_section_id.company_id
            if company and company != segment.company_id:
                raise ValidationError(
                    self.env._(
                        "Open a Case in: section “%s” is of another company than the "
                        "segment.",
                        segment.join_section_id.display_name,
                    )
                )

    @api.constrains("join_template_id", "join_section_id")
    def _check_join_template(self):
        for segment in self.filtered("join_template_id"):
            model = "crm.case" if segment.join_section_id else "res.partner"
            # sudo: which model a template is about is no secret
            if segment.join_template_id.sudo().model != model:
                raise ValidationError(
                    self.env._(
                        "Send a Mail: the template must be about a case if one is "
                        "opened, else about a partner."
                    )
                )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        self._check_members_untouched(vals_list)
        self.env.registry.clear_cache()  # see `_get_rules`
        return super().create(vals_list)

    def write(self, vals):
        """Have members' categories follow, and ask anew about new criteria."""
        self._check_members_untouched([vals])
        former = [(one, one.category_id.id) for one in self if one.exclusive]
        if _CRITERIA & vals.keys():
            vals = {"is_waiting": False, **vals}
            self.env.registry.clear_cache()  # see `_get_rules`
        result = super().write(vals)
        if vals.get("active") is False:
            self._end_memberships()
        elif "category_id" in vals:
            self._replace_category(former)
        return result

    @api.model
    def _check_members_untouched(self, vals_list):
        """Refuse members put in by hand, over the API.

        :raise AccessError: membership is computed
        """
        own = {"partner_ids", "membership_ids"}
        if not self.env.su and any(own & vals.keys() for vals in vals_list):
            raise AccessError(
                self.env._(
                    "Members: partners join and leave by the criteria of a segment, "
                    "not by hand."
                )
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_take_categories(self):
        self._end_memberships()
        self.env.registry.clear_cache()  # see `_get_rules`

    def copy_data(self, default=None):
        vals_list = super().copy_data(default=default)
        for segment, vals in zip(self, vals_list, strict=True):
            if "name" not in (default or {}):
                vals["name"] = self.env._("%s (copy)", segment.name)
        return vals_list

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_compute(self):
        """Bring these segments up to date for all partners, now.

        :return: True, or the preview of the first one that asks before it changes
        """
        self.check_access("write")
        # sudo: memberships are written by segments only
        waiting = self.sudo() - self.sudo()._compute_fully()
        return waiting[0].sudo(False).action_preview() if waiting else True

    def action_preview(self):
        """Show who would join and leave; nothing changes."""
        self.ensure_one()
        joiners, leavers = self._preview()
        preview = self.env["crm.segment.preview"].create(
            {
                "segment_id": self.id,
                "join_count": len(joiners),
                "leave_count": len(leavers),
                "joiner_ids": [Command.set(joiners[:PREVIEW_LIMIT].ids)],
                "leaver_ids": [Command.set(leavers[:PREVIEW_LIMIT].ids)],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Preview of %s", self.name),
            "res_model": preview._name,
            "res_id": preview.id,
            "view_mode": "form",
            "target": "new",
        }

    def _preview(self):
        """Give (joiners, leavers), changing nothing."""
        self.check_access("write")
        # sudo: the criteria read what their author was allowed to read
        segment = self.sudo()
        self.env.flush_all()
        with segment._bulk_plan():
            rows = self.env.execute_query(segment._get_differences())
        partners = self.env["res.partner"]
        joiners = partners.browse(one for _segment, one, joins in rows if joins)
        return joiners, partners.browse(
            one for _segment, one, joins in rows if not joins
        )

    def action_view_members(self):
        """Open the members."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "contacts.action_contacts"
        )
        return action | {
            "display_name": self.env._("Members of %s", self.display_name),
            "domain": [("segment_ids", "in", self.ids)],
            "context": {},
        }

    def action_view_cases(self):
        """Open the cases of the members."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_action"
        )
        return action | {
            "display_name": self.env._("Cases of members of %s", self.display_name),
            "domain": [("segment_ids", "in", self.ids)],
            "context": {},
        }

    def action_view_changes(self):
        """Open the size over time, joiners and leavers."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_segment_change_action"
        )
        return action | {"domain": [("segment_id", "=", self.id)]}
