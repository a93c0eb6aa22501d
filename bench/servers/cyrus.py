"""Cyrus IMAP as what mail is read from, with the settings that Debian ships but for what is said here.

Its packages cannot be installed beside Dovecot's, so `tools/setup.sh bench` unpacks them into the target folder.
"""

import imaplib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from . import DOMAIN, PASSWORD, StartError, answers, end, free_port, start, tail, wait_until
from .waxwing import TARGET

LIBRARIES = TARGET / "cyrus/usr/lib"
# Everything runs as an account that owns nothing else.
CYRUS_USER = "nobody"
# Locks, sockets and what each process does at the moment, a file renamed with every command, are in memory as in Debian's /run.
MEMORY = "/dev/shm"
ADMIN = "cyrus"

# Durable as it comes: a message's file, its mailbox's index and cache, and every commit of a database (twoskip) are synced
# before an answer says that something was stored.
SETTINGS = """\
configdirectory: {base}/lib
proc_path: {memory}/proc
mboxname_lockpath: {memory}/lock
lmtpsocket: {lmtp}
idlesocket: {memory}/idle
notifysocket: {memory}/notify
defaultpartition: default
partition-default: {base}/mail
sievedir: {base}/sieve
cyrus_user: {user}
servername: mx.bench.example
syslog_prefix: waxwing-bench
umask: 077
hashimapspool: true
allowanonymouslogin: no
allowplaintext: yes
# Addresses are names of accounts, and mailboxes lie beside INBOX, as on the other sides.
virtdomains: userid
unixhierarchysep: yes
altnamespace: yes
admins: {admin}
# Cyrus SASL's check that takes any password: the accounts are there for the run only, on the loopback.
sasl_pwcheck_method: alwaystrue
# Every round delivers the same messages.
duplicatesuppression: no
# Mail may be asked for again at once, as on the other sides.
popminpoll: 0
"""

# Debian's, but for the ports, what prunes at a start and in the small hours, and `idled`, which it has as a comment.
PROCESSES = """\
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {settings} -r"
}}
DAEMON {{
  idled cmd="{programs}/idled -C {settings}"
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {settings} -U 30" listen="127.0.0.1:{imap}" prefork=0 maxchild=100
  pop3 cmd="{programs}/pop3d -C {settings} -U 30" listen="127.0.0.1:{pop3}" prefork=0 maxchild=50
  lmtpunix cmd="{programs}/lmtpd -C {settings}" listen="{lmtp}" prefork=0 maxchild=20
}}
EVENTS {{
  checkpoint cmd="{programs}/ctl_cyrusdb -C {settings} -c" period=30
}}
"""


class Cyrus:
    """A Cyrus with IMAP, POP3 and an LMTP socket; each mailbox is given out once."""

    name = "Cyrus"

    def __init__(self, directory: Path, accounts: list[str]):
        """Starts it in `directory`, which must not exist yet and be on a real disk."""
        if not LIBRARIES.exists():
            raise StartError(f"{LIBRARIES} is not there; `tools/setup.sh bench` unpacks Cyrus")
        self.base = directory
        self.log = directory / "cyrus.log"
        self.memory = Path(tempfile.mkdtemp(prefix="waxwing-bench-", dir=MEMORY))
        self.lmtp = str(self.memory / "lmtp")
        self.imap_port, self.pop3_port = free_port(), free_port()
        self._unused = iter(accounts)
        self._owner = pwd.getpwnam(CYRUS_USER)
        directory.mkdir(parents=True)
        # Without `socket`, where each session in IDLE listens to `idled`, it looks for mail once a minute and says nothing of it.
        for name in ["lib", "lib/db", "lib/socket", "mail", "sieve"]:
            self._folder(directory / name)
        # The account may not be let into the target folder.
        shutil.copytree(LIBRARIES, directory / "programs", symlinks=True)
        self.programs = directory / "programs/cyrus/bin"
        self.settings = directory / "imapd.conf"
        self.settings.write_text(SETTINGS.format(base=directory, memory=self.memory, lmtp=self.lmtp, user=CYRUS_USER, admin=ADMIN))
        (directory / "cyrus.conf").write_text(PROCESSES.format(programs=self.programs, settings=self.settings, imap=self.imap_port,
                                                              pop3=self.pop3_port, lmtp=self.lmtp))
        self.run()
        try:
            self._add(accounts)
        except (OSError, imaplib.IMAP4.error) as error:
            self.stop()
            raise StartError(f"Cyrus adds no accounts: {error}") from error

    def _folder(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _add(self, accounts: list[str]) -> None:
        """Makes each account's INBOX. One made by the first login, as Debian proposes, has a quota root, which costs every change a sync."""
        with imaplib.IMAP4("127.0.0.1", self.imap_port) as imap:
            imap.login(ADMIN, PASSWORD)
            for account in accounts:
                answer, [text] = imap.create(f"user/{account}@{DOMAIN}")
                if answer != "OK":
                    raise imap.error(text.decode(errors="replace"))

    def run(self) -> float:
        """Starts the server; the seconds until it answers."""
        for path in (self.memory, self.memory / "proc", self.memory / "lock"):
            self._folder(path)
        begin = time.monotonic()
        libraries = ":".join(str(path) for path in (self.base / "programs").glob("*-linux-gnu*"))
        command = [str(self.programs / "master"), "-D", "-C", str(self.settings), "-M", str(self.base / "cyrus.conf"),
                   "-p", str(self.memory / "master.pid")]
        self.process = start("Cyrus", command, self.log, cwd=self.base / "lib", env=os.environ | {"LD_LIBRARY_PATH": libraries},
                             user=self._owner.pw_uid, group=self._owner.pw_gid, extra_groups=[])
        try:
            wait_until(lambda: self.process.poll() is not None or self.answers(), 20, lambda: f"Cyrus does not answer:\n{tail(self.log)}")
            if self.process.poll() is not None:
                raise StartError(f"Cyrus ended at once:\n{tail(self.log)}")
        except StartError:
            self.stop()
            raise
        return time.monotonic() - begin

    def answers(self) -> bool:
        return answers(self.imap_port) and answers(self.pop3_port) and Path(self.lmtp).exists()

    def roots(self) -> list[int]:
        return [self.process.pid]

    def mailbox(self) -> str:
        return f"{next(self._unused)}@{DOMAIN}"

    def stop(self) -> None:
        """Asked by SIGQUIT it lets its processes finish what they do; SIGTERM ends it at once."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                pass
        end(self.process)
        shutil.rmtree(self.memory, ignore_errors=True)
