"""Load by Postfix's `smtp-source`: many SMTP sessions sending messages of one size as fast as they are answered."""

import subprocess
import time
from dataclasses import dataclass

COMMAND = "/usr/sbin/smtp-source"


class LoadError(Exception):
    """smtp-source stopped early: the server gave an answer it did not expect."""


@dataclass(frozen=True)
class Load:
    """A shape of load. Without `reuse` each message comes over a connection of its own, as most mail between servers does."""

    sessions: int
    octets: int
    reuse: bool = False

    @property
    def title(self) -> str:
        size = f"{self.octets // 1024} KB"
        plural = "s" if self.sessions > 1 else ""
        return f"{self.sessions} session{plural}, {size}" + (", kept open" if self.reuse else "")

    def send(self, port: int, recipient: str, messages: int) -> float:
        """Sends `messages` to `recipient`; the seconds until the last was answered by a 250."""
        command = [COMMAND, "-s", str(self.sessions), "-l", str(self.octets), "-m", str(messages), "-S", "bench",
                   "-M", "client.bench.example", "-f", "sender@bench.example", "-t", recipient]
        if self.reuse:
            command.append("-d")
        begin = time.monotonic()
        run = subprocess.run(command + [f"inet:127.0.0.1:{port}"], capture_output=True, text=True, check=False)
        seconds = time.monotonic() - begin
        if run.returncode != 0 or run.stderr:
            raise LoadError(f"smtp-source to port {port}: {run.stderr.strip() or run.returncode}")
        return seconds
