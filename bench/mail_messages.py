"""Mails as an office program writes them: 6 KB of text and 14 KB of HTML."""

import random

DOMAIN = "bench.example"  # of the contacts that populate.py makes
STRANGERS = "stranger.example"
TEXT_SIZE, HTML_SIZE = 6_000, 13_100  # characters; with what frames them, 20 KB

_VOCABULARY = (
    "delivery invoice order machine spare part request answer contract price urgent "
    "colleague monday please attached drawing pressure valve service visit engineer "
    "offer quantity warranty complaint broken pump seal again thanks regards"
)
_WORDS = _VOCABULARY.split()
_PARAGRAPH = (
    '<p class="MsoNormal" style="margin:0cm;font-size:11pt;'
    'font-family:Calibri,sans-serif"><span style="color:#1F497D">{} <b>{}</b></span>'
    "<o:p></o:p></p>\r\n"
)
_TABLE = '<table border="1" cellpadding="2"><tr><td>{}</td><td>{}</td></tr></table>\r\n'
_PAGE = (
    '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><meta '
    'http-equiv="Content-Type" content="text/html; charset=utf-8"><style><!-- '
    "@font-face {{font-family:Calibri;}} p.MsoNormal {{margin:0cm; font-size:11.0pt;}} "
    'a:link {{color:#0563C1;}} --></style></head><body lang="EN" link="#0563C1"><div '
    'class="WordSection1">{}<p><a href="https://www.example.org/page?id=1">link</a></p>'
    "</div></body></html>"
)
_MAIL = """\
Received: from mx.client.example (mx.client.example [192.0.2.10])\
 by mx.{domain} with ESMTPS id {key}; Mon, 23 Nov 2026 04:00:00 +0000
Return-Path: <{sender[1]}>
Delivered-To: {to}
From: {sender[0]} <{sender[1]}>
To: {to}
Subject: {subject}
Date: Mon, 23 Nov 2026 04:00:00 +0000
Message-ID: {message_id}
MIME-Version: 1.0
X-Mailer: Bench
{answers}Content-Type: multipart/alternative; boundary="alt{key}"

--alt{key}
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: 8bit

{text}
--alt{key}
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: 8bit

{html}
--alt{key}--
"""


def message_id(key):
    return f"<{key}@client.example>"


def write_mail(key, to, sender, subject, parent=None):
    """Write one mail; the same key gives the same mail.

    :param sender: (name, address)
    :param parent: key of the mail it answers
    :return: bytes
    """
    rng = random.Random(key)
    answers = ""
    if parent:
        answered = message_id(parent)
        answers = f"In-Reply-To: {answered}\nReferences: {answered}\n"
    mail = _MAIL.format(
        key=key,
        to=to,
        sender=sender,
        subject=subject,
        domain=DOMAIN,
        message_id=message_id(key),
        answers=answers,
        text=_text(rng),
        html=_html(rng),
    )
    return mail.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def _sentence(rng, words=14):
    return " ".join(rng.choices(_WORDS, k=words)).capitalize() + "."


def _text(rng):
    lines, size = [], 0
    while size < TEXT_SIZE:
        lines.append(_sentence(rng))
        size += len(lines[-1]) + 1
    return "\n".join(lines)


def _html(rng):
    parts, size = [], 0
    while size < HTML_SIZE:
        part = _PARAGRAPH.format(_sentence(rng), _sentence(rng, 5))
        if rng.random() < 0.06:
            part += _TABLE.format(_sentence(rng, 3), _sentence(rng, 3))
        parts.append(part)
        size += len(part)
    return _PAGE.format("".join(parts))


class Feed:
    """The mails of one target: new ones, half of them from contacts, and answers.

    :ivar to: the address they are sent to
    :ivar written: (key, sender) of the new mails so far
    """

    def __init__(self, name, to, run, contacts):
        self.name, self.to, self.run = name, to, run
        self.contacts = contacts
        # Odoo drops a sender after 20 new threads in two hours: no run starts alike
        self.offset = random.randrange(contacts)
        self.number = 0
        self.written = []

    def _sender(self):
        if self.number % 2:
            number = 1 + (self.offset + self.number) % self.contacts
            return f"Known {number}", f"p{number}@{DOMAIN}"
        return f"Stranger {self.number}", f"s{self.number}-{self.run}@{STRANGERS}"

    def _next_key(self):
        self.number += 1
        return f"{self.run}-{self.name}-{self.number}"

    def new(self, count):
        """Write mails that answer nothing; a list of bytes."""
        mails = []
        for _number in range(count):
            key = self._next_key()
            sender = self._sender()
            self.written.append((key, sender))
            subject = f"Subject {self.number} about {sender[0]}"
            mails.append(write_mail(key, self.to, sender, subject))
        return mails

    def reply(self, count):
        """Write answers of the senders to their own mails, each to another one."""
        mails = []
        for _number in range(count):
            key = self._next_key()
            parent, sender = self.written[self.number % len(self.written)]
            subject = f"Re: Subject {self.number}"
            mails.append(write_mail(key, self.to, sender, subject, parent))
        return mails
