from datetime import timedelta

from odoo import fields

from .rule_common import RuleCommon


class TestRuleSentiment(RuleCommon):
    """Rules hear when a partner becomes less satisfied."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rule = cls._new_rule(on_sentiment_drop=True, set_priority="3")

    def _mark(self, partner, sentiment):
        return self.env["crm.partner.event"].create(
            {
                "name": "Call",
                "partner_id": partner.id,
                "date": fields.Datetime.now() - timedelta(hours=1),
                "sentiment": sentiment,
            }
        )

    def test_fires_once_a_fall_on_the_unclosed_cases(self):
        unclosed = self._new_case(partner_id=self.jane.id)
        of_bob = self._new_case(partner_id=self.bob.id, state="open")
        closed = self._new_case(partner_id=self.jane.id, state="done")
        foreign = self._new_case(partner_id=self.walter.id)
        self._mark(self.jane, 0)
        # the company cools down with its contact
        self.assertEqual((unclosed | of_bob).mapped("priority"), ["3", "3"])
        self.assertEqual((closed | foreign).mapped("priority"), ["1", "1"])
        self.assertEqual(self._runs(self.rule).case_id, self.case | unclosed | of_bob)
        self._mark(self.jane, 0)
        self.assertEqual(len(self._runs(self.rule)), 3)

    def test_fires_on_the_latest_case_if_all_are_closed(self):
        self._new_case(partner_id=self.walter.id, state="done")
        latest = self._new_case(partner_id=self.walter.id, state="done")
        self._mark(self.walter, 0)
        self.assertEqual(self._runs(self.rule).case_id, latest)

    def test_other_rules_do_not_hear_of_it(self):
        other = self._new_rule(set_priority="2")
        case = self._new_case(partner_id=self.walter.id)
        before = len(self._runs(other))
        self._mark(self.walter, 0)
        self.assertEqual(case.priority, "3")
        self.assertFalse(
            self._runs(other).filtered(lambda run: "sentiment" in run.occasion)
        )
        self.assertGreaterEqual(len(self._runs(other)), before)

    def test_satisfied_partners_set_nothing_off(self):
        self._new_case(partner_id=self.walter.id)
        self._mark(self.walter, 9)
        self.assertFalse(self._runs(self.rule))

    def test_criteria_hold(self):
        self.rule.section_id = self.quality
        self._new_case(partner_id=self.walter.id)
        self._mark(self.walter, 0)
        self.assertFalse(self._runs(self.rule))

    def test_nobody_knows_what_it_would_have_done(self):
        self._new_case(partner_id=self.walter.id)
        self._mark(self.walter, 0)
        self.assertIn("sentiment drops", self.rule._get_summary())
        wizard = self.env["crm.case.rule.backtest"].create({"rule_id": self.rule.id})
        wizard.action_run()
        self.assertFalse(wizard.line_ids)
