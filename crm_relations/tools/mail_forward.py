"""Recognise a forwarded mail, and whose it was.

Mail programs write who wrote the forwarded mail into its text, each in its own way and
language: a line that announces it, then a block of lines that look like headers. Or
they attach the mail as it was.

Nothing here raises, whatever the text is, and time grows with its length only.
"""

import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import Message
from html import unescape
from typing import NamedTuple

from .mail_shown import plain_line

TEXT_LIMIT = 256 * 1024  # characters; what is forwarded stands further up
VALUE_LIMIT = 500  # characters of a line that names somebody
LEAD_IN_DISTANCE = 3  # lines with text between the announcement and the block

FROM, SENT, TO, SUBJECT, COPY = "from", "sent", "to", "subject", "copy"

# As written by Outlook, Gmail, Apple Mail, Thunderbird, Yahoo, Notes and web mailers.
_LABELS = {
    FROM: "from|von|absender|de|expéditeur|remitente|da|mittente|van|afzender|från|"
    "avsändare|fra|afsender|avsender|lähettäjä|od|nadawca|odesílatel|odosielateľ|"
    "odesilatel|feladó|de la|expeditor|от|от кого|отправитель|від|от кога|από|"
    "kimden|gönderen|发件人|發件人|寄件者|寄件人|差出人|送信者|보낸 사람|보낸사람|발신|"
    "من|מאת|từ|dari|จาก|šalje|pošiljatelj|saatja|nuo|remetente",
    SENT: "sent|date|gesendet|datum|envoyé|date d'envoi|enviado|enviado el|fecha|"
    "enviada|enviada em|data|inviato|verzonden|skickat|sendt|dato|lähetetty|päivämäärä|"
    "päiväys|wysłano|odesláno|odoslané|dátum|elküldve|trimis|trimis la|отправлено|дата|"
    "надіслано|ημερομηνία|στάλθηκε|gönderilme tarihi|gönderildi|tarih|发送时间|日期|"
    "时间|發送時間|寄件日期|送信日時|日時|日付|보낸 날짜|날짜|보낸시간|التاريخ|تاريخ|"
    "נשלח|תאריך|ngày|đã gửi|tanggal|terkirim|วันที่|poslano|kuupäev|data i godzina",
    TO: "to|an|empfänger|à|a|destinataire|para|destinatario|aan|till|til|vastaanottaja|"
    "do|komu|címzett|către|catre|кому|до|προς|kime|alıcı|收件人|收件者|宛先|받는 사람|"
    "받는사람|إلى|אל|đến|kepada|ถึง|za|prima|kellele|kam|destinatário",
    SUBJECT: "subject|betreff|objet|sujet|asunto|oggetto|assunto|onderwerp|ämne|emne|"
    "aihe|temat|předmět|predmet|predmet správy|tárgy|subiect|тема|θέμα|konu|主题|主題|"
    "主旨|件名|제목|الموضوع|נושא|chủ đề|tiêu đề|perihal|subjek|เรื่อง|naslov|teema",
    COPY: "cc|kopie|kopi|copie|copia|cópia|kopia|kopija|копия|копія|másolat|kopio|"
    "抄送|副本|참조|bcc|cci|cco|reply-to|antwort an|répondre à|responder a|rispondi a",
}
_KINDS = {
    label: kind for kind, labels in _LABELS.items() for label in labels.split("|")
}
_LABEL_LENGTH = max(map(len, _KINDS))
_MARKUP = " \t\xa0\u200b\u200e\u200f*_"  # of bold type, as plain text shows it

