from contextlib import closing
from datetime import timedelta

from markupsafe import Markup
from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import CrmRelationsCommon

# who sees which line: x yes, - no. mine: about an agent's case, theirs: about a case of
# the quality section, abroad: of the other company, free: an event about no case
_SEEN = """
line              agent  senior  quality  boss  foreigner  global
event_free          x      x        x      x        -        x
event_mine          x      x        -      x        -        x
event_theirs        -      -        x      x        -        x
event_abroad        -      -        -      -        x        x
mail_mine           x      x        -      x        -        x
mail_theirs         -      -        x      x        -        x
mail_abroad         -      -        -      -        x        x
mail_partner        x      x        x      x        x        x
move_mine           x      x        -      x        -        x
move_theirs         -      -        x      x        -        x
move_abroad         -      -        -      -        x        x
mark_mine           x      x        -      x        -        x
mark_theirs         -      -        x      x        -        x
mark_abroad         -      -        -      -        x        x
rating_mine         x      x        -      x        -        x
rating_theirs       -      -        x      x        -        x
rating_abroad       -      -        -      -        x        x
"""


@tagged("crm_relations_history")
class TestPartnerHistory(CrmRelationsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.History = cls.env["crm.partner.history"]
        # a manager of both companies
        cls.globe = cls._new_user("globe", "manager")
        cls.globe.company_ids = [Command.link(cls.company_2.id)]

    def _tell_story(self):
        """Let something happen in each source, in each place.

        :return: {name of the table's line: id of the history's line}
        """
        cases = {
            "mine": self._new_case(partner_id=self.jane.id, user_id=self.agent.id),
            "theirs": self._new_case(
                partner_id=self.jane.id,
                section=self.quality,
                user_id=self.quality_user.id,
            ),
            "abroad": self._new_case(
                partner_id=self.jane.id,
                section=self.foreign,
                user_id=self.foreigner.id,
            ),
        }
        lines = {}
        for place, case in cases.items():
            case.sentiment = 3
            lines[f"mark_{place}"] = case.id * 1000 + 5
            lines[f"event_{place}"] = self._log(case_id=case.id).id * 1000 + 1
            mail = self._say(case)
            lines[f"mail_{place}"] = mail.id * 1000 + 2
            lines[f"move_{place}"] = case.move_ids[:1].id * 1000 + 4
            rating = self.env["rating.rating"].create(
                {
                    "res_model_id": self.env["ir.model"]._get_id("crm.case"),
                    "res_id": case.id,
                    "partner_id": self.jane.id,
                    "rating": 5,
                    "consumed": True,
                    "feedback": "Well done",
                }
            )
            lines[f"rating_{place}"] = rating.id * 1000 + 6
        lines["event_free"] = self._log().id * 1000 + 1
        lines["mail_partner"] = self._say(self.jane).id * 1000 + 3
        self.env.flush_all()
        return lines

    def _log(self, **values):
        case = self.env["crm.case"].browse(values.get("case_id"))
        return self.env["crm.partner.event"].create(
            {
                "name": "Called",
                "partner_id": self.jane.id,
                "user_id": False,
                "company_id": (case.company_id or self.env.company).id,
                **values,
            }
        )

    def _say(self, record, body="Dear Jane, all is well", author=None, **values):
        return record.message_post(
            body=body,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            author_id=(author or self.agent.partner_id).id,
            **values,
        )

    def _readers(self):
        return {
            "agent": self.agent,
            "senior": self.senior,
            "quality": self.quality_user,
            "boss": self.boss,
            "foreigner": self.foreigner,
            "global": self.globe,
        }

    def _of(self, partner, user=None):
        History = self.History.with_user(user or self.boss)
        return History.search([("partner_id", "=", partner.id)])

    # ------------------------------------------------------------
    # WHO SEES WHAT
    # ------------------------------------------------------------

    def test_each_reader_sees_what_he_may_see_at_the_source(self):
        lines = self._tell_story()
        head, *rows = [line.split() for line in _SEEN.strip().splitlines()]
        self.assertEqual({row[0] for row in rows}, set(lines))
        for reader, user in self._readers().items():
            column = head.index(reader)
            History = self.History.with_user(user).with_context(
                allowed_company_ids=user.company_ids.ids
            )
            found = set(History.search([("partner_id", "=", self.jane.id)]).ids)
            for name, *cells in rows:
                with self.subTest(reader=reader, line=name):
                    expected = cells[column - 1] == "x"
                    self.assertEqual(lines[name] in found, expected)
                    self._assert_by_id(History.browse(lines[name]), expected)

    def _assert_by_id(self, line, expected):
        """Nor is a line given to whoever knows its id, whatever is in the cache."""
        self.env.invalidate_all()
        self.assertEqual(bool(line.exists()), expected)
        self.assertEqual(line.has_access("read"), expected)
        self.assertTrue(line.sudo().name, "now it is in the cache")
        for gesture in (lambda: line.read(["name"]), line.action_open_source):
            self.assertEqual(self._attempt(gesture), expected)

    def _attempt(self, gesture):
        """Tell whether something was given."""
        try:
            with closing(self.env.cr.savepoint()):
                return bool(gesture())
        except (AccessError, UserError):
            return False

    def test_company_that_is_switched_off_is_hidden(self):
        lines = self._tell_story()
        History = self.History.with_user(self.globe).with_context(
            allowed_company_ids=self.env.company.ids
        )
        found = History.search([("partner_id", "=", self.jane.id)]).ids
        self.assertIn(lines["mail_mine"], found)
        self.assertNotIn(lines["mail_abroad"], found)
        self.assertNotIn(lines["event_abroad"], found)

    def test_nobody_without_a_role_reads_it(self):
        for user in (self.user_employee, self.env.ref("base.public_user")):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.History.with_user(user).search([])

    def test_nobody_writes_it(self):
        self._tell_story()
        line = self._of(self.jane)[:1]
        gestures = (
            lambda: line.write({"name": "Other"}),
            line.unlink,
            lambda: line.create({"name": "New"}),
        )
        for index, gesture in enumerate(gestures):
            with self.subTest(gesture=index), self.assertRaises(AccessError):
                gesture()

    # ------------------------------------------------------------
    # WHAT IS SHOWN
    # ------------------------------------------------------------

    def test_lines_say_what_happened(self):
        case = self._new_case(partner_id=self.jane.id, user_id=self.agent.id)
        body = Markup("<p>It is <b>burning</b></p>")
        self._say(case, body, self.jane)
        self._say(case, "Is it still?")
        case.message_post(body="He is angry")  # an internal note
        case.with_user(self.agent).action_open()
        case.with_user(self.agent).action_close()
        lines = self._of(self.jane).sorted("id")
        told = {(line.kind, line.direction, line.name, line.summary) for line in lines}
        name = case.display_name
        self.assertEqual(
            told,
            {
                ("mail", "in", name, "It is burning"),
                ("mail", "out", name, "Is it still?"),
                ("move", False, name, "New: Draft"),
                ("move", False, name, "Draft → Open"),
                ("move", False, name, "Open → Closed"),
            },
        )

    def test_handing_a_case_to_a_colleague_is_not_shown(self):
        case = self._new_case(partner_id=self.jane.id)
        case.user_id = self.agent
        self.assertEqual(self._of(self.jane).mapped("summary"), ["New: Draft"])

    def test_escalation_is_shown(self):
        case = self._new_case(partner_id=self.jane.id)
        case.action_escalate()
        words = set(self._of(self.jane).mapped("summary"))
        self.assertEqual(words, {"New: Draft", "Escalated to Support 2"})

    def test_company_shows_its_contacts(self):
        self._say(self.jane)
        self._say(self.bob)
        self._say(self.acme)
        self._say(self.walter)
        table = [
            (self.acme, self.acme | self.jane | self.bob),
            (self.jane, self.jane),
            (self.walter, self.walter),
            (self.acme | self.walter, self.acme | self.jane | self.bob | self.walter),
            (self.jane | self.bob, self.jane | self.bob),
        ]
        for partners, expected in table:
            with self.subTest(partners=partners.mapped("name")):
                action = partners.with_user(self.agent).action_view_history()
                found = self.History.with_user(self.agent).search(action["domain"])
                self.assertEqual(found.partner_id, expected)

    def test_line_opens_its_source(self):
        lines = self._tell_story()
        History = self.History.with_user(self.boss)
        opened = {}
        for name in ("event_mine", "mail_mine", "mail_partner", "move_mine"):
            action = History.browse(lines[name]).action_open_source()
            opened[name] = action["res_model"]
            record = self.env[action["res_model"]].browse(action["res_id"])
            self.assertTrue(record.exists())
        self.assertEqual(
            opened,
            {
                "event_mine": "crm.partner.event",
                "mail_mine": "crm.case",
                "mail_partner": "res.partner",
                "move_mine": "crm.case",
            },
        )

    def test_ids_are_unique_and_stay(self):
        self._tell_story()
        first = self._of(self.jane, self.globe)
        self.assertEqual(len(set(first.ids)), len(first))
        self._say(self.jane)
        self.assertLess(set(first.ids), set(self._of(self.jane, self.globe).ids))

    def test_sources_have_numbers_of_their_own(self):
        numbers = [source.number for source in self.History._get_sources()]
        self.assertEqual(len(numbers), len(set(numbers)))
        self.assertTrue(all(0 < number < 1000 for number in numbers))

    def test_pages_follow_each_other(self):
        for index in range(25):
            self._log(date=fields.Datetime.now() - timedelta(hours=index % 7))
        everything = self._of(self.jane)
        self.assertEqual(
            everything, everything.sorted(lambda one: (one.date, one.id))[::-1]
        )
        domain = [("partner_id", "=", self.jane.id)]
        History = self.History.with_user(self.boss)
        pages = History.browse()
        for offset in range(0, len(everything), 10):
            pages += History.search(domain, offset=offset, limit=10)
        self.assertEqual(pages, everything)

    def test_filters_and_groups(self):
        self._tell_story()
        own = [("partner_id", "=", self.jane.id)]
        History = self.History.with_user(self.boss)
        self.assertEqual(
            dict(History._read_group(own, ["kind"], ["__count"])),
            {"event": 3, "mail": 3, "move": 2, "mark": 2, "rating": 2},
        )
        ratings = History.search([*own, ("sentiment", ">=", 10)])
        self.assertEqual(set(ratings.mapped("kind")), {"rating"})
        self.assertEqual(set(ratings.mapped("summary")), {"Well done"})
        self.assertFalse(History.search([*own, ("date", "<", "now -1d")]))

    # ------------------------------------------------------------
    # LAST CONTACT
    # ------------------------------------------------------------

    def test_last_contact_is_the_latest_that_the_reader_may_see(self):
        now = fields.Datetime.now()
        case = self._new_case(partner_id=self.jane.id, user_id=self.colleague.id)
        for days, values in (
            (40, {"direction": "in"}),
            (30, {"direction": "out"}),
            (20, {"direction": "out", "case_id": case.id}),
            (10, {}),  # nobody spoke to anybody
            (-5, {"direction": "out"}),  # planned
        ):
            self._log(date=now - timedelta(days=days), **values)
        for user, days in ((self.agent, 30), (self.boss, 20)):
            for partner in (self.jane, self.acme):
                with self.subTest(user=user.login, partner=partner.name):
                    own = partner.with_user(user)
                    own.invalidate_recordset()
                    date = now - timedelta(days=days)
                    self.assertEqual(own.date_last_contact, date)
        self.assertFalse(self.walter.date_last_contact)

    def test_partners_without_contact_are_found(self):
        now = fields.Datetime.now()
        self._log(date=now - timedelta(days=100), direction="in")
        self._log(
            date=now - timedelta(days=3), direction="in", partner_id=self.walter.id
        )
        among = [("id", "in", (self.jane | self.walter).ids)]
        Partner = self.env["res.partner"].with_user(self.agent)
        for domain, expected in (
            ([("date_last_contact", "<", "now -90d")], self.jane),
            ([("date_last_contact", "<", "now -120d")], Partner),
            ([("date_last_contact", ">=", "now -90d")], self.walter),
        ):
            with self.subTest(domain=domain):
                self.assertEqual(set(Partner.search(among + domain)), set(expected))
