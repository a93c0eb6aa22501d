"""JMAP: what a webmail asks when it opens, searches and shows, on a mailbox of one size. Nobody else is beside it: the figures are bounds."""

import base64
import http.client
import json
import time
from statistics import median

from . import reading
from .imap import Imap
from .servers import PASSWORD

USING = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
# Calls of a kind in a round; the median counts.
CALLS = 20
PAGE = 50
# Properties of a row of a list.
ROW = ["id", "threadId", "mailboxIds", "keywords", "from", "subject", "receivedAt", "preview", "hasAttachment"]
# How long the search index may take to be made.
INDEXED = 600


class Client:
    """A connection that stays, of one account."""

    def __init__(self, port: int, user: str):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        credentials = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
        self.headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        session = json.loads(self.ask("GET", "/.well-known/jmap"))
        self.account = session["primaryAccounts"]["urn:ietf:params:jmap:mail"]

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The octets of an answer."""
        self.connection.request(method, path, body, self.headers)
        answer = self.connection.getresponse()
        octets = answer.read()
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status} {octets[:500]!r}")
        return octets

    def send(self, *calls: tuple[str, dict]) -> bytes:
        """The octets of the answer to calls, named 0, 1 and so on."""
        numbered = [[name, {"accountId": self.account, **arguments}, str(number)] for number, (name, arguments) in enumerate(calls)]
        return self.ask("POST", "/jmap", json.dumps({"using": USING, "methodCalls": numbered}).encode())

    def call(self, *calls: tuple[str, dict]) -> list[dict]:
        """What calls answer."""
        answers = json.loads(self.send(*calls))["methodResponses"]
        for name, arguments, _ in answers:
            if name == "error":
                raise AssertionError(f"{calls}: {arguments}")
        return [arguments for _, arguments, _ in answers]


def taken(from_, action) -> float:
    """Milliseconds, of several."""
    return median(reading.timed(lambda: action(number)) for number in range(from_, from_ + CALLS))


def result_of(call: int, name: str, path: str) -> dict:
    return {"resultOf": str(call), "name": name, "path": path}


def view(inbox: str) -> list[tuple[str, dict]]:
    """What is asked for a first page: the mailboxes, the newest threads, their newest messages."""
    query = {"filter": {"inMailbox": inbox}, "sort": [{"property": "receivedAt", "isAscending": False}],
             "collapseThreads": True, "position": 0, "limit": PAGE, "calculateTotal": True}
    return [("Mailbox/get", {"ids": None}),
            ("Email/query", query),
            ("Email/get", {"#ids": result_of(1, "Email/query", "/ids"), "properties": ROW}),
            ("Thread/get", {"#ids": result_of(2, "Email/get", "/list/*/threadId")})]


def compare(side, count: int, rounds: int, progress) -> dict[str, float]:
    """Milliseconds, row by row."""
    user, messages = side.mailbox(), reading.Messages()
    # Copies in one mailbox are one email by JMAP.
    reading.fill([reading.Reader(side, user)], messages, count, progress, most=count)
    found: dict[str, list[float]] = {}
    for number in range(1, rounds + 1):
        side.stop()
        side.run()
        client = Client(side.ports["web"], user)
        inbox = next(box["id"] for box in client.call(("Mailbox/get", {}))[0]["list"] if box["role"] == "inbox")
        calls = {"first page of an inbox, first after a start": lambda: reading.timed(lambda: client.send(*view(inbox))),
                 "first page of an inbox": lambda: taken(0, lambda _: client.send(*view(inbox)))}
        for row, measure in calls.items():
            found.setdefault(row, []).append(measure())
        indexed(client, count)
        for row, value in searches(client, inbox, messages, count).items():
            found.setdefault(row, []).append(value)
        found.setdefault("Email/get of 50 with bodies", []).append(bodies(client, inbox, count))
        found.setdefault("Email/changes after a change of flags", []).append(changes(client, side, user, number))
        progress(f"JMAP: round {number}/{rounds} of {count} messages")
    return {row: median(values) for row, values in found.items()}


def indexed(client: Client, count: int) -> None:
    """Waits for the search index: what it takes is not what is measured."""
    expected = -(-count // reading.BODY_EVERY)
    end = time.monotonic() + INDEXED
    before = None
    while time.monotonic() < end:
        begin = time.monotonic()
        [answer] = client.call(("Email/query", {"filter": {"body": reading.BODY_WORD}, "calculateTotal": True}))
        if answer["total"] != expected:
            raise AssertionError(f"{answer['total']} hits, not {expected}")
        spent = time.monotonic() - begin
        # It takes no less any more.
        if before is not None and (spent < 0.05 or spent > 0.7 * before):
            return
        before = spent
        time.sleep(2)


def searches(client: Client, inbox: str, messages: reading.Messages, count: int) -> dict[str, float]:
    """Searches as one types. Of a common word, each time another, three messages of a hundred have some: all of these are read where the
    total is wanted."""
    def query(filter_: dict, total: bool = True) -> None:
        client.send(("Email/query", {"filter": filter_, "sort": [{"property": "receivedAt", "isAscending": False}],
                                     "position": 0, "limit": PAGE, "calculateTotal": total}))

    words = [word for word in messages.words if len(word) > 7]
    return {
        "Email/query, the newest that have a common word": taken(0, lambda number: query({"text": words[number]}, total=False)),
        "Email/query, all that have a common word": taken(0, lambda number: query({"text": words[number]})),
        "Email/query, a rare word of bodies": taken(0, lambda _: query({"body": reading.BODY_WORD})),
        "Email/query, a word of subjects, in a mailbox": taken(0, lambda _: query({"inMailbox": inbox, "subject": reading.SUBJECT_WORD})),
        "Email/query, a page in the middle": taken(0, lambda number: client.send(
            ("Email/query", {"filter": {"inMailbox": inbox}, "position": count // 2 + number, "limit": PAGE}))),
    }


def bodies(client: Client, inbox: str, count: int) -> float:
    """Fifty messages with their text, each time others."""
    pages = [client.call(("Email/query", {"filter": {"inMailbox": inbox}, "position": PAGE * number % count, "limit": PAGE}))[0]["ids"]
             for number in range(CALLS)]
    properties = [*ROW, "to", "cc", "replyTo", "messageId", "textBody", "htmlBody", "attachments", "bodyValues"]

    def get(number: int) -> None:
        octets = client.send(("Email/get", {"ids": pages[number], "properties": properties, "fetchTextBodyValues": True}))
        if len(octets) < PAGE * 4096:
            raise AssertionError("there are bodies missing")

    return taken(0, get)


def changes(client: Client, side, user: str, round_: int) -> float:
    """What changed since a moment, after IMAP changed one message."""
    imap = Imap(side.imap_port, user)
    imap.run("SELECT INBOX")
    times = []
    for number in range(1, CALLS + 1):
        [before] = client.call(("Email/get", {"ids": []}))
        imap.run(f"STORE {number} FLAGS.SILENT (round{round_})")
        begin = time.monotonic()
        [answer] = client.call(("Email/changes", {"sinceState": before["state"]}))
        times.append(1000 * (time.monotonic() - begin))
        if len(answer["updated"]) != 1 or answer["created"] or answer["destroyed"]:
            raise AssertionError(f"not exactly one change: {answer}")
    imap.close()
    return median(times)
