from datetime import date, datetime, timedelta

from freezegun import freeze_time
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import CrmRelationsCommon

MONDAY = date(2026, 3, 16)


@freeze_time("2026-03-16 05:00:00")
class TestDigest(CrmRelationsCommon):
    """The weekly summary: who gets it, once, and what stands in it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Digest = cls.env["crm.case.digest"]
        # whoever else is in the database
        cls.env["res.users"].search([("share", "=", False)]).crm_digest = "none"
        (cls.susan | cls.boss).crm_digest = "sections"

    def _open_weekly(self, counts, section=None):
        """Open so many cases in each week up to the last one, oldest first."""
        weeks = len(counts)
        cases = self.env["crm.case"]
        moments = []
        for index, count in enumerate(counts):
            first = MONDAY - timedelta(weeks=weeks - index)
            for _case in range(count):
                cases |= self._new_case(section=section)
                moments.append(datetime.combine(first, datetime.min.time()))
        self.env.flush_all()
        for case, moment in zip(cases, moments, strict=True):
            self.env.cr.execute(
                "UPDATE crm_case SET create_date = %s, day_created = %s WHERE id = %s",
                [moment + timedelta(days=2, hours=10), moment, case.id],
            )
        cases.invalidate_recordset()
        return cases

    def _run(self):
        self._run_scheduled(self.Digest._cron_send)
        return self.env["mail.mail"].search([("subject", "like", "last week")])

    def _content(self, user=None):
        return self.Digest.with_user(user or self.susan)._get_content(MONDAY)

    # ------------------------------------------------------------
    # BEYOND CHANCE
    # ------------------------------------------------------------

    def test_week_beyond_the_limits_is_told(self):
        # mean 5, mean moving range 24 / 11: limits 5 +/- 5.8
        self._open_weekly([4, 6] * 6 + [12])
        [block] = self._content()
        self.assertEqual(block["section"], self.support2)
        [change] = block["changes"]
        self.assertEqual(change["label"], "Cases opened")
        self.assertEqual((change["value"], change["usual"]), ("12", "5"))
        self.assertTrue(change["is_up"])
        self.assertEqual(change["mood"], "neutral")

    def test_week_within_the_limits_is_not_told(self):
        self._open_weekly([4, 6] * 6 + [9])
        self.assertEqual(self._content(), [])

    def test_week_without_anything_is_told(self):
        self._open_weekly([9, 10] * 6 + [0])
        [block] = self._content()
        self.assertEqual([one["value"] for one in block["changes"]], ["0"])
        self.assertFalse(block["changes"][0]["is_up"])

    def test_too_short_a_past_says_nothing(self):
        self._open_weekly([1] * 5 + [30])
        self.assertEqual(self._content(), [])

    def test_faster_answers_are_good_news(self):
        cases = self._open_weekly([2] * 13)
        for index, case in enumerate(cases):
            hours = 1 if index >= 24 else 8 + index % 2
            case.date_first_response = case.create_date + timedelta(hours=hours)
        [block] = self._content()
        self.assertEqual(
            [(one["label"], one["mood"]) for one in block["changes"]],
            [("Hours to the first answer", "good")],
        )

    def test_sections_elsewhere_are_not_told(self):
        self._open_weekly([4, 6] * 6 + [40], section=self.quality)
        self.assertEqual(self._content(), [])
        self.boss.crm_digest = "all"
        [block] = self._content(self.boss)
        self.assertEqual(block["section"], self.quality)

    def test_cost_does_not_grow_with_sections(self):
        few = self._count_queries()
        for index in range(5):
            self._new_section(f"More {index}", f"more{index}", user_id=self.susan.id)
        self.assertLessEqual(self._count_queries(), few)

    def _count_queries(self):
        # what is remembered between two readers costs nothing the second time
        for _time in range(2):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self._content()
        return self.cr.sql_log_count - before

    # ------------------------------------------------------------
    # WHAT IS LATE, TARGETS
    # ------------------------------------------------------------

    def test_late_cases_are_listed_latest_first(self):
        now = datetime(2026, 3, 16, 5)
        late = [
            self._new_case(f"Late {days}", date_deadline=now - timedelta(days=days))
            for days in range(1, 11)
        ]
        self._new_case(date_deadline=now + timedelta(days=1))
        [block] = self._content()
        self.assertEqual(block["late_count"], 10)
        self.assertEqual(list(block["late"]), late[:1:-1])

    def test_targets_behind_or_ended_are_told(self):
        behind, ended, fresh = self.env["crm.case.target"].create(
            [
                {
                    "section_id": self.support1.id,
                    "user_id": False,
                    "value": value,
                    "period": period,
                    "date_from": day,
                }
                for value, period, day in (
                    (100, "month", MONDAY),
                    (1, "week", MONDAY - timedelta(days=7)),
                    (1, "year", MONDAY + timedelta(days=366)),
                )
            ]
        )
        [block] = self._content()
        self.assertEqual(block["targets"], behind | ended)
        self.assertEqual((behind.state, ended.state), ("behind", "missed"))
        self.assertEqual(fresh.state, "upcoming")

    def test_signals_of_the_week_are_told(self):
        indicator = self.env["crm.quality.indicator"].create(
            {"name": "Opened", "section_id": self.support1.id, "period": "week"}
        )
        elsewhere = indicator.copy({"section_id": self.quality.id})
        everywhere = indicator.copy({"section_id": False})
        _former, own, general, _other = self.env["crm.quality.signal"].create(
            [
                {
                    "indicator_id": one.id,
                    "date": day,
                    "date_end": day + timedelta(days=7),
                    "date_told": day + timedelta(days=1),
                    "rule": "1",
                    "value": 9,
                    "lower_limit": 1,
                    "upper_limit": 5,
                }
                for one, day in (
                    (indicator, date(2026, 2, 2)),
                    (indicator, date(2026, 3, 9)),
                    (everywhere, date(2026, 3, 9)),
                    (elsewhere, date(2026, 3, 9)),
                )
            ]
        )
        self.boss.crm_digest = "all"
        blocks = self._content(self.boss)
        [block] = [one for one in blocks if one["section"] == self.support2]
        self.assertEqual(block["signals"], own)
        self.assertIn(general, [signal for one in blocks for signal in one["signals"]])
        self.assertIn("beyond the limits", self._body(self.boss))

    def _body(self, user):
        return self.Digest._send(user, MONDAY).body_html

    # ------------------------------------------------------------
    # SENDING
    # ------------------------------------------------------------

    def test_sent_once_a_week_to_managers_with_news(self):
        self._new_case(date_deadline=datetime(2026, 3, 1))
        for _run in range(2):
            mail = self._run()
            self.assertEqual(mail.email_to, self.susan.email_formatted)
        self.assertIn("1 late", mail.subject)
        self.assertIn("Printer on fire", mail.body_html)
        self.assertIn("One-Click", mail.headers)
        with freeze_time("2026-03-23 05:00:00"):
            self.assertEqual(len(self._run()), 2)

    def test_nothing_to_tell_nothing_sent(self):
        self.assertFalse(self._run())
        self.assertEqual(self.susan.crm_digest_date, MONDAY)

    @mute_logger("odoo.addons.crm_relations.models.crm_case_digest")
    def test_failure_of_one_keeps_nobody_else_back(self):
        self._new_case(date_deadline=datetime(2026, 3, 1))
        self.boss.crm_digest = "all"
        send = type(self.Digest)._send

        def fail_for_boss(digest, user, monday):
            sent = send(digest, user, monday)
            if user == self.boss:
                raise ValueError("template")
            return sent

        self.patch(type(self.Digest), "_send", fail_for_boss)
        self.assertEqual(self._run().email_to, self.susan.email_formatted)
        self.assertFalse(self.boss.crm_digest_date)

    def test_who_declined_gets_none(self):
        self._new_case(date_deadline=datetime(2026, 3, 1))
        self.susan.crm_digest = "none"
        self.assertFalse(self._run())


@tagged("post_install", "-at_install", "crm_relations")
class TestDigestStop(HttpCase):
    """The link in the mail ends it, for its owner only."""

    def setUp(self):
        super().setUp()
        self.user = self.env.ref("base.user_admin")
        self.user.crm_digest = "all"

    def test_stops_with_the_token_on_post_only(self):
        url = self.user._get_crm_digest_url()
        self.assertEqual(self.url_open(url).status_code, 200)
        self.assertEqual(self.user.crm_digest, "all")
        # as mail programs do with one click
        answer = self.url_open(url, data={"List-Unsubscribe": "One-Click"})
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(self.user.crm_digest, "none")

    def test_guessing_stops_nothing(self):
        token = self.env.ref("base.user_root")._get_crm_digest_token()
        for user, token_given in (
            (self.user.id, token),
            (self.user.id, ""),
            ("1e3", token),
            (999999999, token),
            ("", ""),
        ):
            with self.subTest(user=user):
                answer = self.url_open(
                    f"/crm/digest/stop?user={user}&token={token_given}", data={"a": "b"}
                )
                self.assertEqual(answer.status_code, 404)
        self.assertEqual(self.user.crm_digest, "all")
