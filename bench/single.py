"""What a message takes when nobody else sends: one session after another, each with one message of 4 KB."""

import time
from statistics import median

from .servers import Side
from .smtp import Client

# Of each side, in each round.
MESSAGES = 200
# As smtp-source fills a message.
TEXT = ("X" * 78 + "\r\n") * 51


def compare(sides: list[Side], rounds: int, progress) -> dict[str, float]:
    """Milliseconds from the opening of the connection to the 250 after the content: the median of all messages of rounds in turns."""
    recipients = {side.name: side.mailbox() for side in sides}
    taken: dict[str, list[float]] = {side.name: [] for side in sides}
    # The round before the first warms processes and caches.
    for number in range(rounds + 1):
        for side in sides:
            recipient = recipients[side.name]
            found = latencies(side, recipient)
            # What a side does after its 250 is no other's burden.
            side.settle(recipient, MESSAGES * (number + 1))
            if number > 0:
                taken[side.name] += found
                progress(f"one session at a time, round {number}/{rounds}, {side.name}: p50 {median(found):.2f} ms")
    return {name: median(found) for name, found in taken.items()}


def latencies(side: Side, recipient: str) -> list[float]:
    """Milliseconds of single messages."""
    taken = []
    for _ in range(MESSAGES):
        begin = time.perf_counter()
        client = Client(side.smtp_port)
        client.send(recipient, "bench", text=TEXT)
        taken.append(1000 * (time.perf_counter() - begin))
        client.close()
    return taken
