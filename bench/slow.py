"""What slow peers cost the others: thousands that are in the middle of something and send an octet now and then."""

import socket
import threading
import time
from dataclasses import dataclass

from .servers import Side
from .smtp import Client

# Where a peer stops, after EHLO: within a command, within a transaction, within a message.
STOPS = [b"MAIL FRO", b"MAIL FROM:<slow@bench.example>\r\nRCPT TO:<u0@waxw",
         b"MAIL FROM:<slow@bench.example>\r\nRCPT TO:<u0@waxwing.test>\r\nDATA\r\nSubject: sl"]
# All peers together send so many octets a second.
TRICKLE_PER_SECOND = 2000


@dataclass(frozen=True)
class Figures:
    """The time from MAIL to the reply after the content, of single messages over sessions of their own."""

    usual_p99_ms: float
    beset_p99_ms: float
    peers: int


class Peers:
    """Connections that were opened and never come to an end."""

    def __init__(self, port: int, count: int, progress):
        self._sockets: list[socket.socket] = []
        self._over = threading.Event()
        for number in range(count):
            self._sockets.append(self._open(port, STOPS[number % len(STOPS)]))
            if (number + 1) % 1000 == 0:
                progress(f"slow peers: {number + 1} connected")
        self._thread = threading.Thread(target=self._trickle)
        self._thread.start()

    @staticmethod
    def _open(port: int, words: bytes) -> socket.socket:
        peer = socket.create_connection(("127.0.0.1", port), timeout=60)
        peer.recv(4096)
        peer.sendall(b"EHLO slow.bench.example\r\n" + words)
        return peer

    def _trickle(self) -> None:
        """An octet to one after another, a few at each waking."""
        at = 0
        while not self._over.wait(0.05):
            for _ in range(int(TRICKLE_PER_SECOND * 0.05)):
                try:
                    self._sockets[at % len(self._sockets)].send(b"x")
                except OSError:
                    pass  # The server has had enough of it.
                at += 1

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        for peer in self._sockets:
            peer.close()


def measure(side: Side, peers: int, messages: int, progress) -> Figures:
    """p99 of `messages` messages without slow peers, with them, and without again: the usual is the mean of the outer two."""
    latencies(side, messages // 4)
    before = p99(latencies(side, messages))
    beset = Peers(side.smtp_port, peers, progress)
    try:
        during = p99(latencies(side, messages))
    finally:
        beset.close()
    time.sleep(1)
    after = p99(latencies(side, messages))
    result = Figures(1000 * (before + after) / 2, 1000 * during, peers)
    progress(f"slow peers, {side.name}: p99 {result.usual_p99_ms:.1f} ms, {result.beset_p99_ms:.1f} ms beside {peers} slow peers")
    return result


def latencies(side: Side, messages: int) -> list[float]:
    """Seconds that single messages take, each over a session of its own."""
    recipient, taken = side.mailbox(), []
    for number in range(messages):
        client = Client(side.smtp_port)
        begin = time.monotonic()
        client.send(recipient, f"message {number}")
        taken.append(time.monotonic() - begin)
        client.close()
    return taken


def p99(values: list[float]) -> float:
    """The value that one in a hundred exceeds."""
    return sorted(values)[max(0, -(-99 * len(values) // 100) - 1)]
