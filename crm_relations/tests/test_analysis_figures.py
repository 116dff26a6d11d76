from datetime import date, datetime, timedelta

from odoo import Command
from odoo.addons.mail.tests.common import freeze_all_time
from odoo.tests import tagged
from odoo.tools import SQL

from .common import CrmRelationsCommon

_FIGURES = (
    "day_created",
    "day_closed",
    "hours_first_response",
    "hours_close",
    "hours_working_first_response",
    "hours_working_close",
    "message_count",
    "reopen_count",
    "rating_value",
)


@tagged("crm_relations_analysis")
class TestAnalysisFigures(CrmRelationsCommon):
    """What cases keep for statistics: right when it happens, and told again later."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.office = cls._new_calendar("Office", "Europe/Vienna", range(5), 9, 17)
        cls.far = cls._new_calendar("Far East", "Asia/Tokyo", range(7), 0, 24)
        cls.support1.resource_calendar_id = cls.office
        cls.support2.resource_calendar_id = cls.far

    @classmethod
    def _new_calendar(cls, name, tz, days, hour_from, hour_to):
        lines = [
            Command.create(
                {
                    "name": "Work",
                    "dayofweek": str(day),
                    "hour_from": hour_from,
                    "hour_to": hour_to,
                    "day_period": "morning",
                }
            )
            for day in days
        ]
        return cls.env["resource.calendar"].create(
            {"name": name, "tz": tz, "attendance_ids": [Command.clear(), *lines]}
        )

    def _at(self, instant):
        """Freeze the clock, that of the database's transaction too."""
        return freeze_all_time(instant)

    def _case_at(self, instant, **values):
        with self._at(instant):
            case = self._new_case(**values)
            self.env.flush_all()
        return case

    # ------------------------------------------------------------
    # DAYS
    # ------------------------------------------------------------

    def test_days_are_those_on_the_wall_of_the_section(self):
        # half past eleven at night in London, in winter and in summer time
        for instant, vienna, tokyo in (
            (datetime(2026, 1, 31, 23, 30), date(2026, 2, 1), date(2026, 2, 1)),
            (datetime(2026, 6, 30, 21, 59), date(2026, 6, 30), date(2026, 7, 1)),
            (datetime(2026, 6, 30, 22, 0), date(2026, 7, 1), date(2026, 7, 1)),
            (datetime(2026, 1, 31, 22, 59), date(2026, 1, 31), date(2026, 2, 1)),
        ):
            for section, day in ((self.support1, vienna), (self.support2, tokyo)):
                with self.subTest(instant=instant, section=section.name):
                    case = self._case_at(instant, section=section)
                    self.assertEqual(case.day_created, day)
                    self.assertFalse(case.day_closed)
                    with self._at(instant):
                        case.action_cancel()
                        self.env.flush_all()
                    self.assertEqual(case.day_closed, day)

    def test_viewer_changes_no_day(self):
        case = self._case_at(datetime(2026, 6, 30, 22, 30))
        for tz in ("Pacific/Auckland", "America/Los_Angeles"):
            [(month, count)] = (
                case.with_context(tz=tz)
                .browse()
                ._read_group([("id", "=", case.id)], ["day_created:month"], ["__count"])
            )
            self.assertEqual((month, count), (date(2026, 7, 1), 1))

    def test_a_section_without_hours_goes_by_its_company(self):
        self.env.company.resource_calendar_id = self.far
        case = self._case_at(datetime(2026, 6, 30, 15, 30), section=self.quality)
        self.assertEqual(case.day_created, date(2026, 7, 1))
        self.env.company.resource_calendar_id = self.office
        case = self._case_at(datetime(2026, 6, 30, 15, 30), section=self.quality)
        self.assertEqual(case.day_created, date(2026, 6, 30))

    def test_zone_of_a_company_is_never_an_old_one(self):
        company = self.env.company
        for calendar in (self.office, self.far):
            company.resource_calendar_id = calendar
            self.assertEqual(company._get_time_zone(), calendar.tz)
        self.far.tz = "Asia/Seoul"
        self.assertEqual(company._get_time_zone(), "Asia/Seoul")
        company.resource_calendar_id = False
        for zone in ("Europe/Paris", "America/Lima"):
            company.partner_id.tz = zone
            self.assertEqual(company._get_time_zone(), zone)

    def test_transfer_leaves_the_days_of_the_past(self):
        case = self._case_at(datetime(2026, 6, 30, 15, 30))
        case.section_id = self.support2
        self.env.flush_all()
        self.assertEqual(case.day_created, date(2026, 6, 30))
        with self._at(datetime(2026, 6, 30, 16, 0)):
            case.action_cancel()
            self.env.flush_all()
        self.assertEqual(case.day_closed, date(2026, 7, 1))

    # ------------------------------------------------------------
    # HOURS
    # ------------------------------------------------------------

    def test_hours_elapsed_and_worked(self):
        # Friday three in the afternoon in Vienna; answered on Monday at ten
        case = self._case_at(datetime(2026, 1, 9, 14, 0))
        self.assertEqual(
            [case[name] for name in _FIGURES if name.startswith("hours")], [False] * 4
        )
        with self._at(datetime(2026, 1, 12, 9, 0)):
            case.with_user(self.agent).message_post(
                body="Yes", message_type="comment", subtype_xmlid="mail.mt_comment"
            )
        with self._at(datetime(2026, 1, 12, 11, 0)):
            case.action_open()
            case.action_close()
            self.env.flush_all()
        self.assertEqual(case.hours_first_response, 67)
        self.assertEqual(case.hours_working_first_response, 3)
        self.assertEqual(case.hours_close, 69)
        self.assertEqual(case.hours_working_close, 5)

    def test_the_mean_is_over_cases_that_have_the_value(self):
        cases = self._case_at(datetime(2026, 1, 12, 9, 0))
        with self._at(datetime(2026, 1, 12, 13, 0)):
            cases.action_cancel()
            self.env.flush_all()
        cases |= self._new_case()
        for name in ("hours_close", "hours_working_close"):
            [(mean,)] = cases._read_group(
                [("id", "in", cases.ids)], [], [f"{name}:avg"]
            )
            self.assertEqual(mean, 4, name)

    def test_reopening_takes_the_end_back(self):
        case = self._case_at(datetime(2026, 1, 12, 9, 0))
        case.action_cancel()
        case.action_draft()
        self.env.flush_all()
        self.assertEqual(
            (case.day_closed, case.hours_close, case.hours_working_close), (False,) * 3
        )
        self.assertEqual(case.reopen_count, 1)
        case.action_open()
        case.action_close()
        case._reopen()
        self.assertEqual(case.reopen_count, 2)

    def test_hours_off_count_from_the_moment_they_are_known(self):
        first = self._case_at(datetime(2026, 1, 12, 9, 0))
        with self._at(datetime(2026, 1, 12, 13, 0)):
            first.action_cancel()
            self.env.flush_all()
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Day off",
                "calendar_id": self.office.id,
                "date_from": datetime(2026, 1, 13),
                "date_to": datetime(2026, 1, 14),
            }
        )
        second = self._case_at(datetime(2026, 1, 12, 15, 0))
        with self._at(datetime(2026, 1, 14, 9, 0)):
            second.action_cancel()
            self.env.flush_all()
        self.assertEqual(first.hours_working_close, 4)
        self.assertEqual(second.hours_working_close, 2)

    def test_a_calendar_without_hours_gives_no_working_hours(self):
        self.office.attendance_ids.unlink()
        case = self._new_case(state="done")
        self.assertIsNot(case.hours_close, False)
        self.assertIs(case.hours_working_close, False)

    # ------------------------------------------------------------
    # COUNTS
    # ------------------------------------------------------------

    def _comment(self, case, **values):
        return case.message_post(
            body="Hello",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            **values,
        )

    def _count(self, case):
        self.env.flush_all()
        case.invalidate_recordset()
        return case.message_count

    def test_messages_between_people_count(self):
        case = self._new_case()
        self.assertEqual(self._count(case), 0)
        case.priority = "3"
        self.flush_tracking()
        self.assertEqual(self._count(case), 0)
        message = self._comment(case)
        self._comment(case)
        self.assertEqual(self._count(case), 2)
        message.unlink()
        self.assertEqual(self._count(case), 1)

    def test_merging_takes_messages_along(self):
        first, second = self._new_case(), self._new_case()
        self._comment(first)
        self._comment(second)
        first.action_merge(second)
        self.assertEqual((self._count(first), self._count(second)), (0, 2))

    def test_a_message_about_a_case_that_is_gone(self):
        case = self._new_case()
        gone = case.id
        case.unlink()
        message = self.env["mail.message"].create(
            {
                "model": "crm.case",
                "res_id": gone,
                "message_type": "comment",
                "reply_to": "support@test.mycompany.com",
            }
        )
        self.assertTrue(message.exists())

    def test_latest_rating(self):
        case = self._new_case(partner_id=self.jane.id)
        self.assertIs(case.rating_value, False)
        for mark in (1, 5, 3):
            with self._at(datetime(2026, 1, mark)):
                rating = self.env["rating.rating"].create(
                    {
                        "res_model_id": self.env["ir.model"]._get_id("crm.case"),
                        "res_id": case.id,
                        "rating": mark,
                        "consumed": True,
                    }
                )
        self.assertEqual(case.rating_value, 5)
        rating.sudo().search([("res_id", "=", case.id), ("rating", "=", 5)]).unlink()
        self.assertEqual(case.rating_value, 3)

    def test_a_copy_starts_anew(self):
        case = self._new_case()
        self._comment(case)
        case.action_cancel()
        case.action_draft()
        copy = case.copy()
        self.assertEqual((copy.message_count, copy.reopen_count), (0, 0))
        self.assertFalse(copy.rating_value)

    def test_a_stay_that_lasts_has_no_length(self):
        first, second = self._case_at(datetime(2026, 1, 12, 9, 0)), self._new_case()
        with self._at(datetime(2026, 1, 12, 13, 0)):
            first.action_open()
            self.env.flush_all()
        moves = (first | second).move_ids
        rows = moves._read_group(
            [("id", "in", moves.ids)],
            ["state"],
            ["hours:sum", "hours_mean:avg", "hours_median:avg"],
        )
        self.assertEqual(rows, [("draft", 4, 4, 4), ("open", 0, False, False)])
        draft, lasting = first.move_ids.sorted("id")[0], first.move_ids.sorted("id")[-1]
        self.assertEqual((draft.hours_mean, lasting.hours_mean), (4, False))

    # ------------------------------------------------------------
    # UPGRADE
    # ------------------------------------------------------------

    def test_cases_that_are_there_get_the_same_figures(self):
        """Take away what was kept as it happened; the statement finds it again."""
        cases = self.env["crm.case"]
        start = datetime(2025, 10, 24, 20, 0)  # the weekend on which clocks change
        for index in range(12):
            section = (self.support1, self.support2, self.quality)[index % 3]
            case = self._case_at(start + timedelta(hours=5 * index), section=section)
            cases |= case
            if index % 2:
                with self._at(start + timedelta(hours=9 * index)):
                    self._comment(case, author_id=self.agent.partner_id.id)
            if index % 4:
                with self._at(start + timedelta(hours=11 * index)):
                    case.action_cancel()
                    self.env.flush_all()
            if index % 5 == 2:
                case.action_draft()
        before = cases.read(_FIGURES)
        self.assertTrue(any(row["hours_working_close"] for row in before))
        self.assertTrue(any(row["reopen_count"] for row in before))
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                "UPDATE crm_case SET %s WHERE id = ANY(%s)",
                SQL(", ").join(
                    SQL("%s = NULL", SQL.identifier(name))
                    for name in _FIGURES
                    if name not in ("hours_close", "hours_first_response")
                ),
                cases.ids,
            )
        )
        # as they were stored before: nothing closed yet had taken no time
        self.env.cr.execute(
            "UPDATE crm_case SET hours_close = COALESCE(hours_close, 0), "
            "hours_first_response = COALESCE(hours_first_response, 0)"
        )
        self.env.invalidate_all()
        cases._fill_figures()
        for row, known in zip(cases.read(_FIGURES), before, strict=True):
            for name in _FIGURES:
                if isinstance(known[name], float):
                    self.assertAlmostEqual(row[name], known[name], 6, (name, row))
                else:
                    self.assertEqual(row[name], known[name], (name, row))
                    # 0.0 equals False, but it is no missing value
                    self.assertEqual(row[name] is False, known[name] is False, name)
