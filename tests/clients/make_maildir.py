"""Makes a Maildir with the standard library: python3 make_maildir.py FOLDER COUNT"""

import mailbox
import os
import sys

folder, count = sys.argv[1], int(sys.argv[2])

CONTENTS = [
    b"Subject: plain\n\nhello\n",
    b"Subject: crlf\r\n\r\nhello\r\n",
    b"Subject: mixed\n\none\r\ntwo\n",
    b"Subject: no end\n\nlast line",
    b"Subject: 8bit\n\nGr\xc3\xbc\xc3\x9fe \xff\n",
    b"Subject: from\n\nFrom me\n>From you\n.\n..\n",
    b"Subject: bare cr\n\na\rb\n\r\rc\n",
    b"Subject: header only\n",
    b"",
    b"\nno header\n\n\n",
]


def add(box, number, content, flags):
    message = mailbox.MaildirMessage(content)
    message.set_subdir("cur" if flags else "new")
    message.set_flags(flags)
    key = box.add(message)
    # The library writes what it parsed; what is wanted are these octets.
    name = os.path.join(box._path, box._lookup(key))
    with open(name, "wb") as file:
        file.write(content)
    os.utime(name, (1_500_000_000 + number, 1_500_000_000 + number + 0.25))


root = mailbox.Maildir(folder)
flags = ["", "S", "FS", "DRT", "PS", "F"]
for number in range(count):
    content = CONTENTS[number % len(CONTENTS)].replace(b"Subject: ", b"Subject: %d " % number)
    add(root, number, content, flags[number % len(flags)])
for name in ["Work", "Work.Old", "Entw&APw-rfe"]:
    box = root.add_folder(name)
    for number, content in enumerate(CONTENTS):
        add(box, number, content.replace(b"Subject: ", b"Subject: %s " % name.encode()), flags[number % len(flags)])
