"""Lists mailboxes with options by Python's imaplib (RFC 5258, RFC 5819, RFC 6154, RFC 8438), and finds them and their
messages again by their identifiers (RFC 8474).

Arguments: port of imap. Says "ok" at the end.
"""

import imaplib
import sys

imap = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]), timeout=30)
imap.login("bob@waxwing.test", "waxwing-demo")


def list_with(arguments, wanted="LIST"):
    """The untagged responses of a kind to a LIST with these arguments, as text."""
    imap.untagged_responses.clear()
    status, data = imap.xatom("LIST", arguments)
    assert status == "OK", (arguments, status, data)
    return [line.decode() for line in imap.untagged_responses.get(wanted, [])]


for capability in ("LIST-EXTENDED", "LIST-STATUS", "STATUS=SIZE", "SPECIAL-USE", "CREATE-SPECIAL-USE"):
    assert capability in imap.capabilities, imap.capabilities

message = b"Subject: counted\r\n\r\ntext\r\n"
assert imap.create("Lists/rust")[0] == "OK"
assert imap.append("Lists/rust", None, None, message)[0] == "OK"
assert imap.append("Lists/rust", r"(\Seen)", None, message)[0] == "OK"
assert imap.subscribe("Lists/rust")[0] == "OK"

found = list_with('(SUBSCRIBED RECURSIVEMATCH) "" "%" RETURN (CHILDREN)')
assert r'(\HasChildren) "/" "Lists" ("CHILDINFO" ("SUBSCRIBED"))' in found, found
assert list_with('"" ("Lists/%" "none")') == [r'(\HasNoChildren) "/" "Lists/rust"']

counts = list_with('"" "Lists*" RETURN (STATUS (MESSAGES UNSEEN SIZE))', "STATUS")
size = 2 * len(message)
assert f'"Lists/rust" (MESSAGES 2 UNSEEN 1 SIZE {size})' in counts, counts
assert '"Lists" (MESSAGES 0 UNSEEN 0 SIZE 0)' in counts, counts

# A subscription outlives its mailbox.
assert imap.delete("Lists/rust")[0] == "OK"
found = list_with('(SUBSCRIBED) "" "Lists*"')
assert found == [r'(\NonExistent \HasNoChildren \Subscribed) "/" "Lists/rust"'], found

# One mailbox is for junk, and where junk is filed must stay clear.
status, data = imap.xatom("CREATE", r"Spam (USE (\Junk))")
assert status == "NO" and b"USEATTR" in data[0], (status, data)
assert imap.delete("Junk")[0] == "OK"
assert imap.xatom("CREATE", r"Spam (USE (\Junk))")[0] == "OK"
uses = list_with('(SPECIAL-USE) "" "*"')
assert r'(\HasNoChildren \Junk) "/" "Spam"' in uses, uses


def identifier(name):
    """The identifier of a mailbox."""
    (line,) = imap.status(name, "(MAILBOXID)")[1]
    return line.decode().rsplit("MAILBOXID (", 1)[1].rstrip(")")


def emails():
    """What the messages of the selected mailbox have in common with their copies."""
    return [line.decode().split("EMAILID (")[1].split(")")[0] for line in imap.fetch("1:*", "(EMAILID)")[1]]


assert imap.create("Before")[0] == "OK"
before = identifier("Before")
assert imap.rename("Before", "Behind")[0] == "OK"
assert identifier("Behind") == before != identifier("Spam")
for _ in range(2):
    assert imap.append("Behind", None, None, message)[0] == "OK"
assert imap.select("Behind")[0] == "OK"
first, second = emails()
assert first != second, "two messages are two, though their text is one"
assert imap.copy("1", "Spam")[0] == "OK"
assert imap.uid("MOVE", "2", "Spam")[0] == "OK"
assert imap.select("Spam")[0] == "OK"
assert emails() == [first, second]
assert imap.search(None, "EMAILID", second)[1] == [b"2"]

imap.logout()
print("ok")
