"""Dovecot as LMTP server in front of Maildirs: what Postfix delivers to."""

import os
import pwd
from pathlib import Path

from . import DOMAIN, PASSWORD, StartError, end, start, tail, wait_until

# Maildirs belong to an account that owns nothing else.
MAIL_USER = "nobody"

CONFIGURATION = """\
base_dir = {run}
state_dir = {run}/state
instance_name = waxwing-bench
log_path = {log}
protocols = lmtp
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
    user = postfix
    group = postfix
  }}
}}
"""


class Dovecot:
    """A Dovecot with `accounts` users and one LMTP socket."""

    def __init__(self, directory: Path, socket: Path, accounts: list[str]):
        self.mail = directory / "mail"
        self.log = directory / "dovecot.log"
        owner = pwd.getpwnam(MAIL_USER)
        self.mail.mkdir(parents=True)
        os.chown(self.mail, owner.pw_uid, owner.pw_gid)
        users = directory / "users"
        users.write_text("".join(f"{name}@{DOMAIN}:{{PLAIN}}{PASSWORD}:{owner.pw_uid}:{owner.pw_gid}::/nonexistent\n"
                                 for name in accounts))
        configuration = directory / "dovecot.conf"
        configuration.write_text(CONFIGURATION.format(run=directory / "run", log=self.log, mail=self.mail, users=users,
                                                      domain=DOMAIN, socket=socket))
        self.process = start("Dovecot", ["/usr/sbin/dovecot", "-F", "-c", str(configuration)], self.log)
        try:
            wait_until(socket.exists, 20, lambda: f"Dovecot made no LMTP socket:\n{tail(self.log)}")
        except StartError:
            self.stop()
            raise

    def delivered(self, address: str) -> int:
        """Messages in the INBOX of `address`: files in its Maildir."""
        try:
            return len(os.listdir(self.mail / address / "new"))
        except FileNotFoundError:
            return 0

    def stop(self) -> None:
        end(self.process)
