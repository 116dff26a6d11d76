"""What the sender's mail program says about urgency, as a case's priority.

Three headers are in use: ``X-Priority`` (1 highest to 5 lowest, RFC 2156 maps it),
``Importance`` (RFC 4021) and ``X-MSMail-Priority`` (Outlook).
"""

from email.message import Message

LOW, NORMAL, HIGH, URGENT = "0", "1", "2", "3"

_BY_NUMBER = {"1": URGENT, "2": HIGH, "3": NORMAL, "4": LOW, "5": LOW}
_BY_WORD = {
    "urgent": URGENT,
    "high": HIGH,
    "highest": URGENT,
    "normal": NORMAL,
    "non-urgent": LOW,
    "low": LOW,
    "lowest": LOW,
}
_WORD_HEADERS = ("Importance", "X-MSMail-Priority", "Priority")


def priority_of(message: Message) -> str | None:
    r"""Read the priority from a mail's headers.

    The number is finer than the words, so it wins where both stand.

    >>> from email import message_from_string as mail
    >>> priority_of(mail("X-Priority: 1 (Highest)\n\n"))
    '3'
    >>> priority_of(mail("Importance: High\n\n"))
    '2'
    >>> priority_of(mail("X-Priority: soon\n\n")) is None
    True

    :return: ``"0"`` Low to ``"3"`` Urgent, or None when no header says anything
    """
    number = str(message.get("X-Priority", "")).strip()[:1]
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]
    for header in _WORD_HEADERS:
        word = str(message.get(header, "")).strip().lower()
        if word in _BY_WORD:
            return _BY_WORD[word]
    return None
