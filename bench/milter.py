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
# Rounds before the first that counts. A server that is new still lets its files grow, which syncs slower than writing over them.
WARM_UP = 5


@dataclass(frozen=True)
class Figures:
    """Milliseconds from MAIL to the 250 after the content: medians over the rounds."""

    without_ms: float
    added_ms: float


class Pair:
    """A mail system without the step and with it, and a mailbox in each."""

    def __init__(self, without: Side, with_step: Side):
        self.name = without.name
        self._sides = [without, with_step]
        self._recipients = [side.mailbox() for side in self._sides]
        self._sent = 0

    def measure(self) -> Figures:
        """One round: messages in turns over one session each."""
        clients = [Client(side.smtp_port) for side in self._sides]
        times: list[list[float]] = [[], []]
        try:
            for number in range(MESSAGES):
                # Who is first may pay for waking the machine.
                for place in (0, 1) if number % 2 else (1, 0):
                    begin = time.perf_counter()
                    clients[place].send(self._recipients[place], "bench")
                    times[place].append(1000 * (time.perf_counter() - begin))
        finally:
            for client in clients:
                client.close()
        self._sent += MESSAGES
        for side, recipient in zip(self._sides, self._recipients):
            side.settle(recipient, self._sent)
        without, with_step = (median(measured) for measured in times)
        return Figures(without, with_step - without)


def compare(pairs: list[Pair], rounds: int, progress) -> dict[str, Figures]:
    """Medians over rounds in which the pairs take turns, by their names."""
    found: dict[str, list[Figures]] = {pair.name: [] for pair in pairs}
    for number in range(1 - WARM_UP, rounds + 1):
        for pair in pairs:
            result = pair.measure()
            if number > 0:
                found[pair.name].append(result)
                progress(f"one header added, round {number}/{rounds}, {pair.name}: "
                         f"{1000 * result.added_ms:.0f} µs on top of {result.without_ms:.2f} ms")
    return {name: Figures(median(result.without_ms for result in results), median(result.added_ms for result in results))
            for name, results in found.items()}
