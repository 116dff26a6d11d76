"""A whole mail system on loopback, for the tests and for ``make run``.

Dovecot serves the mailboxes over IMAP and POP3; an SMTP receiver delivers into them.
Both are the real programs a customer's mail meets, so that what works here is not an
agreement between two mocks. Nothing here imports Odoo: ``scripts/mail-system`` uses
this file, ``mail_server_dovecot.py`` and ``mail_server_boxes.py`` without it.

::

    SMTP client --> aiosmtpd --\\
                                >--> folder/mailboxes/<address>/Maildir --> Dovecot
    MailServer.deliver() ------/                                            IMAP, POP3

Dovecot runs as the calling user on high ports, without TLS and with plain passwords:
it listens on 127.0.0.1 only and must never be given another address. Tried with
Dovecot 2.3.19 (Debian 12) and 2.4.1 (Debian 13), as an ordinary account and inside a
user namespace that maps a single account (``unshare --user --map-user=33``).
"""

import contextlib
import errno
import fcntl
import itertools
import logging
import os
import socket
import time
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import IO, Any

try:
    from aiosmtpd.controller import Controller
except ImportError:  # told by start(), so that collecting the tests works without it
    Controller = None

from .mail_server_boxes import (
    Mailboxes,
    MailServerError,
    MailServerMissingError,
    Message,
    PortTakenError,
)
from .mail_server_dovecot import HOST, START_TIMEOUT, Dovecot

CATCH_ALL_PASSWORD = "mail"  # of mailboxes that the receiver creates on the fly
PORT_GRACE = 3  # seconds for the ports of a mail system just killed to be free
PORT_ATTEMPTS = 5  # another program can take a free port before Dovecot listens on it
SIZE_LIMIT = 64 * 1024 * 1024  # bytes per message, above what common providers accept


@dataclass
class SmtpFailure:
    """What the SMTP receiver does instead of accepting a message.

    :ivar reply: the whole reply, ``"451 4.3.0 Try again later"`` or ``"550 5.7.1 No"``;
        None drops the connection without a word
    :ivar stage: ``"rcpt"`` at the recipient, ``"data"`` after the text and before
        delivery, ``"delivered"`` after delivery, when the client can no longer know
        whether its message arrived
    :ivar recipient: with stage ``"rcpt"``, only this address; None means all
    :ivar times: how often it happens before all is well again; None means for ever
    """

    reply: str | None
    stage: str = "data"
    recipient: str | None = None
    times: int | None = None

    def applies(self, stage: str, recipient: str | None = None) -> bool:
        """Say whether to fail now, and count it."""
        if stage != self.stage or self.times == 0:
            return False
        if self.recipient and recipient and recipient.lower() != self.recipient.lower():
            return False
        if self.times is not None:
            self.times -= 1
        return True


class _Receiver:
    """The aiosmtpd handler: accepts for known mailboxes and delivers at once."""

    def __init__(self, server: "MailServer") -> None:
        self.server = server
        self._numbers = itertools.count(1)

    async def handle_RCPT(
        self, smtp: Any, session: Any, envelope: Any, address: str, rcpt_options: list
    ) -> str:
        if failed := self._fail(smtp, "rcpt", address):
            return failed
        if not self.server.mailbox_for(address):
            return f"550 5.1.1 <{address}>: there is no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, smtp: Any, session: Any, envelope: Any) -> str:
        if failed := self._fail(smtp, "data"):
            return failed
        try:
            for recipient in envelope.rcpt_tos:
                trace = self._trace_headers(session, envelope, recipient)
                mailbox = self.server.mailbox_for(recipient)
                self.server.deliver(mailbox, trace + envelope.original_content)
        except OSError as problem:
            return f"452 4.3.1 Cannot store the message: {problem.strerror}"
        return self._fail(smtp, "delivered") or "250 2.0.0 Ok: delivered"

    def _fail(self, smtp: Any, stage: str, recipient: str | None = None) -> str | None:
        failure = self.server.smtp_failure
        if failure is None or not failure.applies(stage, recipient):
            return None
        if failure.reply is None:
            smtp.transport.abort()
        return failure.reply or "421 4.3.2 Connection dropped"

    def _trace_headers(self, session: Any, envelope: Any, recipient: str) -> bytes:
        """Return what an MTA writes above a message on final delivery."""
        sender = (envelope.mail_from or "").strip("<>")  # a bounce comes from "<>"
        return (
            f"Return-Path: <{sender}>\r\n"
            f"Delivered-To: {recipient}\r\n"
            f"Received: from {session.host_name} ([{session.peer[0]}])\r\n"
            f"\tby localhost with ESMTP id {next(self._numbers):08d}\r\n"
            f"\tfor <{recipient}>; {formatdate(localtime=True)}\r\n"
        ).encode()


