"""What is known of the mail that Odoo's gateway has in hand."""

from email.message import Message
from typing import NamedTuple

from odoo.tools import email_normalize

from ..tools import mail_identity, mail_reference, mail_token

# how a mail stands to a case it answers, in falling trust
STAFF, PARTICIPANT, INVITED, OUTSIDER, DOUBTFUL = (
    "staff",
    "participant",
    # nobody known, yet he shows a token of the case: somebody gave him a mail of ours
    "invited",
    "outsider",
    # in the name of a colleague, without anything that proves it
    "doubtful",
)


class Known(NamedTuple):
    """A mail of before, found by its Message-ID in the discussions or the ledger."""

    mail_id: str
    message: int | None
    model: str | None
    res_id: int | None
    intake: int | None
    state: str | None


class MailInHand(int):
    """The id of the row whose mail the gateway has in hand, as the context holds it.

    A type of its own, because a remote caller can put any number into the context but
    no object of this class: nobody steers the gateway with another mail's row. It
    carries what was found out about the mail, so that it is found out once.
    """

    head: Message
    references: list[str]  # newest first
    recipients: list[str]  # normalized
    sender: str  # normalized, empty if there is none
    known: list[Known]
    sent_lately: int  # mails of the sender that entered within an hour
    asked: set[str]  # addresses that were looked for among the partners
    partner_addresses: set[str]  # those that were found
    partners: object | None  # res.partner with an address of the mail
    author: object | None  # res.partner it is by, maybe empty; None: not decided yet
    tokens: list[mail_token.Token]  # that we made
    standings: dict[int, str]  # crm.case id: how the mail stands to it
    described: int  # crm.case id whose description is the text of the mail, or 0
    untold: set[int]  # crm.case ids that rules do not know of yet
    form: object | None  # mail_form.Prepared while Odoo's gateway reads it
    commands: object | None  # MailCommands that a colleague gives in it
    remark: str  # what the row is to say of it, though all went well
    is_quiet: bool  # the circuit is open: nobody is mailed because of it

    def __new__(cls, row_id, raw=b""):
        hand = super().__new__(cls, row_id)
        hand.head = mail_identity.read_head(raw)
        hand.references = mail_reference.read_references(hand.head)
        hand.recipients = mail_identity.read_addresses(
            hand.head, mail_identity.RECIPIENT_HEADERS
        )
        senders = mail_identity.read_addresses(hand.head, ("From",))
        hand.sender = email_normalize(senders[0]) or "" if senders else ""
        hand.known = []
        hand.sent_lately = 0
        hand.asked, hand.partner_addresses = set(), set()
        hand.partners = hand.author = hand.form = hand.commands = None
        hand.tokens = []
        hand.standings = {}
        hand.described = 0
        hand.untold = set()
        hand.remark = ""
        hand.is_quiet = False
        return hand

    def take_sender(self, message_dict):
        """Believe what Odoo reads as the sender: it signs with it."""
        self.sender = email_normalize(message_dict.get("email_from") or "") or ""

    def may_be_partner(self, email):
        """Tell whether an address of a mail can be a contact's, as far as known."""
        address = email_normalize(email, strict=False)
        return address not in self.asked or address in self.partner_addresses

    def find_tokens(self):
        """List the tokens in the headers; unchecked."""
        return mail_token.find_tokens(" ".join([*self.references, *self.recipients]))
