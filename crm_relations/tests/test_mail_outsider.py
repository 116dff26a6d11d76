"""What somebody outside gets who writes to a case of others: one row a trick."""

from typing import NamedTuple

from .mail_case_common import JANE, QUALITY, STRANGER, SUPPORT, WATCHER, MailCaseCommon

EVIL = "Eve <eve@evil.example>"
AGENT = "Agent <agent@test.mycompany.com>"
FAILED = {"Authentication-Results": "mx.mycompany.com; dmarc=fail"}
PASSED = {
    "Authentication-Results": "mx.mycompany.com; "
    "dmarc=pass header.from=test.mycompany.com"
}


class Trick(NamedTuple):
    """A mail; {id} is the customer's own Message-ID, {number} the case's."""

    sender: str = EVIL
    subject: str = "Re: Printer on fire"
    to: str = SUPPORT
    cc: str = ""
    headers: dict = {}


KNOWN = {"In-Reply-To": "{id}", "References": "{id}"}
OUTSIDERS = {
    "knows the id": Trick(headers=KNOWN),
    "knows the id and copies a friend": Trick(headers=KNOWN, cc="mallory@evil.example"),
    "knows the id and wants the answers": Trick(headers=KNOWN | {"Reply-To": EVIL}),
    "knows the id, redirects": Trick(
        headers=KNOWN | {"Reply-To": "mallory@evil.example", "Return-Path": EVIL}
    ),
    "knows the number": Trick(subject="[{number}] Close it please"),
    "knows number and id": Trick(subject="[{number}]", headers=KNOWN),
    "calls himself like the customer": Trick(
        '"Jane" <eve@evil.example>', "[{number}]", headers=KNOWN
    ),
    "has her address as his name": Trick(
        '"jane@acme.example" <eve@evil.example>', "[{number}]", headers=KNOWN
    ),
    "two senders, himself first": Trick(
        "Eve <eve@evil.example>, Jane <jane@acme.example>", headers=KNOWN
    ),
    "Sender is the customer": Trick(headers=KNOWN | {"Sender": JANE}),
    "knows another section": Trick(headers=KNOWN, to=QUALITY),
    "writes to both sections": Trick(headers=KNOWN, to=f"{SUPPORT}, {QUALITY}"),
    "forged bounce": Trick(
        "MAILER-DAEMON@evil.example",
        "Undelivered Mail Returned to Sender",
        headers=KNOWN | {"Return-Path": "<>"},
    ),
    "as a program": Trick(headers=KNOWN | {"Auto-Submitted": "auto-generated"}),
    "in the customer's name, found forged": Trick(
        JANE, "[{number}]", headers=KNOWN | FAILED, cc="mallory@evil.example"
    ),
    "in a watcher's name, found forged": Trick(WATCHER, headers=KNOWN | FAILED),
    "no sender": Trick("", "[{number}]", headers=KNOWN),
    "no address": Trick("Jane", "[{number}]", headers=KNOWN),
    "plus address of hers": Trick("jane+evil@acme.example", headers=KNOWN),
    "same domain as she": Trick("eve@acme.example", headers=KNOWN),
    "unicode double of her address": Trick("j\u0430ne@acme.example", headers=KNOWN),
}
# a colleague's name without anything that proves it
DOUBTFUL = {
    "number only": Trick(AGENT, "[{number}] done"),
    "found forged": Trick(AGENT, headers=KNOWN | FAILED),
    "number, found forged": Trick(AGENT, "[{number}]", headers=FAILED),
    "copies a friend": Trick(AGENT, "[{number}]", cc="mallory@evil.example"),
    "to both sections": Trick(AGENT, "[{number}]", to=f"{SUPPORT}, {QUALITY}"),
}


