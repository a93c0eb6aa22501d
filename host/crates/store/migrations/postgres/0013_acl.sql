-- Who beside its owner may do what in a mailbox (RFC 4314). The SQLite file of the same number describes the same tables.

-- grantee: an account's number, or 0 for every account of the owner's domain. negative: 1, the rights are taken away.
-- rights: bits, whose meaning is the protocol's.
CREATE TABLE acl (
    mailbox BIGINT NOT NULL,
    grantee BIGINT NOT NULL,
    negative BIGINT NOT NULL,
    rights BIGINT NOT NULL,
    PRIMARY KEY (mailbox, grantee, negative)
);
CREATE INDEX acl_grantee ON acl (grantee);

-- A name that is for the mailboxes of others from now on: what is there already is called otherwise.
UPDATE mailboxes SET path = 'Other users (own)' || substr(path, 12) WHERE path = 'Other users' OR substr(path, 1, 12) = 'Other users/';
UPDATE subscriptions SET path = 'Other users (own)' || substr(path, 12) WHERE path = 'Other users' OR substr(path, 1, 12) = 'Other users/';
