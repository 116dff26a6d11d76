"""Delivery reports as the world's mail systems write them, right and wrong.

Each row: name of the trap: (the parts of the report, what must come of it). ``{id}``
stands for the Message-ID of the mail of ours that it is about.
"""

JANE, WANDA = "jane@acme.example", "wanda@watch.example"

BOUNCES = "bounce.test@test.mycompany.com"  # the address for reports

DSN = "message/delivery-status"
HEAD = "text/rfc822-headers"
RETURNED = "From: support@test.mycompany.com\nMessage-ID: {id}\nSubject: Hot\n"
OTHER_ID = "From: x@y.example\nMessage-ID: <somebody@else.example>\nSubject: Hot\n"
WORDS = "I could not deliver your mail. Sorry."


def fields(*recipients, mta="dns; mx.acme.example"):
    """Write the fields of a report: those of the mail, then of each recipient."""
    groups = [{"Reporting-MTA": mta}, *recipients]
    return "\n".join(
        "".join(f"{name}: {value}\n" for name, value in values.items())
        for values in groups
    )


def to(address, action="failed", status="5.1.1", said="550 5.1.1 no such user", **more):
    """Give the fields of one recipient; None leaves one out."""
    values = {
        "Final-Recipient": f"rfc822; {address}",
        "Action": action,
        "Status": status,
        "Diagnostic-Code": f"smtp; {said}",
    } | {name.replace("_", "-"): value for name, value in more.items()}
    return {name: value for name, value in values.items() if value is not None}


def report(*parts, kind="delivery-status", sender="MAILER-DAEMON@mx.example", **more):
    """Describe a report; see `write_report`."""
    return {"parts": parts, "kind": kind, "sender": sender, **more}


def dsn(*recipients, returned=RETURNED, returned_type="message/rfc822", **more):
    """Describe a complete report of RFC 3464."""
    parts = [("text/plain", WORDS), (DSN, fields(*recipients))]
    if returned:
        parts.append((returned_type, returned))
    return report(*parts, **more)


def notice(text, **more):
    """Describe a report in words only."""
    return {"text": text, "sender": "MAILER-DAEMON@mx.example", **more}


def write_report(values, message_id, number):
    """Write a described report as a mail server would.

    :return: bytes
    """
    boundary = f"=_{number}_"
    if "parts" in values:
        kind = values["kind"] and f"; report-type={values['kind']}"
        top = values.get("top", "multipart/report")
        content = f'{top}{kind or ""}; boundary="{boundary}"'
        body = "".join(
            f"--{boundary}\nContent-Type: {name}\n\n{text}\n"
            for name, text in values["parts"]
        )
        body += f"--{boundary}--\n"
    else:
        content, body = "text/plain; charset=utf-8", values["text"]
    head = {
        "From": values["sender"],
        "To": values.get("to", "support@test.mycompany.com"),
        "Subject": values.get("subject", "Undelivered Mail Returned to Sender"),
        "Message-ID": f"<report-{number}@mx.example>",
        "Date": "Mon, 2 Mar 2026 10:00:00 +0000",
        "MIME-Version": "1.0",
        "Content-Type": content,
        **values.get("headers", {}),
    }
    text = "".join(f"{name}: {value}\n" for name, value in head.items() if value)
    text = f"{text}\n{body}".replace("{id}", message_id)
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")


