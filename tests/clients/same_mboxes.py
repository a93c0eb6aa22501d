"""Compares two mboxes message by message with the standard library: python3 same_mboxes.py ONE OTHER"""

import mailbox
import sys


def messages(path):
    found = []
    for message in mailbox.mbox(path, create=False):
        flags = "".join(sorted(set(message.get_flags()) - {"O"}))
        found.append((message["Subject"], message.get_payload(), flags, message.get_from().split()[1:]))
    return found


one, other = (messages(path) for path in sys.argv[1:3])
assert one == other, (one, other)
print("ok")
