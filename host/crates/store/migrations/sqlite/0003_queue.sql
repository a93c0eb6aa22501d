-- Mail on its way out. The PostgreSQL file of the same number describes the same tables.

-- ret: 0 not asked, 1 full, 2 headers. body: 0 7BIT, 1 8BITMIME, 2 BINARYMIME. deliver_by_mode: 1 return, 2 notify, 4 more if traced.
-- Times in milliseconds of Unix time, 0 none. context is the caller's, opaque.
CREATE TABLE queue_messages (
    id INTEGER PRIMARY KEY,
    queue_id TEXT NOT NULL,
    blob INTEGER NOT NULL,
    size INTEGER NOT NULL,
    received INTEGER NOT NULL,
    sender TEXT NOT NULL,
    ret INTEGER NOT NULL,
    envid TEXT NOT NULL,
    body INTEGER NOT NULL,
    smtp_utf8 INTEGER NOT NULL,
    require_tls INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    deliver_by INTEGER NOT NULL,
    deliver_by_mode INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    context TEXT NOT NULL
) STRICT;
CREATE INDEX queue_messages_queue_id ON queue_messages (queue_id);
CREATE INDEX queue_messages_sender ON queue_messages (sender);

-- A message's way to one destination: what is scheduled, leased and tried. lane: 9 - priority, the lower the sooner.
-- state: 0 waits (or is leased), 1 held. lease is 0 or the lease's number; then due is its end, so that a leg whose
-- worker died is due again by itself. delayed: when the sender was told of the delay.
CREATE TABLE queue_legs (
    id INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    destination TEXT NOT NULL,
    lane INTEGER NOT NULL,
    state INTEGER NOT NULL,
    due INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    owner TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    delayed INTEGER NOT NULL,
    tried INTEGER NOT NULL,
    said TEXT NOT NULL
) STRICT;
CREATE INDEX queue_legs_due ON queue_legs (lane, due) WHERE state = 0;
CREATE INDEX queue_legs_destination ON queue_legs (destination, due);
CREATE INDEX queue_legs_message ON queue_legs (message);

-- state: 0 open, 1 relayed, 2 failed, 3 removed. notify: bits, 1 never, 2 success, 4 failure, 8 delay; 0 not asked.
CREATE TABLE queue_recipients (
    message INTEGER NOT NULL,
    number INTEGER NOT NULL,
    leg INTEGER NOT NULL,
    state INTEGER NOT NULL,
    notify INTEGER NOT NULL,
    address TEXT NOT NULL,
    orcpt TEXT NOT NULL,
    said TEXT NOT NULL,
    PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue_attempts (
    message INTEGER NOT NULL,
    id INTEGER NOT NULL,
    leg INTEGER NOT NULL,
    at INTEGER NOT NULL,
    host TEXT NOT NULL,
    said TEXT NOT NULL,
    PRIMARY KEY (message, id)
) STRICT, WITHOUT ROWID;
