"""Memory of a server that nobody talks to, and what one more idle SMTP session costs it."""

import time
from dataclasses import dataclass

from . import machine
from .servers import Side
from .smtp import Client, any_certificate


@dataclass(frozen=True)
class Figures:
    """Proportional set sizes of all processes of one side."""

    idle_bytes: float
    session_bytes: float
    sessions: int


def measure(side: Side, sessions: int, progress, tls_port: int | None = None) -> Figures:
    """Opens `sessions` connections that greet and then say nothing, and looks at the memory before and after. With a `tls_port`
    they go there and are under TLS."""
    tls, what = (any_certificate(), "idle sessions under TLS") if tls_port else (None, "idle sessions")
    time.sleep(2)  # what start-up or the last measurement still frees
    idle = machine.memory_bytes(side.roots())
    clients = []
    try:
        for number in range(sessions):
            clients.append(Client(tls_port or side.smtp_port, tls))
            if (number + 1) % 1000 == 0:
                progress(f"memory, {side.name}: {number + 1} sessions open")
        time.sleep(2)
        loaded = machine.memory_bytes(side.roots())
    finally:
        for client in clients:
            client.close()
    result = Figures(idle, (loaded - idle) / sessions, sessions)
    progress(f"memory, {side.name}: {idle / 2**20:.1f} MiB idle, {result.session_bytes / 1024:.1f} KiB "
             f"for each of {sessions} {what}")
    return result
