from odoo.tests import HttpCase, tagged

from .rule_common import RuleCommon


@tagged("crm_relations_rules")
class TestRuleTour(RuleCommon, HttpCase):
    """The book's first rule, from writing it to asking what it did."""

    def test_copy_to_an_expert_after_two_days(self):
        self.case.action_cancel()
        case = self._new_case(name="Waiting for an expert", state="open")
        self._age(case, days=3)
        # the case has been open since then, not since a moment ago
        self.env.cr.execute(
            "UPDATE crm_case_move SET date = date - interval '3 days' "
            "WHERE case_id = %s",
            (case.id,),
        )
        self.start_tour("/odoo/crm-rules", "crm_relations_rule", login="boss")
        rule = self.env["crm.case.rule"].search(
            [("name", "like", "Copy to our expert")]
        )
        self.assertTrue(rule.active)
        self.assertEqual(self._timers(rule).case_id, case)
        self.env["crm.case.timer"]._cron_fire()
        self.env.invalidate_all()
        self.assertIn("expert@firm.example", case.email_cc)
        self.start_tour(
            f"/odoo/crm-cases/{case.id}", "crm_relations_rule_why", login="boss"
        )
