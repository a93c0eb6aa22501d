"""Comes back to a mailbox by Python's imaplib, with CONDSTORE and QRESYNC (RFC 7162).

Argument: port of imap. Says "ok" at the end.
"""

import imaplib
import re
import sys

(port,) = (int(port) for port in sys.argv[1:])
MESSAGE = b"Subject: resync\r\n\r\ntext\r\n"


def ok(answer):
    status, data = answer
    assert status == "OK", answer
    return data


def log_in():
    imap = imaplib.IMAP4("127.0.0.1", port, timeout=30)
    ok(imap.login("bob@waxwing.test", "waxwing-demo"))
    return imap


def number(imap, code):
    (data,) = imap.response(code)[1][-1:]
    return int(data)


def untagged(imap, name):
    return [line for line in imap.response(name)[1] if line is not None]


here, there = log_in(), log_in()
assert {"ENABLE", "CONDSTORE", "QRESYNC"} <= set(here.capabilities), here.capabilities
ok(here.create("Resync"))
for _ in range(20):
    ok(here.append("Resync", None, None, MESSAGE))

ok(here.enable("QRESYNC"))
assert untagged(here, "ENABLED") == [b"QRESYNC"]
ok(here.select("Resync"))
validity, modseq = number(here, "UIDVALIDITY"), number(here, "HIGHESTMODSEQ")
ok(here.unselect())

ok(there.select("Resync"))
ok(there.store("3:5", "+FLAGS.SILENT", r"(\Deleted)"))
ok(there.expunge())
ok(there.store("1", "+FLAGS", r"(\Answered)"))

# imaplib quotes what is no atom: the parameters go with the name.
typ, data = here._simple_command("SELECT", "Resync", f"(QRESYNC ({validity} {modseq} 1:20))")
assert typ == "OK", data
here.state = "SELECTED"
assert untagged(here, "VANISHED") == [b"(EARLIER) 3:5"]
(told,) = untagged(here, "FETCH")
assert re.fullmatch(rb"1 \(UID 1 FLAGS \(\\Answered.*\) MODSEQ \(\d+\)\)", told), told
assert number(here, "HIGHESTMODSEQ") > modseq

# Conditional STORE: what changed meanwhile is left alone.
typ, data = here.uid("STORE", "1:2", f"(UNCHANGEDSINCE {modseq})", "+FLAGS.SILENT", r"(\Flagged)")
assert typ == "OK", data
assert untagged(here, "MODIFIED") == [b"1"], here.untagged_responses
flags = {line.split(b" ", 1)[0]: line for line in ok(here.uid("FETCH", "1:2", "(FLAGS MODSEQ)"))}
assert rb"\Flagged" not in flags[b"1"] and rb"\Flagged" in flags[b"2"], flags

found = ok(here.uid("SEARCH", None, "MODSEQ", str(modseq + 1)))
assert re.fullmatch(rb"1 2 \(MODSEQ \d+\)", found[0]), found
changed = ok(here.uid("FETCH", "1:*", "(UID)", f"(CHANGEDSINCE {modseq} VANISHED)"))
assert len(changed) == 2, changed
here.logout()
there.logout()
print("ok")
