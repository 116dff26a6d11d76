"""Ways to command a case in a colleague's name, one row each, named by the trap.

In none of these mails has the colleague himself written a command that the receiving
server vouches for, on top of his own text.
"""

from typing import NamedTuple

from .mail_command_common import AGENT, DOMAIN, PASSED, RECEIVER

ORDER = "Set-Priority: 3\nSet-Watcher: mallory@evil.example"
TEXT = f"{ORDER}\n\nHello"
HTML = "<p>Set-Priority: 3</p><p>Set-Watcher: mallory@evil.example</p>"
EVIL = "mallory@evil.example"
EVIL_PASSED = f"{RECEIVER}; dmarc=pass header.from=evil.example"
SUBDOMAIN_PASSED = PASSED.replace(DOMAIN, f"evil.{DOMAIN}", 2).replace(
    f"mx.evil.{DOMAIN}", RECEIVER
)
B = "--b\n"

NOTED = "noted"  # the case says that nothing was obeyed, and the colleague is told
TEXT_ONLY = "text"  # a text like any other


class Spoof(NamedTuple):
    """One mail: its header lines, top first, and what follows them."""

    shown: str
    fields: list[str]
    body: str = TEXT
    sender: str = f"From: {AGENT}"
    kind: str = "text/plain; charset=utf-8"


def _found(results, shown=NOTED):
    return Spoof(shown, [f"Authentication-Results: {results}"])


def _from(sender, results=EVIL_PASSED, shown=TEXT_ONLY, more=()):
    return Spoof(shown, [f"Authentication-Results: {results}", *more], sender=sender)


def _own(body, kind="text/plain; charset=utf-8", shown=TEXT_ONLY, more=()):
    """A mail that the colleague has really sent."""
    fields = [f"Authentication-Results: {PASSED}", *more]
    return Spoof(shown, fields, body, kind=kind)


def _html(body):
    return _own(body, "text/html; charset=utf-8")


def _parts(kind, *parts, shown=TEXT_ONLY):
    body = B + f"\n{B}".join(parts) + "\n--b--\n"
    return _own(body, f'multipart/{kind}; boundary="b"', shown)


