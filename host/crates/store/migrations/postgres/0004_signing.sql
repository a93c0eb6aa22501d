-- What domains sign with and promise. The SQLite file of the same number describes the same tables.

-- keys_version counts the changes of the domain's keys, so that of two who change them at once one is told.
ALTER TABLE domains ADD COLUMN keys_version BIGINT NOT NULL DEFAULT 0;
-- The domain's MTA-STS policy. sts_mode: 0 it has none, 1 none, 2 testing, 3 enforce. sts_max_age in seconds.
ALTER TABLE domains ADD COLUMN sts_mode BIGINT NOT NULL DEFAULT 0;
ALTER TABLE domains ADD COLUMN sts_max_age BIGINT NOT NULL DEFAULT 0;

-- phase and secret are the server's, opaque here; record is what is published under the selector.
CREATE TABLE domain_keys (
    domain BIGINT NOT NULL,
    selector TEXT COLLATE "C" NOT NULL,
    algorithm TEXT COLLATE "C" NOT NULL,
    phase TEXT COLLATE "C" NOT NULL,
    record TEXT COLLATE "C" NOT NULL,
    secret BYTEA NOT NULL,
    PRIMARY KEY (domain, selector)
);
