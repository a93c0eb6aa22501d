-- What clients uploaded and no message has yet (RFC 8620 §6). The SQLite file of the same number describes the same tables.

-- at: when, milliseconds of Unix time. The content counts this row among those that name it.
CREATE TABLE uploads (
    account BIGINT NOT NULL,
    blob BIGINT NOT NULL,
    size BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (account, blob)
);
CREATE INDEX uploads_at ON uploads (at);
