"""Forwarded mails as mail programs write them, each with whose it was.

Written after the programs' habits, not taken from anybody's mail.
"""

# lead-in, labels of sender, date, recipient and subject, prefix of the subject
_PROGRAMS = {
    "Gmail, English": (
        "---------- Forwarded message ---------",
        ("From", "Date", "To", "Subject"),
        "Fwd",
    ),
    "Outlook, English": ("", ("From", "Sent", "To", "Subject"), "FW"),
    "Outlook 2003, English": (
        "-----Original Message-----",
        ("From", "Sent", "To", "Subject"),
        "FW",
    ),
    "Apple Mail, English": (
        "Begin forwarded message:",
        ("From", "Date", "To", "Subject"),
        "Fwd",
    ),
    "Thunderbird, German": (
        "-------- Weitergeleitete Nachricht --------",
        ("Von", "Datum", "An", "Betreff"),
        "Fwd",
    ),
    "Outlook, German": ("", ("Von", "Gesendet", "An", "Betreff"), "WG"),
    "Apple Mail, German": (
        "Anfang der weitergeleiteten Nachricht:",
        ("Von", "Datum", "An", "Betreff"),
        "Fwd",
    ),
    "Outlook, French": ("", ("De", "Envoyé", "À", "Objet"), "TR"),
    "Thunderbird, French": (
        "-------- Message transféré --------",
        ("De ", "Date ", "Pour", "Sujet "),
        "Fwd",
    ),
    "Apple Mail, French": (
        "Début du message réexpédié :",
        ("De", "Date", "À", "Objet"),
        "Fwd",
    ),
    "Outlook, Spanish": ("", ("De", "Enviado el", "Para", "Asunto"), "RV"),
    "Gmail, Spanish": (
        "---------- Forwarded message ---------",
        ("De", "Date", "Para", "Subject"),
        "Fwd",
    ),
    "Outlook, Italian": ("", ("Da", "Inviato", "A", "Oggetto"), "I"),
    "Thunderbird, Italian": (
        "-------- Messaggio Inoltrato --------",
        ("Da", "Data", "A", "Oggetto"),
        "Fwd",
    ),
    "Outlook, Dutch": ("", ("Van", "Verzonden", "Aan", "Onderwerp"), "Doorst"),
    "Thunderbird, Dutch": (
        "-------- Doorgestuurd bericht --------",
        ("Van", "Datum", "Aan", "Onderwerp"),
        "Fwd",
    ),
    "Outlook, Portuguese": ("", ("De", "Enviada em", "Para", "Assunto"), "ENC"),
    "Outlook, Swedish": ("", ("Från", "Skickat", "Till", "Ämne"), "VB"),
    "Outlook, Danish": ("", ("Fra", "Sendt", "Til", "Emne"), "VS"),
    "Outlook, Finnish": ("", ("Lähettäjä", "Lähetetty", "Kopio", "Aihe"), "VL"),
    "Outlook, Polish": ("", ("Od", "Wysłano", "Do", "Temat"), "PD"),
    "Thunderbird, Polish": (
        "-------- Przekazana wiadomość --------",
        ("Od", "Data", "Do", "Temat"),
        "Fwd",
    ),
    "Outlook, Czech": ("", ("Od", "Odesláno", "Komu", "Předmět"), "FW"),
    "Outlook, Hungarian": ("", ("Feladó", "Elküldve", "Címzett", "Tárgy"), "Fwd"),
    "Outlook, Turkish": ("", ("Kimden", "Gönderildi", "Kime", "Konu"), "İLT"),
    "mail.ru, Russian": (
        "-------- Пересылаемое сообщение --------",
        ("От", "Дата", "Кому", "Тема"),
        "Fwd",
    ),
    "Outlook, Russian": ("", ("От", "Отправлено", "Кому", "Тема"), "FW"),
    "Outlook, Greek": ("", ("Από", "Στάλθηκε", "Προς", "Θέμα"), "ΠΡΘ"),
    "Outlook, Chinese": ("", ("发件人", "发送时间", "收件人", "主题"), "转发"),
    "Outlook, Taiwan": ("", ("寄件者", "寄件日期", "收件者", "主旨"), "轉寄"),
    "Outlook, Japanese": ("", ("差出人", "送信日時", "宛先", "件名"), "転送"),
    "Outlook, Korean": ("", ("보낸 사람", "보낸 날짜", "받는 사람", "제목"), "전달"),
    "Outlook, Arabic": ("", ("من", "تاريخ", "إلى", "الموضوع"), "FW"),
    "Outlook, Hebrew": ("", ("מאת", "נשלח", "אל", "נושא"), "FW"),
    "Gmail, Vietnamese": ("", ("Từ", "Ngày", "Đến", "Chủ đề"), "Fwd"),
}
_VALUES = (
    "Jane Doe <jane@acme.example>",
    "Mon, 2 Mar 2026 10:00",
    "bob@us.example",
    "Fire",
)
JANE = ("Jane Doe", "jane@acme.example", "Fire")


