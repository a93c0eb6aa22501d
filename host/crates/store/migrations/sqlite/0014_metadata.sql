-- What clients note of mailboxes (RFC 5464). The PostgreSQL file of the same number describes the same tables.

-- mailbox: 0, of the server. account: whose own entry it is, or 0 for one that is shared. entry: its name behind /private or /shared.
CREATE TABLE metadata (
    mailbox INTEGER NOT NULL,
    account INTEGER NOT NULL,
    entry TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (mailbox, account, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX metadata_account ON metadata (account);