_FORWARD_PREFIX = re.compile(
    r"\s*\[?\s*(?:fwd?|wg|weitergeleitet|tr|rv|reenv|i|inoltro|doorst|doorgestuurd|"
    r"vb|vl|vs|vidarebefordrat|videresendt|enc|encaminhada|res\s*enc|pd|przek|"
    r"továbbítás|továbbítva|fs|ilt|i̇lt|ynt\s*ilt|πρθ|προώθ|пересл|перенапр|пер|пд|redir|"
    r"转发|轉寄|轉發|转寄|転送|전달|إعادة توجيه|הועבר|chuyển tiếp|edasi|prosl|posr)"
    r"\s*(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3})?\s*[:：]",
    re.I,
)
_FORWARD_SUFFIX = re.compile(r"\s*\(fwd?\)\s*$", re.I)
_REPLY_PREFIX = re.compile(
    r"\s*(?:re|aw|antw|antwort|ref|rif|ris|r|res|sv|odp|oдп|vá|ynt|απ|отв|回复|回覆|"
    r"答复|返信|답장|رد|השב|trả lời)\s*(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3})?\s*[:：]",
    re.I,
)
# between dashes or at the line's end; only the words count
_FORWARD_WORDS = re.compile(
    r"forwarded\s+(?:message|mail|e-?mail|by)|begin\s+forwarded|fwd\s+message|"
    r"weitergeleitete\s+(?:nachricht|e-?mail|mail)|anfang\s+der\s+weitergeleiteten|"
    r"message\s+(?:transféré|transmis|réexpédié)|début\s+du\s+message\s+"
    r"(?:réexpédié|transféré)|courriel\s+transféré|mensaje\s+reenviado|"
    r"mensaje\s+original\s+reenviado|inicio\s+del\s+mensaje\s+reenviado|"
    r"messaggio\s+inoltrato|inizio\s+messaggio\s+inoltrato|inizio\s+del\s+messaggio|"
    r"mensagem\s+(?:encaminhada|reencaminhada)|início\s+da\s+mensagem|"
    r"doorgestuurd\s+bericht|begin\s+doorgestuurd|vidarebefordrat\s+(?:meddelande|brev)|"
    r"vidarebefordrat\s+mail|videresendt\s+(?:melding|meddelelse|besked)|"
    r"välitetty\s+viesti|edelleenlähetetty|przekazana\s+wiadomość|"
    r"wiadomość\s+przekazana|treść\s+przekazanej|přeposlaná\s+zpráva|přeposlan|"
    r"preposlaná\s+správa|továbbított\s+(?:üzenet|levél)|mesaj\s+redirecționat|"
    r"mesaj\s+redirectionat|пересылаемое\s+(?:сообщение|письмо)|"
    r"пересланное\s+(?:сообщение|письмо)|перенаправленное|переслане\s+повідомлення|"
    r"προωθημένο\s+μήνυμα|iletilen\s+(?:mesaj|ileti|e-posta)|yönlendirilen|"
    r"转发的?(?:邮件|信息|消息)|轉寄的?(?:郵件|訊息)|已轉寄|轉寄郵件|転送(?:された)?メッセージ|"
    r"転送メール|전달된\s*(?:메시지|메일)|전달\s*메시지|رسالة\s+معاد|الرسالة\s+المعاد|"
    r"הודעה\s+שהועברה|thư\s+được\s+chuyển|tin\s+nhắn\s+chuyển\s+tiếp|pesan\s+terusan",
    re.I,
)
# Outlook writes these above answers as well
_ORIGINAL_WORDS = re.compile(
    r"original\s+(?:message|mail|appointment|meeting)|ursprüngliche\s+nachricht|"
    r"originalnachricht|original-nachricht|message\s+d'origine|message\s+original|"
    r"mensaje\s+original|messaggio\s+originale|mensagem\s+original|"
    r"oorspronkelijk\s+bericht|ursprungligt\s+meddelande|originalmeddelande|"
    r"oprindelig\s+meddelelse|opprinnelig\s+melding|alkuperäinen\s+viesti|"
    r"wiadomość\s+oryginalna|oryginalna\s+wiadomość|původní\s+zpráva|pôvodná\s+správa|"
    r"eredeti\s+üzenet|mesaj\s+original|исходное\s+сообщение|αρχικό\s+μήνυμα|"
    r"orijinal\s+(?:mesaj|ileti)|özgün\s+ileti|原始邮件|原始郵件|邮件原件|"
    r"元のメッセージ|원본\s*메(?:시지|일)|הודעה\s+מקורית|الرسالة\s+الأصلية",
    re.I,
)
# "On Monday at 10:00, Jane <jane@acme.example> wrote:" begins what is answered
_ATTRIBUTION = re.compile(r"<[^<>\s]{1,254}@|\d:\d\d")

