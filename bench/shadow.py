"""What a shadow step costs the messages that it is tried out on: the shipped policy without one, and with a copy of `rules` in shadow.

Two servers take turns, in blocks: what the trial still does when a message has its answer falls on the messages that follow, as it does where only one
server runs.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from . import throughput
from .load import Load
from .servers.waxwing import Waxwing

# As in config/policy.toml, but tried out just before the step that enforces.
SHADOW = """
[[step]]
plugin = "rules"
name = "rules-next"
mode = "shadow"
replaces = "rules"
grants = ["message", "actions"]
settings-files = ["rules/*.toml"]
"""
# Rounds before the first that counts, while files still grow.
WARM_UP = 2


@dataclass(frozen=True)
class Figures:
    """From MAIL to the 250, the mean of a round; medians over the rounds."""

    without_ms: float
    with_ms: float
    added_percent: float
    """The median of what each round added, both sides of which ran one after the other."""


def policy(shipped: Path) -> str:
    """The shipped policy with the shadow step."""
    return shipped.read_text() + SHADOW


def compare(sides: list[Waxwing], load: Load, rounds: int, directory: Path, progress) -> Figures:
    """The load against the server without the step and the one with it, the first of each round in turn."""
    without, shadowed = sides
    messages = max(throughput.calibrate(side, load, directory) for side in sides)
    found: list[tuple[float, float]] = []
    for number in range(1 - WARM_UP, rounds + 1):
        order = [shadowed, without] if number % 2 else [without, shadowed]
        taken = {side.name: latency(side, load, messages, directory) for side in order}
        if number > 0:
            one, other = taken[without.name], taken[shadowed.name]
            found.append((one, other))
            progress(f"{load.title}, round {number}/{rounds}: {one:.3f} ms, {other:.3f} ms with a shadow step")
    return Figures(median(one for one, _ in found), median(other for _, other in found),
                   median(100 * (other / one - 1) for one, other in found))


def latency(side: Waxwing, load: Load, messages: int, directory: Path) -> float:
    """Milliseconds that a message takes, the mean of all: every session sends one after another."""
    return 1000 * load.sessions * throughput.measure(side, load, messages, directory).answered_seconds / messages
