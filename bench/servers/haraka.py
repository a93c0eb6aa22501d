"""Haraka in front of Dovecot: its plugin `queue/lmtp` takes the mail and delivers it to Dovecot's socket into Maildirs.

The plugin puts a message into Haraka's outbound queue, which is the only way that Haraka has of speaking LMTP: as with Postfix, its 250 means
"queued and synced" (a file of its own, with fsync), that of Dovecot "in the mailbox and synced". No DNS, no TLS, and no plugins but one that
accepts the recipients of the domain, the one that delivers, and a line that spares the look-up of the client's name. Logging goes to a file.

The package comes by npm, as the lock file in bench/haraka says, into the target folder (`tools/setup.sh bench`).
"""

import shutil
from pathlib import Path

from . import DOMAIN, StartError, answers, end, free_port, start, tail, wait_until
from .dovecot import Dovecot
from .waxwing import TARGET

PACKAGE = TARGET / "haraka/node_modules/Haraka"

# `nodes`: one process for each processor, the value that the smtp.ini it ships proposes.
SMTP = """\
listen = 127.0.0.1:{port}
nodes = {nodes}
"""

# Deliveries at once, of each process; without a limit those that find all of Dovecot's processes busy wait for a minute.
OUTBOUND = """\
enable_tls = false
concurrency_max = {deliveries}
"""

LMTP = """\
host = 127.0.0.1
path = {socket}
"""

# Seven lines a message, which is about what Postfix and Dovecot write.
LOG = """\
level = notice
format = default
"""

PLUGINS = ["unnamed_clients", "rcpt_to.in_host_list", "queue/lmtp"]
# Haraka asks the DNS for every client's name unless a plugin knows it.
UNNAMED_CLIENTS = "exports.hook_lookup_rdns = (next) => next(OK, 'client.bench.example')\n"


class HarakaDovecot:
    """Both programs, delivering to `accounts` mailboxes; each mailbox is given out once."""

    name = "Haraka+Dovecot"

    def __init__(self, directory: Path, accounts: int = 100, nodes: str = "cpus", deliveries: int = 20):
        """Starts both in `directory`, which must be empty and on a real disk."""
        program = PACKAGE / "bin/haraka"
        if not program.exists():
            raise StartError(f"{program} is not there; `tools/setup.sh bench` installs it")
        self.base = directory / "haraka"
        self.log = self.base / "haraka.log"
        self.smtp_port = free_port()
        socket = directory / "lmtp"
        self._write(SMTP.format(port=self.smtp_port, nodes=nodes), OUTBOUND.format(deliveries=deliveries), LMTP.format(socket=socket))
        self.dovecot = Dovecot(directory / "dovecot", socket, [f"u{number}" for number in range(accounts)], client="root")
        try:
            self.process = start("Haraka", [shutil.which("node") or "node", str(program), "-c", str(self.base)], self.log, cwd=self.base)
            wait_until(lambda: answers(self.smtp_port), 20, lambda: f"Haraka does not answer:\n{tail(self.log)}")
        except StartError:
            self.stop()
            raise

    def _write(self, smtp: str, outbound: str, lmtp: str) -> None:
        """The configuration where Haraka looks for it; what is said of connections is what it ships."""
        (self.base / "config").mkdir(parents=True)
        shutil.copy(PACKAGE / "config/connection.ini", self.base / "config")
        (self.base / "plugins").mkdir()
        (self.base / "plugins/unnamed_clients.js").write_text(UNNAMED_CLIENTS)
        for name, text in {"smtp.ini": smtp, "outbound.ini": outbound, "lmtp.ini": lmtp, "plugins": "\n".join(PLUGINS) + "\n",
                           "host_list": DOMAIN + "\n", "me": "mx.bench.example\n", "log.ini": LOG}.items():
            (self.base / "config" / name).write_text(text)

    def roots(self) -> list[int]:
        return [self.process.pid, self.dovecot.process.pid]

    def mailbox(self) -> str:
        return self.dovecot.mailbox()

    def settle(self, address: str, messages: int) -> None:
        wait_until(lambda: self.delivered(address) >= messages, 120, pause=0.005, failure=lambda:
                   f"{self.name}: {self.delivered(address)} of {messages} messages reached {address}:\n{tail(self.log)}")

    def delivered(self, address: str) -> int:
        return self.dovecot.delivered(address)

    def stop(self) -> None:
        if hasattr(self, "process"):
            end(self.process)
        self.dovecot.stop()