def _block(labels):
    pairs = zip(labels, _VALUES, strict=True)
    return "\n".join(f"{label}: {value}" for label, value in pairs)


def _html_block(labels):
    lines = [
        f"<b>{label}:</b> {value.replace('<', '&lt;').replace('>', '&gt;')}"
        for label, value in zip(labels, _VALUES, strict=True)
    ]
    return (
        "<div><p>Please have a look.</p></div><div style='border-top:solid'><p>"
        f"{'<br>'.join(lines)}</p></div><p>It burns.</p>"
    )


# name: (subject, text, whose it was)
TEXTS = {
    name: (
        f"{prefix}: Fire",
        f"Please have a look.\n\n{lead_in}\n{_block(labels)}\n\nIt burns.",
        JANE,
    )
    for name, (lead_in, labels, prefix) in _PROGRAMS.items()
}
HTML_TEXTS = {
    name: (f"{prefix}: Fire", _html_block(labels), JANE)
    for name, (_lead_in, labels, prefix) in _PROGRAMS.items()
}

_ENGLISH = ("From", "Sent", "To", "Subject")
_BLOCK = _block(_ENGLISH)

TEXTS |= {
    "announced, without a prefix": (
        "Fire",
        f"---------- Forwarded message ---------\n{_BLOCK}",
        JANE,
    ),
    "original message, without a prefix": (
        "Fire",
        f"-----Original Message-----\n{_BLOCK}",
        JANE,
    ),
    "two prefixes": ("WG: Fwd: Fire", _BLOCK, JANE),
    "an answer was forwarded": (
        "Fwd: Re: Fire",
        _BLOCK,
        ("Jane Doe", "jane@acme.example", "Re: Fire"),
    ),
    "no subject but the prefix": ("Fwd:", _BLOCK, JANE),
    "in brackets": ("[Fwd: Fire]", _BLOCK, JANE),
    "at the end": ("Fire (fwd)", _BLOCK, JANE),
    "bold type as stars": (
        "Fwd: Fire",
        _BLOCK.replace("From:", "*From:*").replace("Sent:", "*Sent:*"),
        JANE,
    ),
    "subject first": (
        "Fwd: Fire",
        "\n".join(reversed(_BLOCK.splitlines())),
        JANE,
    ),
    "quoted by Apple Mail": (
        "Fwd: Fire",
        "Begin forwarded message:\n\n"
        + "\n".join(f"> {line}" for line in _BLOCK.splitlines()),
        JANE,
    ),
    "Notes": (
        "Fw: Fire",
        "----- Forwarded by Bob/US on 02/03/2026 10:00 -----\n\n"
        "From:\tJane Doe <jane@acme.example>\nTo:\tbob@us.example\nDate:\t02/03/2026\n"
        "Subject:\tFire",
        JANE,
    ),
    "values on the next line": (
        "Fwd: Fire",
        "From:\nJane Doe <jane@acme.example>\nSent:\ntoday\nSubject:\nFire",
        JANE,
    ),
    "many recipients, folded": (
        "Fwd: Fire",
        _BLOCK.replace("bob@us.example", "bob@us.example;\n    a@us.example;\n  b@us"),
        JANE,
    ),
    "forwarded twice, the outer one counts": (
        "Fwd: Fwd: Fire",
        f"{_BLOCK}\n\nSee below.\n\n{_BLOCK.replace('jane@acme', 'eve@other')}",
        JANE,
    ),
    "a header-like line of the forwarder's": (
        "Fwd: Fire",
        f"Date: please answer today\n---- Forwarded message ----\n{_BLOCK}",
        JANE,
    ),
    "address twice": (
        "FW: Fire",
        _BLOCK.replace(
            "<jane@acme.example>", "<jane@acme.example<mailto:jane@acme.example>>"
        ),
        JANE,
    ),
    "address in brackets": (
        "FW: Fire",
        _BLOCK.replace("<jane@acme.example>", "[mailto:jane@acme.example]"),
        JANE,
    ),
    "address alone": (
        "FW: Fire",
        _BLOCK.replace("Jane Doe <jane@acme.example>", "jane@acme.example"),
        ("", "jane@acme.example", "Fire"),
    ),
    "surname first": (
        "FW: Fire",
        _BLOCK.replace("Jane Doe", '"Doe, Jane"'),
        ("Doe, Jane", "jane@acme.example", "Fire"),
    ),
    # no forwards
    "an answer with Outlook's block": ("RE: Fire", f"Yes.\n\n{_BLOCK}", None),
    "a German answer": (
        "AW: Fire",
        f"Ja.\n-----Ursprüngliche Nachricht-----\n{_BLOCK}",
        None,
    ),
    "an answer that quotes a forward": (
        "Re: Fwd: Fire",
        "Yes.\nOn Mon, 2 Mar 2026 at 10:00, Bob <bob@us.example> wrote:\n"
        f"---------- Forwarded message ---------\n{_BLOCK}",
        None,
    ),
    "an answer that quotes a forward with marks": (
        "Re: Fire",
        "Yes.\n> See:\n> ------ Forwarded message ------\n"
        + "\n".join(f"> {line}" for line in _BLOCK.splitlines()),
        None,
    ),
    "neither prefix nor announcement": ("Fire", f"Copied:\n{_BLOCK}", None),
    "only a prefix": ("Fwd: Fire", "It burns.", None),
    "only a sender": ("Fwd: Fire", "From: jane@acme.example\n\nIt burns.", None),
    "two lines": ("Fwd: Fire", "From: jane@acme.example\nTo: us\n\nHi", None),
    "lines of a form": ("Fwd: Fire", "Name: J\nTo: us\nDate: today\nFrom: here", None),
    "no address": ("Fwd: Fire", _BLOCK.replace(" <jane@acme.example>", ""), None),
    "lines far apart": (
        "Fwd: Fire",
        "From: jane@acme.example\n" + "text\n" * 9 + "To: us\n" + "x\n" * 9 + "Cc: b",
        None,
    ),
    "a word that begins like a prefix": ("Widget: Fire", _BLOCK, None),
}

