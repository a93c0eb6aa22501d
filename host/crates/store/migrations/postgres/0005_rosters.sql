-- What many rows of the ledger have in common, once: the steps of a policy with the digests of their plugins.

CREATE TABLE ledger_rosters (
    key BIGINT PRIMARY KEY,
    seen BIGINT NOT NULL,
    json TEXT NOT NULL
);
ALTER TABLE ledger ADD COLUMN roster BIGINT NOT NULL DEFAULT 0;
