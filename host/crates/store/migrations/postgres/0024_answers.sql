-- Who was answered automatically, so that nobody is answered twice within a while (RFC 3834 §2). The SQLite file of the same number
-- describes the same table.

-- sender: SHA-256 of whom and what the answer was. at: when, until: how long it is remembered, milliseconds of Unix time.
CREATE TABLE answers (
    account BIGINT NOT NULL,
    sender BYTEA NOT NULL,
    at BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (account, sender)
);
CREATE INDEX answers_until ON answers (until);
