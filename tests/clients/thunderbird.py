"""Reads and files mail by Thunderbird, which is told what to do over its remote control (Marionette).

Arguments: port of imap, how many messages there are in alice's INBOX. Says "ok" at the end.
"""

import imaplib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

port, count = (int(number) for number in sys.argv[1:3])
USER, PASSWORD = "alice@waxwing.test", "waxwing-demo"
STEPS = pathlib.Path(__file__).parent.joinpath("thunderbird", "steps.js").read_text()
# Seconds for a step: of ten thousand messages each is fetched and written to a file.
PATIENCE = 60 + count // 50

# What would speak to other hosts, ask the user or show something first; and each message is a file of its own.
PREFERENCES = {
    "marionette.port": 0,
    "mail.serverDefaultStoreContractID": "@mozilla.org/msgstore/maildirstore;1",
    # Nothing is fetched but what is asked for.
    "mail.server.default.autosync_offline_stores": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.rights.version": 1,
    "mailnews.start_page.enabled": False,
    "app.update.enabled": False,
    "app.donation.eoy.version.viewed": 999,
    "extensions.systemAddon.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
}


class Thunderbird:
    """A running Thunderbird with a profile of its own."""

    def __init__(self, folder):
        self.profile = folder / "profile"
        self.profile.mkdir()
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items())
        self.profile.joinpath("user.js").write_text("\n".join(lines))
        # It ends with whoever started it, however that ends.
        command = ["setpriv", "--pdeathsig", "KILL", "thunderbird", "--headless", "--no-remote", "--marionette",
                   "-remote-allow-system-access", "--profile", str(self.profile)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"HOME": str(folder)})
        self.said = []
        self.received, self.calls = b"", 0
        self.socket = socket.create_connection(("127.0.0.1", self.port()), timeout=PATIENCE + 30)
        self.receive()
        self.call("WebDriver:NewSession", capabilities={"alwaysMatch": {}})
        self.call("Marionette:SetContext", value="chrome")
        self.call("WebDriver:SetTimeouts", script=PATIENCE * 1000)

    def port(self):
        """Where it listens: it says so once it does. What it says later is kept, too, so that it is never held up."""
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"Listening on port (\d+)", line):
                threading.Thread(target=self.said.extend, args=(self.process.stdout,), daemon=True).start()
                return int(found[1])
        raise AssertionError("".join(self.said))

    def receive(self):
        """A packet: its length in octets, a colon, JSON."""
        while b":" not in self.received:
            self.more()
        length, _, self.received = self.received.partition(b":")
        while len(self.received) < int(length):
            self.more()
        packet, self.received = self.received[: int(length)], self.received[int(length):]
        return json.loads(packet)

    def more(self):
        piece = self.socket.recv(65536)
        assert piece, "".join(self.said)
        self.received += piece

    def call(self, name, **parameters):
        self.calls += 1
        packet = json.dumps([0, self.calls, name, parameters]).encode()
        self.socket.sendall(b"%d:" % len(packet) + packet)
        _, _, error, result = self.receive()
        assert error is None, error
        return result

    def step(self, *step):
        """One of the steps of `steps.js`, with its arguments."""
        value = self.call("WebDriver:ExecuteAsyncScript", script=STEPS, args=list(step))["value"]
        assert "error" not in value, (step, value)
        return value["answer"]

    def messages(self):
        """The contents of the inbox as they are kept here, without the two lines that are its own."""
        (folder,) = self.profile.glob("ImapMail/*/INBOX/cur")
        return sorted(re.sub(rb"\AX-Mozilla-Status: .*\nX-Mozilla-Status2: .*\n", b"", file.read_bytes()) for file in folder.iterdir())

    def quit(self):
        self.call("Marionette:Quit", flags=["eForceQuit"])
        self.process.wait(60)


def ok(answer):
    status, data = answer
    assert status == "OK", answer
    return data


def eventually(holds, said):
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, said()


def flags(subject, mailbox="INBOX"):
    """Of the message with this subject, as another program sees them; none if it is not there."""
    ok(imap.select(mailbox, readonly=True))
    for number in ok(imap.search(None, "SUBJECT", f'"{subject}"'))[0].split():
        fetched = ok(imap.fetch(number, "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
        # Changes of others are told beside it.
        ((head, header),) = (part for part in fetched if isinstance(part, tuple))
        if header.strip() == f"Subject: {subject}".encode():
            return {flag.decode() for flag in imaplib.ParseFlags(head)}
    return None


def state():
    names = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ"
    return [ok(imap.status(mailbox, f"({names})")) for mailbox in ("INBOX", "Archive", "Junk", "Trash")]


def stored():
    ok(imap.select("INBOX", readonly=True))
    return sorted(part[1] for part in ok(imap.fetch("1:*", "BODY.PEEK[]")) if isinstance(part, tuple))


imap = imaplib.IMAP4("127.0.0.1", port, timeout=PATIENCE)
ok(imap.login(USER, PASSWORD))

with tempfile.TemporaryDirectory(prefix="waxwing-thunderbird-") as folder:
    reader = Thunderbird(pathlib.Path(folder))
    names = reader.step("account", USER, PASSWORD, port)
    assert names == ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"], names
    # By their special uses.
    assert reader.step("folders") == names

    # All messages come once, octet for octet; then nothing changes on either side.
    before = state()
    assert reader.step("download") == count
    assert reader.messages() == stored()
    for _ in range(2):
        assert reader.step("update") == [count, count]
    assert state() == before

    # What is done here is seen by others.
    reader.step("mark", "message 1")
    # What it marks it sends when it gets round to it.
    eventually(lambda: {"\\Seen", "\\Flagged", "$label1"} <= flags("message 1"), lambda: flags("message 1"))
    reader.step("move", "message 2", "Archive")
    assert flags("message 2") is None and flags("message 2", "Archive") is not None
    reader.step("move", "message 3", "Junk")
    assert flags("message 3", "Junk") is not None
    reader.step("remove", "message 4")
    assert flags("message 4") is None and flags("message 4", "Trash") is not None
    reader.step("create", "Überblick")
    assert reader.step("copy", "message 5", "Überblick") == 1
    assert flags("message 5") is not None and flags("message 5", "&ANw-berblick") is not None

    # What others do is seen here without being asked for.
    ok(imap.append("INBOX", None, None, b"From: bob@waxwing.test\r\nSubject: from elsewhere\r\n\r\nhello\r\n"))
    reader.step("notice", "from elsewhere")
    ok(imap.select("INBOX"))
    (number,) = ok(imap.search(None, "SUBJECT", '"from elsewhere"'))[0].split()
    ok(imap.store(number, "+FLAGS", "\\Flagged"))
    reader.step("noticeFlag", "from elsewhere")

    # Moved: three; new: one. The one that was read counts as read.
    assert reader.step("update") == [count - 2, count - 3]
    after = state()
    reader.step("update")
    assert state() == after
    reader.quit()

print("ok")
