import base64
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, users

from .mail_case_common import STRANGER, MailCaseCommon
from .mail_intake_common import plain, poison, refuse_poison


class TestMailIntakeActions(MailCaseCommon):
    """What people decide about mails of the ledger."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Intake = cls.env["crm.mail.intake"]

    def _store(self, raw, state="new", **values):
        row = self.Intake.create({"raw": raw, "section_id": self.support1.id, **values})
        row.state = state
        return row.with_user(self.env.user).sudo(False)

    def _count(self):
        return (
            self.env["crm.case"].sudo().search_count([]),
            self.env["mail.message"].sudo().search_count([("model", "=", "crm.case")]),
        )

    # ------------------------------------------------------------
    # REPLAY
    # ------------------------------------------------------------

    def test_replay_of_every_state_twice(self):
        for state, ends in (
            ("new", "done"),
            ("working", "done"),
            ("retry", "done"),
            ("quarantine", "done"),
            ("held", "done"),
            ("ignored", "done"),
            ("bounce", "bounce"),
        ):
            with self.subTest(state):
                row = self._store(plain(state), state)
                row.action_replay()
                self.assertEqual(row.state, ends)
                self.assertEqual(len(row.case_ids), int(ends == "done"))
                before = self._count()
                row.action_replay()
                row.action_replay()
                self.assertEqual(row.state, ends)
                self.assertEqual(self._count(), before)

    def test_replay_of_a_duplicate_stays_one(self):
        first, second = self._store(plain(1)), self._store(b"X: y\r\n" + plain(1))
        first.action_replay()
        second.action_replay()
        before = self._count()
        for _time in range(2):
            (first | second).action_replay()
            self.assertEqual((first.state, second.state), ("done", "duplicate"))
            self.assertEqual(self._count(), before)

    def test_replay_restores_a_deleted_case(self):
        row = self._store(plain(1))
        row.action_replay()
        row.case_ids.unlink()
        row.action_replay()
        self.assertEqual(row.state, "done")
        self.assertEqual(row.case_ids.name, "Mail 1")

    def test_replay_of_poison_stays_in_quarantine(self):
        row = self._store(poison(), "quarantine")
        for _time in range(2):
            with refuse_poison(self.env):
                row.action_replay()
            self.assertEqual(row.state, "quarantine")
            self.assertIn("character set", row.reason)

    # ------------------------------------------------------------
    # CASES
    # ------------------------------------------------------------

    @users("boss")
    def test_make_a_case_of_anything(self):
        for name, raw in (("good", plain(1)), ("bad", poison())):
            with self.subTest(name):
                row = self._store(raw, "quarantine")
                action = row.with_user(self.env.user).action_make_case()
                self.assertEqual(action["res_id"], row.case_ids.id)
                self.assertEqual(row.state, "done")
                self.assertEqual(row.case_ids.section_id, self.support1)
                self.assertIn("Boss", row.reason)

    def test_broken_mail_becomes_a_case_with_the_original(self):
        row = self._store(poison())
        row.action_make_case()
        case = row.case_ids
        self.assertEqual((case.name, case.email_from), ("P0", "a@b.example"))
        self.assertIn("Hi", case.description)
        self.assertEqual(case.message_ids.attachment_ids.raw, poison())

    def test_attach_to_a_case(self):
        for raw in (plain(1), poison()):
            row = self._store(raw, "quarantine")
            messages = self.case.message_ids
            row.action_attach_to_case(self.case)
            self.assertEqual(row.case_ids, self.case)
            self.assertEqual(row.state, "done")
            self.assertTrue(self.case.message_ids - messages)
            messages = self.case.message_ids
            row.action_attach_to_case(self.case)
            self.assertEqual(self.case.message_ids, messages, "once")
        self.assertEqual(self.case.intake_count, 2)

    @users("boss")
    def test_attach_dialog(self):
        row = self._store(plain(1), "held").with_user(self.env.user)
        action = row.action_attach_to_case()
        with Form(
            self.env[action["res_model"]].with_context(**action["context"])
        ) as form:
            form.case_id = self.case
        self.assertEqual(form.record.action_attach()["res_id"], self.case.id)
        self.assertEqual(row.case_ids, self.case)

    # ------------------------------------------------------------
    # IGNORE
    # ------------------------------------------------------------

    @users("boss")
    def test_ignoring_needs_a_reason(self):
        row = self._store(poison(), "quarantine").with_user(self.env.user)
        for reason in (None, "", "  "):
            action = row.action_ignore(reason)
            self.assertEqual(action["res_model"], "crm.mail.intake.ignore")
            self.assertEqual(row.state, "quarantine")
        with Form(
            self.env[action["res_model"]].with_context(**action["context"])
        ) as form:
            form.reason = "Advertising"
        form.record.action_ignore()
        self.assertEqual((row.state, row.reason), ("ignored", "Boss: Advertising"))

    def test_what_is_done_cannot_be_ignored(self):
        row = self._store(plain(1))
        row.action_replay()
        row.action_ignore("late")
        self.assertEqual(row.state, "done")

    # ------------------------------------------------------------
    # WHO MAY
    # ------------------------------------------------------------

    def test_only_managers_see_mails_and_nobody_changes_them(self):
        row = self._store(plain(1))
        for user in (self.agent, self.senior, self.user_employee):
            with self.subTest(user.login):
                own = row.with_user(user)
                for call in (
                    lambda own=own: own.read(["subject"]),
                    own.action_replay,
                    own.action_make_case,
                    lambda own=own: own.action_ignore("x"),
                    lambda own=own: own.action_attach_to_case(self.case),
                ):
                    with self.assertRaises(AccessError):
                        call()
        own = row.with_user(self.boss)
        self.assertEqual(own.read(["subject"])[0]["subject"], "Mail 1")
        for call in (
            lambda: own.write({"state": "done"}),
            lambda: own.write({"raw": b""}),
            own.unlink,
            lambda: own.create({"raw": b"x"}),
        ):
            with self.assertRaises(AccessError):
                call()

    def test_companies_are_apart(self):
        row = self._store(plain(1), section_id=self.foreign.id).with_user(self.boss)
        self.assertFalse(self.Intake.with_user(self.boss).search([("id", "=", row.id)]))
        with self.assertRaises(AccessError):
            row.action_replay()

    @users("boss")
    def test_a_manager_reads_list_form_and_original(self):
        mailbox = self._new_mailbox(self.support1, "box@else.example")
        row = self._store(plain(1), server_id=mailbox.id).with_user(self.env.user)
        for kind in ("list", "form", "graph", "search"):
            self.assertTrue(row.get_view(view_type=kind)["arch"])
        found = row.web_read(
            {
                "subject": {},
                "header": {},
                "raw_file": {},
                "raw_name": {},
                "server_id": {"fields": {"display_name": {}}},
                "case_ids": {"fields": {"display_name": {}}},
            }
        )[0]
        self.assertEqual(found["server_id"]["display_name"], "box@else.example")
        self.assertIn("Subject: Mail 1", found["header"])
        self.assertEqual(base64.b64decode(found["raw_file"]), plain(1))
        stream = self.env["ir.binary"]._record_to_stream
        self.assertTrue(stream)

    def test_a_mail_in_work_is_left_alone(self):
        row = self._store(plain(1))
        other = type(row).try_lock_for_update
        self.patch(type(row), "try_lock_for_update", lambda self, **kw: self.browse())
        for call in (
            row.action_replay,
            row.action_make_case,
            lambda: row.action_ignore("x"),
        ):
            with self.assertRaises(UserError):
                call()
        self.patch(type(row), "try_lock_for_update", other)

    # ------------------------------------------------------------
    # PURGE
    # ------------------------------------------------------------

    def test_old_mails_are_purged_unless_they_wait(self):
        rows = {
            state: self._store(plain(state), state)
            for state in ("done", "ignored", "held", "quarantine", "retry", "new")
        }
        young = self._store(plain("young"), "done")
        old = fields.Datetime.now() - timedelta(days=181)
        for row in rows.values():
            row.date_received = old
        self.env.flush_all()
        self.Intake._gc_ended()
        kept = {state for state, row in rows.items() if row.exists()}
        self.assertEqual(kept, {"quarantine", "retry", "new"})
        self.assertTrue(young.exists())

    def test_purge_follows_the_setting(self):
        row = self._store(plain(1), "done")
        row.date_received = fields.Datetime.now() - timedelta(days=40)
        set_param = self.env["ir.config_parameter"].set_param
        for days, stays in ((0, True), (60, True), (30, False)):
            set_param("crm_relations.mail_intake_keep_days", days)
            self.Intake._gc_ended()
            self.assertEqual(bool(row.exists()), stays, days)

    def test_purged_mail_is_still_known(self):
        case = self._receive(STRANGER, subject="Once")
        row = case.intake_ids
        raw = row.raw
        row.unlink()
        again = self.env["mail.thread"].message_process("crm.case", b"X: y\r\n" + raw)
        self.assertIs(again, False)
