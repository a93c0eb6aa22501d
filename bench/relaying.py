"""Mail that is relayed: taken by SMTP, queued on disk, and handed on to `smtp-sink`. The clock runs until that has the last message."""

from pathlib import Path
from typing import Callable

from . import hooks, throughput
from .load import Load
from .servers import RELAYED, Side, wait_until
from .servers.postfix import PostfixDovecot
from .servers.sink import Sink
from .servers.waxwing import Waxwing

# What the shipped policy is given: who may relay without a login, and where to.
CHANGES = {'grants = ["directory", "relay"]\n\n[step.settings]\n': 'relay-networks = ["127.0.0.0/8"]\n',
           'plugin = "outbound"\n\n[step.settings]\n':
               'routes."{domain}" = {{ hosts = [{{ host = "127.0.0.1", port = {port} }}], tls = "never" }}\n'}


class Relaying:
    """A side as throughput sees it, whose mailboxes are what the sink has taken since they were given out."""

    def __init__(self, side: Side, sink: Sink):
        self.name, self.smtp_port, self.roots = side.name, side.smtp_port, side.roots
        self._side, self._sink = side, sink
        self._before = 0

    def mailbox(self) -> str:
        self._before = self._sink.taken()
        return f"somebody@{RELAYED}"

    def settle(self, address: str, messages: int) -> None:
        wait_until(lambda: self.delivered(address) >= messages, 120, pause=0.005, failure=lambda:
                   f"{self.name}: {self.delivered(address)} of {messages} messages were relayed")

    def delivered(self, _address: str) -> int:
        return self._sink.taken() - self._before

    def stop(self) -> None:
        self._side.stop()
        self._sink.stop()


def policy(shipped: Path, port: int) -> str:
    """The shipped policy, which relays to the sink at `port`."""
    text = shipped.read_text()
    for place, setting in CHANGES.items():
        if text.count(place) != 1:
            raise AssertionError(f"{shipped} has not one place for {setting!r}")
        text = text.replace(place, place + setting.format(domain=RELAYED, port=port))
    return text


def postfix(directory: Path) -> Relaying:
    """A Postfix and a sink."""
    return start(directory, lambda port: PostfixDovecot(directory / "server", accounts=1, sink=port))


def waxwing(directory: Path, name: str, shipped: Path) -> Relaying:
    """A Waxwing under the policy that relays, and a sink."""
    def server(port: int) -> Waxwing:
        started = Waxwing(directory / "server", name, shipped, accounts=1)
        try:
            hooks.set_policy(started, policy(shipped, port))
        except BaseException:
            started.stop()
            raise
        return started
    return start(directory, server)


def start(directory: Path, server: Callable[[int], Side]) -> Relaying:
    """A sink, and a server that is told its port."""
    sink = Sink(directory / "sink")
    try:
        return Relaying(server(sink.port), sink)
    except BaseException:
        sink.stop()
        raise


def compare(sides: list[Side], load: Load, rounds: int, directory: Path, progress) -> dict[str, throughput.Figures]:
    """Rounds in turns, as for what goes into mailboxes."""
    return throughput.compare(sides, load, rounds, directory, lambda text: progress(f"relaying, {text}"))
