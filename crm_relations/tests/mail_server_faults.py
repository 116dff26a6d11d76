"""Mail servers that are ill, in front of one that is well."""

import socket
import threading
import time
from contextlib import contextmanager, suppress

HOST = "127.0.0.1"


class Fault:
    """How a server fails.

    :ivar well: bytes that it passes on before it does
    :ivar size: bytes that it sends at once from then on
    :ivar pause: seconds before each; None sends nothing more
    """

    def __init__(self, well=0, size=1, pause=None):
        self.well, self.size, self.pause = well, size, pause

    def pass_on(self, source, target):
        """Pass on what a server says, more and more badly."""
        passed = 0
        while data := source.recv(4096):
            healthy = max(0, min(len(data), self.well - passed))
            target.sendall(data[:healthy])
            passed += len(data)
            for start in range(healthy, len(data), self.size):
                if self.pause is None:
                    return
                time.sleep(self.pause)
                target.sendall(data[start : start + self.size])


@contextmanager
def ill_server(fault, port):
    """Put a server with a fault in front of the one at ``port``.

    :return: its port
    """
    ended = threading.Event()
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(0.05)

        def accept():
            while not ended.is_set():
                with suppress(TimeoutError):
                    client, _address = listener.accept()
                    threading.Thread(
                        target=_serve, args=(fault, client, port, ended), daemon=True
                    ).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def _serve(fault, client, port, ended):
    with client, socket.create_connection((HOST, port)) as server:
        threading.Thread(target=_copy, args=(client, server), daemon=True).start()
        with suppress(OSError):  # the other side has had enough
            fault.pass_on(server, client)
            ended.wait()  # it keeps the line open, without a word


def _copy(source, target):
    with suppress(OSError):
        while data := source.recv(4096):
            target.sendall(data)
