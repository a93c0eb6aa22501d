"""`smtp-sink`, which comes with Postfix: takes every message, throws it away, and counts."""

import re
from pathlib import Path

from . import StartError, answers, end, free_port, start, tail, wait_until

COMMAND = "/usr/sbin/smtp-sink"
# It does not run as root.
USER = "nobody"
# The listening socket's queue.
BACKLOG = 1000
# The counters that it writes, one over the other, whenever a message is complete or a session ends.
COUNTERS = re.compile(rb"mesg=(\d+)\r")
LAST_BYTES = 256


class Sink:
    """A server that mail is relayed to."""

    def __init__(self, directory: Path):
        directory.mkdir(parents=True)
        self.port = free_port()
        self.log = directory / "sink.log"
        self.process = start("smtp-sink", [COMMAND, "-c", "-u", USER, f"127.0.0.1:{self.port}", str(BACKLOG)], self.log)
        try:
            wait_until(lambda: answers(self.port), 10, lambda: f"smtp-sink does not answer:\n{tail(self.log)}")
        except StartError:
            self.stop()
            raise

    def taken(self) -> int:
        """Messages so far."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LAST_BYTES))
            counts = COUNTERS.findall(log.read())
        return int(counts[-1]) if counts else 0

    def stop(self) -> None:
        end(self.process)
