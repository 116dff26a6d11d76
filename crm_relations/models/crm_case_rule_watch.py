"""What rules by time depend on besides the case: whoever changes it tells them."""

from odoo import api, models
from odoo.tools import SQL


class ResPartner(models.Model):
    """Tells rules of a change of categories."""

    _inherit = "res.partner"

    def write(self, vals):
        result = super().write(vals)
        if "category_id" in vals:
            self._touch_case_timers()
        return result

    def _touch_case_timers(self):
        """Have the timers weighed again of cases of these partners and their contacts.

        Cases of contacts that change their company notice by themselves.
        """
        rules = self.env["crm.case.rule"]
        if not self.ids or not rules._get_table().uses_categories:
            return
        self.env["crm.case"].flush_model(["partner_id", "commercial_partner_id"])
        # SQL: also of cases that whoever keeps the contacts may not see; ids only
        rows = self.env.execute_query(
            SQL(
                """SELECT id FROM crm_case
                    WHERE partner_id = ANY(%(ids)s)
                       OR commercial_partner_id = ANY(%(ids)s)""",
                ids=self.ids,
            )
        )
        rules._touch(row[0] for row in rows)


class ResPartnerCategory(models.Model):
    """Tells rules of categories that are moved, given, taken away or deleted."""

    _inherit = "res.partner.category"

    @api.model_create_multi
    def create(self, vals_list):
        categories = super().create(vals_list)
        categories.sudo().partner_ids._touch_case_timers()
        return categories

    def write(self, vals):
        before = self.sudo().partner_ids if "partner_ids" in vals else None
        result = super().write(vals)
        if before is not None:
            # sudo: see `_touch_case_timers`
            (before | self.sudo().partner_ids)._touch_case_timers()
        if "parent_id" in vals:
            self._touch_rules()
        return result

    def unlink(self):
        result = super().unlink()
        self._touch_rules()
        return result

    def _touch_rules(self):
        # sudo: who keeps the categories need not see the rules
        rules = self.env["crm.case.rule"].sudo()
        rules = rules.search([("partner_category_id", "!=", False)])
        if rules:
            rules._apply_change()


class CrmCaseSection(models.Model):
    """Tells rules of its place in the tree and its working time."""

    _inherit = "crm.case.section"

    @api.model_create_multi
    def create(self, vals_list):
        sections = super().create(vals_list)
        # rules of the section above hold here too
        self.env.registry.clear_cache()
        return sections

    def write(self, vals):
        result = super().write(vals)
        if "parent_id" in vals:
            self._touch_rules([("section_id", "!=", False)])
        if "resource_calendar_id" in vals:
            self._touch_rules([("working_time", "=", True)])
        return result

    def _touch_rules(self, domain):
        # sudo: who sets up sections need not see the rules of other companies
        rules = self.env["crm.case.rule"].sudo().search(domain)
        if rules:
            rules._apply_change()


class ResCompany(models.Model):
    """Tells rules of its working time."""

    _inherit = "res.company"

    def write(self, vals):
        result = super().write(vals)
        if "resource_calendar_id" in vals:
            self.env["crm.case.section"]._touch_rules([("working_time", "=", True)])
        return result


class ResourceCalendar(models.Model):
    """Tells rules that its hours or days off have changed."""

    _inherit = "resource.calendar"

    def _on_working_time_change(self):
        result = super()._on_working_time_change()
        self.env["crm.case.section"]._touch_rules([("working_time", "=", True)])
        return result
