"""Dovecot in front of Maildirs: as the LMTP server that Postfix delivers to, and as what mail is read from."""

import os
import pwd
import time
from pathlib import Path

from . import DOMAIN, PASSWORD, StartError, answers, end, free_port, start, tail, wait_until

# Maildirs belong to an account that owns nothing else.
MAIL_USER = "nobody"

CONFIGURATION = """\
base_dir = {run}
state_dir = {run}/state
instance_name = waxwing-bench
log_path = {log}
protocols = {protocols}
listen = 127.0.0.1
ssl = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{mail}/%u
# Dovecot's default: a message is synced before LMTP's 250, its index is not.
mail_fsync = optimized
passdb {{
  driver = passwd-file
  args = {users}
}}
userdb {{
  driver = passwd-file
  args = {users}
}}
protocol lmtp {{
  postmaster_address = postmaster@{domain}
}}
service lmtp {{
  unix_listener {socket} {{
    mode = 0600
    user = {client}
    group = {client}
  }}
}}
"""

READING = """\
disable_plaintext_auth = no
mail_max_userip_connections = 1000
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
}}
"""


class Dovecot:
    """A Dovecot with users and an LMTP socket that `client` may use; with IMAP and POP3 where mail is to be read."""

    name = "Dovecot"

    def __init__(self, directory: Path, socket: Path, accounts: list[str], client: str = "postfix", reading: bool = False):
        self.mail = directory / "mail"
        self.log = directory / "dovecot.log"
        self.socket = socket
        self.lmtp = str(socket)
        self.imap_port, self.pop3_port = (free_port(), free_port()) if reading else (0, 0)
        self._unused = iter(accounts)
        owner = pwd.getpwnam(MAIL_USER)
        self.mail.mkdir(parents=True)
        os.chown(self.mail, owner.pw_uid, owner.pw_gid)
        users = directory / "users"
        users.write_text("".join(f"{name}@{DOMAIN}:{{PLAIN}}{PASSWORD}:{owner.pw_uid}:{owner.pw_gid}::/nonexistent\n"
                                 for name in accounts))
        self.configuration = directory / "dovecot.conf"
        text = CONFIGURATION.format(run=directory / "run", log=self.log, mail=self.mail, users=users, domain=DOMAIN,
                                    socket=socket, client=client, protocols="lmtp imap pop3" if reading else "lmtp")
        if reading:
            text += READING.format(imap=self.imap_port, pop3=self.pop3_port)
        self.configuration.write_text(text)
        self.run()

    def run(self) -> float:
        """Starts the server; the seconds until it answers."""
        begin = time.monotonic()
        self.process = start("Dovecot", ["/usr/sbin/dovecot", "-F", "-c", str(self.configuration)], self.log)
        ready = self.socket.exists if not self.imap_port else lambda: answers(self.imap_port) and answers(self.pop3_port)
        try:
            wait_until(ready, 20, lambda: f"Dovecot does not answer:\n{tail(self.log)}")
        except StartError:
            self.stop()
            raise
        return time.monotonic() - begin

    def roots(self) -> list[int]:
        return [self.process.pid]

    def mailbox(self) -> str:
        return f"{next(self._unused)}@{DOMAIN}"

    def delivered(self, address: str) -> int:
        """Messages in the INBOX of `address`: files in its Maildir."""
        try:
            return len(os.listdir(self.mail / address / "new"))
        except FileNotFoundError:
            return 0

    def stop(self) -> None:
        end(self.process)
