"""Reads mail by Python's poplib.

Arguments: ports of pop3 and pop3 under TLS. Wants mail in alice's INBOX; removes the first message. Says "ok" at the end.
"""

import poplib
import ssl
import sys

clear, tls = (int(port) for port in sys.argv[1:3])
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE

pop3 = poplib.POP3("127.0.0.1", clear, timeout=30)
assert {"TOP", "UIDL", "STLS", "PIPELINING"} <= set(pop3.capa()), pop3.capa()
pop3.stls(context)
pop3.user("alice@waxwing.test")
try:
    pop3.pass_("wrong")
    raise SystemExit("a wrong password was taken")
except poplib.error_proto as error:
    assert b"[AUTH]" in error.args[0], error
pop3.user("alice@waxwing.test")
pop3.pass_("waxwing-demo")
count, octets = pop3.stat()
assert count > 0
sizes = [int(line.split()[1]) for line in pop3.list()[1]]
assert sum(sizes) == octets and len(sizes) == count
for number in range(1, count + 1):
    lines = pop3.retr(number)[1]
    assert sum(len(line) + 2 for line in lines) == sizes[number - 1], number
    top = pop3.top(number, 0)[1]
    assert lines[: len(top)] == top and top[-1] == b""
ids = [line.split()[1] for line in pop3.uidl()[1]]
assert len(set(ids)) == count
pop3.dele(1)
pop3.quit()

pop3 = poplib.POP3_SSL("127.0.0.1", tls, context=context, timeout=30)
pop3.user("alice@waxwing.test")
pop3.pass_("waxwing-demo")
assert [line.split()[1] for line in pop3.uidl()[1]] == ids[1:]
pop3.quit()
print("ok")