_ADDRESS = re.compile(
    r"[^\s<>\[\]()«»“”„\"',;:*|]+@[^\s<>\[\]()«»“”„\"',;:*|@]+\.[^\s<>\[\]()«»“”„\"',;:*|@.]+"
)
_AROUND_NAME = " \t\xa0\"'“”„«»<>[]()*_,;:|"

_TAG = re.compile(r"<!--|<(/?)([a-zA-Z!?][\w:-]*)[^<>]*>")
_BREAKING = {
    *("p", "div", "br", "tr", "li", "ul", "ol", "table", "blockquote", "hr", "pre"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "dd", "dt", "dl", "body", "html", "center"),
    *("section", "article", "header", "footer", "address", "form", "fieldset"),
}
_SILENT = {"style", "script", "head", "title"}
_BLANKS = re.compile(r"[ \t\r\n\f\xa0]+")


class Forwarded(NamedTuple):
    """A mail that was passed on.

    :param name: of who wrote it, maybe empty
    :param address: of who wrote it
    :param subject: without what says that it was forwarded
    """

    name: str
    address: str
    subject: str


class _Block(NamedTuple):
    """A block of lines like headers: where it begins, and its first value of a kind."""

    start: int
    values: dict[str, str]
    is_quoted: bool


def original_sender(
    subject: str, text: str, attached: Message | None = None
) -> Forwarded | None:
    r"""Tell whose mail was forwarded.

    The outermost forward counts. An answer that quotes such a block is none: the
    subject says so, or a line above the block announces it.

    >>> block = "From: Jane <jane@acme.example>\nDate: today\nSubject: Fire\n\nHelp"
    >>> original_sender("Fwd: Fire", block)
    Forwarded(name='Jane', address='jane@acme.example', subject='Fire')
    >>> original_sender("Re: Fire", block)
    >>> original_sender("Fire", f"See.\n--- Forwarded message ---\n{block}").name
    'Jane'
    >>> original_sender("Fwd: Fire", "Here you are"), original_sender("", "")
    (None, None)
    >>> from email import message_from_string
    >>> mail = message_from_string("From: Jane <jane@acme.example>\nSubject: A\n\n")
    >>> original_sender("look", "", mail).address
    'jane@acme.example'

    :param subject: of the forwarder's mail
    :param text: of the forwarder's mail as it is seen; see `visible_text` for HTML
    :param attached: the mail within the mail; see `attached_mail`
    :return: None if it is no forward, or names no address
    """
    subject = plain_line(subject or "")
    found = _find_inline(subject, text or "")
    if found is None and attached is not None and not _REPLY_PREFIX.match(subject):
        found = _read_attached(attached)
    if found is None:
        return None
    name, address, inner = found
    title = strip_forward(subject) or strip_forward(plain_line(inner))
    return Forwarded(name, address, title)


def is_forward_subject(subject: str) -> bool:
    """Tell whether a subject says that the mail is passed on.

    >>> [is_forward_subject(s) for s in ("WG: x", "[Fwd: x]", "x (fwd)", "Re: WG: x")]
    [True, True, True, False]
    >>> is_forward_subject("Information: x")
    False
    """
    return bool(_FORWARD_PREFIX.match(subject) or _FORWARD_SUFFIX.search(subject))


def strip_forward(subject: str) -> str:
    """Take away what says that a mail is passed on, however often.

    >>> strip_forward("WG: Fwd[2]: Re: Order"), strip_forward("[Fwd: Order]")
    ('Re: Order', 'Order')
    >>> strip_forward("Order (fwd)"), strip_forward("转发： Order"), strip_forward("I:")
    ('Order', 'Order', '')
    """
    subject = plain_line(subject)
    while match := _FORWARD_PREFIX.match(subject):
        opened = "[" in match[0] and "]" not in match[0]
        subject = subject[match.end() :].strip()
        if opened and subject.endswith("]"):
            subject = subject[:-1]
    return _FORWARD_SUFFIX.sub("", subject).strip()


