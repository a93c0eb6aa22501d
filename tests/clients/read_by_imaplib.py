"""Reads and files mail by Python's imaplib.

Arguments: ports of imap and imap under TLS. Wants one message "by smtplib" in alice's INBOX. Says "ok" at the end.
"""

import email
import email.policy
import imaplib
import ssl
import sys
import time

clear, tls = (int(port) for port in sys.argv[1:3])
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def ok(answer):
    status, data = answer
    assert status == "OK", answer
    return data


imap = imaplib.IMAP4("127.0.0.1", clear, timeout=30)
assert "IDLE" in imap.capabilities and "UIDPLUS" in imap.capabilities, imap.capabilities
ok(imap.starttls(context))
try:
    imap.login("alice@waxwing.test", "wrong")
    raise SystemExit("a wrong password was taken")
except imaplib.IMAP4.error:
    pass
ok(imap.login("alice@waxwing.test", "waxwing-demo"))

names = [line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in ok(imap.list())]
assert sorted(names) == ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"], names

ok(imap.select("INBOX"))
(found,) = ok(imap.uid("SEARCH", None, "SUBJECT", '"by smtplib"'))
uids = found.split()
assert uids, "no message by smtplib"
first = uids[0]
data = ok(imap.uid("FETCH", first, "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])"))
octets = data[0][1]
mail = email.message_from_bytes(octets, policy=email.policy.default)
assert mail["Subject"] == "by smtplib", mail["Subject"]
assert mail.get_content().splitlines() == ["Grüße", ".", ".. dots"], mail.get_content()
assert b"RFC822.SIZE %d" % len(octets) in data[0][0], data[0][0]

ok(imap.uid("STORE", first, "+FLAGS", r"(\Flagged keyword)"))
assert rb"\Flagged" in ok(imap.uid("FETCH", first, "(FLAGS)"))[0]
ok(imap.create("Projects/Waxwing"))
ok(imap.uid("COPY", first, "Projects/Waxwing"))
ok(imap.append("Projects/Waxwing", r"(\Seen)", imaplib.Time2Internaldate(time.time()), b"Subject: appended\r\n\r\ntext\r\n"))
(count,) = ok(imap.select("Projects/Waxwing"))
assert count == b"2", count
ok(imap.store("1", "+FLAGS", r"(\Deleted)"))
assert ok(imap.expunge()) == [b"1"]
ok(imap.close())
ok(imap.rename("Projects/Waxwing", "Done"))
ok(imap.delete("Done"))
imap.logout()

imap = imaplib.IMAP4_SSL("127.0.0.1", tls, ssl_context=context, timeout=30)
imap.authenticate("PLAIN", lambda _challenge: b"\0alice@waxwing.test\0waxwing-demo")
ok(imap.select("INBOX", readonly=True))
imap.logout()
print("ok")
