-- The store on PostgreSQL. The SQLite file of the same number describes the same tables.
-- Text is compared by bytes (COLLATE "C"), as SQLite does.

CREATE TABLE sequences (name TEXT COLLATE "C" PRIMARY KEY, next BIGINT NOT NULL);
INSERT INTO sequences (name, next) VALUES ('id', 1), ('directory', 1);

-- -1 as a quota means none.
CREATE TABLE domains (
    id BIGINT PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    created BIGINT NOT NULL,
    quota_bytes BIGINT NOT NULL,
    quota_messages BIGINT NOT NULL,
    used_bytes BIGINT NOT NULL DEFAULT 0,
    used_messages BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE accounts (
    id BIGINT PRIMARY KEY,
    domain BIGINT NOT NULL REFERENCES domains (id),
    address TEXT COLLATE "C" NOT NULL UNIQUE,
    password TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    quota_bytes BIGINT NOT NULL,
    quota_messages BIGINT NOT NULL,
    used_bytes BIGINT NOT NULL DEFAULT 0,
    used_messages BIGINT NOT NULL DEFAULT 0,
    modseq BIGINT NOT NULL DEFAULT 0,
    last_uid_validity BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX accounts_domain ON accounts (domain);

-- targets is a JSON list of addresses.
CREATE TABLE aliases (
    address TEXT COLLATE "C" PRIMARY KEY,
    domain BIGINT NOT NULL REFERENCES domains (id),
    targets TEXT COLLATE "C" NOT NULL
);
CREATE INDEX aliases_domain ON aliases (domain);

-- vanished_floor: tombstones up to this modification sequence may be gone.
CREATE TABLE mailboxes (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES accounts (id),
    path TEXT COLLATE "C" NOT NULL,
    special_use TEXT COLLATE "C" NOT NULL,
    selectable BIGINT NOT NULL,
    uid_validity BIGINT NOT NULL,
    uid_next BIGINT NOT NULL,
    highest_modseq BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    unseen BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    recent_from BIGINT NOT NULL,
    vanished_floor BIGINT NOT NULL,
    UNIQUE (account, path)
) WITH (fillfactor = 50);

CREATE TABLE subscriptions (
    account BIGINT NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, path)
);

-- One content each. file is empty for a content in the row. content is last, so that the summary is read without it.
CREATE TABLE blobs (
    id BIGINT PRIMARY KEY,
    refs BIGINT NOT NULL,
    size BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    file TEXT COLLATE "C" NOT NULL,
    summary BYTEA NOT NULL,
    content BYTEA NOT NULL
);
-- Mail hardly compresses in pieces this small, and the attempt costs more than it saves.
ALTER TABLE blobs ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE blobs ALTER COLUMN summary SET STORAGE EXTERNAL;

-- internal_offset: the zone that internal_date was given in, in minutes east of UTC.
-- changed: 1 once flags were changed. Among unchanged messages modseq rises with uid, so only changed ones need an index.
CREATE TABLE messages (
    mailbox BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    blob BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    size BIGINT NOT NULL,
    internal_date BIGINT NOT NULL,
    internal_offset BIGINT NOT NULL DEFAULT 0,
    keywords TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (mailbox, uid)
);
CREATE INDEX messages_changed ON messages (mailbox, modseq) WHERE changed = 1;

-- Tombstones of expunged messages.
CREATE TABLE vanished (
    mailbox BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (mailbox, modseq, first)
);

-- Files of the blob directory that no row names any more.
CREATE TABLE garbage (file TEXT COLLATE "C" PRIMARY KEY);

-- message_key is a 64-bit hash of message_id: a small index instead of a large one.
CREATE TABLE ledger (
    id BIGINT PRIMARY KEY,
    queue_id TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    message_key BIGINT NOT NULL,
    at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    json TEXT COLLATE "C" NOT NULL
);
CREATE INDEX ledger_queue_id ON ledger (queue_id);
CREATE INDEX ledger_message_key ON ledger (message_key) WHERE message_key <> 0;

-- kind: 0 value, 1 counter, 2 bucket, 3 window. expires in milliseconds of Unix time, 0 never.
CREATE TABLE kv (
    plugin TEXT COLLATE "C" NOT NULL,
    area TEXT COLLATE "C" NOT NULL,
    domain TEXT COLLATE "C" NOT NULL,
    kind BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    version BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (plugin, area, domain, kind, key)
);
CREATE INDEX kv_expires ON kv (expires) WHERE expires > 0;
