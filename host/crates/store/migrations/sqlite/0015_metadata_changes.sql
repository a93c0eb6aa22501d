-- Which entries of metadata changed when (RFC 5464 §4.4.2), those that went among them. The PostgreSQL file of the same number describes the same tables.

-- mailbox, account, entry: as in metadata. number: of the change, from the sequence 'metadata'; rises in the order of the commits.
-- at: milliseconds of Unix time.
CREATE TABLE metadata_changes (
    mailbox INTEGER NOT NULL,
    account INTEGER NOT NULL,
    entry TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (mailbox, account, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX metadata_changes_number ON metadata_changes (account, number);
INSERT INTO sequences (name, next) VALUES ('metadata', 1);