class TestMailOutsider(MailCaseCommon):
    """Nobody outside reads, joins, changes, closes or redirects a case by mail."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param(
            "crm_relations.mail_authserv_id", "mx.mycompany.com"
        )
        # whatever colleagues may do by mail is switched on
        cls.support1.staff_reply_state = "done"
        cls.env["res.partner"].create(
            [
                {"name": "Eve", "email": "eve@evil.example"},
                {"name": "Mallory", "email": "mallory@evil.example"},
            ]
        )

    def _begin(self):
        """Give a case of Jane's, begun by a mail whose id her friends may know."""
        mail = self._new_mail(JANE, cc=WATCHER)
        case = self.env["crm.case"].browse(self._process(mail))
        case.write({"user_id": self.agent.id, "state": "pending"})
        return case, str(mail["Message-ID"])

    def _get_values(self, case):
        names = (
            *("state", "section_id", "user_id", "partner_id", "email_from", "email_cc"),
            *("message_partner_ids", "priority", "name", "description", "category_id"),
            *("contact_name", "phone", "reference", "active", "date_first_response"),
        )
        return {name: case[name] for name in names}

    def _send(self, trick, case, message_id):
        def fill(text):
            return text.replace("{id}", message_id).replace("{number}", case.number)

        headers = {name: fill(value) for name, value in trick.headers.items()}
        with self.mock_mail_gateway():
            self._receive(
                trick.sender,
                trick.to,
                fill(trick.subject),
                cc=trick.cc,
                text="SECRET of the outsider",
                headers=headers,
            )
            self.flush_tracking()
        return self._get_reached()

    def _check(self, table):
        for trap, trick in table.items():
            with self.subTest(trap), self.env.cr.savepoint() as savepoint:
                case, message_id = self._begin()
                before = self._get_values(case)
                reached = self._send(trick, case, message_id)
                self.assertEqual(self._get_values(case), before)
                outside = [one for one in reached if "@test.mycompany.com" not in one]
                self.assertFalse(outside, "people outside were told")
                public = case.message_ids.filtered(
                    lambda message: (
                        "SECRET" in (message.body or "")
                        and not message.subtype_id.internal
                    )
                )
                self.assertFalse(public, "the customer would see it on the portal")
                self._check_told_nothing_later(case)
                savepoint.rollback()
                self.env.invalidate_all()

    def _check_told_nothing_later(self, case):
        with self.mock_mail_gateway():
            case.with_user(self.agent).message_post(
                body="Only for Jane",
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
                partner_ids=self.jane.ids,
            )
            self.flush_tracking()
        self.assertIn("jane@acme.example", self._get_reached())
        self.assertFalse([one for one in self._get_reached() if "evil" in one])

    def test_outsiders(self):
        self._check(OUTSIDERS)

    def test_in_a_colleagues_name(self):
        self._check(DOUBTFUL)

    def test_the_responsible_is_told_of_an_outsider(self):
        case, message_id = self._begin()
        reached = self._send(OUTSIDERS["knows the id"], case, message_id)
        self.assertEqual(reached, ["agent@test.mycompany.com"])
        self.assertIn("takes no part", self._get_mails(case)[0].body)

    def test_colleague_whom_the_server_vouches_for(self):
        case, message_id = self._begin()
        trick = Trick(AGENT, "[{number}] done", headers=PASSED)
        reached = self._send(trick, case, message_id)
        self.assertIn("jane@acme.example", reached)
        self.assertEqual(case.state, "done")

    def test_guest_with_our_mail_is_heard_and_does_not_join(self):
        case, _message_id = self._begin()
        ours = case.message_post(body="Hello", subtype_xmlid="mail.mt_comment")
        trick = Trick(
            headers={"In-Reply-To": ours.message_id}, cc="mallory@evil.example"
        )
        before = self._get_values(case)
        self._send(trick, case, "")
        self.assertEqual(case.state, "open")
        self.assertEqual(self._get_values(case), before | {"state": "open"})
        self._check_told_nothing_later(case)

    def test_guest_stays_a_guest(self):
        case, message_id = self._begin()
        ours = case.message_post(body="Hello", subtype_xmlid="mail.mt_comment")
        self._send(Trick(headers={"In-Reply-To": ours.message_id}), case, "")
        for name in ("knows the id and copies a friend", "knows the number"):
            before = self._get_values(case)
            reached = self._send(OUTSIDERS[name], case, message_id)
            self.assertFalse([one for one in reached if "acme" in one], name)
            self.assertEqual(self._get_values(case), before, name)
        self._check_told_nothing_later(case)

    def test_addresses_are_no_patterns(self):
        case, _message_id = self._begin()
        self._post_to(case, "jo_ann@mail.example")
        for sender in ("%@mail.example", "jo%@mail.example", "ann@mail.example"):
            self.assertNotEqual(
                self._receive(sender, subject=f"[{case.number}] Me"), case, sender
            )
        for sender in ("jo_ann@mail.example", "Jo <JO_ANN@mail.example>"):
            self.assertEqual(
                self._receive(sender, subject=f"[{case.number}] Me"), case, sender
            )

    def _post_to(self, case, address):
        case.message_post(
            body="Hello",
            subtype_xmlid="mail.mt_comment",
            message_type="comment",
            outgoing_email_to=address,
        )

    def test_stranger_without_a_case_opens_his_own(self):
        self.assertTrue(self._receive(STRANGER))
