"""What one small step adds to the time that a message takes: a milter under Postfix, a plugin under Waxwing.

Both add one header field. Each mail system runs twice, with the step and without, and one client that holds a session with both sends
its messages in turns, so that what the disk and the machine do meanwhile hits both alike.
"""

import time
from dataclasses import dataclass
from statistics import median

from .servers import Side
from .smtp import Client

MESSAGES = 200


@dataclass(frozen=True)
class Figures:
    """Milliseconds from MAIL to the 250 after the content: medians over the rounds."""

    without_ms: float
    added_ms: float


def compare(pairs: list[tuple[Side, Side]], rounds: int, progress) -> dict[str, Figures]:
    """For each pair, a side without the step and one with it; by the name of the former. The pairs take turns, too."""
    found: dict[str, list[Figures]] = {without.name: [] for without, _ in pairs}
    for number in range(rounds + 1):
        for without, with_step in pairs:
            result = measure(without, with_step)
            # The first round warms processes and caches.
            if number:
                found[without.name].append(result)
                progress(f"one header added, round {number}/{rounds}, {without.name}: "
                         f"{1000 * result.added_ms:.0f} µs on top of {result.without_ms:.2f} ms")
    return {name: Figures(median(round.without_ms for round in results), median(round.added_ms for round in results))
            for name, results in found.items()}


def measure(without: Side, with_step: Side) -> Figures:
    """One round: messages in turns over one session each."""
    sides = [without, with_step]
    recipients = [side.mailbox() for side in sides]
    clients = [Client(side.smtp_port) for side in sides]
    times: list[list[float]] = [[], []]
    try:
        for number in range(MESSAGES):
            # Who is first may pay for waking the machine.
            for place in (0, 1) if number % 2 else (1, 0):
                begin = time.perf_counter()
                clients[place].send(recipients[place], "bench")
                times[place].append(1000 * (time.perf_counter() - begin))
    finally:
        for client in clients:
            client.close()
    for side, recipient in zip(sides, recipients):
        side.settle(recipient, MESSAGES)
    plain, stepped = (median(measured) for measured in times)
    return Figures(plain, stepped - plain)
