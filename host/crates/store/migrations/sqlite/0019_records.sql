-- What clients keep with an account beside its mail. The PostgreSQL file of the same number describes the same tables.

-- created, changed: modification sequences of the account. gone: 1 once it was destroyed, under changed, and is kept only to be told of.
-- at: when it changed last, milliseconds of Unix time. value: JSON, opaque here.
CREATE TABLE records (
    account INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    at INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account, kind, id)
) STRICT, WITHOUT ROWID;

-- The place of a mailbox among others; -1: it was given none.
ALTER TABLE mailboxes ADD COLUMN sort_order INTEGER NOT NULL DEFAULT -1;
