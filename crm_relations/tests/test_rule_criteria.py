from itertools import combinations

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .rule_common import RuleCommon


@tagged("crm_relations_rules")
class TestRuleCriteria(RuleCommon):
    """Which cases a rule takes, by each criterion and by every two of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.category = cls.env["crm.case.category"].create({"name": "Fault"})
        cls.channel = cls.env["crm.case.channel"].create({"name": "Pigeon"})
        cls.gold = cls.env["res.partner.category"].create({"name": "Gold"})
        cls.best = cls.env["res.partner.category"].create(
            {"name": "Best", "parent_id": cls.gold.id}
        )
        cls.acme.category_id = cls.best
        # what all criteria ask for, and nothing of it
        cls.match = cls._new_case(
            name="Invoice 12 is wrong",
            partner_id=cls.jane.id,
            category_id=cls.category.id,
            channel_id=cls.channel.id,
            user_id=cls.agent.id,
            priority="2",
            description="<p>The amount is too high</p>",
            planned_revenue=500,
        )
        cls.match.message_post(body="One", message_type="comment")
        cls.match.message_post(body="Two", message_type="comment")
        cls.other = cls._new_case(
            name="Printer", section=cls.quality, priority="1", partner_id=cls.walter.id
        )
        cls.cases = cls.match | cls.other

    def _get_table(self):
        """Give what each criterion is set to; `match` meets it and `other` does not."""
        return {
            "section_id": self.support2.id,
            "category_id": self.category.id,
            "user_id": self.agent.id,
            "partner_id": self.acme.id,
            "partner_category_id": self.gold.id,
            "channel_id": self.channel.id,
            "priority_min": "2",
            "min_messages": 2,
            "subject_pattern": r"^INVOICE \d+",
            "body_pattern": "amount.*high",
            "filter_domain": "[('planned_revenue', '>', 100)]",
        }

    def test_each_criterion_alone_and_every_two_together(self):
        table = self._get_table()
        for chosen in [(name,) for name in table] + list(combinations(table, 2)):
            with self.subTest(" + ".join(chosen)):
                rule = self._new_rule(**{name: table[name] for name in chosen})
                self.assertEqual(rule._match(self.cases), self.match)
                rule.unlink()

    def test_all_criteria_at_once_and_one_that_does_not_hold(self):
        table = self._get_table()
        rule = self._new_rule(**table)
        self.assertEqual(rule._match(self.cases), self.match)
        wrong = {
            "section_id": self.quality.id,
            "user_id": self.susan.id,
            "partner_id": self.walter.id,
            "partner_category_id": self.env["res.partner.category"]
            .create({"name": "Tin"})
            .id,
            "priority_min": "3",
            "min_messages": 3,
            "subject_pattern": "^Printer",
            "body_pattern": "low",
            "filter_domain": "[('planned_revenue', '>', 1000)]",
        }
        for name, value in wrong.items():
            with self.subTest(name):
                rule = self._new_rule(**table | {name: value})
                self.assertFalse(rule._match(self.cases))
                failing = [one for one in rule.explain(self.match) if not one["holds"]]
                self.assertEqual([one["name"] for one in failing], [name])

    def test_bounds_of_priority(self):
        cases = self.env["crm.case"].create(
            [{"name": p, "section_id": self.quality.id, "priority": p} for p in "0123"]
        )
        table = {
            (False, False): "0123",
            ("1", False): "123",
            (False, "1"): "01",
            ("1", "2"): "12",
            ("2", "2"): "2",
        }
        for (low, high), expected in table.items():
            with self.subTest(low=low, high=high):
                rule = self._new_rule(priority_min=low, priority_max=high)
                self.assertEqual("".join(rule._match(cases).mapped("name")), expected)

    def test_as_many_queries_for_any_number_of_cases(self):
        # sections below, categories below, and the one that asks
        rule = self._new_rule(**self._get_table())
        rule._match(self.cases)
        self.env.flush_all()
        with self.assertQueryCount(3):
            rule._match(self.cases)
        many = self.cases | self._new_case() | self._new_case()
        rule._match(many)
        self.env.flush_all()
        with self.assertQueryCount(3):
            rule._match(many)

    def test_latest_message_is_searched_for_the_pattern(self):
        rule = self._new_rule(body_pattern="urgent")
        self.assertFalse(rule._match(self.other))
        self.other.message_post(body="This is URGENT", message_type="comment")
        self.assertTrue(rule._match(self.other))
        self.other.message_post(body="Never mind", message_type="comment")
        self.assertFalse(rule._match(self.other))

    def test_archived_cases_are_left_alone(self):
        rule = self._new_rule()
        self.match.active = False
        self.assertEqual(rule._match(self.cases), self.other)

    def test_state_of_a_case_when_a_rule_goes_by_time(self):
        self.match.action_open()
        self.match.action_escalate()
        table = {
            ("open", False): True,
            (False, "open"): True,
            ("draft", "open"): True,
            ("pending", "open"): False,
            (False, "draft"): False,
            (False, "escalate"): True,
            ("escalate", "open"): True,
        }
        for (before, after), expected in table.items():
            with self.subTest(before=before, after=after):
                rule = self._new_rule(
                    date_type="create", state_from=before, state_to=after
                )
                self.assertEqual(bool(rule._match(self.match)), expected)
                self.assertEqual(
                    all(one["holds"] for one in rule.explain(self.match)), expected
                )

    def test_explain_shows_each_value(self):
        rule = self._new_rule(**self._get_table())
        shown = {one["name"]: one for one in rule.explain(self.match)}
        self.assertLessEqual(set(self._get_table()), set(shown))
        self.assertTrue(all(one["holds"] for one in shown.values()))
        self.assertEqual(shown["priority_min"]["wanted"], "High")
        self.assertEqual(shown["priority_min"]["value"], "High")
        self.assertEqual(shown["min_messages"]["value"], "2")
        self.assertIn("Best", shown["partner_category_id"]["value"])
        self.assertEqual(shown["subject_pattern"]["value"], self.match.name)
        shown = {one["name"]: one for one in rule.explain(self.other.id)}
        self.assertFalse(any(shown[name]["holds"] for name in self._get_table()))

    # ------------------------------------------------------------
    # REFUSED
    # ------------------------------------------------------------

    def test_wrong_input_is_refused_with_the_name_of_the_field(self):
        table = {
            "Subject Pattern": [
                {"subject_pattern": "(unclosed"},
                {"subject_pattern": r"(a+)\1"},
                {"subject_pattern": "x" * 501},
            ],
            "Text Pattern": [{"body_pattern": "[z-a]"}],
            "Priority": [{"priority_min": "3", "priority_max": "1"}],
            "Other Conditions": [
                {"filter_domain": "[('no_such_field', '=', 1)]"},
                {"filter_domain": "not a domain"},
                {"filter_domain": "[('name', '=', open('/etc/passwd'))]"},
            ],
            "From State": [{"on_create": True, "state_from": "open"}],
            "When": [{"on_create": True, "on_message": True}],
            "On Each New Message": [{"date_type": "create", "on_message": True}],
            "Repeat": [{"date_type": "create", "repeat_delay": 2}],
            "Escalate": [{"escalate": True, "set_state": "done"}],
            "Add Watchers": [{"add_watchers": "nobody, x@y.example"}],
            "Mail to Addresses": [{"mail_to": "not an address"}],
            "Server Action": [
                {
                    "server_action_id": self.env["ir.actions.server"]
                    .create(
                        {
                            "name": "other",
                            "state": "code",
                            "model_id": self.env["ir.model"]._get_id("res.partner"),
                        }
                    )
                    .id
                }
            ],
        }
        for label, attempts in table.items():
            for values in attempts:
                with (
                    self.subTest(**values),
                    self.assertRaisesRegex(ValidationError, f"^{label}"),
                ):
                    self._new_rule(**values)

    def test_nasty_patterns_are_refused_or_fast(self):
        for pattern in (
            "(a+)+$",
            "(a|aa)+$",
            "(((a{1,200}){1,200}){1,200})",
            "((((((a?){30}){30}){30})))b",
            "^(([a-z])+.)+[A-Z]([a-z])+$",
        ):
            with self.subTest(pattern):
                try:
                    rule = self._new_rule(subject_pattern=pattern)
                except ValidationError as error:
                    self.assertIn("Subject Pattern", str(error))
                    continue
                self.match.name = "a" * 2000 + "!"
                with self.assertQueryCount(5):
                    self.env.flush_all()
                    rule._match(self.match)
