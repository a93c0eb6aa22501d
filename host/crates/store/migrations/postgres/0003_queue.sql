-- Mail on its way out. The SQLite file of the same number describes the same tables.

-- ret: 0 not asked, 1 full, 2 headers. body: 0 7BIT, 1 8BITMIME, 2 BINARYMIME. deliver_by_mode: 1 return, 2 notify, 4 more if traced.
-- Times in milliseconds of Unix time, 0 none. context is the caller's, opaque.
CREATE TABLE queue_messages (
    id BIGINT PRIMARY KEY,
    queue_id TEXT COLLATE "C" NOT NULL,
    blob BIGINT NOT NULL,
    size BIGINT NOT NULL,
    received BIGINT NOT NULL,
    sender TEXT COLLATE "C" NOT NULL,
    ret BIGINT NOT NULL,
    envid TEXT COLLATE "C" NOT NULL,
    body BIGINT NOT NULL,
    smtp_utf8 BIGINT NOT NULL,
    require_tls BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    deliver_by BIGINT NOT NULL,
    deliver_by_mode BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    context TEXT COLLATE "C" NOT NULL
);
CREATE INDEX queue_messages_queue_id ON queue_messages (queue_id);
CREATE INDEX queue_messages_sender ON queue_messages (sender);

-- A message's way to one destination: what is scheduled, leased and tried. lane: 9 - priority, the lower the sooner.
-- state: 0 waits (or is leased), 1 held. lease is 0 or the lease's number; then due is its end, so that a leg whose
-- worker died is due again by itself. delayed: when the sender was told of the delay.
CREATE TABLE queue_legs (
    id BIGINT PRIMARY KEY,
    message BIGINT NOT NULL,
    destination TEXT COLLATE "C" NOT NULL,
    lane BIGINT NOT NULL,
    state BIGINT NOT NULL,
    due BIGINT NOT NULL,
    lease BIGINT NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    delayed BIGINT NOT NULL,
    tried BIGINT NOT NULL,
    said TEXT COLLATE "C" NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX queue_legs_due ON queue_legs (lane, due) WHERE state = 0;
CREATE INDEX queue_legs_destination ON queue_legs (destination, due);
CREATE INDEX queue_legs_message ON queue_legs (message);

-- state: 0 open, 1 relayed, 2 failed, 3 removed. notify: bits, 1 never, 2 success, 4 failure, 8 delay; 0 not asked.
CREATE TABLE queue_recipients (
    message BIGINT NOT NULL,
    number BIGINT NOT NULL,
    leg BIGINT NOT NULL,
    state BIGINT NOT NULL,
    notify BIGINT NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    orcpt TEXT COLLATE "C" NOT NULL,
    said TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (message, number)
);

CREATE TABLE queue_attempts (
    message BIGINT NOT NULL,
    id BIGINT NOT NULL,
    leg BIGINT NOT NULL,
    at BIGINT NOT NULL,
    host TEXT COLLATE "C" NOT NULL,
    said TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (message, id)
);
