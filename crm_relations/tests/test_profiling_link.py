import re
from datetime import timedelta

from lxml import html
from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import HttpCase
from odoo.tools import mute_logger

from .profiling_common import ProfilingCommon


class TestProfilingLink(ProfilingCommon, HttpCase):
    """A prospect answers by a link in a mail, without logging in."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invitation = cls.env["crm.profiling.invitation"].create(
            {"partner_id": cls.walter.id, "questionnaire_id": cls.fair.id}
        )

    def _path(self, invitation=None):
        return (invitation or self.invitation)._get_link().split("/", 3)[3]

    def _read(self, response):
        """Give (question on the page, what its form would send)."""
        page = html.fromstring(response.text)
        names = page.xpath("//h1/text()")
        hidden = [
            (field.get("name"), field.get("value"))
            for field in page.xpath("//form//input[@type='hidden']")
        ]
        return names[0], hidden

    def _get(self, path=None):
        return self.url_open(f"/{path or self._path()}")

    def _post(self, response, *answers):
        name, hidden = self._read(response)
        sent = [("answer", str(self.answers[f"{name} {key}"].id)) for key in answers]
        return self.url_open(f"/{self._path()}", data=[*hidden, *sent])

    def test_prospect_answers_once(self):
        self._save(self.walter, "sector industry", "contact phone")
        response = self._get()
        for answers in (("no",), ("services",), ("cases", "mail"), ("yes",)):
            response = self._post(response, *answers)
        self.assertEqual(self._read(response)[0], "budget")
        self.assertFalse(self.invitation.date_answered)
        response = self._post(response, "large")
        response = self._post(response)
        self.assertEqual(self._read(response)[0], "Thank you")
        self.env.invalidate_all()
        self.assertTrue(self.invitation.date_answered)
        self.assertEqual(
            sorted(self.walter.answer_ids.mapped("display_name")),
            [
                "budget large",
                "contact phone",  # left out: stays as it was
                "journalist no",
                "sector services",
                "specification yes",
                "topics cases",
                "topics mail",
            ],
        )
        by_link = self.walter.response_ids.filtered(
            lambda r: r.answer_id == self.answers["sector services"]
        )
        self.assertFalse(by_link.user_id)
        self.assertEqual(self._read(self._get())[0], "You have answered already")

    def test_opening_the_page_uses_nothing_up(self):
        for _ in range(2):
            self.assertEqual(self._read(self._get())[0], "journalist")
        self.assertFalse(self.invitation.date_answered)

    def test_page_shows_nothing_that_is_known(self):
        self.questions["journalist"].hint = "Our secret hint"
        self._save(self.walter, "journalist yes")
        page = self._get().text
        for secret in (self.walter.name, self.walter.email, "Our secret hint"):
            self.assertNotIn(secret, page)
        checked = html.fromstring(page).xpath("//input[@checked]")
        self.assertFalse(checked)

    def test_no_page_names_anybody(self):
        """Not the first, a later, the last one, nor that of a link used or wrong."""
        self.walter.company_id = self.env.company
        response = self._get()
        pages = [response]
        for answers in (("no",), ("services",), (), (), ()):
            response = self._post(response, *answers)
            pages.append(response)
        self.assertEqual(self._read(response)[0], "Thank you")
        pages += [self._get(), self._get("crm/questions/guess")]
        people = self.walter | self.jane | self.agent.partner_id
        for page in pages:
            for person in people:
                for secret in (person.name, person.email):
                    self.assertNotIn(secret, page.text)
        self.assertEqual(pages[-2].status_code, 200)

    def test_answers_go_to_whom_the_link_is_for_whoever_else_is_named(self):
        response = self._post(self._get(), "yes")
        self.assertEqual(self._read(response)[0], "Thank you")
        other = self.invitation.copy({"partner_id": self.jane.id})
        path = f"/{self._path(other)}"
        name, hidden = self._read(self.url_open(path))
        sent = [
            ("answer", str(self.answers[f"{name} yes"].id)),
            ("partner_id", str(self.bob.id)),
            ("token", self._path().rsplit("/", 1)[1]),
        ]
        self.url_open(path, data=[*hidden, *sent])
        self.env.invalidate_all()
        self.assertTrue(self.jane.answer_ids)
        self.assertFalse(self.bob.answer_ids)

    def test_page_shows_who_asks_and_says_what_it_is_about(self):
        page = html.fromstring(self._get().text)
        self.assertIn("journalist", page.findtext("head/title"))
        self.assertIn(self.env.company.name, page.text_content())
        for choice in page.xpath("//input[@type='radio']"):
            self.assertIn("form-check-label", choice.getparent().get("class"))

    def test_page_is_for_a_phone_and_a_screen_reader(self):
        response = self._get()
        page = html.fromstring(response.text)
        self.assertTrue(page.xpath("//meta[@name='viewport']"))
        self.assertTrue(page.get("lang"))
        self.assertTrue(page.xpath("//fieldset/legend//h1"))
        for field in page.xpath("//form//input[@type='radio']"):
            self.assertTrue(page.xpath(f"//label[@for='{field.get('id')}']"))
        self.assertEqual(response.headers["Referrer-Policy"], "no-referrer")
        self.assertIn("noindex", response.headers["X-Robots-Tag"])

    def test_guessing_gets_nowhere(self):
        other = self.invitation.copy({"partner_id": self.jane.id})
        mine, theirs = self._path(), self._path(other)
        self.assertNotEqual(mine, theirs)
        token = mine.rsplit("/", 1)[1]
        wrong = ("x", "AAAA", token[:-3], token[5:], "B" + token[1:], token.swapcase())
        for guess in wrong:
            with self.subTest(guess=guess[:12]):
                response = self._get(f"crm/questions/{guess}")
                self.assertEqual(response.status_code, 404)
                self.assertEqual(self._read(response)[0], "This link does not work")

    def test_lapsed_and_withdrawn_links_look_alike(self):
        past = fields.Datetime.now() - timedelta(minutes=1)
        path = self._path()
        for change in (
            lambda: self.invitation.write({"date_expiry": past}),
            lambda: self.fair.write({"active": False}),
            self.invitation.unlink,
        ):
            change()
            self.assertEqual(self._get(path).status_code, 404)

    def test_forged_form_gains_nothing(self):
        """Answers of other questionnaires, of closed branches, two where one fits."""
        self._new_question("salary", "high", "low")
        given = self.env["crm.profiling.answer"].union(
            *(
                self.answers[name]
                for name in (
                    "salary high",
                    "journalist no",
                    "sector services",
                    "sector industry",
                    "budget large",
                )
            )
        )
        self.assertTrue(self.invitation._save(given))
        self.assertEqual(
            sorted(self.walter.answer_ids.mapped("display_name")),
            ["journalist no", "sector services"],
        )
        self.assertFalse(self.invitation._save(given))

    def test_form_without_its_token_is_refused(self):
        with mute_logger("odoo.http"):  # says how to have a token
            response = self.url_open(
                f"/{self._path()}",
                data={"done": [str(q.id) for q in self.questions.values()]},
            )
        self.assertEqual(response.status_code, 400)
        self.assertFalse(self.invitation.date_answered)

    def test_user_sends_a_link_of_the_partners_own(self):
        (self.env["crm.profiling.questionnaire"].search([]) - self.fair).active = False
        action = self.walter.with_user(self.agent).action_send_questionnaire()
        body = str(action["context"]["default_body"])
        path = re.search(r'href="[^"]*/(crm/questions/[\w-]+)"', body)[1]
        self.assertEqual(self._read(self._get(path))[0], "journalist")
        sent = self.env["crm.profiling.invitation"].search(
            [("partner_id", "=", self.walter.id)], limit=1
        )
        self.assertEqual(sent.user_id, self.agent)

    def test_who_may_invite(self):
        values = {"partner_id": self.walter.id, "questionnaire_id": self.fair.id}
        invitations = self.env["crm.profiling.invitation"]
        with self.assertRaises(AccessError):
            invitations.with_user(self.user_employee).create(values)
        with self.assertRaises(AccessError):
            self.invitation.with_user(self.agent).write({"date_expiry": "2050-01-01"})
        self.walter.company_id = self.env.company
        with self.assertRaises(AccessError):
            invitations.with_user(self.foreigner).create(values)
