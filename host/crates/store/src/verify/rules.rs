//! What must never be, a statement each: its rows name what breaks the rule.
//!
//! A statement sees one moment of the database by itself, so that none of these needs a snapshot that outlives it.

use super::Verification;
use crate::Result;
use crate::database::Readers;
use crate::statement::Sql;

/// A rule: its statement, and what is said of a row, around the name in it.
struct Rule {
    broken: Sql,
    before: &'static str,
    after: &'static str,
}

const fn rule(before: &'static str, broken: &'static str, after: &'static str) -> Rule {
    Rule {
        broken: Sql::new(broken),
        before,
        after,
    }
}

static RULES: [Rule; 29] = [
    rule(
        "content ",
        "SELECT CAST(blob AS TEXT) || ' is missing, messages that name it: ' || CAST(count(*) AS TEXT)
         FROM (SELECT blob FROM messages UNION ALL SELECT blob FROM queue_messages UNION ALL SELECT blob FROM uploads) AS n
         WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.id = n.blob) GROUP BY blob LIMIT 100",
        "",
    ),
    rule(
        "content ",
        "SELECT CAST(blob AS TEXT) FROM blob_references c WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.id = c.blob) LIMIT 100",
        " is missing and its references are counted",
    ),
    rule(
        "content file ",
        "SELECT g.file FROM garbage g JOIN blobs b ON b.file = g.file LIMIT 100",
        " is named and marked for removal",
    ),
    rule(
        "content file ",
        "SELECT file FROM blobs WHERE file <> '' GROUP BY file HAVING count(*) > 1 LIMIT 100",
        " is named by several contents",
    ),
    rule(
        "message ",
        "SELECT CAST(m.uid AS TEXT) || ' of mailbox ' || CAST(m.mailbox AS TEXT) FROM vanished v
         JOIN messages m ON m.mailbox = v.mailbox AND m.uid BETWEEN v.first AND v.last LIMIT 100",
        " is there and recorded as removed",
    ),
    rule(
        "mailbox ",
        "SELECT DISTINCT CAST(mailbox AS TEXT) FROM vanished
         WHERE NOT EXISTS (SELECT 1 FROM mailboxes WHERE mailboxes.id = vanished.mailbox) LIMIT 100",
        " is missing and has records of removed messages",
    ),
    rule(
        "mailbox ",
        "SELECT DISTINCT CAST(mailbox AS TEXT) FROM text_packs
         WHERE NOT EXISTS (SELECT 1 FROM mailboxes WHERE mailboxes.id = text_packs.mailbox) LIMIT 100",
        " is missing and has packs of the search index",
    ),
    rule(
        "mailbox ",
        "SELECT DISTINCT CAST(mailbox AS TEXT) FROM (SELECT mailbox, first, lag(last) OVER (PARTITION BY mailbox ORDER BY first) AS earlier FROM text_packs) AS o
         WHERE first <= earlier LIMIT 100",
        " has packs of the search index that overlap",
    ),
    rule(
        "mailbox ",
        "SELECT CAST(mailbox AS TEXT) FROM images
         WHERE NOT EXISTS (SELECT 1 FROM mailboxes WHERE mailboxes.id = images.mailbox) LIMIT 100",
        " is missing and has an image",
    ),
    rule(
        "mailbox ",
        "SELECT CAST(m.id AS TEXT) || ' (' || m.path || ')' FROM images i JOIN mailboxes m ON m.id = i.mailbox WHERE i.modseq > m.highest_modseq LIMIT 100",
        " is older than its image",
    ),
    rule(
        "mailbox ",
        "SELECT DISTINCT CAST(mailbox AS TEXT) FROM acl
         WHERE NOT EXISTS (SELECT 1 FROM mailboxes WHERE mailboxes.id = acl.mailbox) LIMIT 100",
        " is missing and has an access control list",
    ),
    rule(
        "mailbox ",
        "SELECT DISTINCT CAST(mailbox AS TEXT) FROM metadata
         WHERE mailbox <> 0 AND NOT EXISTS (SELECT 1 FROM mailboxes WHERE mailboxes.id = metadata.mailbox) LIMIT 100",
        " is missing and has metadata",
    ),
    rule(
        "mailbox ",
        "SELECT DISTINCT CAST(mailbox AS TEXT) FROM metadata_changes
         WHERE mailbox <> 0 AND NOT EXISTS (SELECT 1 FROM mailboxes WHERE mailboxes.id = metadata_changes.mailbox) LIMIT 100",
        " is missing and has changes of metadata",
    ),
    // What CONDSTORE relies on to find changes without an index of every message.
    rule(
        "message ",
        "SELECT CAST(uid AS TEXT) || ' of mailbox ' || CAST(mailbox AS TEXT) FROM
         (SELECT mailbox, uid, modseq, lag(modseq) OVER (PARTITION BY mailbox ORDER BY uid) AS earlier FROM messages WHERE changed = 0) AS o
         WHERE modseq < earlier LIMIT 100",
        " has a lower modification sequence than one before it",
    ),
    rule(
        "mailbox ",
        "SELECT CAST(id AS TEXT) || ' (' || path || ')' FROM mailboxes WHERE recent_from > uid_next OR vanished_floor > highest_modseq LIMIT 100",
        " has a mark above its head",
    ),
    rule(
        "account ",
        "SELECT CAST(account AS TEXT) || ' has several mailboxes of UIDVALIDITY ' || CAST(uid_validity AS TEXT)
         FROM mailboxes GROUP BY account, uid_validity HAVING count(*) > 1 LIMIT 100",
        "",
    ),
    rule(
        "mailbox ",
        "SELECT CAST(m.id AS TEXT) || ' (' || m.path || ')' FROM mailboxes m JOIN accounts a ON a.id = m.account
         WHERE m.uid_validity < 1 OR m.uid_validity > a.last_uid_validity LIMIT 100",
        " has a UIDVALIDITY that its account did not give out",
    ),
    rule(
        "account ",
        "SELECT address FROM accounts WHERE NOT EXISTS
         (SELECT 1 FROM mailboxes WHERE mailboxes.account = accounts.id AND path = 'INBOX' AND selectable = 1) LIMIT 100",
        " has no INBOX",
    ),
    rule(
        "account ",
        "SELECT DISTINCT CAST(account AS TEXT) FROM subscriptions
         WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.id = subscriptions.account) LIMIT 100",
        " is missing and has subscriptions",
    ),
    rule(
        "alias ",
        "SELECT address FROM aliases WHERE NOT EXISTS (SELECT 1 FROM domains WHERE domains.id = aliases.domain) LIMIT 100",
        " is of a missing domain",
    ),
    rule(
        "queued message ",
        "SELECT CAST(id AS TEXT) FROM queue_messages WHERE NOT EXISTS (SELECT 1 FROM queue_legs WHERE message = queue_messages.id) LIMIT 100",
        " goes nowhere",
    ),
    rule(
        "queue leg ",
        "SELECT CAST(id AS TEXT) FROM queue_legs WHERE NOT EXISTS (SELECT 1 FROM queue_messages m WHERE m.id = queue_legs.message) LIMIT 100",
        " is of a missing message",
    ),
    rule(
        "queue leg ",
        "SELECT CAST(id AS TEXT) FROM queue_legs l WHERE NOT EXISTS
         (SELECT 1 FROM queue_recipients q WHERE q.message = l.message AND q.leg = l.id AND (q.state = 0 OR q.owed <> '')) LIMIT 100",
        " has no recipient that is open or to be reported",
    ),
    rule(
        "queue leg ",
        "SELECT CAST(id AS TEXT) FROM queue_legs l WHERE state = 1 AND EXISTS
         (SELECT 1 FROM queue_recipients q WHERE q.message = l.message AND q.leg = l.id AND q.state <> 0 AND q.owed <> '') LIMIT 100",
        " is held and has recipients to be reported: release it",
    ),
    rule(
        "queued recipient ",
        "SELECT CAST(message AS TEXT) || '/' || CAST(number AS TEXT) FROM queue_recipients q WHERE state = 0 AND NOT EXISTS
         (SELECT 1 FROM queue_legs l WHERE l.id = q.leg AND l.message = q.message) LIMIT 100",
        " is on no leg",
    ),
    rule(
        "account ",
        "SELECT DISTINCT CAST(account AS TEXT) FROM (SELECT account FROM departures UNION ALL SELECT account FROM uploads UNION ALL SELECT account FROM push_subscriptions) AS o
         WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.id = o.account) LIMIT 100",
        " is missing and has uploads, push subscriptions or records of what left it",
    ),
    rule(
        "mailbox ",
        "SELECT DISTINCT CAST(d.mailbox AS TEXT) FROM departures d JOIN mailboxes m ON m.id = d.mailbox WHERE d.emails = '' LIMIT 100",
        " is there and recorded as gone",
    ),
    rule(
        "key ",
        "SELECT selector || ' is of the missing domain ' || CAST(domain AS TEXT) FROM domain_keys k
         WHERE NOT EXISTS (SELECT 1 FROM domains d WHERE d.id = k.domain) LIMIT 100",
        "",
    ),
    rule(
        "the number ",
        "SELECT CAST(o.id AS TEXT) FROM (SELECT max(id) AS id FROM blobs UNION ALL SELECT max(id) FROM mailboxes UNION ALL
         SELECT max(id) FROM queue_messages UNION ALL SELECT max(id) FROM queue_legs UNION ALL SELECT max(id) FROM accounts UNION ALL SELECT max(id) FROM domains UNION ALL SELECT max(id) FROM ledger) AS o
         JOIN sequences s ON s.name = 'id' WHERE s.next <= o.id LIMIT 100",
        " is used and would be given out again",
    ),
];

/// Checks all rules.
pub(super) async fn check(readers: &Readers, found: &mut Verification) -> Result<()> {
    for rule in &RULES {
        for row in readers.fetch(&rule.broken, Vec::new()).await? {
            found.problem(format!("{}{}{}", rule.before, row.text(0)?, rule.after));
        }
    }
    Ok(())
}
