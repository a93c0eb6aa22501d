"""From saving a rule or a plugin to the first message judged by it, seen by a peer that sends one message after another."""

import bisect
import time
from dataclasses import dataclass
from statistics import median
from typing import Callable

from .servers import Side
from .servers.postfix import PostfixDovecot
from .servers.waxwing import Waxwing
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


def until_judged(server: Waxwing, recipient: str, save: Callable[[], None]) -> float:
    """Milliseconds from `save()` to the reply to the first message that the next generation judged.

    A message does not show which plugin judged it, so each is sent under a known Message-ID and looked up afterwards.
    """
    before = server.generation()
    client = Client(server.smtp_port)
    sent: list[tuple[str, float]] = []

    def send_one() -> None:
        message_id = f"{time.time_ns()}@bench.example"
        client.send(recipient, "bench", message_id)
        sent.append((message_id, time.monotonic()))

    try:
        send_one()
        sent.clear()
        begin = time.monotonic()
        save()
        while server.generation() == before:
            for _ in range(5):
                send_one()
            if time.monotonic() - begin > PATIENCE_SECONDS:
                raise AssertionError(f"{server.name}: a plugin is not in force after {PATIENCE_SECONDS:.0f} s")
        send_one()
    finally:
        client.close()
    # Generations only go up, so the first message of the new one is found by halves.
    first = bisect.bisect_left(sent, True, key=lambda message: server.judged_by(message[0]) > before)
    return 1000 * (sent[first][1] - begin)


def rules(side: PostfixDovecot | Waxwing, tries: int, progress) -> Figures:
    """Rules that refuse a subject, saved one after another."""
    recipient = side.mailbox()
    subjects = [f"bench rule {number}" for number in range(tries)]
    times = [until_refused(side, recipient, subject, side.rule(subject)) for subject in subjects]
    return figures("rule saved", side, times, progress)


def plugins(server: Waxwing, plugin: str, tries: int, progress) -> Figures:
    """A plugin, saved again and again with other bytes."""
    recipient = server.mailbox()
    times = [until_judged(server, recipient, server.recompiled(plugin, f"{time.time_ns()}")) for _ in range(tries)]
    return figures(f"plugin {plugin} saved", server, times, progress)


def figures(title: str, side: Side, times: list[float], progress) -> Figures:
    """Median and worst."""
    result = Figures(median(times), max(times), len(times))
    progress(f"{title}, {side.name}: {result.median_ms:.0f} ms, worst {result.worst_ms:.0f} ms of {len(times)}")
    return result
