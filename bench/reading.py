"""Reading mail: what IMAP and POP3 clients do most, on mailboxes of one size, beside Dovecot and Cyrus.

Sides take turns row by row, so that a slow moment of the machine hits all of them; a figure is the median of the rounds.
"""

import random
import socket
import threading
import time
from dataclasses import dataclass, field
from statistics import median
from typing import Callable

from . import machine
from .imap import Imap, Pop3

# Enough of them that words are as rare as in real mail; each is made up of syllables.
SYLLABLES = "ba de fi go lu ma ne pi ro su ta ve wi zo ka le mi no pa ri".split()
LINES, WORDS_A_LINE = 55, 11
# In one message of a hundred, and in one of five hundred.
SUBJECT_WORD, BODY_WORD = "Quarterly", "xylophone"
SUBJECT_EVERY, BODY_EVERY = 100, 500
# Messages that are appended together to fill a mailbox, and how many of them: as many searches find as in so many others, since words
# come in one of a divisor of it.
TOGETHER, ORIGINALS = 500, 10_000
# Sessions that read bodies at once.
READERS = 10
SOME = 1000


class Messages:
    """Messages of 4 KB, each another, the same for every side."""

    def __init__(self, seed: int = 1):
        chance = random.Random(seed)
        self.words = ["".join(chance.choices(SYLLABLES, k=chance.randint(1, 4))) for _ in range(20_000)]

    def make(self, number: int) -> bytes:
        chance = random.Random(number)
        lines = [" ".join(chance.choices(self.words, k=WORDS_A_LINE)) for _ in range(LINES)]
        if number % BODY_EVERY == 0:
            lines[LINES // 2] += " " + BODY_WORD
        subject = " ".join(chance.choices(self.words, k=6))
        if number % SUBJECT_EVERY == 0:
            subject += " " + SUBJECT_WORD
        sender = chance.choice(self.words)
        head = (f"From: {sender.title()} <{sender}@example.org>\r\nTo: Reader <reader@example.net>\r\n"
                f"Date: Mon, {1 + number % 28} Jan 2024 10:{number % 60:02}:00 +0000\r\nSubject: {subject}\r\n"
                f"Message-ID: <{number}@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n")
        return (head + "\r\n".join(lines) + "\r\n").encode()


@dataclass
class Reader:
    """A side and its mailbox."""

    side: object
    user: str
    found: dict[str, list[float]] = field(default_factory=dict)

    def session(self) -> Imap:
        return Imap(self.side.imap_port, self.user)

    def selected(self) -> Imap:
        imap = self.session()
        imap.run("SELECT INBOX")
        return imap

    def note(self, row: str, value: float) -> None:
        self.found.setdefault(row, []).append(value)

    def medians(self) -> dict[str, float]:
        return {row: median(values) for row, values in self.found.items()}


def fill(readers: list[Reader], messages: Messages, count: int, progress, most: int = ORIGINALS) -> None:
    """Appends the same messages to each INBOX, hundreds to a command (RFC 3502). Of more than `most` the rest are copies of them: to
    append 100,000 to Dovecot and Cyrus takes more than ten minutes."""
    sessions = [reader.session() for reader in readers]
    taken = [0.0] * len(readers)
    originals = min(count, most)
    for first in range(0, originals, TOGETHER):
        some = [messages.make(number) for number in range(first, min(first + TOGETHER, originals))]
        for place, imap in enumerate(sessions):
            taken[place] += timed(lambda: imap.append("INBOX", some)) / 1000
    for reader, imap, seconds in zip(readers, sessions, taken):
        progress(f"reading, {reader.side.name}: {originals} messages appended, {originals / seconds:.0f}/s")
        imap.run("SELECT INBOX")
        for have in range(originals, count, originals):
            imap.run(f"COPY 1:{min(originals, count - have)} INBOX")
        imap.close()


def timed(action: Callable[[], object]) -> float:
    """Milliseconds."""
    begin = time.monotonic()
    action()
    return 1000 * (time.monotonic() - begin)


ENVELOPES = "FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE)"


def after_start(reader: Reader) -> None:
    """The first SELECT and the first FETCH of a server that was started again."""
    reader.side.stop()
    reader.side.run()
    imap = reader.session()
    reader.note("SELECT, first after a start", timed(lambda: imap.run("SELECT INBOX")))
    reader.note("FETCH of envelopes, first after a start", timed(lambda: imap.run(ENVELOPES)))
    imap.close()


def commands(reader: Reader, count: int) -> None:
    """Everything that one session does."""
    imap = reader.session()
    imap.run("SELECT INBOX")
    reader.note("SELECT", timed(lambda: imap.run("SELECT INBOX")))
    reader.note("FETCH of envelopes", timed(lambda: imap.run(ENVELOPES)))
    reader.note("FETCH of flags", timed(lambda: imap.run("FETCH 1:* FLAGS")))
    for row, command, every in [("SEARCH SUBJECT", f"SEARCH SUBJECT {SUBJECT_WORD}", SUBJECT_EVERY),
                                ("SEARCH BODY", f"SEARCH BODY {BODY_WORD}", BODY_EVERY)]:
        answer = b""

        def search() -> None:
            nonlocal answer
            answer = imap.run(command)

        reader.note(row, timed(search))
        hits = len(answer.split(b"* SEARCH", 1)[1].split(b"\r\n", 1)[0].split())
        expected = -(-count // every)
        if hits != expected:
            raise AssertionError(f"{reader.side.name}, {command}: {hits} hits, not {expected}")
    some = min(SOME, count)
    reader.note(f"STORE, {some} messages", timed(lambda: imap.run(rf"STORE 1:{some} +FLAGS.SILENT (\Flagged)")))
    imap.run(rf"STORE 1:{some} -FLAGS.SILENT (\Flagged)")
    imap.run("CREATE Copies")
    reader.note(f"COPY, {some} messages", timed(lambda: imap.run(f"COPY 1:{some} Copies")))
    imap.run("DELETE Copies")
    imap.close()


def appends(reader: Reader, messages: Messages, mailbox: str, row: str) -> None:
    """Durable APPENDs of one session, one after another, into a mailbox that is left as it was."""
    imap = reader.session()
    count = 100

    def append() -> None:
        for number in range(count):
            imap.finish(imap.send(f"APPEND {mailbox}", messages.make(10_000_000 + number)))

    reader.note(row, count / timed(append) * 1000)
    imap.run(f"SELECT {mailbox}")
    imap.run(rf"STORE {last(imap) - count + 1}:* +FLAGS.SILENT (\Deleted)")
    imap.run("EXPUNGE")
    imap.close()


def last(imap: Imap) -> int:
    """How many messages the selected mailbox has."""
    answer = imap.run("FETCH * UID")
    return int(answer.split(b"* ", 1)[1].split(b" ", 1)[0])


def bodies(reader: Reader, count: int) -> None:
    """Whole messages, fetched by several clients at once; and processor time for each."""
    imaps = [reader.selected() for _ in range(READERS)]
    each = min(SOME, count)

    def work(imap: Imap, offset: int) -> None:
        for first in range(1, each + 1, 10):
            place = (first + offset) % (count - 10) + 1
            imap.run(f"FETCH {place}:{place + 9} BODY.PEEK[]")

    threads = [threading.Thread(target=work, args=(imap, number * each)) for number, imap in enumerate(imaps)]
    before, begin = machine.cpu_seconds(reader.side.roots()), time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu = time.monotonic() - begin, machine.cpu_seconds(reader.side.roots()) - before
    reader.note(f"bodies, {READERS} clients", READERS * each / seconds)
    reader.note(f"bodies, {READERS} clients: processor time", 1000 * cpu / (READERS * each))
    for imap in imaps:
        imap.close()


def retrieve(reader: Reader, count: int) -> None:
    """POP3 RETR, pipelined."""
    pop3 = Pop3(reader.side.pop3_port, reader.user)
    some = min(SOME, count)
    reader.note("POP3 RETR", some / timed(lambda: pop3.retrieve(1, some)) * 1000)
    pop3.quit()


def notices(reader: Reader, messages: Messages, count: int) -> None:
    """From a message's delivery over LMTP to the notice in IDLE."""
    imap = reader.selected()
    imap.idle()
    lmtp = Lmtp(reader.side.lmtp)
    taken = []
    for number in range(count):
        lmtp.deliver(reader.user, messages.make(20_000_000 + number))
        begin = time.monotonic()
        imap.noticed()
        taken.append(1000 * (time.monotonic() - begin))
    imap.done()
    lmtp.close()
    imap.run(rf"STORE {last(imap) - count + 1}:* +FLAGS.SILENT (\Deleted)")
    imap.run("EXPUNGE")
    imap.close()
    taken.sort()
    reader.note("notice in IDLE after delivery, p99", taken[-1 - count // 100])


class Lmtp:
    """An LMTP client (RFC 2033) to a socket's path or a port."""

    def __init__(self, where: str | int):
        if isinstance(where, int):
            self.socket = socket.create_connection(("127.0.0.1", where), timeout=60)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(where)
        self.lines = self.socket.makefile("rb")
        self.answer(220)
        self.say("LHLO bench.example", 250)

    def answer(self, code: int) -> None:
        while (line := self.lines.readline())[3:4] == b"-":
            pass
        if not line.startswith(str(code).encode()):
            raise AssertionError(line.decode(errors="replace"))

    def say(self, line: str, code: int) -> None:
        self.socket.sendall(line.encode() + b"\r\n")
        self.answer(code)

    def deliver(self, recipient: str, message: bytes) -> None:
        self.say("MAIL FROM:<sender@example.org>", 250)
        self.say(f"RCPT TO:<{recipient}>", 250)
        self.say("DATA", 354)
        self.socket.sendall(message + b".\r\n")
        self.answer(250)

    def close(self) -> None:
        self.socket.close()


def compare(sides: list, count: int, rounds: int, progress) -> dict[str, dict[str, float]]:
    """Rows, each with the figure of each side."""
    messages = Messages()
    readers = [Reader(side, side.mailbox()) for side in sides]
    for reader in readers:
        imap = reader.session()
        imap.run("CREATE Small")
        for number in range(10):
            imap.finish(imap.send("APPEND Small", messages.make(number)))
        imap.close()
    fill(readers, messages, count, progress)
    for number in range(1, rounds + 1):
        for reader in readers if number % 2 else readers[::-1]:
            after_start(reader)
            commands(reader, count)
            appends(reader, messages, "Small", "APPEND, mailbox of 10")
            appends(reader, messages, "INBOX", f"APPEND, mailbox of {count}")
            bodies(reader, count)
            retrieve(reader, count)
            notices(reader, messages, 100)
            progress(f"reading, {reader.side.name}: round {number}/{rounds} of {count} messages")
    found = {reader.side.name: reader.medians() for reader in readers}
    rows = readers[0].found
    return {row: {side: figures[row] for side, figures in found.items()} for row in rows}


def unit(row: str) -> tuple[str, bool]:
    """The unit of a row, and whether more of it is better."""
    if row.endswith("processor time"):
        return "ms/message", False
    if row.startswith(("APPEND", "bodies", "POP3")):
        return "messages/s", True
    return "ms", False
