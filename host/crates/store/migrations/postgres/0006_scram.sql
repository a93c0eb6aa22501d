-- Passwords that are proved and not said. The SQLite file of the same number describes the same tables.

-- The keys of the password (RFC 5803); empty: none yet.
ALTER TABLE accounts ADD COLUMN scram TEXT COLLATE "C" NOT NULL DEFAULT '';

-- What only this store's servers know, all of them the same.
CREATE TABLE secrets (name TEXT COLLATE "C" PRIMARY KEY, value BYTEA NOT NULL);
