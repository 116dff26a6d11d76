from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged, users, warmup
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .segment_common import SegmentCommon


@tagged("crm_relations_segment")
class TestSegment(SegmentCommon):
    """Who is a member, the category, at once and by a full run."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = cls.acme | cls.jane | cls.bob | cls.walter

    def test_one_of_the_answers_to_every_question(self):
        segment = self._new_segment(
            answer_yes_ids=self.budget_middle | self.budget_high | self.new_customer
        )
        self._answer(self.jane, self.budget_middle, self.new_customer)
        self._answer(self.bob, self.budget_middle)
        self._answer(self.walter, self.budget_low, self.new_customer)
        self.assertEqual(segment.partner_ids, self.jane)
        segment.action_compute()
        self.assertEqual(segment.partner_ids, self.jane)

    def test_answers_in_words(self):
        self.budget.name = "Budget"
        segment = self._new_segment(
            answer_yes_ids=self.budget_low | self.budget_high,
            answer_no_ids=self.new_customer,
        )
        self.assertEqual(
            segment.criteria_text, "Budget: Low or High; Customer? not New"
        )

    def test_excluded_answers(self):
        segment = self._new_segment(
            answer_yes_ids=self.new_customer, answer_no_ids=self.budget_low
        )
        self._answer(self.jane, self.budget_low, self.new_customer)
        self._answer(self.bob, self.new_customer)
        self.assertEqual(segment.partner_ids, self.bob)

    def test_expired_answer_counts_as_unknown(self):
        self.budget.days_valid = 10
        segment = self._new_segment(answer_yes_ids=self.budget_low)
        self._answer(self.jane, self.budget_low)
        self.assertEqual(segment.partner_ids, self.jane)
        with self._days_later(9):
            segment.action_compute()
            self.assertEqual(segment.partner_ids, self.jane)
        with self._days_later(11):
            self._run_night()
            self.assertFalse(segment.partner_ids)

    def test_criteria_are_inherited(self):
        parent = self._new_segment(answer_yes_ids=self.new_customer)
        child = self._new_segment(parent_id=parent.id, answer_yes_ids=self.budget_low)
        self._answer(self.jane, self.budget_low, self.new_customer)
        self._answer(self.bob, self.budget_low)
        self.assertEqual(child.partner_ids, self.jane)
        self.assertIn("Budget? Low", child.criteria_text)
        self.assertIn("Customer? New", child.criteria_text)

    def test_no_criteria_no_members(self):
        segment = self._new_segment()
        segment.action_compute()
        self.assertFalse(segment.partner_ids)

    def test_bounds_of_figures(self):
        for _index in range(2):
            self._new_case(partner_id=self.walter.id)
        for operator, value, expected in (
            (">", 1, True),
            (">", 2, False),
            ("=", 2, True),
            ("=", 1, False),
            ("<", 3, True),
            ("<", 2, False),
        ):
            with self.subTest(operator=operator, value=value):
                segment = self._new_figures([("open_cases", operator, value, 0, True)])
                segment.action_compute()
                self.assertEqual(self.walter in segment.partner_ids, expected)

    def test_company_counts_the_cases_of_its_contacts(self):
        self._new_case(partner_id=self.jane.id)
        self._new_case(partner_id=self.acme.id)
        segment = self._new_figures([("cases", ">", 1, 0, True)])
        segment.action_compute()
        self.assertEqual(segment.partner_ids, self.acme)

    def test_of_optional_figures_one_must_hold(self):
        self._new_case(partner_id=self.walter.id)
        self._answer(self.walter, self.budget_high)
        points = ("profiling_score", ">", 5, 0, False)
        segment = self._new_figures(
            [("cases", "=", 1, 0, True), ("cases", ">", 9, 0, False), points]
        )
        segment.action_compute()
        self.assertEqual(segment.partner_ids, self.walter)
        self._answer(self.walter, self.budget_low)
        self.assertFalse(segment.partner_ids)

    def test_unknown_figure_meets_nothing(self):
        for operator in ("<", ">"):
            segment = self._new_figures([("days_since_contact", operator, 5, 0, True)])
            segment.action_compute()
            self.assertNotIn(self.walter, segment.partner_ids)

    def test_sentiment_by_the_segments_own_periods(self):
        event = {"name": "Call", "date": fields.Datetime.now() - timedelta(days=1)}
        self.env["crm.partner.event"].create(
            event | {"partner_id": self.walter.id, "sentiment": 0}
        )
        unhappy = ("sentiment", "<", 3, 0, True)
        segment = self._new_figures([unhappy], sentiment_factor=0.5)
        # 5 x 0.5 + 0 x 0.5; who has no marks is where he began
        segment.action_compute()
        self.assertEqual(segment.partner_ids & self.people, self.walter)
        segment.sentiment_factor = 0.2
        segment.action_compute()
        self.assertFalse(segment.partner_ids & self.people)
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            segment.sentiment_factor = 2
            self.env.flush_all()

    def test_cases_with_a_missed_service_level(self):
        self.env["crm.sla.policy"].create(
            {"name": "Fast", "hours_first_response": 1, "hours_resolution": 2}
        )
        case = self._new_case(partner_id=self.walter.id)
        self._new_case(partner_id=self.jane.id)
        segment = self._new_figures([("sla_missed", ">", 0, 0, True)])
        segment.action_compute()
        self.assertFalse(segment.partner_ids & self.people)
        status = self.env["crm.sla.status"].search([("case_id", "=", case.id)])
        self.assertTrue(status)
        self.env.cr.execute(
            "UPDATE crm_sla_status SET state = 'missed' WHERE case_id = %s", [case.id]
        )
        segment.action_compute()
        self.assertEqual(segment.partner_ids & self.people, self.walter)

    def test_period(self):
        case = self._new_case(partner_id=self.walter.id)
        self.env.flush_all()
        # the ORM refuses to write the date of creation
        self.env.cr.execute(
            "UPDATE crm_case SET create_date = create_date - interval '40 days' "
            "WHERE id = %s",
            [case.id],
        )
        for days, expected in ((39, False), (41, True), (0, True)):
            with self.subTest(days=days):
                segment = self._new_figures([("cases", "=", 1, days, True)])
                segment.action_compute()
                self.assertEqual(self.walter in segment.partner_ids, expected)

    def test_filter_and_archived_partners(self):
        segment = self._new_segment(
            filter_domain=repr([("id", "in", (self.jane | self.bob).ids)])
        )
        segment.action_compute()
        self.assertEqual(segment.partner_ids, self.jane | self.bob)
        self.bob.active = False
        segment.action_compute()
        self.assertEqual(segment.partner_ids, self.jane)

    def test_filter_in_words(self):
        for domain, words in (
            ([("is_company", "=", True)], "Is a Company: yes"),
            ([("is_company", "!=", True)], "Is a Company: no"),
            ([("email", "=", False)], "Email: none"),
            (
                [("ref", "=", "x"), ("email", "!=", False)],
                "Reference = x, Email: any",
            ),
            (["|", ("ref", "=", "x"), ("ref", "=", "y")], "filter of “Segment”"),
        ):
            with self.subTest(domain=domain):
                segment = self._new_segment(filter_domain=repr(domain))
                self.assertEqual(segment.criteria_text, words)

    def test_broken_filter_is_refused(self):
        for text in ("[(", "[('nothing', '=', 1)]", "5"):
            with self.subTest(filter=text), self.assertRaises(ValidationError):
                self._new_segment(filter_domain=text)

    # ------------------------------------------------------------
    # CATEGORY
    # ------------------------------------------------------------

    def test_leavers_lose_the_category_of_an_exclusive_segment(self):
        for exclusive in (True, False):
            with self.subTest(exclusive=exclusive):
                category = self._new_category()
                self._new_segment(
                    answer_yes_ids=self.budget_low,
                    category_id=category.id,
                    exclusive=exclusive,
                )
                self._answer(self.jane, self.budget_low)
                self.assertIn(category, self.jane.category_id)
                self._answer(self.jane, self.budget_high)
                self.assertEqual(category in self.jane.category_id, not exclusive)

    def test_category_stays_while_another_segment_gives_it(self):
        category = self._new_category()
        for answer in (self.budget_low, self.new_customer):
            self._new_segment(answer_yes_ids=answer, category_id=category.id)
        self._answer(self.jane, self.budget_low, self.new_customer)
        self._answer(self.jane, self.budget_high)
        self.assertIn(category, self.jane.category_id)

    def test_another_category_replaces_the_former(self):
        first, second = self._new_category(), self._new_category()
        segment = self._new_segment(
            answer_yes_ids=self.budget_low, category_id=first.id
        )
        self._answer(self.jane, self.budget_low)
        segment.category_id = second
        self.assertEqual(self.jane.category_id, second)
        segment.active = False
        self.assertFalse(self.jane.category_id)
        self.assertFalse(self.jane.segment_ids)

    # ------------------------------------------------------------
    # HISTORY AND REASONS
    # ------------------------------------------------------------

    def test_history_of_joining_and_leaving(self):
        segment = self._new_segment(answer_yes_ids=self.budget_low)
        for answer in (self.budget_low, self.budget_high, self.budget_low):
            self._answer(self.jane, answer)
        history = segment.membership_ids.sorted("id")
        self.assertEqual([bool(row.date_end) for row in history], [True, False])
        self.assertEqual(history.mapped("reason"), ["Budget? Low"] * 2)
        changes = self.env["crm.segment.change"].search(
            [("segment_id", "=", segment.id)]
        )
        self.assertEqual(sorted(changes.mapped("change")), [-1, 1, 1])

    def test_explain(self):
        segment = self._new_segment(
            answer_yes_ids=self.budget_low | self.new_customer,
            line_ids=[Command.create({"measure": "cases", "value": 3})],
        )
        self._answer(self.jane, self.budget_low)
        text = segment.explain(self.jane)
        self.assertIn("Jane is not in", text)
        self.assertIn("2 missing", text)
        self.assertIn("✓ Budget? Low", text)
        self.assertIn("✗ missing: Customer? New", text)
        self.assertIn("✗ missing: Cases more than 3 (Cases: 0)", text)
        segment.line_ids.unlink()
        self._answer(self.jane, self.new_customer)
        self.assertIn("is in", segment.explain(self.jane.id))

    def test_outcome_of_an_interview(self):
        category = self._new_category()
        self._new_segment(
            answer_yes_ids=self.budget_low | self.new_customer,
            answer_no_ids=self.budget_high,
            category_id=category.id,
        )
        questions = self.budget | self.new_customer.question_id

        def state(answers, open_questions):
            [found] = self.jane.with_user(self.agent)._get_profile_outcome(
                answers, open_questions
            )
            self.assertEqual(found["detail"], "Earned")
            return found["state"]

        nothing = self.budget.browse()
        self.assertEqual(state(self.budget_low.browse(), questions), "possible")
        both = self.budget_low | self.new_customer
        self.assertEqual(state(both, nothing), "certain")
        self.assertEqual(state(self.budget_low, nothing), "excluded")
        self.assertEqual(state(self.budget_high, questions), "excluded")
        [profile] = self.jane._get_profile_candidates()
        self.assertEqual(set(profile.groups), {frozenset(one.ids) for one in both})

    def test_preview_changes_nothing(self):
        segment = self._new_segment(
            filter_domain=repr([("id", "in", (self.jane | self.bob).ids)])
        )
        segment.action_compute()
        segment.filter_domain = repr([("id", "in", (self.jane | self.walter).ids)])
        preview = self.env["crm.segment.preview"].browse(
            segment.action_preview()["res_id"]
        )
        self.assertEqual(preview.joiner_ids, self.walter)
        self.assertEqual(preview.leaver_ids, self.bob)
        self.assertEqual(segment.partner_ids, self.jane | self.bob)
        preview.action_apply()
        self.assertEqual(segment.partner_ids, self.jane | self.walter)

    # ------------------------------------------------------------
    # ACCESS
    # ------------------------------------------------------------

    def test_only_managers_change_segments(self):
        segment = self._new_segment(answer_yes_ids=self.budget_low)
        for user in (self.agent, self.senior):
            own = segment.with_user(user)
            with self.subTest(user=user.login):
                self.assertTrue(own.criteria_text)
                for call in (
                    own.action_compute,
                    own.action_preview,
                    lambda own=own: own.write({"name": "Mine"}),
                    own.unlink,
                ):
                    with self.assertRaises(AccessError):
                        call()
        segment.with_user(self.boss).write({"name": "Ours"})
        segment.with_user(self.boss).action_compute()
        with self.assertRaises(AccessError):
            segment.with_user(self.user_employee).read(["name"])

    def test_filter_asks_only_for_what_its_author_may_read(self):
        field = self.env["res.partner"]._fields["ref"]
        self.patch(field, "groups", "base.group_system")
        values = {"name": "Secret", "filter_domain": "[('ref', '=', 'x')]"}
        with self.assertRaises(ValidationError):
            self.env["crm.segment"].with_user(self.boss).create(values)
        self.assertTrue(self.env["crm.segment"].create(values))

    def test_nobody_is_put_into_a_segment_by_hand(self):
        segment = self._new_segment(answer_yes_ids=self.budget_low)
        for user in (self.agent, self.boss):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.jane.with_user(user).segment_ids = segment
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.env["crm.segment.membership"].with_user(user).create(
                    {"segment_id": segment.id, "partner_id": self.jane.id}
                )
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                segment.with_user(user).partner_ids = self.jane

    def test_companies_are_apart(self):
        self._answer(self.jane | self.bob | self.walter, self.budget_low)
        self.bob.company_id = self.company_2
        own = self._new_segment(
            answer_yes_ids=self.budget_low, company_id=self.env.company.id
        )
        shared = self._new_segment(answer_yes_ids=self.budget_low)
        (own | shared).action_compute()
        self.assertEqual(own.partner_ids, self.jane | self.walter)
        self.assertEqual(shared.partner_ids, self.jane | self.bob | self.walter)
        self.assertFalse(own.with_user(self.foreigner).search([("id", "=", own.id)]))
        seen = self.env["crm.segment.membership"].with_user(self.agent).search([])
        self.assertNotIn(self.bob, seen.sudo().partner_id)

    # ------------------------------------------------------------
    # WHERE SEGMENTS ARE USED
    # ------------------------------------------------------------

    def test_partners_and_cases_by_segment(self):
        segment = self._new_segment(answer_yes_ids=self.budget_low)
        self._answer(self.jane, self.budget_low)
        case = self._new_case(partner_id=self.jane.id)
        self._new_case(partner_id=self.walter.id)
        Case = self.env["crm.case"].with_user(self.senior)
        self.assertEqual(Case.search([("segment_ids", "in", segment.ids)]), case)
        groups = dict(
            Case._read_group([("id", "=", case.id)], ["segment_ids"], ["__count"])
        )
        self.assertEqual(groups, {segment: 1})
        Partner = self.env["res.partner"].with_user(self.agent)
        groups = dict(
            Partner._read_group(
                [("id", "in", (self.jane | self.bob).ids)], ["segment_ids"], ["__count"]
            )
        )
        self.assertEqual(groups[segment], 1)

    # ------------------------------------------------------------
    # COST
    # ------------------------------------------------------------

    @users("expert")
    @warmup
    def test_cost_of_an_update_after_saving(self):
        segments = self.env["crm.segment"].sudo()
        segments.create(
            [
                {
                    "name": f"Segment {index}",
                    "category_id": self._new_category().id,
                    "answer_yes_ids": [Command.set((self.budget_low).ids)],
                    "line_ids": [Command.create({"measure": "cases", "operator": "<"})],
                    "filter_domain": "[('email', '!=', False)]",
                }
                for index in range(50)
            ]
        )
        self._answer(self.jane, self.budget_low)
        self.env.flush_all()
        self.env.invalidate_all()
        with self.assertQueryCount(9):
            self.jane.with_user(self.env.user)._on_responses_changed()

    @users("expert")
    @warmup
    def test_cost_of_saving_with_segments(self):
        """Answers replaced, one segment left and 50 joined: the limit is 12."""
        segments = self.env["crm.segment"].sudo()
        segments.create(
            [
                {
                    "name": f"Segment {index}",
                    "category_id": self._new_category().id,
                    "answer_yes_ids": [
                        Command.set(
                            (self.budget_low, self.budget_high)[bool(index)].ids
                        )
                    ],
                }
                for index in range(51)
            ]
        )
        partner = self.jane.with_user(self.env.user)
        responses = partner.response_ids
        question = self.budget.with_env(self.env)

        def save(answer):
            answer = answer.with_env(self.env)
            responses._save_answers({partner: {question: answer}})
            self.env.flush_all()

        save(self.budget_low)
        self.env.invalidate_all()
        with self.assertQueryCount(10):
            save(self.budget_high)
        self.env.invalidate_all()
        with self.assertQueryCount(6):
            save(self.budget_high)
