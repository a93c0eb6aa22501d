-- Who administrates over HTTP, and what administrators did. The PostgreSQL file of the same number describes the same tables.

-- hash: SHA-256 of the token. scopes: words. Times in milliseconds of Unix time; expires 0: never.
CREATE TABLE admin_tokens (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX admin_tokens_hash ON admin_tokens (hash);
CREATE UNIQUE INDEX admin_tokens_name ON admin_tokens (name);

-- A row is written before its change is made; outcome is empty until it is known what became of it.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    origin TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at, id);
