"""What plugin calls cost: from the server's own `waxwing_plugin_seconds`, over messages sent one after another.

The same messages with instances that are reused and with a fresh instance for each call; the difference is what an
instance costs. A Postfix has nothing to put beside it: its policy steps are milters and policy servers, a round trip each.
"""

import re
from dataclasses import dataclass

from .load import Load
from .servers import wait_until
from .servers.waxwing import Waxwing

MESSAGES = 1000
SERIES = re.compile(r'^waxwing_plugin_seconds_(sum|count)\{(.*)\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Calls:
    """Calls of plugins and the seconds they took."""

    count: float
    seconds: float

    @property
    def mean_us(self) -> float:
        return 1e6 * self.seconds / self.count

    @property
    def per_message_us(self) -> float:
        return 1e6 * self.seconds / MESSAGES


def calls(server: Waxwing) -> Calls:
    """All calls of all plugins so far."""
    totals = {"sum": 0.0, "count": 0.0}
    for kind, _, value in SERIES.findall(server.metrics()):
        totals[kind] += float(value)
    return Calls(totals["count"], totals["sum"])


def measure(server: Waxwing, title: str, progress) -> Calls:
    """Calls made for MESSAGES messages over one connection after another."""
    load, recipient = Load(1, 4096), server.mailbox()
    load.send(server.smtp_port, recipient, 50)
    before = calls(server)
    load.send(server.smtp_port, recipient, MESSAGES)
    after = calls(server)
    result = Calls(after.count - before.count, after.seconds - before.seconds)
    progress(f"hooks, {title}: {result.mean_us:.1f} µs a call, {result.count / MESSAGES:.1f} calls a message")
    return result


def set_policy(server: Waxwing, text: str) -> None:
    """Saves a policy and waits until it is in force."""
    before = server.generation()
    server.save(server.policy / "policy.toml", text.encode())
    wait_until(lambda: server.generation() > before, 20, lambda: f"{server.name}: the policy that was saved is not in force")
