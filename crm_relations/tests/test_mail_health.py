import json
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import HttpCase, JsonRpcException, tagged
from odoo.tools import mute_logger

from .mail_case_common import MailCaseCommon
from .mail_intake_common import plain

ROUTE = "/json/2/crm.mail.intake/get_health"


class MailHealthCommon(MailCaseCommon):
    """A mailbox that was read just now, and scheduled actions that run."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["fetchmail.server"].search([]).action_archive()
        cls.env["crm.mail.intake"].search([]).unlink()
        cls.env["crm.case.delivery"].search([]).unlink()
        now = fields.Datetime.now()
        cls.mailbox = cls._new_mailbox(
            cls.support1,
            "box@test.mycompany.com",
            state="done",
            date_last_success=now,
            date=now,
        )
        cls.crons = cls.env["ir.cron"].union(
            cls.env.ref("mail.ir_cron_mail_gateway_action"),
            cls.env.ref("crm_relations.ir_cron_mail_intake"),
            cls.env.ref("crm_relations.ir_cron_mail_outgoing"),
        )
        cls.crons.write({"active": True, "nextcall": now + timedelta(minutes=5)})
        cls.monitor = cls._new_user("monitor", "monitor")

    def _health(self, user=None):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.env["crm.mail.intake"].with_user(user or self.monitor).get_health()

    def _get_door(self, health, server_id):
        return next(one for one in health["servers"] if one["id"] == server_id)

    def _ago(self, **span):
        return fields.Datetime.now() - timedelta(**span)

    def _store(self, count=1, state="new", server=None, **ago):
        mailbox = self.mailbox if server is None else server
        pairs = [(f"{state}{n}{ago}", plain(n)) for n in range(count)]
        rows = self.env["crm.mail.intake"]._store(pairs, mailbox, mailbox.section_id)
        rows.write({"state": state, "date_received": self._ago(**ago)})
        return rows


class TestMailHealth(MailHealthCommon):
    """What the figures of mail say when this or that does not work."""

    def test_all_is_well(self):
        self._store(3, "done", minutes=5)
        self._store(2, "done", hours=5)
        health = self._health()
        self.assertEqual(health["status"], "ok", health["problems"])
        self.assertEqual(health["problems"], [])
        self.assertEqual(health["backlog"], 0)
        self.assertEqual(health["oldest_waiting_seconds"], 0)
        self.assertTrue(health["last_success"].endswith("Z"))
        door = self._get_door(health, self.mailbox.id)
        self.assertEqual(door["received_last_hour"], 3)
        self.assertEqual(door["received_last_day"], 5)
        self.assertEqual(door["name"], "box@test.mycompany.com")
        json.dumps(health)

    def test_each_trouble_has_its_level_and_its_sentence(self):
        def visit(**span):
            self.mailbox.date_last_success = self._ago(**span)

        def fail():
            visit(minutes=2)
            self.mailbox.write({"failures": 2, "error_message": "No route\nto host"})

        def switch_off():
            self.crons[0].active = False

        def stop(**span):
            self.crons[1].nextcall = self._ago(**span)

        def not_sent(code, kind, **span):
            row = self.env["crm.case.delivery"].create(
                {"case_id": self.case.id, "kind": kind, "code": code, "email": "x@y.z"}
            )
            row.flush_recordset()
            # SQL: the date on which a row was made is nobody's to write
            self.env.cr.execute(
                "UPDATE crm_case_delivery SET create_date = %s WHERE id = %s",
                (self._ago(**span), row.id),
            )

        troubles = {
            "late": (lambda: visit(minutes=20), "warning", "Not read for 20 minutes"),
            "dead": (lambda: visit(hours=3), "critical", "Not read for 3 hours"),
            "failing": (fail, "warning", "Failed visits: 2, the last with: No route"),
            "waits": (
                lambda: self._store(2, minutes=20),
                "warning",
                "Waiting mails: 2",
            ),
            "stuck": (lambda: self._store(1, minutes=90), "critical", "90 minutes"),
            "handed in": (
                lambda: self._store(1, server=self.env["fetchmail.server"], minutes=20),
                "warning",
                "Handed in by a mail server: Waiting mails: 1",
            ),
            "quarantine": (
                lambda: self._store(1, "quarantine", minutes=1),
                "warning",
                "waiting for a decision",
            ),
            "switched off": (switch_off, "critical", "is switched off"),
            "cron late": (lambda: stop(minutes=20), "warning", "is late"),
            "cron dead": (lambda: stop(hours=2), "critical", "is late"),
            "given up": (
                lambda: not_sent("5.1.1", "failed", minutes=1),
                "warning",
                "not tried any more",
            ),
            "tried again": (
                lambda: not_sent("4.2.2", "retry", hours=5),
                "warning",
                "are tried again",
            ),
            "no way out": (
                lambda: not_sent("connection", "retry", hours=5),
                "critical",
                "outgoing mail server could not be reached",
            ),
        }
        for trouble, (make, status, words) in troubles.items():
            with self.subTest(trouble=trouble), self.cr.savepoint() as savepoint:
                make()
                health = self._health()
                self.assertEqual(health["status"], status, health["problems"])
                self.assertEqual(len(health["problems"]), 1, health["problems"])
                self.assertIn(words, health["problems"][0])
                savepoint.rollback()
                self.env.invalidate_all()

    def test_figures(self):
        self._store(2, "new", minutes=2)
        self._store(1, "retry", minutes=3)
        self._store(1, "quarantine", minutes=1)
        health = self._health()
        self.assertEqual(health["backlog"], 3)
        self.assertAlmostEqual(health["oldest_waiting_seconds"], 180, delta=20)
        self.assertEqual(health["quarantine"], 1)

    def test_limits_are_settings(self):
        self._store(1, minutes=20)
        settings = self.env["ir.config_parameter"]
        settings.set_param("crm_relations.mail_health_warning_minutes", 30)
        self.assertEqual(self._health()["status"], "ok")
        settings.set_param("crm_relations.mail_health_critical_minutes", 10)
        self.assertEqual(self._health()["status"], "critical")

    def test_mailbox_that_is_read_rarely_is_not_late(self):
        self.crons[0].write({"interval_number": 1, "interval_type": "hours"})
        self.mailbox.date_last_success = self._ago(hours=2)
        self.assertEqual(self._health()["status"], "ok")

    def test_cost_does_not_grow(self):
        def cost():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.env["crm.mail.intake"].with_user(self.boss).get_health()
            return self.env.cr.sql_log_count - before

        cost()
        few = cost()
        self._store(50, minutes=2)
        for number in range(10):
            self._new_mailbox(
                self.support1, f"box{number}@test.mycompany.com", state="done"
            )
        cost()
        self.assertEqual(cost(), few)

    def test_who_may_ask(self):
        self.assertTrue(self._health(self.boss))
        self.assertTrue(self._health(self.monitor))
        for user in (self.agent, self.senior, self.user_employee):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self._health(user)

    def test_monitor_may_nothing_else(self):
        for name in ("crm.mail.intake", "crm.mail.health", "crm.case"):
            with self.subTest(model=name), self.assertRaises(AccessError):
                self.env[name].with_user(self.monitor).search([])

    def test_screen_shows_each_way(self):
        self._store(1, "quarantine", minutes=1)
        doors = self.env["crm.mail.health"].with_user(self.boss).search([])
        self.assertEqual(sorted(doors.mapped("kind")), ["mailbox", "outgoing", "piped"])
        mailbox = doors.filtered(lambda door: door.kind == "mailbox")
        self.assertEqual(mailbox.status, "warning")
        action = mailbox.action_view_mails()
        rows = self.env["crm.mail.intake"].with_user(self.boss)
        self.assertEqual(len(rows.search(action["domain"])), 1)
        outgoing = doors.filtered(lambda door: door.kind == "outgoing")
        self.assertEqual(outgoing.action_view_mails()["res_model"], "crm.case")

    def test_mailbox_shows_its_figures(self):
        self._store(2, minutes=4)
        self._store(1, "done", hours=3)
        self.assertEqual(self.mailbox.waiting_count, 2)
        self.assertEqual(self.mailbox.received_hour, 2)
        self.assertEqual(self.mailbox.received_day, 3)
        self.assertTrue(self.mailbox.date_oldest_waiting)


@tagged("post_install", "-at_install", "crm_relations")
class TestMailHealthRemote(MailHealthCommon, HttpCase):
    """The same from outside, as a monitoring program asks."""

    def _ask(self, key=None, body=None):
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"bearer {key}"
        return self.url_open(ROUTE, data=json.dumps(body or {}), headers=headers)

    def _new_key(self, user):
        keys = self.env["res.users.apikeys"].with_user(user).sudo()
        return keys._generate("rpc", "monitor", False)

    def test_monitor_reads_it_with_a_key(self):
        self._store(2, minutes=90)
        response = self._ask(self._new_key(self.monitor))
        self.assertEqual(response.status_code, 200)
        health = response.json()
        self.assertEqual(health["status"], "critical")
        self.assertEqual(health["backlog"], 2)
        self.assertIn("box@test.mycompany.com", health["problems"][0])

    # who is refused is logged by Odoo
    @mute_logger("odoo.http")
    def test_refused_without_key_or_rights(self):
        self.assertEqual(self._ask().status_code, 401)
        self.assertEqual(self._ask("0" * 40).status_code, 401)
        response = self._ask(self._new_key(self.agent))
        self.assertEqual(response.status_code, 403)
        self.assertIn("Monitoring of mail", response.text)

    @mute_logger("odoo.http")
    def test_monitor_reaches_nothing_else(self):
        key = self._new_key(self.monitor)
        for model in ("crm.mail.intake", "crm.case", "crm.mail.health"):
            with self.subTest(model=model):
                response = self.url_open(
                    f"/json/2/{model}/search",
                    data=json.dumps({"domain": []}),
                    headers={
                        "Content-Type": "application/json",
                        "Authorization": f"bearer {key}",
                    },
                )
                self.assertEqual(response.status_code, 403)

    @mute_logger("odoo.http")
    def test_also_by_the_web_client(self):
        self.authenticate("boss", "boss")
        health = self.make_jsonrpc_request(
            "/web/dataset/call_kw/crm.mail.intake/get_health",
            {
                "model": "crm.mail.intake",
                "method": "get_health",
                "args": [],
                "kwargs": {},
            },
        )
        self.assertEqual(health["status"], "ok")
        self.authenticate("agent", "agent")
        with self.assertRaises(JsonRpcException):
            self.make_jsonrpc_request(
                "/web/dataset/call_kw/crm.mail.intake/get_health",
                {
                    "model": "crm.mail.intake",
                    "method": "get_health",
                    "args": [],
                    "kwargs": {},
                },
            )
