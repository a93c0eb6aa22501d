-- What stands for a password, and what stands behind it. The PostgreSQL file of the same number describes the same tables.

-- The secret of one-time codes (RFC 6238), empty: none; the step of the last code that was used.
ALTER TABLE accounts ADD COLUMN totp BLOB NOT NULL DEFAULT x'';
ALTER TABLE accounts ADD COLUMN totp_used INTEGER NOT NULL DEFAULT 0;

-- kind: 1 app password, 2 token. hash: SHA-256 of the secret. scopes: words. Times in milliseconds of Unix time; expires 0: never.
CREATE TABLE credentials (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX credentials_account ON credentials (account);
CREATE UNIQUE INDEX credentials_hash ON credentials (hash);
