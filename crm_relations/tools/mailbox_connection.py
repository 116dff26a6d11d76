"""Connections to mailboxes that end in time, whatever the server does.

A timeout of the socket is per operation: a server that sends one byte a second never
meets it. Here a visit has an end, which comes later only as fast as mail comes in.
"""

import imaplib
import poplib
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType

CONNECT_SECONDS = 10  # for the server to take the connection
ANSWER_SECONDS = 60  # without a byte, as in Odoo's own fetching
VISIT_SECONDS = 60  # for a visit in which hardly anything comes
MOST_SECONDS = 300  # for any visit
GROUP_SECONDS = 30  # after these no further group of mails is begun
SLOWEST = 4096  # bytes per second; each second's worth makes a visit a second longer
READ_SIZE = 16 * 1024  # bytes read at once, so that what comes in is noticed


class MailboxTooSlowError(Exception):
    """The time of the visit is over."""


class Watch:
    """The time of one visit; when it is over, the visit's connections are cut.

    A thread does it: whoever reads from a socket cannot look at the clock.

    >>> ours, theirs = socket.socketpair()
    >>> with Watch(seconds=0.01) as watch:
    ...     watch.add(ours)
    ...     ours.recv(1)  # nothing ever comes, and yet it ends
    b''
    >>> watch.is_over
    True
    """

    def __init__(self, seconds: float | None = None) -> None:
        """Begin to count.

        :param seconds: for a visit in which nothing comes, VISIT_SECONDS if not given
        """
        self.begin = time.monotonic()
        self.seconds = VISIT_SECONDS if seconds is None else seconds
        self.received = 0
        self.is_over = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._guard, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the watch.

        :raise MailboxTooSlowError: in place of what the cut made the reader raise
        """
        self._ended.set()
        self._thread.join()
        for held in self._sockets:
            held.close()
        if self.is_over and isinstance(error, Exception):
            raise MailboxTooSlowError(
                f"The server was too slow: {self.received} bytes of mail in "
                f"{time.monotonic() - self.begin:.0f} seconds."
            ) from error

    def add(self, connected: socket.socket) -> None:
        """Watch a connection from now on."""
        # a second handle on it: encryption takes the first one over
        held = connected.dup()
        with self._lock:
            self._sockets.append(held)
            if self.is_over:
                _cut(held)

    def count(self, size: int) -> None:
        """Note that ``size`` bytes of mail have come."""
        self.received += size

    def has_time(self) -> bool:
        """Tell whether another group of mails may be begun."""
        return time.monotonic() < self.begin + min(self.seconds, GROUP_SECONDS)

    def _get_end(self) -> float:
        longest = max(MOST_SECONDS, self.seconds)
        return self.begin + min(self.seconds + self.received / SLOWEST, longest)

    def _guard(self) -> None:
        while (left := self._get_end() - time.monotonic()) > 0:
            if self._ended.wait(left):
                return
        with self._lock:
            self.is_over = True
            for held in self._sockets:
                _cut(held)


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):  # the other side was faster
        connected.shutdown(socket.SHUT_RDWR)


class _Watched:
    """What the connections below share; their libraries call ``_create_socket``."""

    watch: Watch
    host: str
    port: int

    def _open_watched(self, timeout: float) -> socket.socket:
        connected = socket.create_connection(
            (self.host or None, self.port), CONNECT_SECONDS
        )
        connected.settimeout(timeout)
        self.watch.add(connected)
        return connected


class _WatchedImap(_Watched):
    def read(self, size: int) -> bytes:
        """Read in pieces, each of which is counted; IMAP4 documents this override."""
        pieces = []
        while size > 0 and (piece := super().read(min(size, READ_SIZE))):
            self.watch.count(len(piece))
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def disconnect(self) -> None:
        self.logout()


class Imap(_WatchedImap, imaplib.IMAP4):
    def __init__(self, host: str, port: int, watch: Watch) -> None:
        self.watch = watch
        super().__init__(host, port, timeout=ANSWER_SECONDS)

    def _create_socket(self, timeout: float) -> socket.socket:
        return self._open_watched(timeout)


class ImapSsl(_WatchedImap, imaplib.IMAP4_SSL):
    def __init__(self, host: str, port: int, watch: Watch) -> None:
        self.watch = watch
        super().__init__(host, port, timeout=ANSWER_SECONDS)

    def _create_socket(self, timeout: float) -> socket.socket:
        return self.ssl_context.wrap_socket(
            self._open_watched(timeout), server_hostname=self.host
        )


class _WatchedPop(_Watched):
    def disconnect(self) -> None:
        self.quit()


class Pop(_WatchedPop, poplib.POP3):
    def __init__(self, host: str, port: int, watch: Watch) -> None:
        self.watch = watch
        super().__init__(host, port, timeout=ANSWER_SECONDS)

    def _create_socket(self, timeout: float) -> socket.socket:
        return self._open_watched(timeout)


class PopSsl(_WatchedPop, poplib.POP3_SSL):
    def __init__(self, host: str, port: int, watch: Watch) -> None:
        self.watch = watch
        super().__init__(host, port, timeout=ANSWER_SECONDS)

    def _create_socket(self, timeout: float) -> socket.socket:
        return self.context.wrap_socket(
            self._open_watched(timeout), server_hostname=self.host
        )


KINDS = {
    ("imap", False): Imap,
    ("imap", True): ImapSsl,
    ("pop", False): Pop,
    ("pop", True): PopSsl,
}
