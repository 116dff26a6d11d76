"""The mark that names a case in a mail's subject: ``[101] Printer on fire``."""

import re

_MARK = r"\[{number}\]"


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
