import re
from datetime import timedelta

from lxml import etree
from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools.safe_eval import safe_eval

from .profiling_common import ProfilingCommon


@tagged("crm_relations_import")
class TestProfilingInvite(ProfilingCommon):
    """A questionnaire is sent to many at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = cls.env["res.partner"].create(
            [{"name": f"P{n}", "email": f"p{n}@x.example"} for n in range(4)]
        )

    def _invite(self, partners, user=None):
        """Open the wizard as from the list of partners."""
        wizards = self.env["crm.profiling.invite"].with_user(user or self.agent)
        wizard = wizards.with_context(
            active_model="res.partner", active_ids=partners.ids
        ).create({"questionnaire_id": self.fair.id})
        self.assertEqual(wizard.partner_ids, partners)
        return wizard

    def _send(self, wizard, change=None):
        """Send the mail as the user looked it over: {address: body}."""
        action = wizard.action_compose()
        composer = Form(
            self.env[action["res_model"]]
            .with_user(wizard.env.user)
            .with_context(**action["context"])
        )
        if change:
            composer.body = change(composer.body)
        with self.mock_mail_gateway():
            composer.save().action_send_mail()
        return {mail["email_to"][0]: mail["body"] for mail in self._mails}

    def _invitations(self, partners):
        return self.env["crm.profiling.invitation"].search(
            [("partner_id", "in", partners.ids)], order="id"
        )

    def test_each_gets_a_link_of_his_own(self):
        sent = self._send(self._invite(self.people))
        invitations = self._invitations(self.people)
        self.assertEqual(invitations.partner_id, self.people)
        self.assertEqual(set(invitations.user_id), {self.agent})
        self.assertEqual(len(sent), 4)
        for invitation in invitations:
            [body] = [
                body for to, body in sent.items() if invitation.partner_id.email in to
            ]
            links = re.findall(r"/crm/questions/([\w-]+)", body)
            self.assertEqual(set(links), {invitation._get_link().rsplit("/", 1)[1]})

    def test_text_is_the_senders(self):
        sent = self._send(
            self._invite(self.people[:1]), lambda body: body.replace("Please", "Kindly")
        )
        [body] = sent.values()
        self.assertIn("Kindly answer", body)
        self.assertEqual(body.count(self._invitations(self.people)._get_link()), 1)

    def test_mail_without_the_link_invites_nobody(self):
        self._send(self._invite(self.people), lambda body: "Good morning")
        self.assertFalse(self._invitations(self.people))

    def test_who_is_left_out_is_told_with_the_reason(self):
        addressless, blacklisted, invited, plain = self.people
        addressless.email = "nothing"
        self.env["mail.blacklist"]._add(blacklisted.email)
        self.env["crm.profiling.invitation"].create(
            {"partner_id": invited.id, "questionnaire_id": self.fair.id}
        )
        wizard = self._invite(self.people)
        self.assertEqual(
            [wizard.addressless_ids, wizard.blacklisted_ids, wizard.invited_ids],
            [addressless, blacklisted, invited],
        )
        self.assertEqual(wizard.send_count, 1)
        sent = self._send(wizard)
        self.assertEqual(len(sent), 1)
        self.assertIn(plain.email, str(list(sent)))
        self.assertFalse(self._invitations(addressless | blacklisted))
        again = self._invite(self.people)
        self.assertFalse(again.send_count)
        with self.assertRaisesRegex(UserError, "none of them"):
            again.action_compose()

    def test_who_has_answered_or_let_the_link_lapse_may_be_asked_again(self):
        past = fields.Datetime.now() - timedelta(days=1)
        other = self._new_questionnaire("Other", "sector")
        answered, lapsed, elsewhere, _plain = self.people
        for partner, questionnaire, values in (
            (answered, self.fair, {"date_answered": past}),
            (lapsed, self.fair, {"date_expiry": past}),
            (elsewhere, other, {}),
        ):
            self.env["crm.profiling.invitation"].create(
                {"partner_id": partner.id, "questionnaire_id": questionnaire.id}
            ).write(values)
        self.assertEqual(self._invite(self.people).send_count, 4)

    def test_list_tells_who_waits_and_who_let_it_lapse(self):
        past = fields.Datetime.now() - timedelta(days=1)
        rows = self.env["crm.profiling.invitation"].create(
            [
                {"partner_id": partner.id, "questionnaire_id": self.fair.id}
                for partner in self.people[:3]
            ]
        )
        rows[0].date_answered = past
        rows[1].date_expiry = past
        view = rows.get_views([(False, "search")])["views"]["search"]
        filters = {
            node.get("name"): node.get("domain")
            for node in etree.fromstring(view["arch"]).iter("filter")
            if node.get("domain")
        }
        for number, name in enumerate(("answered", "lapsed", "waiting")):
            with self.subTest(name):
                domain = safe_eval(filters[name])
                self.assertEqual(rows.filtered_domain(domain), rows[number])

    def test_two_who_send_at_a_time_invite_once(self):
        self._send(self._invite(self.people))
        composer = self.env["mail.compose.message"].with_user(self.agent)
        values = composer.new(
            {"model": "res.partner", "crm_questionnaire_id": self.fair.id}
        )._manage_mail_values(
            {
                partner.id: {
                    "body_html": f"{composer.get_base_url()}/crm/questions/own-link"
                }
                for partner in self.people[:2]
            }
        )
        self.assertFalse(values)
        self.assertEqual(len(self._invitations(self.people)), 4)

    def test_other_mails_are_as_before(self):
        composer = self.env["mail.compose.message"].with_user(self.agent)
        values = {1: {"body_html": "x"}}
        self.assertEqual(composer.new({})._manage_mail_values(values), values)

    def test_cost_does_not_grow_with_the_number(self):
        many = self.env["res.partner"].create(
            [{"name": f"M{n}", "email": f"m{n}@x.example"} for n in range(120)]
        )
        composers = self.env["mail.compose.message"].with_user(self.agent)
        composer = composers.new(
            {"model": "res.partner", "crm_questionnaire_id": self.fair.id}
        )
        place = composer.get_base_url() + "/crm/questions/own-link"

        def cost(partners):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self._invite(partners)._sort_out()
            composer._manage_mail_values(
                {partner.id: {"body_html": place} for partner in partners}
            )
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        cost(self.people)
        self.assertEqual(cost(many[:20]), cost(many[20:]))

    def test_who_may(self):
        with self.assertRaises(AccessError):
            self._invite(self.people, self.user_employee)
