"""Compares two Maildirs message by message with the standard library: python3 same_maildirs.py ONE OTHER

The other one may have more folders, if those are empty."""

import mailbox
import os
import sys


def messages(box):
    found = []
    for key in box.keys():
        path = os.path.join(box._path, box._lookup(key))
        with open(path, "rb") as file:
            content = file.read()
        flags = "".join(flag for flag in box.get_message(key).get_flags() if flag.isupper())
        # The store keeps milliseconds.
        found.append((content, flags, os.stat(path).st_mtime_ns // 1_000_000))
    return sorted(found)


one, other = (mailbox.Maildir(path, create=False) for path in sys.argv[1:3])
assert messages(one) == messages(other), ("INBOX", messages(one), messages(other))
for name in one.list_folders():
    here, there = messages(one.get_folder(name)), messages(other.get_folder(name))
    assert here == there, (name, here, there)
for name in set(other.list_folders()) - set(one.list_folders()):
    assert not messages(other.get_folder(name)), name
print("ok")
