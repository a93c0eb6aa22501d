-- What takes the place of a one-time code once. The PostgreSQL file of the same number describes the same tables.

-- hash: SHA-256 of the code, which has 80 random bits.
CREATE TABLE recovery_codes (
    account INTEGER NOT NULL REFERENCES accounts (id),
    hash BLOB NOT NULL,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;