# what arrives nowhere: (report, the addresses marked, words of the banner)
MARKED = {
    "complete report": (dsn(to(JANE)), [JANE], "no such mailbox (5.1.1)"),
    "only the head returned": (
        dsn(to(JANE), returned_type=HEAD),
        [JANE],
        "no such mailbox",
    ),
    "head returned as message/rfc822-headers": (
        dsn(to(JANE), returned_type="message/rfc822-headers"),
        [JANE],
        "no such mailbox",
    ),
    "report-type left out": (dsn(to(JANE), kind=""), [JANE], "no such mailbox"),
    "report-type in quotes and capitals": (
        dsn(to(JANE), kind='"Delivery-Status"'),
        [JANE],
        "no such mailbox",
    ),
    "two recipients": (
        dsn(to(JANE), to(WANDA, status="5.2.2", said="552 full")),
        [JANE, WANDA],
        "mailbox is full (5.2.2)",
    ),
    "one failed, one delivered": (
        dsn(to(WANDA, action="delivered", status="2.0.0"), to(JANE)),
        [JANE],
        "no such mailbox",
    ),
    "one failed, one delayed": (
        dsn(to(WANDA, action="delayed", status="4.4.1"), to(JANE)),
        [JANE],
        "no such mailbox",
    ),
    "the same recipient twice": (dsn(to(JANE), to(JANE)), [JANE], "no such mailbox"),
    "address in capitals": (dsn(to("Jane@ACME.example")), [JANE], "no such mailbox"),
    "address in angle brackets": (
        dsn(to("<jane@acme.example>")),
        [JANE],
        "no such mailbox",
    ),
    "address without its type": (
        dsn(to(JANE, Final_Recipient=JANE)),
        [JANE],
        "no such mailbox",
    ),
    "forwarded: the original address counts": (
        dsn(to("j@private.example", Original_Recipient=f"rfc822;{JANE}")),
        [JANE],
        "no such mailbox",
    ),
    "original address with nonsense": (
        dsn(to(JANE, Original_Recipient="rfc822;")),
        [JANE],
        "no such mailbox",
    ),
    "only the original address": (
        dsn(to(JANE, Final_Recipient=None, Original_Recipient=f"rfc822; {JANE}")),
        [JANE],
        "no such mailbox",
    ),
    "no status: it stands in the diagnostic": (
        dsn(to(JANE, status=None)),
        [JANE],
        "(5.1.1)",
    ),
    "neither status nor diagnostic": (
        dsn(to(JANE, status=None, Diagnostic_Code=None)),
        [JANE],
        "a reason that was not told",
    ),
    "a status nobody knows": (
        dsn(to(JANE, status="5.9.99", said="no")),
        [JANE],
        "refuses the mail (5.9.99)",
    ),
    "a status with a comment": (
        dsn(to(JANE, status="5.7.1 (spam)")),
        [JANE],
        "as spam or by its own rules (5.7.1)",
    ),
    "no action: the status says failed": (
        dsn(to(JANE, action=None)),
        [JANE],
        "no such mailbox",
    ),
    "action in capitals, with a comment": (
        dsn(to(JANE, action="FAILED (for good)")),
        [JANE],
        "no such mailbox",
    ),
    "given up after delays": (
        dsn(to(JANE, status="4.4.7", said="expired")),
        [JANE],
        "in time (4.4.7)",
    ),
    "no report fields at all": (
        report(("text/plain", WORDS), (DSN, ""), ("message/rfc822", RETURNED)),
        [""],
        "does not name",
    ),
    "fields of the mail only": (
        report(("text/plain", WORDS), (DSN, fields()), ("message/rfc822", RETURNED)),
        [""],
        "does not name",
    ),
    "fields as bare text, in base64": (
        report(
            ("text/plain", WORDS),
            (
                f"{DSN}\nContent-Transfer-Encoding: base64",
                "UmVwb3J0aW5nLU1UQTogZG5zOyBteAoKRmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGphbm"
                "VAYWNtZS5leGFtcGxlCkFjdGlvbjogZmFpbGVkClN0YXR1czogNS4xLjEK",
            ),
            ("message/rfc822", RETURNED),
        ),
        [JANE],
        "no such mailbox",
    ),
    "no empty line between the groups": (
        report(
            ("text/plain", WORDS),
            (DSN, fields(to(JANE)).replace("\n\n", "\n")),
            ("message/rfc822", RETURNED),
        ),
        [JANE],
        "no such mailbox",
    ),
    "folded fields": (
        dsn(to(JANE, said="550 5.1.1 no\n such\n user")),
        [JANE],
        "no such mailbox",
    ),
    "bytes that are no UTF-8 in the diagnostic": (
        dsn(to(JANE, said="550 5.1.1 \udce9\udcff")),
        [JANE],
        "no such mailbox",
    ),
    "NUL in the diagnostic": (
        dsn(to(JANE, said="550 5.1.1 a\0b")),
        [JANE],
        "no such mailbox",
    ),
    "report inside multipart/mixed, from the daemon": (
        dsn(to(JANE), top="multipart/mixed", kind=""),
        [JANE],
        "no such mailbox",
    ),
    "international report": (
        report(
            ("text/plain", WORDS),
            ("message/global-delivery-status", fields(to(JANE))),
            ("message/global", RETURNED),
        ),
        [JANE],
        "no such mailbox",
    ),
    "sender is a person's address": (
        dsn(to(JANE), sender="noreply@mx.example"),
        [JANE],
        "no such mailbox",
    ),
    "sender is empty": (dsn(to(JANE), sender="<>"), [JANE], "no such mailbox"),
    "to the address for reports": (
        dsn(to(JANE), to=BOUNCES),
        [JANE],
        "no such mailbox",
    ),
    "Message-ID rewritten, ours in the references": (
        dsn(
            to(JANE),
            returned="Message-ID: <new@relay.example>\nReferences: <a@b.c> {id}\n",
        ),
        [JANE],
        "no such mailbox",
    ),
    "all ids rewritten, our token left": (
        dsn(
            to(JANE),
            returned="Message-ID: <new@relay.example>\n"
            "References: <old@relay.example> <{token}@crm-relations.invalid>\n",
        ),
        [JANE],
        "no such mailbox",
    ),
    "Message-ID kept by Exchange": (
        dsn(
            to(JANE),
            returned="Message-ID: <new@relay.example>\n"
            "X-Microsoft-Original-Message-ID: {id}\n",
        ),
        [JANE],
        "no such mailbox",
    ),
    "nothing returned, but it answers our mail": (
        dsn(to(JANE), returned="", headers={"In-Reply-To": "{id}"}),
        [JANE],
        "no such mailbox",
    ),
    "qmail: words only": (
        notice(
            "Hi. This is the qmail-send program at mx.\n\n<jane@acme.example>:\n"
            "Sorry, no mailbox here by that name. (#5.1.1)\n\n"
            "--- Below this line is a copy of the message.\n\nMessage-ID: {id}\n",
        ),
        [JANE],
        "no such mailbox (5.1.1)",
    ),
    "Exim: the address in a header": (
        notice(
            "550 Unrouteable address\n\n------ This is a copy\nMessage-Id: {id}\n",
            headers={"X-Failed-Recipients": JANE},
        ),
        [JANE],
        "refuses the mail",
    ),
    "Exim: from somebody who is no daemon": (
        notice(
            "550 5.2.1 off\nMessage-Id: {id}\n",
            sender="mail@mx.example",
            headers={"X-Failed-Recipients": JANE},
        ),
        [JANE],
        "switched off (5.2.1)",
    ),
    "postmaster with an empty return path": (
        notice(
            "<wanda@watch.example>:\n5.1.2 no host\n\n> Message-ID: {id}\n",
            sender="postmaster@watch.example",
            headers={"Return-Path": "<>"},
        ),
        [WANDA],
        "no mail server (5.1.2)",
    ),
    "daemon answers our mail and names nobody": (
        notice("It did not work.", headers={"In-Reply-To": "{id}"}),
        [""],
        "does not name",
    ),
}

