"""Postfix in front of Dovecot, set up as Debian's documentation of the pair has it: `smtpd` takes the mail, the queue
manager hands it to `lmtp`, which delivers to Dovecot's socket into Maildirs.

The 250 of Postfix means "queued and synced", that of Dovecot "in the mailbox and synced". No DNS, no chroot, no TLS, no
content filter, no limits a client could run into. Logging goes to a file through postlogd, as it does on a machine with syslog.
"""

import grp
import os
import pwd
import re
import subprocess
from pathlib import Path
from typing import Callable

from . import DOMAIN, RELAYED, StartError, answers, end, free_port, start, tail, wait_until
from .dovecot import Dovecot

MAIN = """\
compatibility_level = 3.6
queue_directory = {base}/queue
data_directory = {base}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {log}
maillog_file_prefixes = /
myhostname = mx.bench.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_tls_security_level = none
default_process_limit = {processes}
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{base}/mailboxes
virtual_transport = lmtp:unix:private/dovecot-lmtp
header_checks = regexp:{base}/header_checks
smtpd_milters = {milters}
transport_maps = {transports}
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
smtp unix - - n - - smtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

# What Debian's postfix-files says of the queue: name, owner, group, mode.
QUEUE = [("", "root", "root", 0o755), ("pid", "root", "root", 0o755), ("maildrop", "postfix", "postdrop", 0o730),
         ("public", "postfix", "postdrop", 0o710)] + [
    (name, "postfix", "root", 0o700)
    for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")]


# Mail for this domain is relayed to a port on this machine.
TRANSPORT = "inline:{{ {{ {domain} = smtp:[127.0.0.1]:{port} }} }}"


class PostfixDovecot:
    """Both programs, delivering to `accounts` mailboxes; each mailbox is given out once."""

    name = "Postfix+Dovecot"

    def __init__(self, directory: Path, accounts: int = 400, processes: int = 100, milters: str = "", sink: int = 0):
        """Starts both in `directory`, which must be empty, on a real disk, and reachable by the programs' accounts. `milters` are
        addresses as main.cf has them; with a `sink` mail to the domain RELAYED goes to that port."""
        self.base = directory / "postfix"
        self.log = self.base / "postfix.log"
        self.smtp_port = free_port()
        self._names = [f"u{number}" for number in range(accounts)]
        self._unused = iter(self._names)
        self.base.mkdir(parents=True)
        make_queue(self.base / "queue")
        (self.base / "data").mkdir()
        os.chown(self.base / "data", pwd.getpwnam("postfix").pw_uid, 0)
        (self.base / "mailboxes").write_text("".join(f"{name}@{DOMAIN} {name}\n" for name in self._names))
        self.rules = self.base / "header_checks"
        self.rules.write_text("")
        (self.base / "main.cf").write_text(MAIN.format(base=self.base, log=self.log, domain=DOMAIN, processes=processes,
                                                           milters=milters, transports=TRANSPORT.format(domain=RELAYED, port=sink) if sink else ""))
        (self.base / "master.cf").write_text(MASTER.format(port=self.smtp_port))
        self.dovecot = Dovecot(directory / "dovecot", self.base / "queue/private/dovecot-lmtp", self._names)
        try:
            # -d: stay in the foreground; the process group is the one `start` made.
            self.process = start("Postfix", ["/usr/lib/postfix/sbin/master", "-d", "-c", str(self.base)], self.log)
            wait_until(lambda: answers(self.smtp_port), 20, lambda: f"Postfix does not answer:\n{tail(self.log)}")
        except StartError:
            self.stop()
            raise

    def roots(self) -> list[int]:
        return [self.process.pid, self.dovecot.process.pid]

    def mailbox(self) -> str:
        return f"{next(self._unused)}@{DOMAIN}"

    def settle(self, address: str, messages: int) -> None:
        wait_until(lambda: self.delivered(address) >= messages, 120, pause=0.005, failure=lambda:
                   f"{self.name}: {self.delivered(address)} of {messages} messages reached {address}:\n{tail(self.log)}")

    def delivered(self, address: str) -> int:
        return self.dovecot.delivered(address)

    def rule(self, subject: str) -> Callable[[], None]:
        """A header check that refuses `subject`; saving it includes the `postfix reload` that makes Postfix read it."""
        def save() -> None:
            with self.rules.open("a") as rules:
                rules.write(f"/^Subject: {re.escape(subject)}$/ REJECT\n")
            subprocess.run(["/usr/sbin/postfix", "-c", str(self.base), "reload"], check=True, capture_output=True,
                           stdin=subprocess.DEVNULL)
        return save

    def stop(self) -> None:
        if hasattr(self, "process"):
            end(self.process)
        self.dovecot.stop()


def make_queue(queue: Path) -> None:
    """The directories of a Postfix queue with the owners and modes that its programs insist on."""
    for name, owner, group, mode in QUEUE:
        path = queue / name
        path.mkdir()
        os.chown(path, pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid)
        path.chmod(mode)
