"""How a mail names what it answers: by Message-IDs, or by the mark in its subject.

The mark is the number of a case, as in ``[101] Printer on fire``.
"""

import re
from email.message import Message

FIRST, LAST = 4, 32  # references that count: long threads name hundreds
MAX_MARKS = 5
SUBJECT_LIMIT = 500  # characters

_MARK = r"\[{number}\]"
_ANY_MARK = re.compile(r"\[\s*#?\s*([^\[\]\s]{1,32})\s*\]")
_ID = re.compile(r"[^\s<>,;]+")


def add_mark(subject: str, number: str) -> str:
    """Put the case's mark before ``subject``, once.

    >>> add_mark("Printer on fire", "101")
    '[101] Printer on fire'
    >>> add_mark("Re: [101] Printer on fire", "101")
    'Re: [101] Printer on fire'
    >>> add_mark("", "101")
    '[101]'

    :param subject: text of the subject, one line
    :param number: the case's number
    """
    if re.search(_MARK.format(number=re.escape(number)), subject or ""):
        return subject
    return f"[{number}] {subject or ''}".rstrip()


def drop_mark(subject: str, number: str) -> str:
    """Take the mark of a case out of a subject.

    >>> drop_mark("Re: [101] Printer on fire", "101")
    'Re: Printer on fire'
    >>> drop_mark("[7] Re: [101] x [#101]", "101")
    '[7] Re: x'
    """
    mark = rf"\s*\[\s*#?\s*{re.escape(number)}\s*\]"
    return re.sub(mark, "", (subject or "")[:SUBJECT_LIMIT]).strip()


def find_marks(subject: str) -> list[str]:
    """Find what may be numbers of cases.

    >>> find_marks("Re: [101] WG: [#S-7] [two words] []")
    ['101', 'S-7']
    """
    return list(dict.fromkeys(_ANY_MARK.findall(subject[:SUBJECT_LIMIT])))[:MAX_MARKS]


def read_references(head: Message) -> list[str]:
    r"""List the ids of the mails that this one answers, the newest first.

    Brackets may be missing: some clients drop them.

    >>> from email import message_from_string as mail
    >>> read_references(mail("References: <a@b>\n <c@d>\nIn-Reply-To: e@f\n\n"))
    ['<e@f>', '<c@d>', '<a@b>']
    """
    older = _read_ids(head, "References")
    if len(older) > FIRST + LAST:
        older = older[:FIRST] + older[-LAST:]
    newest_first = _read_ids(head, "In-Reply-To")[:LAST] + older[::-1]
    return list(dict.fromkeys(newest_first))


def _read_ids(head: Message, name: str) -> list[str]:
    text = " ".join(str(value) for value in head.get_all(name, ()))
    return [f"<{found}>" for found in _ID.findall(text) if "@" in found]
