-- The search index. The PostgreSQL file of the same number describes the same tables.

-- What is known of the texts of some messages, those of UIDs first to last: opaque here, made from the messages and made again when it is
-- gone. version tells how it was made. Packs of a mailbox do not overlap. octets is last, so that the rest is read without it.
CREATE TABLE text_packs (
    mailbox INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    version INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    octets BLOB NOT NULL,
    PRIMARY KEY (mailbox, first)
) STRICT;
