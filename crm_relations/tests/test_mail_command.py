from datetime import datetime

from freezegun import freeze_time

from .mail_case_common import SUPPORT
from .mail_command_common import DOMAIN, MailCommandCommon

# line, field, value expected: as the agent, whose language is English
ORDERS = (
    ("Set-State: pending", "state", "pending"),
    ("set-state: CLOSED", "state", "done"),
    ("SET-STATE:cancel", "state", "cancel"),
    ("Set-Priority: 3", "priority", "3"),
    ("Set-Priority: high", "priority", "2"),
    ("Set-Cost: 1,234.50", "planned_cost", 1234.5),
    ("Set-Revenue: $ 99", "planned_revenue", 99.0),
    ("Set-Probability: 40%", "probability", 40.0),
    ("Set-Deadline: 2026-11-30 14:00", "date_deadline", datetime(2026, 11, 30, 14)),
    ("Set-Deadline: 11/30/2026", "date_deadline", datetime(2026, 11, 30, 23, 59, 59)),
    ("Set-Deadline: +3d", "date_deadline", datetime(2026, 3, 5, 10)),
)
# line, words of the answer
ERRORS = (
    ("Set-State: finished", "done (Closed)"),
    ("Set-State: draft", "cannot become Draft"),
    ("Set-Priority: 7", "3 (Urgent)"),
    ("Set-User: nobody", "colleague"),
    ("Set-User: portal", "is not understood"),
    ("Set-User: %", "colleague"),
    ("Set-User: _gent", "colleague"),
    ("Set-Section: Nowhere", "Support 2 / Support 1"),
    ("Set-Category: Returns", "Fault"),
    ("Set-Deadline: soon", "2026-03-02"),
    ("Set-Deadline: 9999-12-31", "+3d"),
    ("Set-Cost: 1.234,50", "1,234.50"),
    ("Set-Cost: 1e400", "is not understood"),
    ("Set-Revenue: much", "a number such as"),
    ("Set-Probability: 101", "from 0 to 100"),
    ("Set-Probability: -1", "from 0 to 100"),
    ("Set-Partner: nobody@nowhere.example", "exact name of a partner"),
    ("Set-Partner: %", "is not understood"),
    ("Set-Watcher: somebody", "an address"),
    ("Set-Colour: red", "Set-Watcher"),
    ("Set-State:", "value is missing"),
    ("Set-Priority: 3\nSet-Priority: 2", "given twice"),
)


