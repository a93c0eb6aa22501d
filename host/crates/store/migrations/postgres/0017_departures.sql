-- What leaves an account, and since when what is in it is there: so that what changed between two moments can be told exactly (RFC 8620 §5.2).
-- The SQLite file of the same number describes the same tables.

-- created: the modification sequence that the message came with; 0: before this was kept, so before every moment that can be asked about.
-- thread: which conversation it belongs to, as whoever delivered it says; 0: it was not said.
ALTER TABLE messages ADD COLUMN created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN thread BIGINT NOT NULL DEFAULT 0;

-- named: the modification sequence of the last change of name, use or subscription.
ALTER TABLE mailboxes ADD COLUMN created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mailboxes ADD COLUMN named BIGINT NOT NULL DEFAULT 0;

-- emails: a line for each message that left, of its content, created and thread. Empty: the mailbox itself went, and created is its own.
CREATE TABLE departures (
    account BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    mailbox BIGINT NOT NULL,
    part BIGINT NOT NULL,
    created BIGINT NOT NULL,
    at BIGINT NOT NULL,
    emails TEXT NOT NULL,
    PRIMARY KEY (account, modseq, mailbox, part)
);
CREATE INDEX departures_at ON departures (at);

-- Departures up to this modification sequence may be gone, or were not kept.
ALTER TABLE accounts ADD COLUMN departed_floor BIGINT NOT NULL DEFAULT 0;
UPDATE accounts SET departed_floor = modseq;
