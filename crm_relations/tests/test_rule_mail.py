from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid

from odoo import SUPERUSER_ID, api, fields
from odoo.addons.crm_relations.models.crm_mail_intake_queue_mixin import (
    CONCURRENCY_ERRORS,
)
from odoo.modules.registry import Registry
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from .mail_case_common import JANE, QUALITY, STRANGER, SUPPORT
from .rule_common import RuleCommon

AWAY = {"Auto-Submitted": "auto-replied"}
PROGRAM = {"Auto-Submitted": "auto-generated"}
AGENT = "agent@test.mycompany.com"
_SAM, _ADMIN = "sam.turn@nowhere.example", "admin.turn@test.example"
ENDLESS = 40  # mails of ours after which a dialogue counts as endless


@tagged("crm_relations_rules")
class TestRuleMail(RuleCommon):
    """Rules write to nobody for ever, whatever answers them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("hour", "day"):
            cls._set_limit(name, False)
        cls.template = cls.env["mail.template"].create(
            {
                "name": "Thanks",
                "model_id": cls.env["ir.model"]._get_id("crm.case"),
                "subject": "Thank you",
                "body_html": "<p>We have it.</p>",
                "use_default_to": False,
            }
        )

    @classmethod
    def _set_limit(cls, name, value):
        cls.env["ir.config_parameter"].set_param(
            f"crm_relations.automatic_mail_{name}", value
        )

    def _thank(self, **values):
        """Make the rule that thanks for each new case."""
        return self._new_rule(
            "Thank",
            on_create=True,
            mail_template_id=self.template.id,
            **({"mail_to_partner": True} | values),
        )

    def _queued(self):
        return self.env["mail.mail"].search([("message_type", "=", "auto_comment")])

    def _get_addresses(self, mails=None):
        return sorted(
            address
            for mail in (self._queued() if mails is None else mails)
            for one in mail._prepare_outgoing_list()
            for address in one["email_to_normalized"]
        )

    def _new_cases_of(self, address, count):
        return self.env["crm.case"].create(
            [
                {"name": "X", "section_id": self.quality.id, "email_from": address}
                for _index in range(count)
            ]
        )

    # ------------------------------------------------------------
    # BUDGET
    # ------------------------------------------------------------

    def test_three_an_hour_and_the_run_says_what_was_held_back(self):
        rule = self._thank()
        cases = self._new_cases_of("sam@nowhere.example", 5)
        self.assertEqual(self._get_addresses(), ["sam@nowhere.example"] * 3)
        runs = self._runs(rule)
        self.assertEqual(runs.case_id, cases)
        self.assertEqual(set(runs.mapped("result")), {"done"})
        told = runs.filtered("detail")
        self.assertEqual(told.case_id, cases[3:])
        for run in told:
            self.assertIn("No mail to sam@nowhere.example: 3", run.detail)

    def test_limits_of_hour_and_day_and_what_is_old_counts_no_more(self):
        self._set_limit("day", 5)
        self._thank()
        for hours, expected in ((0, 3), (2, 2), (4, 0), (25, 3)):
            with self.subTest(hours=hours):
                before = len(self._queued())
                self._new_cases_of("sam@nowhere.example", 6)
                self.assertEqual(len(self._queued()) - before, expected)
                # two hours pass; the last round comes more than a day after the first
                passed = timedelta(hours=21 if hours == 4 else 2)
                self.env.cr.execute(
                    "UPDATE crm_case_automatic_mail SET date = date - %s", [passed]
                )

    def test_none_at_all(self):
        self._set_limit("hour", 0)
        self._thank()
        self._new_cases_of("sam@nowhere.example", 1)
        self.assertFalse(self._queued())

    def test_each_address_has_its_own_budget_and_colleagues_a_larger_one(self):
        self._set_limit("colleague", 7)
        self._thank(mail_to=AGENT)
        self._new_cases_of("sam@nowhere.example", 5)
        self._new_cases_of("sue@nowhere.example", 5)
        self.assertEqual(
            self._get_addresses(),
            [AGENT] * 7 + ["sam@nowhere.example"] * 3 + ["sue@nowhere.example"] * 3,
        )

    def test_one_refused_recipient_does_not_keep_the_others_from_it(self):
        self._thank(mail_to="x@mail.example, y@mail.example")
        self.env["crm.case.automatic.mail"]._spend([{"x@mail.example"}] * 3)
        self._new_cases_of(JANE, 1)
        self.assertEqual(self._get_addresses(), ["jane@acme.example", "y@mail.example"])

    def test_addresses_of_ours_of_a_template_get_nothing(self):
        self.template.email_to = f"{QUALITY}, x@mail.example"
        rule = self._thank(mail_to_partner=False)
        case = self._new_cases_of(JANE, 1)
        self.assertEqual(self._get_addresses(), ["x@mail.example"])
        self.assertIn("address of ours", self._runs(rule, case).detail)

    def test_same_number_of_queries_for_any_number_of_mails(self):
        self._set_limit("hour", 1000)
        self._set_limit("day", 1000)
        budget = self.env["crm.case.automatic.mail"]
        budget._spend([{"warm@mail.example"}])
        for count in (1, 300):
            mails = [{f"a{index}@mail.example", AGENT} for index in range(count)]
            with self.subTest(count), self.assertQueryCount(3):
                budget._spend(mails)

    def test_what_is_older_than_a_day_is_swept_away(self):
        budget = self.env["crm.case.automatic.mail"]
        budget._spend([{"old@mail.example"}])
        self.env.cr.execute(
            "UPDATE crm_case_automatic_mail SET date = %s",
            [fields.Datetime.now() - timedelta(hours=25)],
        )
        budget._spend([{"new@mail.example"}])
        self.assertEqual(budget._gc_old(), (1, 0))
        self.assertEqual(budget.search([]).address, "new@mail.example")

    # ------------------------------------------------------------
    # RECEIVED MAIL
    # ------------------------------------------------------------

    def test_automatic_mail_sets_off_none(self):
        self._new_rule(
            "Tell", on_message=True, mail_template_id=self.template.id, mail_to=AGENT
        )
        self._new_rule("Thank", on_message=True, remind_partner=True)
        for headers, expected in (
            (AWAY, []),
            (PROGRAM, [AGENT]),
            ({}, [AGENT, "jane@acme.example"]),
        ):
            with self.subTest(headers):
                before = self._queued()
                self._reply(JANE, headers=headers)
                self.assertEqual(self._get_addresses(self._queued() - before), expected)

    def test_quiet_case_sets_off_none(self):
        self._new_rule("Thank", on_message=True, remind_partner=True)
        self.env["ir.config_parameter"].set_param("crm_relations.mail_quiet_case", 1)
        self._reply(JANE)
        self.assertEqual(len(self._queued()), 1)
        self._reply(JANE)
        self.assertEqual(len(self._queued()), 1)

    def test_remote_caller_makes_no_mail_in_hand(self):
        self._thank()
        self.env["crm.case"].with_context(crm_case_rule_hand=1).create(
            {"name": "X", "section_id": self.quality.id, "email_from": JANE}
        )
        self.assertEqual(len(self._queued()), 1)

    def test_automatic_mail_is_marked_and_its_answer_is_heard(self):
        self._thank()
        case = self._receive(JANE)
        mail = self._queued()
        headers = mail._prepare_outgoing_list()[0]["headers"]
        self.assertEqual(headers["Auto-Submitted"], "auto-generated")
        self.assertEqual(headers["X-Auto-Response-Suppress"], "All")
        self.assertTrue(headers["X-CRM-Relations"])
        answer = self._reply(JANE, case, answers=mail.message_id)
        self.assertFalse(answer._is_internal_note())

    def test_rule_on_creation_sees_the_first_mail(self):
        rule = self._new_rule(
            on_create=True, body_pattern="call me", min_messages=1, remind_attach=True
        )
        rule.write({"remind_partner": True})
        case = self._receive(JANE, files={"plan.txt": b"the plan"})
        self.assertEqual(self._runs(rule, case).result, "done")
        self.assertEqual(self._queued().attachment_ids.mapped("name"), ["plan.txt"])
        self.assertIn("call me", self._queued().body_html)

    # ------------------------------------------------------------
    # RESPONDERS
    # ------------------------------------------------------------

    def _talk(self, answer):
        """Let a program answer each mail of ours with one that opens a case.

        :param answer: function(our mail, address) giving (sender, subject)
        :return: number of mails we sent
        """
        self._receive(STRANGER)
        done = self.env["mail.mail"]
        while waiting := self._queued() - done:
            done |= waiting
            self.assertLess(len(done), ENDLESS, "they talk for ever")
            for mail in waiting:
                for address in self._get_addresses(mail):
                    self._process(self._write_answer(*answer(mail, address)))
        self.assertTrue(done)
        return len(done)

    def _write_answer(self, sender, subject):
        """Write what says in no header that a program wrote it, nor to what."""
        mail = EmailMessage(policy=SMTP)
        mail["From"] = sender
        mail["To"] = SUPPORT
        mail["Subject"] = subject
        mail["Message-ID"] = make_msgid(domain="away.example")
        mail.set_content("I am away until Monday.")
        return mail

    def test_responder_with_one_address(self):
        self._thank()
        for name, subject in (("own subject", "Away"), ("ours", None)):
            with self.subTest(name):
                self._talk(
                    lambda mail, address, subject=subject: (
                        address,
                        subject or f"Away: {mail.subject}",
                    )
                )

    def test_responder_that_changes_its_address_and_keeps_the_subject(self):
        self._thank()
        numbers = iter(range(10 * ENDLESS))
        count = self._talk(
            lambda mail, _address: (
                f"r{next(numbers)}@away.example",
                f"Away: {mail.subject}",
            )
        )
        self.assertEqual(count, 1)

    def test_responder_that_changes_address_and_subject(self):
        self._thank()
        self._set_limit("domain", 20)
        numbers = iter(range(10 * ENDLESS))
        count = self._talk(
            lambda _mail, _address: (f"r{next(numbers)}@away.example", "Away")
        )
        self.assertLessEqual(count, 21)
        self.assertIn("@away.example", self._runs(self._thanks())[-1:].detail)

    def _thanks(self):
        return self.env["crm.case.rule"].search([("name", "=", "Thank")])

    def test_responder_to_thanks_at_closing(self):
        self._new_rule(
            "Thank",
            state_to="done",
            mail_template_id=self.template.id,
            mail_to_partner=True,
        )
        # what reopens is closed again at once
        self._new_rule("Close", state_to="open", set_state="done")
        self._new_rule("Close at once", on_create=True, set_state="done")
        self._talk(lambda mail, address: (address, f"Re: {mail.subject}"))


@tagged("post_install", "-at_install", "crm_relations", "crm_relations_rules")
class TestRuleMailWorkers(BaseCase):
    """Two workers that mail the same person at once, with real transactions."""

    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())
        self.addCleanup(self._clean)

    @contextmanager
    def _worker(self):
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            yield env["crm.case.automatic.mail"]

    def _clean(self):
        with self._worker() as budget:
            budget.search([("address", "in", [_SAM, _ADMIN])]).unlink()

    def _spend_at_once(self, address):
        """Let one worker spend while the transaction of another is under way."""
        with self._worker() as slow:
            slow.search_count([])  # it sees the database as it is now
            with self._worker() as quick:
                self.assertEqual(quick._spend([{address}]), [{}])
            return slow._spend([{address}])

    @mute_logger("odoo.sql_db")
    def test_later_one_begins_anew(self):
        with self.assertRaises(CONCURRENCY_ERRORS):
            self._spend_at_once(_SAM)
        with self._worker() as budget:
            self.assertEqual(budget.search([("address", "=", _SAM)]).turn, 1)

    def test_colleagues_make_nobody_wait(self):
        with self._worker() as budget:
            partner = budget.env.ref("base.user_admin").partner_id
            before = partner.email
            partner.email = _ADMIN
            self.addCleanup(self._rename, before)
        self.assertEqual(self._spend_at_once(_ADMIN), [{}])

    def _rename(self, email):
        with self._worker() as budget:
            budget.env.ref("base.user_admin").partner_id.email = email
