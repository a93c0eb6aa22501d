"""Waxwing on the embedded store, with the policy that is shipped or with one that accepts everything."""

import imaplib
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Callable

from . import DOMAIN, PASSWORD, StartError, answers, end, free_port, start, tail, wait_until

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
BINARY = Path(os.environ.get("WAXWING_BIN", TARGET / "release/waxwing"))
PLUGINS = TARGET / "plugins"
# What benchmarks need and nobody else: the empty accepting policy.
BENCH_PLUGINS = TARGET / "bench-plugins"

LISTENER = """
[[listener]]
name = "{name}"
protocol = "{service}"
address = "127.0.0.1:{port}"
tls = "{tls}"
plaintext-auth = true
"""

CONFIGURATION = """\
hostname = "mx.bench.example"
data = "data"
[policy]
file = "policy/policy.toml"
plugins = ["plugins"]
[limits]
sessions-per-address = 20000
"""

# All that a development server listens on, so that idle memory is that of a whole server.
SERVICES = [("mx", "smtp", "starttls"), ("submission", "submission", "starttls"), ("submissions", "submission", "implicit"),
            ("lmtp", "lmtp", "none"), ("imap", "imap", "starttls"), ("imaps", "imap", "implicit"),
            ("pop3", "pop3", "starttls"), ("pop3s", "pop3", "implicit"), ("web", "http", "none"), ("metrics", "metrics", "none")]


class Waxwing:
    """A server with a data directory, a policy and plugins of its own; each mailbox is given out once."""

    def __init__(self, directory: Path, name: str, policy: Path | str, accounts: int = 120):
        """`policy` is a policy.toml to copy, with the rules beside it, or the text of one."""
        self.name = name
        self.base = directory
        self.policy = directory / "policy"
        self.plugins = directory / "plugins"
        self.log = directory / "waxwing.log"
        self.config = directory / "waxwing.toml"
        self.ports = {listener: free_port() for listener, _, _ in SERVICES}
        self.smtp_port = self.ports["mx"]
        self.imap_port, self.pop3_port, self.lmtp = self.ports["imap"], self.ports["pop3"], self.ports["lmtp"]
        self._names = [f"u{number}" for number in range(accounts)]
        self._unused = iter(self._names)
        directory.mkdir(parents=True)
        shutil.copytree(PLUGINS, self.plugins)
        shutil.copytree(BENCH_PLUGINS, self.plugins, dirs_exist_ok=True)
        if isinstance(policy, Path):
            shutil.copytree(policy.parent, self.policy)
        else:
            self.policy.mkdir()
            (self.policy / "policy.toml").write_text(policy)
        self.config.write_text(CONFIGURATION + "".join(
            LISTENER.format(name=listener, service=service, tls=tls, port=self.ports[listener])
            for listener, service, tls in SERVICES))
        self.run()
        try:
            self.cli("domain", "add", DOMAIN)
            for account in self._names:
                self.cli("account", "add", f"{account}@{DOMAIN}", "--password-stdin", input=PASSWORD + "\n")
            # Hashing passwords takes memory that the allocator keeps; what is measured begins with a start of its own.
            self.stop()
            self.run()
        except StartError:
            self.stop()
            raise

    def run(self) -> float:
        """Starts the server; the seconds until all listeners answer."""
        begin = time.monotonic()
        self.process = start("Waxwing", [str(BINARY), "serve", "--config", str(self.config)], self.log, cwd=self.base)
        try:
            wait_until(lambda: self.process.poll() is not None or all(map(answers, self.ports.values())), 60,
                       lambda: f"Waxwing does not answer:\n{tail(self.log)}", pause=0.005)
            if self.process.poll() is not None:
                raise StartError(f"Waxwing ended at once:\n{tail(self.log)}")
        except StartError:
            self.stop()
            raise
        return time.monotonic() - begin

    def cli(self, *arguments: str, input: str = "") -> str:
        """Runs the command line against the running server; its standard output."""
        command = [str(BINARY), *arguments, "--config", str(self.config)]
        run = subprocess.run(command, input=input, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise StartError(f"{' '.join(command)} ended with {run.returncode}: {run.stderr.strip()}")
        return run.stdout

    def save(self, path: Path, content: bytes) -> None:
        """Replaces a file as editors do: at once and whole."""
        written = path.with_name(f".{path.name}.new")
        written.write_bytes(content)
        written.rename(path)

    def rule(self, subject: str) -> Callable[[], None]:
        """A rule that refuses `subject` (of letters, digits and blanks), in a rule file of its own."""
        rules = self.policy / "rules" / "bench.toml"
        text = f'[[rule]]\nname = "BENCH"\nscore = 1000\nheader = "Subject"\nmatches = "^{subject}$"\n'
        return lambda: self.save(rules, text.encode())

    def recompiled(self, plugin: str, mark: str) -> Callable[[], None]:
        """The plugin with other bytes, as a compiler would have made them: a custom section more, so nothing of the old one
        can be used again."""
        path = self.plugins / f"{plugin}.wasm"
        content = (PLUGINS / path.name).read_bytes() + custom_section("bench", mark.encode())
        return lambda: self.save(path, content)

    def metrics(self) -> str:
        """The text of `/metrics`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['metrics']}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def generation(self) -> int:
        """The number of the policy in force."""
        found = re.search(r"^waxwing_policy_generation(?:\{.*\})? (\S+)$", self.metrics(), re.MULTILINE)
        return int(float(found.group(1))) if found else 0

    def judged_by(self, message_id: str) -> int:
        """The generation that judged a message."""
        [row] = json.loads(self.cli("trace", message_id, "--json"))
        return row["generation"]

    def roots(self) -> list[int]:
        return [self.process.pid]

    def mailbox(self) -> str:
        return f"{next(self._unused)}@{DOMAIN}"

    def settle(self, address: str, messages: int) -> None:
        """Nothing to wait for: a 250 is given when the message is in the mailbox and synced."""

    def delivered(self, address: str) -> int:
        """Messages in the INBOX of `address`, asked over IMAP."""
        with imaplib.IMAP4("127.0.0.1", self.ports["imap"]) as imap:
            imap.login(address, PASSWORD)
            _, [status] = imap.status("INBOX", "(MESSAGES)")
        return int(re.search(rb"MESSAGES (\d+)", status).group(1))

    def stop(self) -> None:
        end(self.process)


def custom_section(name: str, payload: bytes) -> bytes:
    """A custom section of a WebAssembly module or component: id 0, size, name, bytes; both lengths below 128."""
    content = bytes([len(name)]) + name.encode() + payload
    assert len(content) < 128
    return bytes([0, len(content)]) + content
