-- Messages that were imported. The SQLite file of the same number describes the same tables.

-- item: a digest of where the message came from, so that a second run brings none twice. mailbox, uid: where it was put.
-- verbatim: 1 for one whose lines ended with CRLF where it came from.
CREATE TABLE imported (
    account BIGINT NOT NULL,
    item TEXT COLLATE "C" NOT NULL,
    mailbox BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    verbatim BIGINT NOT NULL,
    PRIMARY KEY (account, item)
);
CREATE INDEX imported_mailbox ON imported (mailbox, uid);