def attached_mail(message: Message) -> Message | None:
    r"""Find the first mail that is attached to another, if that is no report.

    >>> from email import message_from_string
    >>> inner = "Content-Type: message/rfc822\n\nFrom: a@b.example\n\nHi\n"
    >>> attached_mail(message_from_string(inner))["From"]
    'a@b.example'
    >>> attached_mail(message_from_string("Subject: x\n\nHi"))
    """
    try:
        if message.get_content_type() == "multipart/report":
            return None
        return next(filter(None, map(_unpack, message.walk())), None)
    except Exception:
        # whatever is wrong with a broken mail: there is nothing to be found in it
        return None


def visible_text(source: str) -> str:
    r"""Give the lines of an HTML text as they are seen.

    >>> visible_text("<p><b>From:</b> J &lt;j@k&gt;<br>To:&nbsp;us</p> <pre>a\nb</pre>")
    'From: J <j@k>\nTo: us\na\nb'
    >>> visible_text("<style>p {}</style><!-- x -->a < b"), visible_text("<<<")
    ('a < b', '<<<')
    """
    text = unescape("".join(_read_html(source[: 2 * TEXT_LIMIT])))
    lines = (_BLANKS.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(filter(None, lines))


def _read_html(source: str) -> Iterator[str]:
    position, silent, kept, comments = 0, "", False, True
    for match in _TAG.finditer(source):
        if match.start() < position:  # within a comment
            continue
        chunk = source[position : match.start()]
        if not silent:
            yield chunk if kept else _BLANKS.sub(" ", chunk)
        position = match.end()
        if match[2] is None:
            end = source.find("-->", position) if comments else -1
            # where one comment never ends, no later one does: looked for once
            comments = end >= 0
            position = end + 3 if comments else position
            continue
        tag, closes = match[2].lower(), bool(match[1])
        silent = _next_silent(silent, tag, closes)
        kept = not closes if tag == "pre" else kept
        if tag in _BREAKING:
            yield "\n"
        elif tag in ("td", "th"):
            yield " "
    if not silent:
        yield source[position:] if kept else _BLANKS.sub(" ", source[position:])


def _next_silent(silent: str, tag: str, closes: bool) -> str:
    if silent:
        return "" if closes and tag == silent else silent
    return tag if tag in _SILENT and not closes else ""


# ------------------------------------------------------------
# INLINE
# ------------------------------------------------------------


def _find_inline(subject: str, text: str) -> tuple[str, str, str] | None:
    """Give name, address and subject of the mail that stands in a text."""
    lines = [line.strip() for line in text[:TEXT_LIMIT].splitlines() if line.strip()]
    block = _find_block(lines)
    if block is None or not _is_forward(subject, lines, block):
        return None
    name, address = _read_person(block.values[FROM])
    return (name, address, block.values.get(SUBJECT, "")) if address else None


def _find_block(lines: list[str]) -> _Block | None:
    """Find the first block that names a sender and two other things."""
    position = 0
    while position < len(lines):
        if _read_label(lines[position]) is None:
            position += 1
            continue
        block, position = _read_block(lines, position)
        if FROM in block.values and len(block.values) > 2:
            return block
    return None


def _read_block(lines: list[str], start: int) -> tuple[_Block, int]:
    """Read a block; its lines may be continued, but say nothing new in between.

    :return: the block, and the number of the line behind it
    """
    values: dict[str, str] = {}
    position, last, gap = start, "", 0
    while position < len(lines) and gap < 3:
        label = _read_label(lines[position])
        if label is None:
            if _is_lead_in(lines[position]):
                break  # what was above is the forwarder's
            gap += 1
            if last and not values[last]:
                values[last] = _unquote(lines[position])
        else:
            last, value = label
            if last == FROM and FROM in values:
                break  # the block of the next mail within
            gap = 0
            values.setdefault(last, value)
        position += 1
    return _Block(start, values, lines[start].startswith(">")), position


def _read_label(line: str) -> tuple[str, str] | None:
    """Read a line like a header: what it tells, and its value.

    >>> _read_label("*De :* Jane"), _read_label("> Von: Jane"), _read_label("发件人：J")
    (('from', 'Jane'), ('from', 'Jane'), ('from', 'J'))
    >>> _read_label("Note: x")
    """
    line = _unquote(line)[: VALUE_LIMIT + _LABEL_LENGTH]
    head = line[: _LABEL_LENGTH + 8]
    cut = min((i for i in (head.find(":"), head.find("：")) if i >= 0), default=-1)
    if cut < 0:
        return None
    label = " ".join(line[:cut].strip(_MARKUP).casefold().split())
    kind = _KINDS.get(label.replace("’", "'"))
    return (kind, line[cut + 1 :].strip(_MARKUP)) if kind else None


def _is_lead_in(line: str) -> bool:
    line = line[:VALUE_LIMIT]
    return bool(_FORWARD_WORDS.search(line) or _ORIGINAL_WORDS.search(line))


def _unquote(line: str) -> str:
    return line.lstrip("> \t\xa0|")


def _is_forward(subject: str, lines: list[str], block: _Block) -> bool:
    above = lines[: block.start]
    lead_in = "\n".join(line[:VALUE_LIMIT] for line in above[-LEAD_IN_DISTANCE:])
    announced = _FORWARD_WORDS.search(lead_in)
    if block.is_quoted and not announced:
        return False
    if any(_is_answered(line) for line in above):
        return False
    if announced or is_forward_subject(subject):
        return True
    return bool(_ORIGINAL_WORDS.search(lead_in)) and not _REPLY_PREFIX.match(subject)


def _is_answered(line: str) -> bool:
    """Tell whether what is below a line was not written or passed on, but answered.

    >>> _is_answered("On 2 March, at 10:00, J <j@k.example> wrote:")
    True
    >>> _is_answered("> x"), _is_answered("Please see below:")
    (True, False)
    """
    if _FORWARD_WORDS.search(line[:VALUE_LIMIT]):
        return False
    if line.startswith(">"):
        return True
    return line.endswith((":", "：")) and bool(_ATTRIBUTION.search(line[-VALUE_LIMIT:]))


def _read_person(value: str) -> tuple[str, str]:
    """Read a person in any of the ways that mail programs write one.

    >>> _read_person('"Doe, Jane" <jane@acme.example>')
    ('Doe, Jane', 'jane@acme.example')
    >>> _read_person("Jane [mailto:jane@acme.example]")
    ('Jane', 'jane@acme.example')
    >>> _read_person("Jane <jane@acme.example<mailto:jane@acme.example>> on tour")
    ('Jane', 'jane@acme.example')
    >>> _read_person("jane@acme.example"), _read_person("Jane Doe/ACME")
    (('', 'jane@acme.example'), ('', ''))
    """
    value = plain_line(value[:VALUE_LIMIT])
    found = _ADDRESS.search(value)
    if not found:
        return "", ""
    name = re.sub(r"mailto:\s*$", "", value[: found.start()], flags=re.I)
    return name.strip(_AROUND_NAME), found[0].strip(".").removeprefix("mailto:")


# ------------------------------------------------------------
# ATTACHED
# ------------------------------------------------------------


def _unpack(part: Message) -> Message | None:
    if part.get_content_type() != "message/rfc822":
        return None
    payload = part.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    return inner if isinstance(inner, Message) else None


def _read_attached(attached: Message) -> tuple[str, str, str] | None:
    inner = attached_mail(attached) or attached
    name, address = _read_person(_read_header(inner, "From"))
    return (name, address, _read_header(inner, "Subject")) if address else None


def _read_header(message: Message, name: str) -> str:
    try:
        value = str(message.get(name, ""))[: 4 * VALUE_LIMIT]
        return str(make_header(decode_header(value)))
    except Exception:
        # headers break Python's parsers in ways that they do not name
        return ""
