"""Durable throughput from SMTP to the mailbox, with the processor time and the disk flushes that a message costs."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from . import machine
from .load import Load
from .servers import Side

# A round lasts about this long, so that a tick of the processor accounting (10 ms) is lost in it.
ROUND_SECONDS = 4.0
LEAST_MESSAGES = 100


@dataclass(frozen=True)
class Round:
    """One run of one load against one side."""

    messages: int
    answered_seconds: float
    """Until the last 250."""
    delivered_seconds: float
    """Until the last message lay in its mailbox, which for Waxwing is the same thing."""
    cpu_seconds: float
    flushes: int | None


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds of one cell of the table."""

    per_second: float
    answered_per_second: float
    cpu_ms: float
    flushes: float | None
    rounds: int


def measure(side: Side, load: Load, messages: int, directory: Path, recipient: str | None = None) -> Round:
    """Sends `messages` to a fresh mailbox of `side`, or one that is kept for many rounds, and waits until all of them are there."""
    before = side.delivered(recipient) if recipient else 0
    recipient = recipient or side.mailbox()
    flushes, cpu, begin = machine.flushes(directory), machine.cpu_seconds(side.roots()), time.monotonic()
    answered = load.send(side.smtp_port, recipient, messages)
    side.settle(recipient, messages)
    delivered = time.monotonic() - begin
    cpu = machine.cpu_seconds(side.roots()) - cpu
    after = machine.flushes(directory)
    if (arrived := side.delivered(recipient) - before) != messages:
        raise AssertionError(f"{side.name}: {arrived} messages came into the mailbox, {messages} were sent")
    return Round(messages, answered, delivered, cpu, None if flushes is None or after is None else after - flushes)


def compare(sides: list[Side], load: Load, rounds: int, directory: Path, progress) -> dict[str, Figures]:
    """The load against every side, interleaved: A B C A B C and so on, so that a slow minute of the machine hits all."""
    counts = {side.name: calibrate(side, load, directory) for side in sides}
    results: dict[str, list[Round]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides:
            result = measure(side, load, counts[side.name], directory)
            results[side.name].append(result)
            progress(f"{load.title}, round {number + 1}/{rounds}, {side.name}: "
                     f"{result.messages / result.delivered_seconds:.0f}/s, "
                     f"{1000 * result.cpu_seconds / result.messages:.2f} ms CPU a message")
    return {name: figures(found) for name, found in results.items()}


def calibrate(side: Side, load: Load, directory: Path) -> int:
    """How many messages make a round of the wanted length; the run before warms processes and caches."""
    trial = measure(side, load, LEAST_MESSAGES, directory)
    return max(LEAST_MESSAGES, round(ROUND_SECONDS * trial.messages / trial.delivered_seconds))


def figures(rounds: list[Round]) -> Figures:
    """Medians, each over its own column."""
    flushed = [found.flushes / found.messages for found in rounds if found.flushes is not None]
    return Figures(
        per_second=median(found.messages / found.delivered_seconds for found in rounds),
        answered_per_second=median(found.messages / found.answered_seconds for found in rounds),
        cpu_ms=median(1000 * found.cpu_seconds / found.messages for found in rounds),
        flushes=median(flushed) if flushed else None,
        rounds=len(rounds))
