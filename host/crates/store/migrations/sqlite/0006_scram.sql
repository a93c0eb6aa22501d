-- Passwords that are proved and not said. The PostgreSQL file of the same number describes the same tables.

-- The keys of the password (RFC 5803); empty: none yet.
ALTER TABLE accounts ADD COLUMN scram TEXT NOT NULL DEFAULT '';

-- What only this store's servers know, all of them the same.
CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
