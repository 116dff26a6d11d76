from itertools import combinations

from odoo.tests import tagged

from .mail_case_common import JANE, WATCHER
from .rule_common import RuleCommon

HIGH = "2"


@tagged("crm_relations_rules")
class TestRuleActions(RuleCommon):
    """What rules do, each action alone and every two of them together."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.category = cls.env["crm.case.category"].create({"name": "Fault"})
        cls.template = cls.env["mail.template"].create(
            {
                "name": "Thanks",
                "model_id": cls.env["ir.model"]._get_id("crm.case"),
                "subject": "About {{ object.name }}",
                "body_html": "<p>Dear <t t-out='object.contact_name'/></p>",
                "use_default_to": False,
                "email_to": "by.template@test.example",
            }
        )
        cls.code = cls.env["ir.actions.server"].create(
            {
                "name": "Say so",
                "model_id": cls.env["ir.model"]._get_id("crm.case"),
                "state": "code",
                "code": "records.write({'phone': '+1 555 2'})",
            }
        )
        cls.todo = cls.env.ref("mail.mail_activity_data_todo")

    def _get_table(self):
        """Give, per action, the rule's values and the check of a case afterwards."""
        return {
            "state": (
                {"set_state": "pending"},
                lambda case: self.assertEqual(case.state, "pending"),
            ),
            "section": (
                {"set_section_id": self.quality.id},
                lambda case: self.assertIn(self.quality, case.move_ids.section_id),
            ),
            "escalate": (
                {"escalate": True},
                lambda case: self.assertEqual(case.escalation_level, 1),
            ),
            "user": (
                {"set_user_id": self.boss.id},
                lambda case: self.assertIn(self.boss, case.move_ids.user_id),
            ),
            "priority": (
                {"set_priority": HIGH},
                lambda case: self.assertEqual(case.priority, HIGH),
            ),
            "category": (
                {"set_category_id": self.category.id},
                lambda case: self.assertEqual(case.category_id, self.category),
            ),
            "watchers": (
                {"add_watchers": "wanda@watch.example, new@watch.example"},
                lambda case: self.assertEqual(
                    sorted(case._mail_cc_sanitized_raw_dict(case.email_cc)),
                    ["new@watch.example", "wanda@watch.example"],
                ),
            ),
            "remind user": (
                {"remind_user": True},
                lambda case: self._check_mailed(case, "@test.mycompany.com"),
            ),
            "remind partner": (
                {"remind_partner": True},
                lambda case: self._check_mailed(case, "jane@acme.example"),
            ),
            "template": (
                {"mail_template_id": self.template.id, "mail_to": "x@mail.example"},
                lambda case: self._check_mailed(case, "x@mail.example"),
            ),
            "server action": (
                {"server_action_id": self.code.id},
                lambda case: self.assertEqual(case.phone, "+1 555 2"),
            ),
            "activity": (
                {"activity_type_id": self.todo.id},
                lambda case: self.assertEqual(len(case.activity_ids), 1),
            ),
        }

    def _check_mailed(self, case, address):
        mails = self._mails_of(case)
        self.assertTrue([one for one in mails if address in self._to(one)])

    def _mails_of(self, case):
        """List what rules mailed about a case; assignments are announced by Odoo."""
        return self.env["mail.mail"].search(
            [
                ("model", "=", "crm.case"),
                ("res_id", "=", case.id),
                ("message_type", "=", "auto_comment"),
            ],
            order="id",
        )

    def _to(self, mail):
        return ",".join(
            filter(None, [mail.email_to, *mail.recipient_ids.mapped("email")])
        )

    def _new_customer_case(self, **values):
        return self._new_case(
            partner_id=self.jane.id,
            user_id=self.agent.id,
            email_cc=WATCHER,
            **values,
        )

    # ------------------------------------------------------------
    # ALONE AND IN PAIRS
    # ------------------------------------------------------------

    def test_each_action_alone_and_every_two_together(self):
        table = self._get_table()
        choices = [(name,) for name in table] + list(combinations(table, 2))
        # quality has no parent: escalating from there is refused, which is right
        choices.remove(("section", "escalate"))
        for chosen in choices:
            with self.subTest(" + ".join(chosen)):
                values = {}
                for name in chosen:
                    values |= table[name][0]
                rule = self._new_rule("Try", on_create=True, **values)
                case = self._new_customer_case()
                self.assertEqual(self._runs(rule, case).result, "done")
                for name in chosen:
                    table[name][1](case)
                rule.active = False

    def test_section_then_escalation_is_reported(self):
        rule = self._new_rule(
            on_create=True, set_section_id=self.quality.id, escalate=True
        )
        case = self._new_case()
        self.assertEqual(self._runs(rule, case).result, "failed")
        self.assertIn("top", self._timers(rule, case).error)

    # ------------------------------------------------------------
    # THE CASE
    # ------------------------------------------------------------

    def test_watchers_are_added_once(self):
        rule = self._new_rule(
            date_type="create",
            delay=-1,
            add_watchers="Expert <expert@firm.example>, wanda@watch.example",
        )
        case = self._new_customer_case()
        self._tick()
        self.assertEqual(
            case._mail_cc_sanitized_raw_dict(case.email_cc).keys(),
            {"wanda@watch.example", "expert@firm.example"},
        )
        before = case.email_cc
        rule.copy({"name": "again"}).active = True
        self._tick()
        self.assertEqual(case.email_cc, before)

    def test_what_is_so_already_makes_no_move(self):
        self._new_rule(
            on_create=True, set_state="draft", set_section_id=self.support1.id
        )
        case = self._new_case()
        self.assertEqual(len(case.move_ids), 1)

    def test_note_says_what_was_done(self):
        self._new_rule(
            "Gold <first>", on_create=True, set_priority=HIGH, set_user_id=self.susan.id
        )
        case = self._new_case()
        notes = case.message_ids.filtered(lambda one: "Gold" in (one.body or ""))
        self.assertEqual(len(notes), 1)
        self.assertIn("Gold &lt;first&gt;", str(notes.body))
        self.assertIn("Priority: High", str(notes.body))
        self.assertTrue(notes.is_internal)
        self.assertTrue(notes.message_id)

    def test_system_acts_and_takes_nothing_for_itself(self):
        self._new_rule(on_create=True, set_state="open")
        case = self._new_case()
        self.assertFalse(case.user_id)
        self.assertEqual(case.move_ids.author_id[-1:], self.env.ref("base.user_root"))

    def test_case_user_sets_off_what_he_may_not_do_himself(self):
        self._new_rule(
            on_create=True,
            set_section_id=self.quality.id,
            set_user_id=self.quality_user.id,
        )
        case = (
            self.env["crm.case"]
            .with_user(self.agent)
            .create({"name": "Hot", "section_id": self.support1.id})
        )
        self.assertEqual(case.sudo().section_id, self.quality)
        self.assertFalse(case.with_user(self.agent).has_access("read"))

    # ------------------------------------------------------------
    # MAIL
    # ------------------------------------------------------------

    def test_recipients_of_a_template(self):
        partner, user = "jane@acme.example", "agent@test.mycompany.com"
        wanda = "wanda@watch.example"
        table = {
            "named by the template": ({}, {"by.template@test.example"}),
            "responsible": ({"mail_to_user": True}, {user}),
            "partner": ({"mail_to_partner": True}, {partner}),
            "watchers": ({"mail_to_watchers": True}, {wanda}),
            "addresses": (
                {"mail_to": "a@mail.example, B <b@mail.example>"},
                {"a@mail.example", "b@mail.example"},
            ),
            "each once": (
                {
                    "mail_to_user": True,
                    "mail_to_partner": True,
                    "mail_to_watchers": True,
                    "mail_to": f"{partner}, {wanda}, {user}",
                },
                {user, partner, wanda},
            ),
        }
        for name, (values, expected) in table.items():
            with self.subTest(name):
                rule = self._new_rule(
                    name,
                    on_create=True,
                    mail_template_id=self.template.id,
                    **values,
                )
                case = self._new_customer_case()
                mail = self._mails_of(case)
                addresses = [
                    address
                    for one in mail._prepare_outgoing_list()
                    for address in one["email_to_normalized"]
                ]
                self.assertEqual(sorted(addresses), sorted(expected))
                self.assertEqual(mail.subject, f"[{case.number}] About Printer on fire")
                self.assertIn("Dear Jane", mail.body_html)
                rule.active = False

    def test_automatic_mail_says_so_and_waits_in_the_queue(self):
        self._new_rule(on_create=True, remind_partner=True)
        case = self._new_customer_case()
        mail = self._mails_of(case)
        self.assertEqual(mail.state, "outgoing")
        headers = mail._prepare_outgoing_list()[0]["headers"]
        self.assertEqual(headers["Auto-Submitted"], "auto-generated")
        self.assertIn("support@test.mycompany.com", mail.reply_to)

    def test_reminder_carries_the_last_message_and_if_asked_its_files(self):
        case = self._new_customer_case()
        case.message_post(body="First", message_type="comment")
        case.message_post(
            body="Second",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            attachments=[("plan.txt", b"the plan")],
        )
        case.message_post(body="Just a note", subtype_xmlid="mail.mt_note")
        for attach in (False, True):
            with self.subTest(attach=attach):
                rule = self._new_rule(
                    state_to="open", remind_partner=True, remind_attach=attach
                )
                before = self._mails_of(case)
                case.state = "open"
                mail = self._mails_of(case) - before
                self.assertIn("Second", mail.body_html)
                self.assertNotIn("First", mail.body_html)
                self.assertNotIn("note", mail.body_html)
                self.assertEqual(
                    mail.attachment_ids.mapped("name"), ["plan.txt"] if attach else []
                )
                rule.active = False
                case.state = "pending"

    def test_reminder_of_a_case_without_partner_goes_to_the_sender(self):
        self._new_rule(on_create=True, remind_partner=True)
        case = self._new_case(email_from=JANE.replace("jane", "jill"))
        self.assertIn("jill@acme.example", self._mails_of(case).email_to)

    def test_nobody_to_write_to_is_no_failure(self):
        rule = self._new_rule(on_create=True, remind_partner=True, remind_user=True)
        case = self._new_case()
        self.assertEqual(self._runs(rule, case).result, "done")
        self.assertFalse(self._mails_of(case))

    def test_reminder_is_no_action_on_the_case(self):
        rule = self._new_rule(date_type="last_action", delay=7, remind_user=True)
        case = self._new_customer_case()
        self._age(case, days=8)
        last = case.date_last_action
        self._tick()
        self.assertEqual(len(self._runs(rule, case)), 1)
        self.assertEqual(case.date_last_action, last)
        self._tick()
        self.assertEqual(len(self._mails_of(case)), 1)

    def test_template_that_fails_for_one_case_of_many(self):
        self.template.body_html = "<p t-out='1 // (object.planned_revenue - 13)'/>"
        rule = self._new_rule(
            date_type="create",
            delay=-1,
            mail_template_id=self.template.id,
            mail_to="x@mail.example",
            set_priority=HIGH,
        )
        cases = self.env["crm.case"].create(
            [{"name": f"{index}", "section_id": self.quality.id} for index in range(60)]
        )
        cases[41].planned_revenue = 13
        self._tick()
        self.assertEqual(self._runs(rule, result="failed").case_id, cases[41])
        rest = cases - cases[41]
        self.assertEqual(set(rest.mapped("priority")), {HIGH})
        self.assertEqual(cases[41].priority, "1")
        self.assertEqual(
            self.env["mail.mail"].search_count(
                [("model", "=", "crm.case"), ("res_id", "in", cases.ids)]
            ),
            59,
        )

    def test_mail_sets_off_rules_when_the_case_has_its_responsible(self):
        self.support1.assignment = "round_robin"
        self._new_rule(on_create=True, remind_user=True)
        self._new_rule(on_create=True, body_pattern="call me", set_priority=HIGH)
        case = self._receive(JANE)
        self.assertTrue(case.user_id)
        self.assertEqual(case.priority, HIGH)
        self.assertIn(case.user_id.email, self._to(self._mails_of(case)[:1]))