HTML_TEXTS |= {
    "Gmail's own": (
        "Fwd: Fire",
        '<div dir="ltr">Look.<br><div class="gmail_quote"><div class="gmail_attr">'
        "---------- Forwarded message ---------<br>From: <strong>Jane Doe</strong> "
        '<span>&lt;<a href="mailto:jane@acme.example">jane@acme.example</a>&gt;</span>'
        "<br>Date: Mon, 2 Mar 2026<br>Subject: Fire<br>To:  &lt;bob@us.example&gt;<br>"
        "</div>It burns.</div></div>",
        JANE,
    ),
    "Apple's blockquote": (
        "Fwd: Fire",
        "<div>Look.<br><blockquote type='cite'><div>Begin forwarded message:</div><br>"
        "<div><span><b>From: </b></span><span>Jane Doe &lt;<a href='mailto:x'>"
        "jane@acme.example</a>&gt;<br></span></div><div><b>Subject: </b><b>Fire</b>"
        "<br></div><div><b>Date: </b>2 March<br></div></blockquote></div>",
        JANE,
    ),
    "Thunderbird's table": (
        "Fwd: Fire",
        "<div class='moz-forward-container'>-------- Forwarded Message --------<table>"
        "<tr><th>Subject: </th><td>Fire</td></tr><tr><th>Date: </th><td>2 March</td>"
        "</tr><tr><th>From: </th><td>Jane Doe <a>&lt;jane@acme.example&gt;</a></td>"
        "</tr></table></div>",
        JANE,
    ),
    "Outlook's comment and style": (
        "FW: Fire",
        "<style>From: x@y.example</style><!-- From: e@vil.example\nTo: x\nDate: y -->"
        + _html_block(_ENGLISH),
        JANE,
    ),
    "plain text in pre": (
        "Fwd: Fire",
        f"<pre>{_BLOCK.replace('<', '&lt;')}</pre>",
        JANE,
    ),
}
