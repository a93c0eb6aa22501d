-- What domains sign with and promise. The PostgreSQL file of the same number describes the same tables.

-- keys_version counts the changes of the domain's keys, so that of two who change them at once one is told.
ALTER TABLE domains ADD COLUMN keys_version INTEGER NOT NULL DEFAULT 0;
-- The domain's MTA-STS policy. sts_mode: 0 it has none, 1 none, 2 testing, 3 enforce. sts_max_age in seconds.
ALTER TABLE domains ADD COLUMN sts_mode INTEGER NOT NULL DEFAULT 0;
ALTER TABLE domains ADD COLUMN sts_max_age INTEGER NOT NULL DEFAULT 0;

-- phase and secret are the server's, opaque here; record is what is published under the selector.
CREATE TABLE domain_keys (
    domain INTEGER NOT NULL,
    selector TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    phase TEXT NOT NULL,
    record TEXT NOT NULL,
    secret BLOB NOT NULL,
    PRIMARY KEY (domain, selector)
) STRICT, WITHOUT ROWID;