class TestMailCommand(MailCommandCommon):
    """Commands of a colleague whom the receiving server has verified."""

    # ------------------------------------------------------------
    # EACH COMMAND
    # ------------------------------------------------------------

    def test_each_command_with_plain_values(self):
        for line, field, value in ORDERS:
            with self.subTest(line=line), freeze_time("2026-03-02 10:00:00"):
                self.case.write({"state": "open"})
                before = self._get_values()
                self._order(f"{line}\n\nHello Jane")
                self.assertEqual(self.case[field], value)
                changed = {
                    name
                    for name, now in self._get_values().items()
                    if now != before[name]
                }
                self.assertLessEqual(changed, {field}, "more than asked for")
                self._assert_told("Commands obeyed", line[:9])
                # back through the states' table
                if self.case.state in ("done", "cancel"):
                    self.case.action_draft()

    def test_each_wrong_line_is_named_with_what_is_allowed(self):
        for text, words in ERRORS:
            with self.subTest(line=text), freeze_time("2026-03-02 10:00:00"):
                before = self._get_values()
                self._order(f"{text}\n\nHello Jane")
                self.assertEqual(self._get_values(), before)
                self._assert_told("none was obeyed", text.splitlines()[0], words)
                self.assertIn(words, self._get_notes()[0])

    def test_user_by_login_address_and_name(self):
        for value in ("colleague", f"colleague@{DOMAIN}", "COLLEAGUE", "me"):
            with self.subTest(value=value):
                self.case.user_id = self.agent
                self._order(f"Set-User: {value}")
                expected = self.agent if value == "me" else self.colleague
                self.assertEqual(self.case.user_id, expected)

    def test_user_of_another_company_is_not_allowed(self):
        self._order("Set-User: foreigner")
        self.assertEqual(self.case.user_id, self.agent)
        self._assert_told("is not understood")

    def test_two_users_of_one_name_are_both_named(self):
        self._new_user("twin1", "user").name = "Twin"
        self._new_user("twin2", "user").name = "Twin"
        self._order("Set-User: Twin")
        self.assertEqual(self.case.user_id, self.agent)
        self._assert_told("means several")

    def test_section_by_path_code_and_name(self):
        self.quality.code = "QA"
        senior = f"Expert <expert@{DOMAIN}>"
        for value in ("Quality", "qa", "Support 2/support 1", "Support 1"):
            with self.subTest(value=value):
                section = self.quality if value[0] in "Qq" else self.support1
                self.case.write({"section_id": self.support2.id})
                self._order(f"Set-Section: {value}", sender=senior)
                self.assertEqual(self.case.section_id, section)

    def test_category_belongs_to_the_new_section(self):
        boss = f"Boss <boss@{DOMAIN}>"
        self._order("Set-Category: returns\nSet-Section: Quality", sender=boss)
        self.assertEqual(self.case.section_id, self.quality)
        self.assertEqual(self.case.category_id, self.other)

    def test_partner_by_address_and_exact_name(self):
        for value in ("Walter <walter@alone.example>", "Walter"):
            with self.subTest(value=value):
                self.case.partner_id = self.jane
                self._order(f"Set-Partner: {value}")
                self.assertEqual(self.case.partner_id, self.walter)

    def test_two_partners_of_one_name_are_refused(self):
        self.walter.copy({"name": "Walter"})
        self._order("Set-Partner: Walter")
        self.assertEqual(self.case.partner_id, self.jane)
        self._assert_told("means several")

    def test_watcher_is_added_once(self):
        line = "Set-Watcher: Max <MAX@watch.example>"
        self._order(f"{line}\nSet-Watcher: wanda@watch.example")
        self._order(line)
        watchers = self.case.email_cc
        self.assertEqual(watchers.lower().count("max@watch.example"), 1)
        self.assertEqual(watchers.count("wanda@watch.example"), 1)

    def test_our_own_address_does_not_become_a_watcher(self):
        self._order(f"Set-Watcher: {SUPPORT}")
        self.assertNotIn(SUPPORT, self.case.email_cc)

    def test_dash_empties(self):
        self.case.write({"category_id": self.fault.id, "date_deadline": "2026-03-02"})
        self._order("Set-User: -\nSet-Category: -\nSet-Deadline: -")
        self.assertFalse(self.case.category_id)
        self.assertFalse(self.case.date_deadline)
        self.assertFalse(self.case.user_id)

    def test_all_or_nothing(self):
        before = self._get_values()
        self._order("Set-Priority: 3\nSet-Revenue: 5\nSet-State: draft\nSet-User: me")
        self.assertEqual(self._get_values(), before)
        self._assert_told("Set-State: draft", "none was obeyed")

    # ------------------------------------------------------------
    # LANGUAGES
    # ------------------------------------------------------------

    def _speak_german(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.agent.write({"lang": "de_DE", "tz": "Europe/Berlin"})
        field = self.env["ir.model.fields"]._get("crm.case", "priority")
        urgent = field.selection_ids.filtered(lambda one: one.value == "3")
        urgent.with_context(lang="de_DE").name = "Dringend"
        self.fault.with_context(lang="de_DE").name = "Störung"

    def test_values_in_the_user_s_language_and_in_english(self):
        self._speak_german()
        for text in ("dringend", "urgent", "3"):
            with self.subTest(priority=text):
                self.case.priority = "1"
                self._order(f"Set-Priority: {text}")
                self.assertEqual(self.case.priority, "3")
        for text in ("STÖRUNG", "fault"):
            with self.subTest(category=text):
                self.case.category_id = False
                self._order(f"Set-Category: {text}")
                self.assertEqual(self.case.category_id, self.fault)

    def test_dates_in_the_user_s_form_and_time_zone(self):
        self._speak_german()
        for text in ("30.11.2026 14:00", "2026-11-30 14:00"):
            with self.subTest(text=text):
                self.case.date_deadline = False
                self._order(f"Set-Deadline: {text}")
                self.assertEqual(self.case.date_deadline, datetime(2026, 11, 30, 13))

    def test_numbers_with_the_user_s_separators(self):
        self._speak_german()
        self._order("Set-Cost: 1.234,50")
        self.assertEqual(self.case.planned_cost, 1234.5)
        self._order("Set-Cost: 1234.50")
        self.assertEqual(self.case.planned_cost, 1234.5)
        self._assert_told("1.234,50")
