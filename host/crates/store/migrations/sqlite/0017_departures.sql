-- What leaves an account, and since when what is in it is there: so that what changed between two moments can be told exactly (RFC 8620 §5.2).
-- The PostgreSQL file of the same number describes the same tables.

-- created: the modification sequence that the message came with; 0: before this was kept, so before every moment that can be asked about.
-- thread: which conversation it belongs to, as whoever delivered it says; 0: it was not said.
ALTER TABLE messages ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN thread INTEGER NOT NULL DEFAULT 0;

-- named: the modification sequence of the last change of name, use or subscription.
ALTER TABLE mailboxes ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailboxes ADD COLUMN named INTEGER NOT NULL DEFAULT 0;

-- emails: a line for each message that left, of its content, created and thread. Empty: the mailbox itself went, and created is its own.
CREATE TABLE departures (
    account INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    mailbox INTEGER NOT NULL,
    part INTEGER NOT NULL,
    created INTEGER NOT NULL,
    at INTEGER NOT NULL,
    emails TEXT NOT NULL,
    PRIMARY KEY (account, modseq, mailbox, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX departures_at ON departures (at);

-- Departures up to this modification sequence may be gone, or were not kept.
ALTER TABLE accounts ADD COLUMN departed_floor INTEGER NOT NULL DEFAULT 0;
UPDATE accounts SET departed_floor = modseq;
