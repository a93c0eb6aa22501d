"""From saving a rule or a plugin to the first message judged by it, seen by a peer that sends one message after another."""

import itertools
import time
from dataclasses import dataclass
from statistics import median
from typing import Callable

from .servers import Side
from .smtp import Client, Refused

# Longer than this means the change was not taken over at all.
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Figures:
    """Over the tries: the median and the worst, in milliseconds."""

    median_ms: float
    worst_ms: float
    tries: int


def until_refused(side: Side, recipient: str, subject: str, save: Callable[[], None]) -> float:
    """Milliseconds from `save()` to the reply to the first message that is refused.

    Messages with `subject` pass before; each one afterwards tells whether the change is in force.
    """
    client = Client(side.smtp_port)
    try:
        for _ in range(3):
            client.send(recipient, subject)
        begin = time.monotonic()
        save()
        while time.monotonic() - begin < PATIENCE_SECONDS:
            try:
                client.send(recipient, subject)
            except Refused as refused:
                if str(refused).startswith("5"):
                    return 1000 * (time.monotonic() - begin)
                # A server that reloads by restarting its processes may close a connection (421).
                client.close()
                client = Client(side.smtp_port)
        raise AssertionError(f"{side.name}: a change is not in force after {PATIENCE_SECONDS:.0f} s")
    finally:
        client.close()


def measure(side: Side, title: str, change: Callable[[str], Callable[[], None]], tries: int, progress) -> Figures:
    """Several changes. `change(subject)` prepares one that makes messages with `subject` refused and gives back what saves it."""
    recipient = side.mailbox()
    times = []
    for number in itertools.islice(itertools.count(1), tries):
        subject = f"bench {title} {number}"
        times.append(until_refused(side, recipient, subject, change(subject)))
    result = Figures(median(times), max(times), tries)
    progress(f"{title}, {side.name}: {result.median_ms:.0f} ms, worst {result.worst_ms:.0f} ms of {tries}")
    return result
