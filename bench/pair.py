"""What one Waxwing costs more than another that does the same work.

Two identical servers differ by up to a tenth on a shared machine: the disk stalls one run and not the next, and a process keeps for all its life
what luck it had with where its memory lies. So each turn starts both servers anew, runs the load in the order A B B A, and the figure is the median
of what the turns say, with the interval that holds the true median 19 times of 20.
"""

from dataclasses import dataclass
from math import comb
from pathlib import Path
from statistics import median

from . import throughput
from .load import Load
from .servers.waxwing import Waxwing

# A run lasts about this long; four make a turn.
RUN_SECONDS = 0.5
# Messages that a server has taken before it is measured: by then each session has found its plugins' instances made.
WARM_UP = 700
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Cost:
    """How much less of a rate `dear` has than `cheap`, and how much more processor time a message takes it, both in percent."""

    rate_lost: float
    least: float
    most: float
    """The interval of `rate_lost`."""
    cpu_added: float
    cpu_added_us: float
    """Microseconds a message."""


def compare(cheap: Waxwing, dear: Waxwing, load: Load, turns: int, directory: Path, progress) -> Cost:
    """So many turns of the load against both."""
    share = RUN_SECONDS / throughput.ROUND_SECONDS
    messages = max(throughput.LEAST_MESSAGES, round(share * min(throughput.calibrate(side, load, directory) for side in (cheap, dear))))
    recipients = {side.name: side.mailbox() for side in (cheap, dear)}
    lost, added, micros = [], [], []
    for turn in range(turns):
        for side in (cheap, dear):
            side.stop()
            side.run()
            throughput.measure(side, load, WARM_UP, directory, recipients[side.name])
        order = [cheap, dear, dear, cheap] if turn % 2 else [dear, cheap, cheap, dear]
        runs = [(side, throughput.measure(side, load, messages, directory, recipients[side.name])) for side in order]
        seconds, cpu = ({side.name: sum(getattr(run, of) for which, run in runs if which is side) for side in (cheap, dear)}
                        for of in ("delivered_seconds", "cpu_seconds"))
        lost.append(100 * (1 - seconds[cheap.name] / seconds[dear.name]))
        added.append(100 * (cpu[dear.name] / cpu[cheap.name] - 1))
        micros.append(1e6 * (cpu[dear.name] - cpu[cheap.name]) / (2 * messages))
        progress(f"{load.title}, turn {turn + 1}/{turns}: {dear.name} has {lost[-1]:.1f} % less of the rate, "
                 f"and takes {added[-1]:.1f} % more processor time")
    least, most = interval(lost)
    return Cost(median(lost), least, most, median(added), median(micros))


def interval(values: list[float]) -> tuple[float, float]:
    """Between which of the values their true median lies, 19 times of 20 (by the sign test); all of them, if they are too few to say."""
    ordered, count = sorted(values), len(values)
    outside, beyond = 0.0, 0
    # So many may be left out at each end.
    while outside + 2 * comb(count, beyond) / 2**count <= 1 - CONFIDENCE:
        outside += 2 * comb(count, beyond) / 2**count
        beyond += 1
    return ordered[max(beyond - 1, 0)], ordered[-max(beyond, 1)]
