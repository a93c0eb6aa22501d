-- The search index. The SQLite file of the same number describes the same tables.

-- What is known of the texts of some messages, those of UIDs first to last: opaque here, made from the messages and made again when it is
-- gone. version tells how it was made. Packs of a mailbox do not overlap.
CREATE TABLE text_packs (
    mailbox BIGINT NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    version BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    octets BYTEA NOT NULL,
    PRIMARY KEY (mailbox, first)
);
-- They hardly shrink.
ALTER TABLE text_packs ALTER COLUMN octets SET STORAGE EXTERNAL;