# what marks nothing: (report, state of the row, whether the case is linked, words)
UNMARKED = {
    "delayed": (
        dsn(to(JANE, action="delayed", status="4.4.1")),
        "bounce",
        True,
        "is delayed",
    ),
    "delivered": (
        dsn(to(JANE, action="delivered", status="2.1.5")),
        "bounce",
        True,
        "has arrived",
    ),
    "relayed": (
        dsn(to(JANE, action="relayed", status="2.1.9")),
        "bounce",
        True,
        "has arrived",
    ),
    "expanded": (
        dsn(to(JANE, action="expanded", status="2.1.5")),
        "bounce",
        True,
        "has arrived",
    ),
    "no action, status says later": (
        dsn(to(JANE, action=None, status="4.2.0")),
        "bounce",
        True,
        "is delayed",
    ),
    "forged: no mail returned": (
        dsn(to(JANE), returned=""),
        "bounce",
        False,
        "no mail of ours",
    ),
    "forged: another mail returned": (
        dsn(to(JANE), returned=OTHER_ID),
        "bounce",
        False,
        "no mail of ours",
    ),
    "forged: our id only in its own headers": (
        dsn(to(JANE), returned=OTHER_ID, headers={"References": "{id}"}),
        "bounce",
        False,
        "no mail of ours",
    ),
    "forged: the case's number": (
        dsn(to(JANE), returned=OTHER_ID, subject="Re: [{number}] Printer"),
        "bounce",
        False,
        "no mail of ours",
    ),
    "daemon names nothing": (
        notice("Your mail could not be delivered."),
        "bounce",
        False,
        "no mail of ours",
    ),
    "to the address for reports, and none": (
        notice("Buy now", sender="sam@nowhere.example", to=BOUNCES),
        "held",
        False,
        "and is none",
    ),
    "postmaster writes about nothing": (
        notice("Your mailbox is nearly full.", sender="postmaster@nowhere.example"),
        "held",
        False,
        "keeper of a mail system",
    ),
    "read receipt that answers nothing": (
        report(
            ("text/plain", "Read."),
            ("message/disposition-notification", "Final-Recipient: rfc822; x@y.z\n"),
            kind="disposition-notification",
            sender="sam@nowhere.example",
        ),
        "held",
        False,
        "automatic answer",
    ),
}

