-- The store on SQLite. The PostgreSQL file of the same number describes the same tables.

CREATE TABLE sequences (name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT;
INSERT INTO sequences (name, next) VALUES ('id', 1), ('directory', 1);

-- -1 as a quota means none.
CREATE TABLE domains (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    quota_bytes INTEGER NOT NULL,
    quota_messages INTEGER NOT NULL,
    used_bytes INTEGER NOT NULL DEFAULT 0,
    used_messages INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    domain INTEGER NOT NULL REFERENCES domains (id),
    address TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    created INTEGER NOT NULL,
    quota_bytes INTEGER NOT NULL,
    quota_messages INTEGER NOT NULL,
    used_bytes INTEGER NOT NULL DEFAULT 0,
    used_messages INTEGER NOT NULL DEFAULT 0,
    modseq INTEGER NOT NULL DEFAULT 0,
    last_uid_validity INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX accounts_domain ON accounts (domain);

-- targets is a JSON list of addresses.
CREATE TABLE aliases (
    address TEXT PRIMARY KEY,
    domain INTEGER NOT NULL REFERENCES domains (id),
    targets TEXT NOT NULL
) STRICT;
CREATE INDEX aliases_domain ON aliases (domain);

-- vanished_floor: tombstones up to this modification sequence may be gone.
CREATE TABLE mailboxes (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    path TEXT NOT NULL,
    special_use TEXT NOT NULL,
    selectable INTEGER NOT NULL,
    uid_validity INTEGER NOT NULL,
    uid_next INTEGER NOT NULL,
    highest_modseq INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    recent_from INTEGER NOT NULL,
    vanished_floor INTEGER NOT NULL,
    UNIQUE (account, path)
) STRICT;

CREATE TABLE subscriptions (
    account INTEGER NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (account, path)
) STRICT, WITHOUT ROWID;

-- One content each. file is empty for a content in the row. content is last, so that the summary is read without it.
CREATE TABLE blobs (
    id INTEGER PRIMARY KEY,
    refs INTEGER NOT NULL,
    size INTEGER NOT NULL,
    hash BLOB NOT NULL,
    file TEXT NOT NULL,
    summary BLOB NOT NULL,
    content BLOB NOT NULL
) STRICT;

-- internal_offset: the zone that internal_date was given in, in minutes east of UTC.
-- changed: 1 once flags were changed. Among unchanged messages modseq rises with uid, so only changed ones need an index.
CREATE TABLE messages (
    mailbox INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    blob INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    size INTEGER NOT NULL,
    internal_date INTEGER NOT NULL,
    internal_offset INTEGER NOT NULL DEFAULT 0,
    keywords TEXT NOT NULL,
    PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_changed ON messages (mailbox, modseq) WHERE changed = 1;

-- Tombstones of expunged messages.
CREATE TABLE vanished (
    mailbox INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (mailbox, modseq, first)
) STRICT, WITHOUT ROWID;

-- Files of the blob directory that no row names any more.
CREATE TABLE garbage (file TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- message_key is a 64-bit hash of message_id: a small index instead of a large one.
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY,
    queue_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    message_key INTEGER NOT NULL,
    at INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    json TEXT NOT NULL
) STRICT;
CREATE INDEX ledger_queue_id ON ledger (queue_id);
CREATE INDEX ledger_message_key ON ledger (message_key) WHERE message_key <> 0;

-- kind: 0 value, 1 counter, 2 bucket, 3 window. expires in milliseconds of Unix time, 0 never.
CREATE TABLE kv (
    plugin TEXT NOT NULL,
    area TEXT NOT NULL,
    domain TEXT NOT NULL,
    kind INTEGER NOT NULL,
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    version INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (plugin, area, domain, kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX kv_expires ON kv (expires) WHERE expires > 0;
