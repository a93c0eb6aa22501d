-- Who administrates over HTTP, and what administrators did. The SQLite file of the same number describes the same tables.

-- hash: SHA-256 of the token. scopes: words. Times in milliseconds of Unix time; expires 0: never.
CREATE TABLE admin_tokens (
    id BIGINT PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE UNIQUE INDEX admin_tokens_hash ON admin_tokens (hash);
CREATE UNIQUE INDEX admin_tokens_name ON admin_tokens (name);

-- A row is written before its change is made; outcome is empty until it is known what became of it.
CREATE TABLE audit (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_at ON audit (at, id);