# no delivery reports, though Odoo takes them for such: they enter the case
ENTERING = {
    "read receipt by its headers": report(
        ("text/plain", "Your mail was read."),
        ("message/disposition-notification", "Disposition: manual; displayed\n"),
        kind="disposition-notification",
        sender="Jane <jane@acme.example>",
        headers={"In-Reply-To": "{id}"},
    ),
    "read receipt by its fields": report(
        ("text/plain", "Your mail was read."),
        ("message/disposition-notification", "Original-Message-ID: {id}\n"),
        kind="disposition-notification",
        sender="Jane <jane@acme.example>",
    ),
    "complaint about spam": report(
        ("text/plain", "This is an abuse report."),
        ("message/feedback-report", "Feedback-Type: abuse\n"),
        kind="feedback-report",
        sender="Jane <jane@acme.example>",
        headers={"In-Reply-To": "{id}"},
    ),
    "untyped report": report(
        ("text/plain", "Here is my report."),
        kind="",
        sender="Jane <jane@acme.example>",
        headers={"In-Reply-To": "{id}"},
    ),
    "somebody forwards a report": report(
        ("text/plain", "Look what came."),
        ("message/rfc822", "Content-Type: message/delivery-status\n\nAction: failed\n"),
        top="multipart/mixed",
        kind="",
        sender="Jane <jane@acme.example>",
        headers={"In-Reply-To": "{id}"},
    ),
    "the keeper of the mail system answers himself": notice(
        "It is repaired.",
        sender="postmaster@acme.example",
        headers={"In-Reply-To": "{id}"},
    ),
    "out of office, to the address for reports": notice(
        "I am away.",
        sender="Jane <jane@acme.example>",
        to=BOUNCES,
        headers={"In-Reply-To": "{id}", "Auto-Submitted": "auto-replied"},
    ),
}
