-- Browsers that are logged in. The PostgreSQL file of the same number describes the same tables.

-- hash: SHA-256 of the cookie. created, used: milliseconds of Unix time, the latter to some minutes. client, agent: whence and with what,
-- as it was said when the login began, for whoever looks at the list.
CREATE TABLE web_logins (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    hash BLOB NOT NULL,
    created INTEGER NOT NULL,
    used INTEGER NOT NULL,
    client TEXT NOT NULL,
    agent TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX web_logins_hash ON web_logins (hash);
CREATE INDEX web_logins_account ON web_logins (account);
