"""What the tests of rules share."""

from datetime import timedelta

from odoo import fields

from .mail_case_common import MailCaseCommon


class RuleCommon(MailCaseCommon):
    """No rule but those of the test, and ways to make time pass."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # of the example company, beside which the tests run as well
        cls.env["crm.case.rule"].search([]).action_archive()
        cls.env["crm.sla.policy"].search([]).action_archive()
        cls.env.flush_all()
        cls.env["crm.case.timer"].search([]).unlink()
        # what is mailed again and again here is held back in test_rule_mail only
        settings = cls.env["ir.config_parameter"]
        for name in ("hour", "day"):
            settings.set_param(f"crm_relations.automatic_mail_{name}", 1000)

    @classmethod
    def _new_rule(cls, name="Rule", **values):
        return cls.env["crm.case.rule"].create({"name": name, **values})

    def _tick(self):
        """Run the scheduled action as the scheduler does."""
        with self.enter_registry_test_mode():
            self.env["crm.case.timer"]._cron_fire()
        self.env.invalidate_all()

    def _age(self, cases, **ago):
        """Make cases older than they are, all their dates alike."""
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE crm_case SET create_date = create_date - %(ago)s,
                  date = date - %(ago)s, date_open = date_open - %(ago)s,
                  date_last_action = date_last_action - %(ago)s
                WHERE id = ANY(%(ids)s)""",
            {"ago": timedelta(**ago), "ids": cases.ids},
        )
        self.env.invalidate_all()
        self.env["crm.case.rule"]._touch(cases.ids)

    def _runs(self, rule, case=None, result=None):
        """List the runs of a rule, oldest first."""
        domain = [("rule_id", "=", rule.id)]
        domain += [("case_id", "=", case.id)] if case else []
        domain += [("result", "=", result)] if result else []
        return self.env["crm.case.rule.run"].search(domain, order="id")

    def _timers(self, rule, case=None):
        domain = [("rule_id", "=", rule.id)]
        domain += [("case_id", "=", case.id)] if case else []
        return self.env["crm.case.timer"].search(domain)

    def _now(self, **later):
        return fields.Datetime.now() + timedelta(**later)
