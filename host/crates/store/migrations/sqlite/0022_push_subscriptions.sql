-- Where clients want to be told of changes (RFC 8620 §7.2). The PostgreSQL file of the same number describes the same table.

-- credential: the secret by which the client had logged in, as a digest; with it the subscription goes.
-- p256dh, auth: what is sent is encrypted with them (RFC 8291); empty: it is not.
-- code: what the client has to repeat before anything but the code is sent. verified: 1 once it has.
-- types: names with spaces between; `*`: all.
-- told: the moment until which all was told, as whoever tells writes it.
CREATE TABLE push_subscriptions (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    credential BLOB NOT NULL,
    device TEXT NOT NULL,
    url TEXT NOT NULL,
    p256dh BLOB NOT NULL,
    auth BLOB NOT NULL,
    code TEXT NOT NULL,
    verified INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    types TEXT NOT NULL,
    told TEXT NOT NULL
) STRICT;
CREATE INDEX push_subscriptions_account ON push_subscriptions (account);
