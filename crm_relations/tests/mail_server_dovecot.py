"""One Dovecot of the test mail system: its configuration, start and end.

See ``mail_server.py``, which is what tests use. No Odoo here.
"""

import contextlib
import grp
import os
import pwd
import shutil
import signal
import socket
import string
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from .mail_server_boxes import MailServerError, MailServerMissingError, PortTakenError

HOST = "127.0.0.1"
START_TIMEOUT = 20  # seconds until each port must greet; it takes about 0.1 s
STOP_TIMEOUT = 5  # seconds for Dovecot to end its sessions before it is killed
LOG_LINES = 15  # of Dovecot's log, shown when it fails
# Unix socket paths end at 107 characters; Dovecot's own names need less than 40.
RUNTIME_PATH_MAX = 60
INSTALL_DOVECOT = (
    "Dovecot is missing: install the Debian packages dovecot-imapd and dovecot-pop3d."
)

# Every "chroot =" is empty because only root may change root, and root is refused.
DOVECOT_COMMON = """
protocols = imap pop3
listen = {host}
base_dir = {runtime}/run
state_dir = {runtime}/run
log_path = {runtime}/data/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = {uid}
first_valid_gid = {gid}
mail_uid = {uid}
mail_gid = {gid}
mail_fsync = never
mail_max_userip_connections = 100
auth_username_chars = {address_chars}
auth_failure_delay = 0
ssl = no
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""
# One password file per mailbox: Dovecot rereads a shared one at most once a second,
# and a test logs in right after add_mailbox().
DOVECOT_DIALECTS = {
    "2.3": """
disable_plaintext_auth = no
mail_home = {runtime}/data/mailboxes/%u
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = {runtime}/data/users/%u
}}
userdb {{
  driver = static
}}
""",
    "2.4": """
auth_allow_cleartext = yes
mail_home = {runtime}/data/mailboxes/%{{user}}
mail_driver = maildir
mail_path = ~/Maildir
passdb passwd-file {{
  passwd_file_path = {runtime}/data/users/%{{user}}
}}
userdb static {{
}}
""",
}
# Version 2.4 wants these two first, before any other setting.
DOVECOT_PREAMBLES = {
    "2.3": "",
    "2.4": "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n",
}


class Dovecot:
    """One Dovecot process in the foreground, with a configuration of its own.

    Its paths go through a short temporary folder that links to the real one: socket
    names have a small limit and Dovecot's syntax gives meaning to spaces and percent
    signs, while a clone may lie anywhere.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "dovecot.log"
        self._runtime_link = folder / "runtime"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, imap_port: int, pop3_port: int) -> None:
        """Start and wait until both ports greet.

        :raise MailServerError: with the end of Dovecot's log
        """
        program = _find_dovecot()
        dialect = _dovecot_dialect(program)
        self._remove_runtime()
        config = self.folder / "dovecot.conf"
        config.write_text(
            DOVECOT_PREAMBLES[dialect]
            + (DOVECOT_COMMON + DOVECOT_DIALECTS[dialect]).format(
                imap_port=imap_port, pop3_port=pop3_port, **self._surroundings()
            )
        )
        config.chmod(0o600)
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [*_dies_with_parent(), program, "-F", "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A Ctrl-C in the terminal is for our process, which then stops this.
                start_new_session=True,
            )
        self._wait_for_greeting(imap_port, b"* OK")
        self._wait_for_greeting(pop3_port, b"+OK")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process:
            # The whole group: the master alone takes a second to stop its children.
            self._signal_group(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT)
            # Whatever is left, also children of a master that ended by itself.
            self._signal_group(process, signal.SIGKILL)
            process.wait()
        self._remove_runtime()

    @staticmethod
    def _signal_group(process: "subprocess.Popen[bytes]", number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    def check(self) -> None:
        """:raise MailServerError: when Dovecot ended by itself"""
        if self._process is None or self._process.poll() is None:
            return
        tail = self._log_tail()
        problem = f"Dovecot ended with status {self._process.returncode}:\n{tail}"
        if "Address already in use" in tail:
            raise PortTakenError(problem)
        if "access(" in tail and "No such file" in tail:  # its package is separate
            raise MailServerMissingError(f"{INSTALL_DOVECOT}\n{problem}")
        raise MailServerError(problem)

    def _wait_for_greeting(self, port: int, greeting: bytes) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            self.check()
            try:
                with socket.create_connection((HOST, port), 1) as client:
                    if client.recv(64).startswith(greeting):
                        return
            except OSError:
                time.sleep(0.01)  # not listening yet
        raise MailServerError(
            f"Dovecot did not greet on port {port} within {START_TIMEOUT} seconds:\n"
            + self._log_tail()
        )

    def _surroundings(self) -> dict[str, Any]:
        """Return what the configuration needs to know of the folder and the account."""
        uid, gid = os.geteuid(), os.getegid()
        try:
            account, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
        except KeyError:
            raise MailServerError(
                f"User {uid} or group {gid} has no name on this machine, and Dovecot "
                "needs both: start the mail system from an ordinary account."
            ) from None
        runtime = self._make_runtime()
        return {
            "host": HOST,
            "runtime": runtime,
            "user": account,
            "group": group,
            "uid": uid,
            "gid": gid,
            "address_chars": f'"{string.ascii_letters}{string.digits}._+=\'&~-@"',
        }

    def _make_runtime(self) -> Path:
        parents = [
            p for p in (tempfile.gettempdir(), "/tmp") if len(p) < RUNTIME_PATH_MAX
        ]
        runtime = Path(tempfile.mkdtemp(prefix="crm-mail-", dir=parents[0]))
        (runtime / "data").symlink_to(self.folder)
        self._runtime_link.symlink_to(runtime)
        return runtime

    def _remove_runtime(self) -> None:
        """Remove our temporary folder, also one left by a process that was killed."""
        if self._runtime_link.is_symlink():
            shutil.rmtree(self._runtime_link.readlink(), ignore_errors=True)
            self._runtime_link.unlink()

    def _log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES:]) or "(its log is empty)"


def _find_dovecot() -> str:
    # An ordinary account's PATH often leaves the sbin folders out.
    path = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    program = shutil.which("dovecot", path=path)
    if not program:
        raise MailServerMissingError(INSTALL_DOVECOT)
    return program


def _dovecot_dialect(program: str) -> str:
    """Return which configuration syntax the program speaks: ``"2.3"`` or ``"2.4"``."""
    answer = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=False
    )
    version = ".".join(answer.stdout.split(".")[:2])
    if version not in DOVECOT_DIALECTS:
        known = " and ".join(DOVECOT_DIALECTS)
        raise MailServerMissingError(
            f"Dovecot {known} are supported; {program} says "
            f"{(answer.stdout or answer.stderr).strip()!r}."
        )
    return version


def _dies_with_parent() -> list[str]:
    """Return the command that makes the kernel end what follows when we die.

    Not a ``preexec_fn``: that runs Python between fork and exec, which can deadlock in
    a process with threads such as Odoo. ``setpriv`` is part of Debian's util-linux;
    elsewhere a killed interpreter may leave Dovecot behind. On SIGQUIT the
    ports are free in milliseconds (two seconds when a session was just starting);
    after SIGTERM it takes longer.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "QUIT", "--"] if setpriv else []
