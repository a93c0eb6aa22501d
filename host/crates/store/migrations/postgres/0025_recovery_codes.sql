-- What takes the place of a one-time code once. The SQLite file of the same number describes the same tables.

-- hash: SHA-256 of the code, which has 80 random bits.
CREATE TABLE recovery_codes (
    account BIGINT NOT NULL REFERENCES accounts (id),
    hash BYTEA NOT NULL,
    PRIMARY KEY (account, hash)
);