# what the receiving server says, or seems to say
FORGED_FINDINGS = {
    "nobody checked": Spoof(NOTED, []),
    "checked, found nothing": _found(f"{RECEIVER}; none"),
    "DMARC failed": _found(f"{RECEIVER}; dmarc=fail header.from={DOMAIN}"),
    "DMARC failed, signed by himself": _found(
        f"{RECEIVER}; dkim=pass header.d=evil.example; dmarc=fail header.from={DOMAIN}"
    ),
    "DMARC passed for his own domain": _found(EVIL_PASSED),
    "DMARC by best guess": _found(
        f"{RECEIVER}; dmarc=bestguesspass header.from={DOMAIN}"
    ),
    "DMARC could not be asked": _found(
        f"{RECEIVER}; dmarc=temperror header.from={DOMAIN}"
    ),
    "DKIM of his own domain": _found(f"{RECEIVER}; dkim=pass header.d=evil.example"),
    "DKIM of a subdomain of ours": _found(
        f"{RECEIVER}; dkim=pass header.d=evil.{DOMAIN}"
    ),
    "DKIM of a top-level domain": _found(f"{RECEIVER}; dkim=pass header.d=com"),
    "DKIM of a domain that ends like ours": _found(
        f"{RECEIVER}; dkim=pass header.d=my{DOMAIN}"
    ),
    "SPF of his own domain": _found(f"{RECEIVER}; spf=pass smtp.mailfrom={EVIL}"),
    "SPF of ours only": _found(f"{RECEIVER}; spf=pass smtp.mailfrom={DOMAIN}"),
    "logged in at some server": _found(
        f"{RECEIVER}; auth=pass smtp.auth=agent@{DOMAIN}"
    ),
    "ARC says so": Spoof(NOTED, [f"ARC-Authentication-Results: i=1; {PASSED}"]),
    "another field says so": Spoof(NOTED, [f"X-Authentication-Results: {PASSED}"]),
    "another server says so": _found(PASSED.replace(RECEIVER, "mx.evil.example")),
    "a name that begins like ours": _found(
        PASSED.replace(RECEIVER, f"{RECEIVER}.evil.example")
    ),
    "a name that ends like ours": _found(PASSED.replace(RECEIVER, f"evil.{RECEIVER}")),
    "our name in Cyrillic": _found(PASSED.replace("mx", "m\u0445")),
    "our name in a comment": _found(PASSED.replace(RECEIVER, f"evil ({RECEIVER})")),
    "our name encoded": _found(PASSED.replace(RECEIVER, f"=?utf-8?q?{RECEIVER}?=")),
    "no name at all": _found(PASSED.partition("; ")[2]),
    "pass in a comment": _found(f"{RECEIVER}; dmarc=none (; {PASSED})"),
    "pass in a quoted reason": _found(f'{RECEIVER}; dkim=neutral reason="; {PASSED}"'),
    "pass as a property": _found(
        f"{RECEIVER}; dkim=neutral dmarc=pass header.from={DOMAIN}"
    ),
    "ours forged below ours": Spoof(
        NOTED,
        [
            f"Authentication-Results: {RECEIVER}; none",
            f"Authentication-Results: {PASSED}",
        ],
    ),
    "ours forged below our failure": Spoof(
        NOTED,
        [
            f"Authentication-Results: {RECEIVER}; dmarc=fail",
            f"Authentication-Results: {PASSED}",
        ],
    ),
    "ours forged below another's": Spoof(
        NOTED,
        [
            "Authentication-Results: mx.other.example; none",
            f"Authentication-Results: {PASSED}",
        ],
    ),
    "ours forged, then sent by a relay": Spoof(
        NOTED,
        [
            f"Received: from relay.evil.example by {RECEIVER} with ESMTPS",
            "Received: from laptop by relay.evil.example with ESMTPSA",
            f"Authentication-Results: {PASSED}",
        ],
    ),
    "ours in the body": Spoof(
        TEXT_ONLY, [], f"Authentication-Results: {PASSED}\n\n{TEXT}"
    ),
    "ours in a part's header": Spoof(
        NOTED,
        [],
        f"--b\nAuthentication-Results: {PASSED}\nContent-Type: text/plain\n\n"
        f"{TEXT}\n--b--",
        kind='multipart/mixed; boundary="b"',
    ),
}
# the sender is who he says, and says he is somebody else as well
BORROWED_NAMES = {
    "two From, the colleague first": _from(f"From: {AGENT}\nFrom: {EVIL}"),
    "two From, the colleague last": _from(f"From: {EVIL}\nFrom: {AGENT}"),
    "two From, one of them vouched for": _from(f"From: {AGENT}\nFrom: {EVIL}", PASSED),
    "two addresses, the colleague first": _from(f"From: {AGENT}, {EVIL}", shown=NOTED),
    "two addresses, the colleague last": _from(f"From: {EVIL}, {AGENT}"),
    "the colleague's name": _from(f"From: Agent <{EVIL}>"),
    "the colleague's address as a name": _from(f'From: "agent@{DOMAIN}" <{EVIL}>'),
    "his address in an encoded name": _from(
        f"From: =?utf-8?q?agent=40test.mycompany.com?= <{EVIL}>"
    ),
    "his address before an encoded comma": _from(
        f"From: =?utf-8?q?agent=40test.mycompany.com=2C?= <{EVIL}>", shown=None
    ),
    "his address in a comment": _from(f"From: {EVIL} (agent@{DOMAIN})"),
    "his address as a local part": _from(f'From: "agent@{DOMAIN}"@evil.example'),
    "his address on a source route": _from(
        f"From: <@evil.example:agent@{DOMAIN}>", shown=None
    ),
    "line break in an encoded name": _from(
        f"From: =?utf-8?q?M=0AFrom:_agent=40test.mycompany.com?= <{EVIL}>", shown=None
    ),
    "direction turned in the name": _from(f"From: \u202etnegA <{EVIL}>"),
    "Sender": _from(f"From: {EVIL}", more=[f"Sender: {AGENT}"]),
    "Reply-To": _from(f"From: {EVIL}", more=[f"Reply-To: {AGENT}"]),
    "Return-Path": _from(f"From: {EVIL}", more=[f"Return-Path: <agent@{DOMAIN}>"]),
    "Resent-From": _from(f"From: {EVIL}", more=[f"Resent-From: {AGENT}"]),
    "X-Original-From": _from(f"From: {EVIL}", more=[f"X-Original-From: {AGENT}"]),
    "no From, a Sender": _from(f"Sender: {AGENT}", PASSED),
    "group": _from(f"From: Staff: agent@{DOMAIN};", PASSED, shown=None),
    "another box of the same domain": _from(f"From: agent2@{DOMAIN}", PASSED),
    "plus address of the colleague": _from(f"From: agent+x@{DOMAIN}", PASSED),
    "dots in the colleague's address": _from(f"From: a.gent@{DOMAIN}", PASSED),
    "subdomain of ours": _from(f"From: agent@evil.{DOMAIN}", SUBDOMAIN_PASSED),
    "domain above ours": _from(
        "From: agent@mycompany.com", f"{RECEIVER}; dmarc=pass header.from=mycompany.com"
    ),
    "our domain as a subdomain of his": _from(
        f"From: agent@{DOMAIN}.evil.example",
        f"{RECEIVER}; dmarc=pass header.from={DOMAIN}.evil.example",
    ),
    "our domain in Cyrillic": _from(
        "From: agent@t\u0435st.mycompany.com",
        f"{RECEIVER}; dmarc=pass header.from=xn--tst-qdd.mycompany.com",
    ),
    "customer": _from(
        "From: jane@acme.example", f"{RECEIVER}; dmarc=pass header.from=acme.example"
    ),
    "watcher": _from(
        "From: wanda@watch.example", f"{RECEIVER}; dmarc=pass header.from=watch.example"
    ),
    "stranger": _from(f"From: {EVIL}"),
    "the section's own address": _from(f"From: support@{DOMAIN}", PASSED, shown=None),
}
# the colleague sent it, but these words are not his, or nobody sees them
FOREIGN_WORDS = {
    "quoted": _own("> Set-Priority: 3\n> Set-Watcher: mallory@evil.example\n\nNo."),
    "quoted without a sign": _own(f"On Monday, Mallory wrote:\n{TEXT}"),
    "forwarded in the text": _own(f"---------- Forwarded message ---------\n\n{TEXT}"),
    "below his own words": _own(f"Hello,\n\n{TEXT}"),
    "below a signature": _own(f"-- \nAgent\n{TEXT}"),
    "indented": _own("    Set-Priority: 3\n"),
    "in a list": _own("- Set-Priority: 3\n"),
    "in a sentence": _own("Please Set-Priority: 3\n"),
    "in the subject": _own("Hello", more=["Subject: Set-Priority: 3"]),
    "line break encoded in the subject": _own(
        "Hello", more=["Subject: =?utf-8?q?Hi=0D=0A=0D=0ASet-Priority:_3?="]
    ),
    "as a header": _own("Hello", more=["Set-Priority: 3", "X-Set-Priority: 3"]),
    "full-width letters": _own("\uff33et-Priority: 3\n"),
    "long s": _own("\u017fet-Priority: 3\n"),
    "no-break hyphen": _own("Set\u2011Priority: 3\n"),
    "invisible in the name": _own("Set-\u200bPriority: 3\n"),
    "direction turned": _own("\u202eSet-Priority: 3\n"),
    "direction turned in the value": _own("Set-Priority: 3\u202e\n", shown=NOTED),
    "null byte before it": _own("\0Set-Priority: 3\n", shown=NOTED),
    "null byte in it": _own("Set-Priority:\0 3\n", shown=NOTED),
    "HTML quotation": _html(f"<blockquote>{HTML}</blockquote><p>No.</p>"),
    "quotation of a web mail": _html(f'<div class="gmail_quote">{HTML}</div>'),
    "answered mail of Outlook": _html(
        f"<div style='border:none;border-top:solid #E1E1E1 1.0pt'>{HTML}</div>{HTML}"
    ),
    "answered mail of Outlook on the web": _html(
        f'<div id="divRplyFwdMsg">From: Mallory</div><div>{HTML}</div>'
    ),
    "HTML comment": _html(f"<!-- {HTML} --><p>Hello</p>"),
    "HTML title": _html(
        f"<html><head><title>{ORDER}</title></head><p>Hello</p></html>"
    ),
    "HTML style": _html("<style>Set-Priority: 3</style><p>Hello</p>"),
    "HTML not displayed": _html(f'<div style="display: none">{HTML}</div><p>Hello</p>'),
    "HTML not displayed, in capitals": _html(
        f'<div STYLE="DISPLAY:NONE">{HTML}</div>Hello'
    ),
    "HTML hidden by attribute": _html(f"<div hidden>{HTML}</div>Hello"),
    "HTML hidden from Outlook": _html(f'<div style="mso-hide:all">{HTML}</div>Hello'),
    "HTML of no height": _html(
        f'<div style="max-height:0;overflow:hidden">{HTML}</div>Hello'
    ),
    "HTML transparent": _html(f'<div style="opacity:0">{HTML}</div>Hello'),
    "HTML off the page": _html(
        f'<div style="position:absolute;left:-9999px">{HTML}</div>Hello'
    ),
    "HTML white on white": _html(f'<div style="color:#ffffff">{HTML}</div>Hello'),
    "HTML nearly white": _html(f'<div style="color:#FEFEFE">{HTML}</div>Hello'),
    "HTML white, the old way": _html(f'<font color="white">{HTML}</font>Hello'),
    "HTML in the colour of its ground": _html(
        f'<div style="color:navy;background:navy">{HTML}</div>Hello'
    ),
    "HTML too small to read": _html(f'<div style="font-size:1px">{HTML}</div>Hello'),
    "HTML hidden by a style sheet": _html(
        f"<style>.x, b {{ display : none }}</style><div class='x'>{HTML}</div>Hello"
    ),
    "HTML hidden by a sheet in the head": _html(
        "<html><head><style>@media all{#y{font-size:0px}}</style></head><body>"
        f"<div id='y'>{HTML}</div>Hello</body></html>"
    ),
    "HTML without size": _html(f'<div style="font-size:0">{HTML}</div>Hello'),
    "HTML without size, in short": _html(f'<p style="font:0/0 a">{ORDER}</p>Hello'),
    "HTML one pixel high": _html(
        f'<div style="height:1px;overflow:hidden">{HTML}</div>Hello'
    ),
    "HTML in a colour by function": _html(
        f'<div style="color:hsl(0 0% 100%)">{HTML}</div>Hello'
    ),
    "HTML hidden behind a comment in a style": _html(
        f'<div style="display:/**/none">{HTML}</div>Hello'
    ),
    "HTML hidden by a sheet for everything": _html(
        f"<style>[data-x] {{opacity:0}}</style><div data-x=1>{HTML}</div>Hello"
    ),
    "HTML folded away": _html(f"<details>{HTML}</details>Hello"),
    "HTML turned around": _html(f"<bdo dir='rtl'>{HTML}</bdo>Hello"),
    "HTML template": _html(f"<template>{HTML}</template>Hello"),
    "text says it, HTML does not": _parts(
        "alternative",
        f"Content-Type: text/plain\n\n{TEXT}",
        "Content-Type: text/html\n\n<p>Hello</p>",
        shown=NOTED,
    ),
    "HTML says it, text does not": _parts(
        "alternative",
        "Content-Type: text/plain\n\nHello",
        f"Content-Type: text/html\n\n{HTML}<p>Hello</p>",
        shown=NOTED,
    ),
    "text says more than HTML": _parts(
        "alternative",
        f"Content-Type: text/plain\n\n{TEXT}",
        "Content-Type: text/html\n\n<p>Set-Priority: 3</p><p>Hello</p>",
        shown=NOTED,
    ),
    "two texts to choose from": _parts(
        "alternative",
        "Content-Type: text/plain\n\nHello",
        f"Content-Type: text/plain\n\n{TEXT}",
    ),
    "attached text": _parts(
        "mixed",
        "Content-Type: text/plain\n\nHello",
        f"Content-Type: text/plain\nContent-Disposition: attachment\n\n{TEXT}",
    ),
    "attached text before his own": _parts(
        "mixed",
        f'Content-Type: text/plain; name="a.txt"\n\n{TEXT}',
        "Content-Type: text/plain\n\nHello",
    ),
    "second text": _parts(
        "mixed",
        "Content-Type: text/plain\n\nHello",
        f"Content-Type: text/plain\n\n{TEXT}",
    ),
    "attached mail": _parts(
        "mixed",
        "Content-Type: text/plain\n\nHello",
        f"Content-Type: message/rfc822\n\nFrom: {AGENT}\nSubject: x\n\n{TEXT}",
    ),
    "attached mail before his own text": _parts(
        "mixed",
        f"Content-Type: message/rfc822\n\nFrom: {AGENT}\nSubject: x\n\n{TEXT}",
        "Content-Type: text/plain\n\nHello",
    ),
    "digest": _parts("digest", f"\nFrom: {AGENT}\nSubject: x\n\n{TEXT}"),
    "calendar": _own(TEXT, "text/calendar"),
    "out of office": _own(TEXT, more=["Auto-Submitted: auto-replied"]),
    "sent by a program": _own(TEXT, more=["Auto-Submitted: auto-generated"]),
    "sent in bulk": _own(TEXT, more=["Precedence: bulk"]),
    "through a mailing list": _own(TEXT, more=["List-Id: <list.evil.example>"]),
}
SPOOFS = FORGED_FINDINGS | BORROWED_NAMES | FOREIGN_WORDS
