"""What the tests of mail share: raw mails in, addresses out.

Mails are built as bytes, as a mail server hands them over, and go through
`message_process`; what leaves is read off the mails that Odoo built.
"""

import tempfile
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from pathlib import Path

from odoo.tools import email_normalize

from .common import CrmRelationsCommon
from .mail_server import MailServer

CORPUS = Path(__file__).parent / "mail"
PASSWORD = "secret of the mailbox"

SUPPORT = "support@test.mycompany.com"
SUPPORT2 = "support2@test.mycompany.com"
QUALITY = "quality@test.mycompany.com"

JANE = "Jane <jane@acme.example>"
BOB = "Bob <bob@acme.example>"
STRANGER = "Sam Stranger <sam@nowhere.example>"
WATCHER = "Wanda <wanda@watch.example>"


class MailCaseCommon(CrmRelationsCommon):
    """A case of Jane's with a watcher, and ways to write to it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.case = cls._new_case(
            partner_id=cls.jane.id,
            email_cc=WATCHER,
            user_id=cls.agent.id,
            state="open",
        )

    @classmethod
    def _new_mailbox(cls, section, address, **values):
        return cls.env["fetchmail.server"].create(
            {
                "name": address,
                "user": address,
                "server_type": "imap",
                "server": "127.0.0.1",
                "section_id": section.id,
                **values,
            }
        )

    @classmethod
    def _new_mail(cls, sender, to=SUPPORT, subject="Question", **parts):
        """Build a mail.

        :param parts: ``cc``, ``text``, ``html``, ``answers`` (a message id or a
            mail.message), ``files`` as {name: bytes}, ``headers`` as {name: value}
        :return: email.message.EmailMessage
        """
        mail = EmailMessage(policy=SMTP)
        answers = parts.get("answers")
        headers = {
            "From": sender,
            "To": to,
            "Cc": parts.get("cc"),
            "Subject": subject,
            "Message-ID": make_msgid(domain="mail.example"),
            "In-Reply-To": getattr(answers, "message_id", answers),
            **parts.get("headers", {}),
        }
        for name, value in headers.items():
            if value:
                mail[name] = value
        mail.set_content(parts.get("text", "Please call me."))
        if "html" in parts:
            mail.add_alternative(parts["html"], subtype="html")
        for name, content in parts.get("files", {}).items():
            mail.add_attachment(
                content, maintype="application", subtype="octet-stream", filename=name
            )
        return mail

    def _process(self, mail):
        """Hand a mail to the gateway as the mail server's user does.

        :return: what `message_process` answers, an id or False
        """
        return self.env["mail.thread"].message_process("crm.case", mail.as_bytes())

    def _receive(self, sender, to=SUPPORT, subject="Question", **parts):
        """Receive a mail.

        :return: the crm.case it ended in, empty if it ended nowhere
        """
        case_id = self._process(self._new_mail(sender, to, subject, **parts))
        return self.env["crm.case"].browse(case_id or [])

    def _reply(self, sender, case=None, **parts):
        """Answer the latest public message of ``case``.

        :return: the mail.message it became
        """
        case = self.case if case is None else case
        parts.setdefault("answers", self._public_message(case))
        found = self._receive(sender, subject=f"Re: {case.name}", **parts)
        self.assertEqual(found, case, "the answer must stay in the case")
        return self._get_mails(case)[0]

    def _get_mails(self, case):
        """List the received mails of a case, latest first."""
        return case.message_ids.filtered(lambda m: m.message_type == "email")

    def _public_message(self, case):
        """Give the latest message a customer could answer; post one if need be."""
        found = case.message_ids.filtered(lambda m: not m.subtype_id.internal)[:1]
        return found or case.message_post(
            body="How can we help?", subtype_xmlid="mail.mt_comment"
        )

    def _new_cases(self, domain=()):
        return self.env["crm.case"].search([*domain, ("id", ">", self.case.id)])

    @contextmanager
    def _sends_to(self, *addresses):
        """Check who is mailed in the block: each once and nobody else."""
        self.flush_tracking()
        with self.mock_mail_gateway():
            yield
            self.flush_tracking()
        self.assertEqual(self._get_reached(), sorted(addresses))

    def _get_reached(self):
        """List the addresses of all mails built, as often as they were used."""
        return sorted(
            email_normalize(address)
            for mail in self._mails
            for address in mail["email_to"]
        )

    def _get_states(self, case=None):
        """List the states a case went through, oldest first."""
        case = self.case if case is None else case
        moves = self.env["crm.case.move"].search([("case_id", "=", case.id)])
        states = []
        for move in moves.sorted("id"):
            if move.state not in states[-1:]:
                states.append(move.state)
        return states


class MailServerCommon(MailCaseCommon):
    """The same with a real mail system: Dovecot and an SMTP receiver.

    Mail to support@test.example and sales@test.example belongs to Support 1 and
    Quality, as the corpus wants it.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["fetchmail.server"].search([]).action_archive()
        domain = cls._init_alias_domain(
            "test.example",
            {"name": "test.example", "company_ids": [(4, cls.env.company.id)]},
        )
        cls.support1.alias_domain_id = domain
        cls.quality.write({"alias_name": "sales", "alias_domain_id": domain.id})
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.mail_server = MailServer(folder.name)
        cls.addClassCleanup(cls.mail_server.stop)
        cls.mail_server.start()

    @classmethod
    def _open_mailbox(cls, section, address, server_type="imap", **values):
        """Make an empty mailbox on the server and let Odoo fetch from it."""
        cls.mail_server.add_mailbox(address, PASSWORD)
        cls.mail_server.clear(address)
        ports = {"imap": cls.mail_server.imap_port, "pop": cls.mail_server.pop3_port}
        mailbox = cls._new_mailbox(
            section,
            address,
            password=PASSWORD,
            server=cls.mail_server.host,
            port=ports[server_type],
            server_type=server_type,
            **values,
        )
        mailbox.button_confirm_login()
        return mailbox

    def _read_corpus(self, name, **replaced):
        """Read a mail of the corpus.

        :param replaced: texts to put in place of others, as in ``PLACEHOLDER="x"``
        """
        raw = (CORPUS / f"{name}.eml").read_bytes()
        for old, new in replaced.items():
            raw = raw.replace(old.encode(), new.encode())
        return raw

    def _fetch(self):
        """Run the scheduled action as the scheduler does.

        :return: the new crm.case records, in the order of their arrival
        """
        last = self.env["crm.case"].search([], order="id desc", limit=1).id
        cron = self.env.ref("mail.ir_cron_mail_gateway_action")
        cron.active = True
        with self.enter_registry_test_mode():
            self.assertIs(cron.method_direct_trigger(), True)
        self.env.invalidate_all()
        failed = self.env["fetchmail.server"].search([("error_message", "!=", False)])
        self.assertFalse(failed, failed.mapped("error_message"))
        return self.env["crm.case"].search([("id", ">", last)], order="id")
