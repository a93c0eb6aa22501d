"""Reads mail over a compressed connection by Python's imaplib and zlib (RFC 4978).

Arguments: ports of imap and imap under TLS. Says "ok" at the end.
"""

import imaplib
import ssl
import sys
import zlib

clear, tls = (int(port) for port in sys.argv[1:3])
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def compress(imap, at_once=1 << 20):
    """Compresses from here on; commands are sent so many octets at a time."""
    assert "COMPRESS=DEFLATE" in imap.capabilities, imap.capabilities
    status, data = imap.xatom("COMPRESS", "DEFLATE")
    assert status == "OK", data
    packer, unpacker = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
    raw, plain = imap.sock, bytearray()

    def fill():
        octets = raw.recv(1 << 16)
        if not octets:
            raise EOFError
        plain.extend(unpacker.decompress(octets))

    def read(size):
        while len(plain) < size:
            fill()
        octets = bytes(plain[:size])
        del plain[:size]
        return octets

    def readline():
        while b"\n" not in plain:
            fill()
        return read(plain.index(b"\n") + 1)

    def send(octets):
        packed = packer.compress(octets) + packer.flush(zlib.Z_SYNC_FLUSH)
        for begin in range(0, len(packed), at_once):
            raw.sendall(packed[begin : begin + at_once])

    imap.read, imap.readline, imap.send = read, readline, send
    return packer, raw


def login(imap):
    imap.login("bob@waxwing.test", "waxwing-demo")
    return imap


message = b"Subject: large\r\n\r\n" + b"".join(b"line %d of many\r\n" % line for line in range(200_000))
for imap, at_once in (
    (imaplib.IMAP4("127.0.0.1", clear, timeout=30), 1 << 20),
    (imaplib.IMAP4_SSL("127.0.0.1", tls, ssl_context=context, timeout=30), 1 << 20),
    (imaplib.IMAP4("127.0.0.1", clear, timeout=30), 1),
):
    compress(login(imap), at_once)
    assert imap.noop()[0] == "OK"
    if at_once > 1:
        assert imap.append("Drafts", None, None, message)[0] == "OK"
    assert imap.select("Drafts")[0] == "OK"
    octets = imap.fetch("1", "(BODY.PEEK[])")[1][0][1]
    assert octets == message, (len(octets), len(message))
    try:
        raise SystemExit(imap.xatom("COMPRESS", "DEFLATE"))
    except imaplib.IMAP4.error:
        pass
    imap.logout()

# A few octets that would become very many end the session, not the server.
imap = login(imaplib.IMAP4("127.0.0.1", clear, timeout=30))
packer, raw = compress(imap)
try:
    for _ in range(256):
        raw.sendall(packer.compress(b"a" * (1 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH))
except OSError:
    pass
try:
    said = imap.readline()
    assert b"BYE [TOOBIG]" in said, said
except (EOFError, OSError):
    pass

# What is not compressed is not understood.
imap = login(imaplib.IMAP4("127.0.0.1", clear, timeout=30))
_, raw = compress(imap)
raw.sendall(b"a NOOP\r\n" * 100)
try:
    raise SystemExit(imap.readline())
except (EOFError, OSError):
    pass
print("ok")
