"""Makes an mbox with the standard library: python3 make_mbox.py FILE COUNT"""

import mailbox
import sys

box = mailbox.mbox(sys.argv[1])
for number in range(int(sys.argv[2])):
    message = mailbox.mboxMessage(b"Subject: %d\n\nFrom here on\ntext %d\n\n" % (number, number))
    message.set_from("sender@example.net", (2026, 11, 26, 20, 55, number % 60, 3, 330, 0))
    message.set_flags(["", "RO", "ROF", "ROA", "T"][number % 5])
    box.add(message)
box.flush()
