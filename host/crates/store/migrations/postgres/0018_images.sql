-- Mailboxes as they were. The SQLite file of the same number describes the same tables.

-- A mailbox's messages at a modification sequence, without what they say: opaque here, made from the messages and made again when it is
-- gone. It may be older than they are; what changed since is read on top of it. Nothing is kept here on PostgreSQL: after it has gone
-- back to what a standby had, an image of what was lost would be taken for what came in its place.
CREATE TABLE images (
    mailbox BIGINT PRIMARY KEY,
    modseq BIGINT NOT NULL,
    octets BYTEA NOT NULL
);
