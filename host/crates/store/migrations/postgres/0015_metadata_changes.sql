-- Which entries of metadata changed when (RFC 5464 §4.4.2), those that went among them. The SQLite file of the same number describes the same tables.

-- mailbox, account, entry: as in metadata. number: of the change, from the sequence 'metadata'; rises in the order of the commits.
-- at: milliseconds of Unix time.
CREATE TABLE metadata_changes (
    mailbox BIGINT NOT NULL,
    account BIGINT NOT NULL,
    entry TEXT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (mailbox, account, entry)
);
CREATE INDEX metadata_changes_number ON metadata_changes (account, number);
INSERT INTO sequences (name, next) VALUES ('metadata', 1);
