-- Mailboxes as they were. The PostgreSQL file of the same number describes the same tables.

-- A mailbox's messages at a modification sequence, without what they say: opaque here, made from the messages and made again when it is
-- gone. It may be older than they are; what changed since is read on top of it.
CREATE TABLE images (
    mailbox INTEGER PRIMARY KEY,
    modseq INTEGER NOT NULL,
    octets BLOB NOT NULL
) STRICT;
