import base64
from datetime import timedelta
from unittest.mock import patch

from lxml import html
from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import HttpCase

from ..models import crm_profiling_fair_mixin
from .profiling_common import ProfilingCommon


class TestProfilingFair(ProfilingCommon, HttpCase):
    """Visitors of a stand scan a code, say who they are, and answer."""

    def setUp(self):
        super().setUp()
        self.fair.with_user(self.boss).action_open_fair()

    def _visit(self, **contact):
        path = "/" + self.fair.fair_url.split("/", 3)[3]
        page = html.fromstring(self.url_open(path).text)
        token = page.xpath("//input[@name='csrf_token']/@value")[0]
        return self.url_open(path, data={"csrf_token": token, **contact})

    def _visitors(self):
        return self.env["res.partner"].search([("name", "=", "Vera Visitor")])

    def test_visitor_becomes_a_prospect_and_is_asked(self):
        response = self._visit(
            name=" Vera Visitor ", email=self.walter.email, company_name="Visit & Co"
        )
        self.assertIn("journalist", response.text)
        self.assertIn("/crm/questions/", response.url)
        visitor = self._visitors()
        self.assertEqual(visitor.email, self.walter.email)
        self.assertNotEqual(visitor, self.walter)
        self.assertEqual(visitor.company_name, "Visit & Co")
        invitation = self.env["crm.profiling.invitation"].search(
            [("partner_id", "=", visitor.id)]
        )
        self.assertEqual(invitation.questionnaire_id, self.fair)
        self.assertFalse(invitation.user_id)

    def test_visitor_sets_nothing_but_who_he_is(self):
        self._visit(name="Vera Visitor", category_id="1", user_id="2", is_company="1")
        visitor = self._visitors()
        self.assertFalse(visitor.category_id or visitor.user_id or visitor.is_company)

    def test_nameless_visitor_is_asked_again(self):
        self.assertIn("Your name", self._visit(name="  ").text)

    def test_robot_leaves_no_trace(self):
        response = self._visit(name="Vera Visitor", website="spam.example")
        self.assertIn("Thank you", response.text)
        self.assertFalse(self._visitors())

    def test_flood_is_stopped(self):
        with patch.object(crm_profiling_fair_mixin, "_PER_HOUR", 1):
            self._visit(name="Vera Visitor")
            response = self._visit(name="Vera Visitor")
        self.assertEqual(response.status_code, 429)
        self.assertEqual(len(self._visitors()), 1)

    def test_closed_lapsed_and_guessed_pages_look_alike(self):
        path = "/" + self.fair.fair_url.split("/", 3)[3]
        self.assertEqual(self.url_open(path).status_code, 200)
        self.assertEqual(self.url_open("/crm/fair/guess").status_code, 404)
        self.assertEqual(self.url_open("/crm/fair/False").status_code, 404)
        self.fair.fair_date_end = fields.Datetime.now() - timedelta(minutes=1)
        self.assertEqual(self.url_open(path).status_code, 404)
        self.fair.action_open_fair()
        self.assertEqual(self.url_open(path).status_code, 404)
        self.fair.action_close_fair()
        self.assertFalse(self.fair.fair_url or self.fair.fair_image)

    def test_only_managers_open_a_page(self):
        with self.assertRaises(AccessError):
            self.fair.with_user(self.agent).action_open_fair()

    def test_code_to_scan_is_an_image(self):
        image = html.fromstring(str(self.fair.fair_image))
        self.assertEqual(image.get("alt"), self.fair.fair_url)
        source = base64.b64decode(image.get("src").split(",", 1)[1])
        self.assertTrue(source.startswith(b"\x89PNG"))
