-- What stands for a password, and what stands behind it. The SQLite file of the same number describes the same tables.

-- The secret of one-time codes (RFC 6238), empty: none; the step of the last code that was used.
ALTER TABLE accounts ADD COLUMN totp BYTEA NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN totp_used BIGINT NOT NULL DEFAULT 0;

-- kind: 1 app password, 2 token. hash: SHA-256 of the secret. scopes: words. Times in milliseconds of Unix time; expires 0: never.
CREATE TABLE credentials (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES accounts (id),
    kind BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX credentials_account ON credentials (account);
CREATE UNIQUE INDEX credentials_hash ON credentials (hash);
