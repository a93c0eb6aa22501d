-- What clients uploaded and no message has yet (RFC 8620 §6). The PostgreSQL file of the same number describes the same tables.

-- at: when, milliseconds of Unix time. The content counts this row among those that name it.
CREATE TABLE uploads (
    account INTEGER NOT NULL,
    blob INTEGER NOT NULL,
    size INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_at ON uploads (at);
