"""Headers written against the rules: bare bytes where RFC 2047 wants them encoded.

Old programs and web forms still send Japanese subjects so. Odoo reads such bytes as
UTF-8 and leaves replacement characters where they are not.
"""

from email.message import Message
from email.policy import SMTP, EmailPolicy

_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


def read_header(message: Message, name: str) -> str | None:
    r"""Read a header that was sent as bare bytes in the charset of the mail's text.

    >>> from email import message_from_bytes, policy
    >>> def mail(charset, subject):
    ...     head = f"Content-Type: text/plain; charset={charset}\nSubject: "
    ...     return message_from_bytes(head.encode() + subject, policy=policy.SMTP)
    >>> read_header(mail("Shift_JIS", "見積".encode("cp932")), "subject")
    '見積'
    >>> read_header(mail("Shift_JIS", b"=?UTF-8?Q?=E8=A6=8B?="), "Subject") is None
    True
    >>> read_header(mail("klingon", b"\xe9"), "Subject") is None
    True
    >>> read_header(mail("us-ascii", b"\xe9"), "To") is None
    True

    :return: its text; None when there is nothing to repair or no way to
    """
    if _UNREADABLE not in str(message.get(name, "")):
        return None
    raw = next(
        value for key, value in message.raw_items() if key.lower() == name.lower()
    )
    raw = "".join(raw.splitlines())
    try:
        return raw.encode("ascii", "surrogateescape").decode(_get_charset(message))
    except (LookupError, UnicodeError):
        return None


def _get_charset(message: Message) -> str:
    charsets = (part.get_content_charset() for part in message.walk())
    charset = next(filter(None, charsets), "ascii")
    # what calls itself Shift_JIS is Microsoft's variant, which holds all of it
    return "cp932" if charset.lower().replace("-", "_") == "shift_jis" else charset


class _RememberingPolicy(EmailPolicy):
    """Parses each header once: the library does so whenever one is asked for."""

    def __init__(self) -> None:
        super().__init__(linesep=SMTP.linesep, header_factory=SMTP.header_factory)
        # policies refuse to be changed, which is not meant for what they remember
        object.__setattr__(self, "_parsed", {})

    def header_fetch_parse(self, name: str, value: str) -> str:
        key = (name, str(value))
        if key not in self._parsed:
            self._parsed[key] = super().header_fetch_parse(name, value)
        return self._parsed[key]


def remember_headers(message: Message) -> None:
    """Let a mail and its parts parse each header only once, from now on.

    >>> from email import message_from_string, policy
    >>> mail = message_from_string("Subject: =?utf-8?q?J?=", policy=policy.SMTP)
    >>> remember_headers(mail)
    >>> mail["Subject"], mail["Subject"] is mail["Subject"]
    ('J', True)
    """
    policy = _RememberingPolicy()
    for part in message.walk():
        part.policy = policy