class MailServer:
    """Dovecot and an SMTP receiver over the mailboxes of one folder.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`. Should the
    interpreter die without stopping it, the kernel ends Dovecot; for the same reason it
    must be started from a thread that lives as long as it, normally the main one.

    :ivar host: always ``127.0.0.1``
    :ivar imap_port: TCP port, known after :meth:`start` when 0 was asked; likewise
        ``pop3_port`` and ``smtp_port``
    :ivar catch_all: SMTP mail to an unknown address makes a mailbox for it, password
        ``CATCH_ALL_PASSWORD``; otherwise it is refused with 550
    :ivar smtp_failure: None, or a :class:`SmtpFailure` from now on
    """

    def __init__(
        self,
        folder: str | Path,
        imap_port: int = 0,
        pop3_port: int = 0,
        smtp_port: int = 0,
        *,
        catch_all: bool = False,
    ) -> None:
        self.folder = Path(folder).resolve()
        self.host = HOST
        self.imap_port = imap_port
        self.pop3_port = pop3_port
        self.smtp_port = smtp_port
        self.catch_all = catch_all
        self.smtp_failure: SmtpFailure | None = None
        self._asked_ports = (imap_port, pop3_port, smtp_port)
        self._mailboxes = Mailboxes(self.folder)
        self._dovecot = Dovecot(self.folder)
        self._receiver: Any = None
        self._lock: IO[str] | None = None

    def __enter__(self) -> "MailServer":
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start both servers and return when all three ports greet.

        :raise MailServerMissingError: Dovecot or aiosmtpd is not installed
        :raise MailServerError: it cannot start; the text has the reason
        """
        if self._lock:
            raise MailServerError("This mail server is running already.")
        _refuse_root()
        try:
            self._mailboxes.prepare()
            self._lock = _locked(self.folder / "lock")
            self._start_on_free_ports()
        except OSError as problem:
            self.stop()
            raise MailServerError(f"Cannot start: {problem}") from problem
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End both servers; the messages stay. Calling it again does nothing."""
        if self._receiver:
            self._receiver.stop()
            self._receiver = None
        if self._lock:
            self._dovecot.stop()
            self._lock.close()
            self._lock = None

    def check(self) -> None:
        """:raise MailServerError: when Dovecot has ended by itself since the start"""
        self._dovecot.check()

    def add_mailbox(self, address: str, password: str) -> None:
        """Create a mailbox, or give an existing one this password; at any time.

        :raise MailServerError: an address or password that Dovecot cannot hold
        """
        self._mailboxes.prepare()
        self._mailboxes.add(address, password)

    def mailboxes(self) -> list[str]:
        """Return the addresses that have a mailbox, sorted."""
        return self._mailboxes.addresses()

    def deliver(self, address: str, raw: bytes) -> None:
        """Put one message into the INBOX, byte for byte, as a mail server would.

        :raise MailServerError: there is no such mailbox
        """
        self._mailboxes.deliver(address, raw)

    def messages(self, address: str) -> list[Message]:
        """Return the messages of the INBOX in the order of their arrival.

        :return: ``[(raw bytes, {"\\\\Seen", …}), …]``
        :raise MailServerError: there is no such mailbox
        """
        return self._mailboxes.messages(address)

    def clear(self, address: str) -> None:
        """Remove every message of the INBOX.

        :raise MailServerError: there is no such mailbox
        """
        self._mailboxes.clear(address)

    def mailbox_for(self, recipient: str) -> str | None:
        """Return an SMTP recipient's mailbox, made now if ``catch_all``, or None."""
        mailbox = self._mailboxes.find(recipient)
        if mailbox or not self.catch_all:
            return mailbox
        local, _at, domain = recipient.lower().rpartition("@")
        mailbox = f"{local.partition('+')[0]}@{domain}"
        try:
            self.add_mailbox(mailbox, CATCH_ALL_PASSWORD)
        except MailServerError:
            return None
        return mailbox

    def _start_on_free_ports(self) -> None:
        attempts = 1 if all(self._asked_ports) else PORT_ATTEMPTS
        for _attempt in range(attempts - 1):
            with contextlib.suppress(PortTakenError):
                self._start_once(*_reserve_ports(*self._asked_ports))
                return
            self._dovecot.stop()
        self._start_once(*_reserve_ports(*self._asked_ports))

    def _start_once(self, imap_port: int, pop3_port: int, smtp_port: int) -> None:
        if Controller is None:
            raise MailServerMissingError(
                "The SMTP receiver needs the Python package aiosmtpd (from PyPI)."
            )
        # aiosmtpd reports each connection at INFO, into Odoo's log when Odoo hosts us.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        self._dovecot.start(imap_port, pop3_port)
        receiver = Controller(
            _Receiver(self),
            hostname=HOST,
            port=smtp_port,
            ready_timeout=START_TIMEOUT,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            server_hostname="localhost",  # else it asks the DNS for our name
        )
        try:
            receiver.start()
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                raise PortTakenError(f"Port {smtp_port} (SMTP) is taken.") from problem
            raise
        self._receiver = receiver
        self.imap_port, self.pop3_port = imap_port, pop3_port
        self.smtp_port = smtp_port


def _refuse_root() -> None:
    if os.geteuid() == 0:
        raise MailServerError(
            "The mail system must not run as root, Dovecot would refuse its accounts: "
            "start it from an ordinary account."
        )


def _locked(path: Path) -> IO[str]:
    """Return the open lock file; the kernel frees it with the process."""
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise MailServerError(
            f"Another mail server is running in {path.parent}: stop that one first."
        ) from None
    return lock


def _reserve_ports(*asked: int) -> tuple[int, ...]:
    """Return the ports asked for, each 0 replaced by a free one, all different.

    :raise MailServerError: a port that is taken, or that this account may not use
    """
    with contextlib.ExitStack() as held:
        ports = []
        for port, name in zip(asked, ("IMAP", "POP3", "SMTP"), strict=True):
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                _bind_patiently(probe, port)
            except OSError as problem:
                if problem.errno == errno.EADDRINUSE:
                    raise PortTakenError(
                        f"Port {port} ({name}) is taken on {HOST}."
                    ) from None
                raise MailServerError(
                    f"Port {port} ({name}) cannot be used: {problem.strerror}."
                ) from None
            ports.append(probe.getsockname()[1])
    return tuple(ports)


def _bind_patiently(probe: socket.socket, port: int) -> None:
    """Bind, giving the Dovecot of a process that was just killed time to end."""
    deadline = time.monotonic() + PORT_GRACE
    while True:
        try:
            return probe.bind((HOST, port))
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
