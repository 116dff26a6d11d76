from datetime import timedelta

from lxml import etree
from odoo import Command, fields
from odoo.addons.crm_relations.models.res_partner_memory_mixin import LATEST
from odoo.tests import tagged, users, warmup

from .common import CrmRelationsCommon


@tagged("crm_relations_screen")
class TestPartnerScreen(CrmRelationsCommon):
    """What the card and the tabs of a partner say, and what they cost."""

    def _log(self, partner, days=0, **values):
        return self.env["crm.partner.event"].create(
            {
                "name": "Called",
                "partner_id": partner.id,
                "date": fields.Datetime.now() - timedelta(days=days),
                "user_id": self.agent.id,
                **values,
            }
        )

    def _card(self, record, user=None):
        own = record.with_user(user or self.agent)
        own.invalidate_recordset()
        name = "relation_figures" if own._name == "res.partner" else "partner_figures"
        return {figure["key"]: figure for figure in own[name] or []}

    def _said(self, partner, user=None):
        return {key: one["value"] for key, one in self._card(partner, user).items()}

    # ------------------------------------------------------------
    # THE CARD
    # ------------------------------------------------------------

    def test_card_of_somebody_new(self):
        said = self._said(self.walter)
        said.pop("since")
        self.assertEqual(
            said,
            {
                "cases": "0 of 0",
                "last_in": "never",
                "last_out": "never",
                "sentiment": "not known",
            },
        )

    def test_card_tells_where_the_relationship_stands(self):
        self._log(self.jane, 40, direction="in", sentiment=9)
        self._log(self.bob, 1, direction="in")
        self._log(self.jane, 6, direction="out", sentiment=8)
        self._new_case(partner_id=self.jane.id, user_id=self.agent.id)
        self._new_case(partner_id=self.bob.id, user_id=self.agent.id, state="done")
        self._new_case(partner_id=self.bob.id, section=self.quality)
        table = [
            (self.acme, self.agent, "1 of 2", "yesterday", "6 days ago"),
            (self.acme, self.boss, "2 of 3", "yesterday", "6 days ago"),
            (self.bob, self.agent, "0 of 1", "yesterday", "never"),
        ]
        for partner, user, *expected in table:
            with self.subTest(partner=partner.name, user=user.login):
                said = self._said(partner, user)
                found = [said[key] for key in ("cases", "last_in", "last_out")]
                self.assertEqual(found, expected)
        self.assertEqual(self._said(self.acme)["sentiment"][:3], "7.8")

    def test_known_since_the_first_contact(self):
        event = self._log(self.walter, 800, direction="in")
        self.assertIn(str(event.date.year), self._said(self.walter)["since"])

    def test_each_figure_opens_what_is_behind_it(self):
        self._log(self.jane, direction="in", sentiment=9)
        self._new_case(partner_id=self.jane.id, user_id=self.agent.id)
        own = self.acme.with_user(self.agent)
        for key, figure in self._card(self.acme).items():
            if figure["action"]:
                with self.subTest(figure=key):
                    action = getattr(own, figure["action"])()
                    found = own.env[action["res_model"]].search(action["domain"])
                    self.assertTrue(found)

    def test_mood_of_the_sentiment(self):
        for mark, mood in ((1, "danger"), (6, "warning"), (9, "success")):
            partner = self.env["res.partner"].create({"name": str(mark)})
            self._log(partner, sentiment=mark)
            with self.subTest(mark=mark):
                self.assertEqual(self._card(partner)["sentiment"]["mood"], mood)

    def test_case_shows_the_card_of_its_partner(self):
        case = self._new_case(partner_id=self.jane.id, user_id=self.agent.id)
        self.assertEqual(self._card(case), self._card(self.jane))
        case.partner_id = False
        self.assertEqual(self._card(case), {})

    def test_new_partner_has_an_empty_card(self):
        new = self.env["res.partner"].new({"name": "New"})
        self.assertFalse(new.relation_figures)
        self.assertFalse(new.latest_case_ids)
        self.assertFalse(new.latest_event_ids)

    # ------------------------------------------------------------
    # TABS
    # ------------------------------------------------------------

    def test_tabs_show_the_latest_of_the_company(self):
        cases = self.env["crm.case"]
        for index in range(LATEST + 5):
            partner = (self.jane, self.bob, self.acme)[index % 3]
            cases |= self._new_case(partner_id=partner.id, user_id=self.agent.id)
        cases |= self._new_case(partner_id=self.bob.id, section=self.quality)
        events = self._log(self.jane, 3) | self._log(self.bob, 1) | self._log(self.acme)
        own = self.acme.with_user(self.agent)
        # not the one he may not see
        self.assertEqual(own.latest_case_ids.ids, cases[:-1].ids[: -LATEST - 1 : -1])
        self.assertEqual(own.latest_event_ids.ids, events.ids[::-1])
        self.assertEqual(self.jane.with_user(self.agent).latest_event_ids, events[0])

    # ------------------------------------------------------------
    # COST
    # ------------------------------------------------------------

    def _many(self, count):
        """Give companies and contacts, each with what a partner has."""
        companies = self.env["res.partner"].create(
            [{"name": f"Company {index}", "is_company": True} for index in range(count)]
        )
        contacts = self.env["res.partner"].create(
            [
                {"name": f"Of {company.name}", "parent_id": company.id}
                for company in companies
            ]
        )
        partners = companies | contacts
        self.env["crm.case"].create(
            [
                {
                    "name": "Case",
                    "partner_id": partner.id,
                    "section_id": self.support1.id,
                    "user_id": self.agent.id,
                }
                for partner in partners
            ]
        )
        self.env["crm.partner.event"].create(
            [
                {
                    "name": "Called",
                    "partner_id": partner.id,
                    "direction": "in",
                    "sentiment": 7,
                    "user_id": self.agent.id,
                }
                for partner in partners
            ]
        )
        return partners

    def _budget(self, expected, gesture, few, many):
        for partners in (few, many):
            own = partners.with_user(self.env.user)
            self.env.flush_all()
            self.env.invalidate_all()
            with self.subTest(partners=len(own)), self.assertQueryCount(expected):
                gesture(own)

    @users("agent")
    @warmup
    def test_cost_of_cards_columns_and_tabs(self):
        few, many = self._many(1), self._many(15)
        names = ["sentiment_score", "open_case_count", "date_last_contact"]
        table = [
            # one of them asks for the class as a supplier
            (9, lambda some: some.mapped("relation_figures")),
            (7, lambda some: some.read(names)),
            (8, lambda some: some.read(["latest_case_ids", "latest_event_ids"])),
        ]
        for expected, gesture in table:
            self._budget(expected, gesture, few, many)

    @users("agent")
    @warmup
    def test_cost_of_a_page_of_the_timeline(self):
        few, many = self._many(1), self._many(15)
        History = self.env["crm.partner.history"]
        arch = History.get_views([(False, "list")])["views"]["list"]["arch"]
        rows = {
            node.get("name"): {"fields": {"display_name": {}}}
            if History._fields[node.get("name")].relational
            else {}
            for node in etree.fromstring(arch).iter("field")
        }

        def open_page(partners):
            domain = partners.action_view_history()["domain"]
            found = History.web_search_read(domain, rows, limit=80, count_limit=10001)
            self.assertEqual(found["length"], 2 * len(partners))

        self._budget(18, open_page, few, many)

    @users("agent")
    @warmup
    def test_cost_of_logging(self):
        for count in (1, 50):
            partners = self.env["res.partner"].create(
                [{"name": str(index)} for index in range(count)]
            )
            Log = self.env["crm.partner.event.log"]
            wizard = Log.create(
                {"partner_ids": [Command.set(partners.ids)], "sentiment": 7}
            )
            self.env.flush_all()
            self.env.invalidate_all()
            with self.subTest(count=count), self.assertQueryCount(20):
                wizard.action_log()
                self.env.flush_all()
