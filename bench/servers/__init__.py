"""Private instances of the measured programs: configuration made in a working directory, ports on the loopback that
were free a moment ago, started as children and ended by process id."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable, Protocol

DOMAIN = "waxwing.test"
# A domain of another server: what is sent there is relayed.
RELAYED = "relayed.example"
PASSWORD = "waxwing-demo"


class Side(Protocol):
    """One column of the table: a mail system that takes mail by SMTP and keeps it in mailboxes."""

    name: str
    smtp_port: int

    def roots(self) -> list[int]:
        """The processes at the top of its process trees."""

    def mailbox(self) -> str:
        """A recipient's address whose mailbox is empty and used by nobody else."""

    def settle(self, address: str, messages: int) -> None:
        """Returns when `messages` messages lie in the mailbox of `address`; at once where the last 250 said so."""

    def delivered(self, address: str) -> int:
        """How many messages lie in the mailbox of `address`."""

    def stop(self) -> None:
        """Ends what was started."""


class StartError(Exception):
    """A server did not start; the text says which and what it wrote."""


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(ready: Callable[[], bool], seconds: float, failure: Callable[[], str], pause: float = 0.02) -> None:
    """Returns when `ready()` holds; raises with `failure()` as text when it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise StartError(failure())
        time.sleep(pause)


def answers(port: int) -> bool:
    """Whether something accepts connections on the loopback's `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def start(name: str, command: list[str], log: Path, **options) -> subprocess.Popen:
    """Starts a server as the leader of a process group of its own, both outputs to `log`."""
    with log.open("ab") as output:
        try:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                    start_new_session=True, **options)
        except OSError as error:
            raise StartError(f"{name} cannot be started: {error}") from error


def end(process: subprocess.Popen, seconds: float = 10) -> None:
    """Asks a server that `start` started to end, and kills its process group if it does not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"
