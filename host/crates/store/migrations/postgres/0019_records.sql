-- What clients keep with an account beside its mail. The SQLite file of the same number describes the same tables.

-- created, changed: modification sequences of the account. gone: 1 once it was destroyed, under changed, and is kept only to be told of.
-- at: when it changed last, milliseconds of Unix time. value: JSON, opaque here.
CREATE TABLE records (
    account BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    id BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    gone BIGINT NOT NULL,
    at BIGINT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account, kind, id)
);

-- The place of a mailbox among others; -1: it was given none.
ALTER TABLE mailboxes ADD COLUMN sort_order BIGINT NOT NULL DEFAULT -1;
