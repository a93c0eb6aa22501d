"""An IMAP and a POP3 client that do as little as they can: what is measured is the server."""

import socket

from .servers import PASSWORD

CHUNK = 1 << 18


class ProtocolError(Exception):
    """The server answered something else than was expected."""


class Connection:
    """Lines and literals over a socket; what is not needed is not kept."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def receive(self) -> bytes:
        """What has come. It is acknowledged at once, which Linux has to be told again and again: a server that leaves Nagle's algorithm
        on, as Cyrus does, would keep the end of an answer for the 40 ms after which it is acknowledged otherwise."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if not (more := self.socket.recv(CHUNK)):
            raise ProtocolError("the server closed the connection")
        return more

    def fill(self) -> None:
        self.buffer += self.receive()

    def line(self) -> bytes:
        """The next line without its end."""
        while (end := self.buffer.find(b"\r\n")) < 0:
            self.fill()
        line, self.buffer = self.buffer[:end], self.buffer[end + 2:]
        return line

    def close(self) -> None:
        self.socket.close()


class Imap(Connection):
    """A session that is logged in."""

    def __init__(self, port: int, user: str):
        super().__init__(port)
        self.number = 0
        self.line()
        self.run(f'LOGIN "{user}" "{PASSWORD}"')

    def run(self, command: str) -> bytes:
        """Runs a command without literals of its own; everything that was answered before the tagged OK, as it came."""
        tag = self.send(command)
        return self.finish(tag)

    def send(self, command: str, literal: bytes | None = None) -> bytes:
        """Sends a command, its last argument as a literal that waits for nothing (RFC 7888); its tag."""
        self.number += 1
        tag = b"a%d" % self.number
        octets = tag + b" " + command.encode()
        if literal is not None:
            octets += b" {%d+}\r\n" % len(literal) + literal
        self.socket.sendall(octets + b"\r\n")
        return tag

    def append(self, mailbox: str, messages: list[bytes]) -> None:
        """Appends messages with one command (RFC 3502)."""
        literals = b"".join(b" {%d+}\r\n" % len(message) + message for message in messages)
        self.number += 1
        tag = b"a%d" % self.number
        self.socket.sendall(tag + b" APPEND " + mailbox.encode() + literals + b"\r\n")
        self.finish(tag)

    def finish(self, tag: bytes) -> bytes:
        """Reads until the tagged answer, which must be OK. No answer of a server is mistaken for it: no line of the test's
        messages begins with a tag."""
        mark = b"\r\n" + tag + b" "
        taken = [b"\r\n" + self.buffer]
        self.buffer = b""
        tail = taken[0]
        while mark not in tail or not tail.endswith(b"\r\n"):
            more = self.receive()
            taken.append(more)
            tail = tail[-1000:] + more
        answer = b"".join(taken)[2:]
        last = answer[answer.rfind(tag + b" ") + len(tag) + 1:]
        if not last.startswith(b"OK"):
            raise ProtocolError(last.decode(errors="replace").strip())
        return answer

    def idle(self) -> None:
        """Begins IDLE; :meth:`noticed` waits, :meth:`done` ends it."""
        self.idling = self.send("IDLE")
        while not self.line().startswith(b"+"):
            pass

    def noticed(self) -> None:
        """Waits for the notice of a new message."""
        while not self.line().endswith(b"EXISTS"):
            pass

    def done(self) -> None:
        self.socket.sendall(b"DONE\r\n")
        while not self.line().startswith(self.idling + b" "):
            pass


class Pop3(Connection):
    """A session that is logged in."""

    def __init__(self, port: int, user: str):
        super().__init__(port)
        self.expect(self.line())
        for command in (f"USER {user}", f"PASS {PASSWORD}"):
            self.socket.sendall(command.encode() + b"\r\n")
            self.expect(self.line())

    @staticmethod
    def expect(line: bytes) -> None:
        if not line.startswith(b"+OK"):
            raise ProtocolError(line.decode(errors="replace"))

    def retrieve(self, first: int, last: int) -> None:
        """RETR of a run of messages, all asked for at once (RFC 2449 §6.6)."""
        self.socket.sendall(b"".join(b"RETR %d\r\n" % number for number in range(first, last + 1)))
        left = last - first + 1
        tail = b""
        while left:
            more = self.receive()
            seen = tail + more
            left -= seen.count(b"\r\n.\r\n")
            cut = seen.rfind(b"\r\n.\r\n")
            tail = seen[max(cut + 5, len(seen) - 4):] if cut >= 0 else seen[-4:]

    def quit(self) -> None:
        self.socket.sendall(b"QUIT\r\n")
        self.line()
        self.close()
