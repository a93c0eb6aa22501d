-- What many rows of the ledger have in common, once: the steps of a policy with the digests of their plugins.

CREATE TABLE ledger_rosters (
    key INTEGER PRIMARY KEY,
    seen INTEGER NOT NULL,
    json TEXT NOT NULL
) STRICT;
ALTER TABLE ledger ADD COLUMN roster INTEGER NOT NULL DEFAULT 0;
