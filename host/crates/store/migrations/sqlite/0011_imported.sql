-- Messages that were imported. The PostgreSQL file of the same number describes the same tables.

-- item: a digest of where the message came from, so that a second run brings none twice. mailbox, uid: where it was put.
-- verbatim: 1 for one whose lines ended with CRLF where it came from.
CREATE TABLE imported (
    account INTEGER NOT NULL,
    item TEXT NOT NULL,
    mailbox INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    verbatim INTEGER NOT NULL,
    PRIMARY KEY (account, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX imported_mailbox ON imported (mailbox, uid);
