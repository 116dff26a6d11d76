import re
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odoo import Command, fields
from odoo.addons.crm_relations.models import crm_partner_sentiment as module
from odoo.tests import tagged

from .common import CrmRelationsCommon

_NOW = datetime(2026, 6, 30, 12, 0, 0)
_DOCS = Path(module.__file__).parents[2] / "docs" / "memory.md"

# age of a mark in days, with the bounds of periods of ten days among them
_AGES = st.one_of(
    st.sampled_from((0, 10, 20, 30, 40, 50)),
    st.floats(0, 60, allow_nan=False).map(lambda age: round(age, 3)),
)
_MARKS = st.lists(st.tuples(_AGES, st.integers(0, 10)), max_size=8)


def slow_value(marks, now, days, periods, factor, default):
    """Give the contract's formula, step by step, as a slow and obvious oracle.

    :param marks: list of (datetime, value)
    """
    value = default
    for period in reversed(range(periods)):
        end = now - timedelta(days=days * period)
        begin = end - timedelta(days=days)
        rated = [mark for date, mark in marks if begin < date <= end]
        if rated:
            value = value * (1 - factor) + sum(rated) / len(rated) * factor
    return value


class SentimentCommon(CrmRelationsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Sentiment = cls.env["crm.partner.sentiment"]
        cls.call = cls.env.ref("crm_relations.crm_partner_event_kind_call")

    def _set(self, **values):
        for name, value in values.items():
            self.env["ir.config_parameter"].set_param(
                f"crm_relations.sentiment_{name}", str(value)
            )

    def _mark(self, partner, sentiment, days=0, **values):
        """Log a call with a mark, some days ago."""
        return self.env["crm.partner.event"].create(
            {
                "name": "Called",
                "kind_id": self.call.id,
                "partner_id": partner.id,
                "sentiment": sentiment,
                "date": fields.Datetime.now() - timedelta(days=days),
                **values,
            }
        )

    def _score(self, partner, company=None):
        partner.invalidate_recordset()
        return partner.with_company(company or self.env.company).sentiment_score


@tagged("crm_relations_sentiment")
class TestPartnerSentiment(SentimentCommon):
    def test_worked_example_of_the_docs(self):
        """The numbers in docs/memory.md are those of the program."""
        text = _DOCS.read_text()
        rows = re.findall(r"\| (\d+) days ago \| (\d+) \|", text)
        table = re.search(
            r"periods: (\d+) of (\d+) days, weight ([\d.]+), start ([\d.]+)", text
        )
        periods, days, factor, default = map(float, table.groups())
        self._set(periods=int(periods), days=int(days), factor=factor, default=default)
        self.assertGreaterEqual(len(rows), 4)
        for age, mark in rows:
            self._mark(self.walter, int(mark), int(age))
        expected = float(re.search(r"sentiment is \*\*([\d.]+)\*\*", text)[1])
        before = float(re.search(r"a period ago it was \*\*([\d.]+)\*\*", text)[1])
        self.assertAlmostEqual(self._score(self.walter), expected, 2)
        was = self.walter.sentiment_score - self.walter.sentiment_trend
        self.assertAlmostEqual(was, before, 2)

    @given(_MARKS, st.integers(1, 5), st.sampled_from((0, 0.25, 0.8, 1)))
    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def test_formula_is_that_of_the_slow_oracle(self, marks, periods, factor):
        self.env["crm.partner.event"].search(
            [("partner_id", "=", self.walter.id)]
        ).unlink()
        self._set(periods=periods, days=10, factor=factor, default=6)
        dated = [(_NOW - timedelta(days=age), mark) for age, mark in marks]
        # the database keeps microseconds, Odoo seconds
        dated = [(date.replace(microsecond=0), mark) for date, mark in dated]
        with patch.object(fields.Datetime, "now", return_value=_NOW):
            for date, mark in dated:
                self._mark(self.walter, mark, date=date)
            got = self._score(self.walter)
            trend = self.walter.sentiment_trend
        expected = slow_value(dated, _NOW, 10, periods, factor, 6)
        before = slow_value(dated, _NOW - timedelta(days=10), 10, periods, factor, 6)
        self.assertAlmostEqual(got, expected, 6)
        if dated and self.walter.sentiment_count:
            self.assertAlmostEqual(trend, expected - before, 6)

    def test_night_pass_gives_what_was_computed_at_once(self):
        marks = defaultdict(list)
        for index in range(30):
            partner = (self.acme, self.jane, self.bob, self.walter)[index % 4]
            self._mark(partner, index % 11, index * 7)
            marks[partner].append(index)
        at_once = {one: self._score(one) for one in marks}
        self.Sentiment.search([]).unlink()
        self.Sentiment._cron_compute()
        self.assertEqual({one: self._score(one) for one in marks}, at_once)

    def test_periods_pass_at_night(self):
        self._set(days=10, periods=2, factor=0.5, default=5)
        event = self._mark(self.walter, 9)
        self.assertEqual(self._score(self.walter), 7)
        # SQL: as if the mark were older, without a change that computes at once
        for days, expected in ((11, 7), (19, 7), (21, 5), (31, 5)):
            self.env.cr.execute(
                "UPDATE crm_partner_event SET date = %s WHERE id = %s",
                (fields.Datetime.now() - timedelta(days=days), event.id),
            )
            self.Sentiment._cron_compute()
            with self.subTest(days=days):
                self.assertEqual(self._score(self.walter), expected)
        self.assertFalse(self.Sentiment.search([("partner_id", "=", self.walter.id)]))

    # ------------------------------------------------------------
    # WHOSE
    # ------------------------------------------------------------

    def test_company_counts_its_contacts(self):
        self._set(factor=1, default=5)
        self._mark(self.jane, 10)
        self._mark(self.bob, 2)
        table = [(self.jane, 10), (self.bob, 2), (self.acme, 6), (self.walter, 5)]
        for partner, expected in table:
            with self.subTest(partner=partner.name):
                self.assertEqual(self._score(partner), expected)

    def test_contact_takes_its_marks_to_another_company(self):
        self._set(factor=1, default=5)
        other = self.env["res.partner"].create({"name": "Other", "is_company": True})
        self._mark(self.jane, 10)
        self.jane.parent_id = other
        self.assertEqual((self._score(self.acme), self._score(other)), (5, 10))

    def test_companies_are_apart(self):
        self._set(factor=1, default=5)
        self._mark(self.walter, 9)
        self._mark(self.walter, 1, company_id=self.company_2.id)
        self.assertEqual(self._score(self.walter), 9)
        self.assertEqual(self._score(self.walter, self.company_2), 1)
        # the reader's company decides, and nobody reads another one's
        own = self.walter.with_user(self.foreigner)
        own.invalidate_recordset()
        self.assertEqual(own.sentiment_score, 1)

    # ------------------------------------------------------------
    # WHEN
    # ------------------------------------------------------------

    def test_changes_count_at_once(self):
        self._set(factor=1, default=5)
        event = self._mark(self.walter, 9)
        gestures = [
            (lambda: event.write({"sentiment": 0}), 0),
            (lambda: event.write({"sentiment": False}), 5),
            (lambda: event.write({"sentiment": 3}), 3),
            (lambda: event.write({"date": _NOW - timedelta(days=9999)}), 5),
            (lambda: event.write({"date": fields.Datetime.now()}), 3),
            (lambda: event.write({"partner_id": self.jane.id}), 5),
            (lambda: event.write({"partner_id": self.walter.id}), 3),
            (event.unlink, 5),
        ]
        for index, (gesture, expected) in enumerate(gestures):
            gesture()
            with self.subTest(gesture=index):
                self.assertEqual(self._score(self.walter), expected)

    def test_future_does_not_count_yet(self):
        self._mark(self.walter, 0, -3)
        self.assertEqual(self._score(self.walter), module.DEFAULT)

    def test_sentiment_of_a_case_counts(self):
        self._set(factor=1, default=5)
        case = self._new_case(partner_id=self.walter.id, sentiment=8)
        self.assertTrue(case.date_sentiment)
        self.assertEqual(self._score(self.walter), 8)
        case.sentiment = 0
        self.assertEqual(self._score(self.walter), 0)
        case.partner_id = self.jane
        self.assertEqual((self._score(self.walter), self._score(self.jane)), (5, 0))
        case.sentiment = False
        self.assertFalse(case.date_sentiment)
        self.assertEqual(self._score(self.jane), 5)

    def test_case_without_mark_computes_nothing(self):
        case = self._new_case(partner_id=self.walter.id)
        with patch.object(type(self.Sentiment), "_compute_scores") as compute:
            case.write({"name": "Other", "user_id": self.agent.id})
            case.action_open()
            case.partner_id = self.jane
        compute.assert_not_called()

    # ------------------------------------------------------------
    # RATINGS
    # ------------------------------------------------------------

    def _ask(self):
        template = self.env.ref("crm_relations.mail_template_case_rating")
        self.support1.rating_template_id = template
        case = self._new_case(partner_id=self.jane.id, user_id=self.agent.id)
        with self.mock_mail_gateway():
            case.with_user(self.agent).action_close()
            self.env["mail.mail"].sudo().search([]).send()
        return case

    def test_customer_is_asked_when_a_case_closes(self):
        case = self._ask()
        asked = [mail for mail in self._mails if "jane@acme" in str(mail["email_to"])]
        self.assertEqual(len(asked), 1)
        token = case.sudo()._rating_get_access_token()
        self.assertIn(f"/rate/{token}/5", asked[0]["body"])

    def test_nobody_is_asked_unless_the_section_wants_it(self):
        case = self._new_case(partner_id=self.jane.id)
        case.action_close()
        self.assertFalse(case.rating_ids)

    def test_nobody_is_asked_when_a_case_is_cancelled_or_has_no_address(self):
        template = self.env.ref("crm_relations.mail_template_case_rating")
        self.support1.rating_template_id = template
        self._new_case(partner_id=self.jane.id).action_cancel()
        self.bob.email = False
        self._new_case(partner_id=self.bob.id).action_close()
        self.assertFalse(
            self.env["rating.rating"].search([("res_model", "=", "crm.case")])
        )

    def test_ratings_of_one_to_five_are_marks_of_zero_to_ten(self):
        self._set(factor=1, default=5)
        for rate, expected in ((1, 0), (2, 2.5), (3, 5), (4, 7.5), (5, 10)):
            case = self._ask()
            rating = case.sudo().rating_ids
            case.sudo().rating_apply(rate, rating=rating)
            with self.subTest(rate=rate):
                self.assertEqual(self._score(self.jane), expected)
            rating.unlink()
            self.assertEqual(self._score(self.jane), 5)

    # ------------------------------------------------------------
    # DROPS
    # ------------------------------------------------------------

    def test_drop_is_told_once(self):
        self._set(days=10, periods=3, factor=0.5, default=5, drop=1)
        self._mark(self.walter, 9, 15)
        told = []

        def listen(partners):
            told.append((partners, partners.env.company))

        with patch.object(type(self.walter), "_on_sentiment_drop", listen):
            self._mark(self.walter, 8)
            self.assertFalse(told, "it rose")
            self._mark(self.walter, 0)
            self.assertEqual(told, [(self.walter, self.env.company)])
            self._mark(self.walter, 0)
            self.Sentiment._cron_compute()
            self.assertEqual(len(told), 1, "it is known")
        self.assertTrue(self.walter.is_cooling)
        self.assertLessEqual(self.walter.sentiment_trend, -1)

    def test_drop_is_told_again_after_a_recovery(self):
        self._set(days=10, periods=3, factor=0.5, default=5, drop=1)
        told = []

        def listen(partners):
            told.append(partners)

        with patch.object(type(self.walter), "_on_sentiment_drop", listen):
            bad = self._mark(self.walter, 0)
            bad.sentiment = 5
            bad.sentiment = 0
        self.assertEqual(len(told), 2)

    # ------------------------------------------------------------
    # SCREENS
    # ------------------------------------------------------------

    def test_partners_are_found_and_sorted(self):
        self._set(factor=1, default=5)
        self._mark(self.walter, 9)
        self._mark(self.jane, 1)
        among = [("id", "in", (self.walter | self.jane | self.bob).ids)]
        Partner = self.env["res.partner"].with_user(self.agent)
        table = [
            ([("sentiment_score", "<", 4)], self.jane),
            ([("sentiment_score", "<=", 5)], self.jane | self.bob),
            ([("sentiment_score", ">=", 7)], self.walter),
            ([("sentiment_score", "=", 5)], self.bob),
            ([("sentiment_score", "!=", 5)], self.walter | self.jane),
            ([("is_cooling", "=", True)], self.jane),
            ([("is_cooling", "=", False)], self.walter | self.bob),
        ]
        for domain, expected in table:
            with self.subTest(domain=domain):
                self.assertEqual(set(Partner.search(among + domain)), set(expected))
        ordered = Partner.search(among, order="sentiment_score desc, id")
        self.assertEqual(ordered, self.walter + self.bob + self.jane)
        mean = Partner._read_group(among, [], ["sentiment_score:avg"])[0][0]
        self.assertEqual(mean, 5)

    def test_settings_that_make_no_sense_are_the_defaults(self):
        self._set(days=0, periods="many", factor=7, default=-1, drop=0)
        self.assertEqual(
            tuple(self.Sentiment._get_settings()),
            (module.DAYS, module.PERIODS, module.FACTOR, module.DEFAULT, module.DROP),
        )

    def test_people_without_a_role_see_no_sentiment(self):
        names = {"sentiment_score", "sentiment_trend", "is_cooling", "event_ids"}
        Partner = self.env["res.partner"].with_user(self.user_employee)
        self.assertFalse(names & Partner.fields_get().keys())

    def test_marks_behind_it_are_opened(self):
        self.agent.company_ids = [Command.link(self.company_2.id)]
        shown = self._mark(self.jane, 9) + self._mark(self.acme, 4)
        self._mark(self.jane, 1, 9999)
        action = self.acme.with_user(self.agent).action_view_sentiment()
        lines = self.env["crm.partner.history"].with_user(self.agent)
        lines = lines.search(action["domain"])
        self.assertEqual(set(lines.mapped("res_id")), set(shown.ids))
