"""A small SMTP client for the measurements that need single messages: every reply is looked at and timed.

Not `smtplib`: an idle session is one socket, and 5,000 of them should cost this side little too.
"""

import socket
import ssl
import time


class Refused(Exception):
    """A command got another reply than it needs; the text is the reply."""


def any_certificate() -> ssl.SSLContext:
    """TLS with a server whose certificate nobody has signed."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Client:
    """One connection, greeted with EHLO; with TLS from its beginning if `tls` is given."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket)
        self._buffer = b""
        self.expect(b"2")
        self.command(b"EHLO client.bench.example")

    def command(self, line: bytes, wanted: bytes = b"2") -> bytes:
        """Sends a line; the last line of the reply, which must begin with `wanted`."""
        self.socket.sendall(line + b"\r\n")
        return self.expect(wanted)

    def expect(self, wanted: bytes) -> bytes:
        """Reads one reply, of however many lines."""
        while True:
            line = self._line()
            if line[3:4] != b"-":
                if not line.startswith(wanted):
                    raise Refused(line.decode("utf-8", "replace"))
                return line

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            received = self.socket.recv(4096)
            if not received:
                raise Refused("the connection was closed")
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def send(self, recipient: str, subject: str, message_id: str = "", text: str = "A line of text.\r\n") -> bytes:
        """One message from MAIL to the reply after its end. Without a Message-ID it gets one of its own; `text` are whole lines."""
        message_id = message_id or f"{time.time_ns()}@bench.example"
        self.command(b"MAIL FROM:<sender@bench.example>")
        self.command(b"RCPT TO:<" + recipient.encode() + b">")
        self.command(b"DATA", b"3")
        return self.command(
            f"From: <sender@bench.example>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n"
            f"Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{message_id}>\r\n\r\n{text}.".encode())

    def close(self) -> None:
        self.socket.close()
