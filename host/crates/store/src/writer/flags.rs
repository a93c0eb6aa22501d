//! STORE (RFC 3501 §6.4.6, RFC 7162 §3.1.3).
//!
//! Most often all messages come to the same flags, or to few different ones: then each of these is one statement with ranges of UIDs.

use std::collections::BTreeMap;

use super::Operation;
use super::buffers::{Write, signed};
use super::departures;
use super::transaction::Transaction;
use crate::database::Value;
use crate::flags::{join_keywords, split_keywords};
use crate::images::Flagged;
use crate::messages::ranges_of;
use crate::statement::{Rows, Sql};
use crate::{
    AccountId, FlagChange, FlagScope, Flags, FlagsChanged, MailboxId, MessageFlags, Result,
    UidRange,
};

pub(crate) static FLAGS_OF: Sql = Sql::new(
    "SELECT m.uid, m.modseq, m.flags, m.keywords FROM {2: first i, last i} AS r CROSS JOIN messages m
     WHERE m.mailbox = $1 AND m.uid BETWEEN r.first AND r.last ORDER BY m.uid",
);
static SET_RUN: Sql = Sql::new(
    "UPDATE messages SET flags = $4, keywords = $5, modseq = $6, changed = 1 WHERE mailbox = $1 AND uid BETWEEN $2 AND $3",
);
// Which they are is gathered first, and sorted: slower than a run of them.
static SET_ALIKE: Sql = Sql::new(
    "UPDATE messages SET flags = $3, keywords = $4, modseq = $5, changed = 1 WHERE mailbox = $1 AND uid IN
     (SELECT m.uid FROM {2: first i, last i} AS r CROSS JOIN messages m WHERE m.mailbox = $1 AND m.uid BETWEEN r.first AND r.last)",
);
// An UPDATE with the rows in FROM lets SQLite read the whole mailbox and, for each message, all rows.
pub(crate) static SET_FLAGS: Sql = Sql::new(
    "INSERT INTO messages (mailbox, uid, blob, modseq, flags, changed, size, internal_date, internal_offset, keywords)
     SELECT m.mailbox, m.uid, m.blob, $3, r.flags, 1, m.size, m.internal_date, m.internal_offset, r.keywords
     FROM {2: uid i, flags i, keywords t} AS r CROSS JOIN messages m WHERE m.mailbox = $1 AND m.uid = r.uid
     ON CONFLICT (mailbox, uid) DO UPDATE
     SET flags = excluded.flags, keywords = excluded.keywords, modseq = excluded.modseq, changed = 1",
);
/// So many different outcomes are a statement each.
const FEW: usize = 4;

/// Which of the messages is written, and which flags it had.
type Written = (usize, Flags);

/// A change of flags.
#[derive(Debug)]
pub(crate) struct StoreFlags {
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) uids: Vec<UidRange>,
    pub(crate) change: FlagChange,
    /// Which flags may be touched.
    pub(crate) scope: FlagScope,
}

impl Operation for StoreFlags {
    type Output = FlagsChanged;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<FlagsChanged> {
        let account = transaction.heads.account(self.account)?;
        let before = account.mailbox(self.mailbox)?.mailbox.highest_modseq;
        let found = self.look(transaction, before).await?;
        let (mut changed, written, seen_delta) = self.change(found)?;
        if written.is_empty() {
            return Ok(changed);
        }
        let account = transaction.heads.account(self.account)?;
        let modseq = account.next_modseq();
        let head = account.mailbox(self.mailbox)?;
        head.mailbox.highest_modseq = modseq;
        head.mailbox.unseen =
            u32::try_from(i64::from(head.mailbox.unseen) - seen_delta).unwrap_or(0);
        head.dirty = true;
        let mut messages = Vec::with_capacity(written.len());
        let mut marks = Vec::new();
        for (at, before) in written {
            if let Some(message) = changed.messages.get_mut(at) {
                message.modseq = modseq;
                marks.push((message.uid, before, message.flags));
                messages.push(message.clone());
            }
        }
        departures::marked(transaction, self.account, self.mailbox, &marks).await?;
        // Fails for keywords that `change` let through only, and it lets none through: the head has changed already.
        let writes = writes(self.mailbox, modseq, &messages)?;
        let flagged = Flagged {
            mailbox: self.mailbox,
            after: before,
            modseq,
            messages,
        };
        transaction.flagged(writes, flagged).await?;
        Ok(changed)
    }
}

impl StoreFlags {
    /// The messages as they are.
    async fn look(&self, transaction: &mut Transaction, modseq: u64) -> Result<Vec<MessageFlags>> {
        if let Some(found) = transaction.flags_at(self.mailbox, modseq, &self.uids) {
            return Ok(found);
        }
        let arguments = vec![self.mailbox.0.into(), ranges_of(&self.uids).into()];
        let rows = transaction.fetch(&FLAGS_OF, arguments).await?;
        rows.iter().map(message_flags).collect()
    }

    /// The messages as they come to be, but for the new modification sequence; which of them change, and which flags those had; and how many
    /// more of them are seen.
    fn change(&self, found: Vec<MessageFlags>) -> Result<(FlagsChanged, Vec<Written>, i64)> {
        let mut changed = FlagsChanged {
            messages: Vec::with_capacity(found.len()),
            replaced: Vec::new(),
            modified: Vec::new(),
        };
        let mut written = Vec::new();
        let mut seen_delta = 0i64;
        let since = self.change.unchanged_since;
        for mut message in found {
            if since.is_some_and(|since| message.modseq > since) {
                changed.modified.push(message);
                continue;
            }
            let (flags, keywords) =
                self.change
                    .apply(message.flags, &message.keywords, self.scope)?;
            if flags != message.flags || keywords != message.keywords {
                seen_delta += i64::from(flags.contains(Flags::SEEN))
                    - i64::from(message.flags.contains(Flags::SEEN));
                written.push((changed.messages.len(), message.flags));
                changed.replaced.push((message.uid, message.modseq));
                (message.flags, message.keywords) = (flags, keywords);
            }
            changed.messages.push(message);
        }
        Ok((changed, written, seen_delta))
    }
}

/// The statements that write these flags.
pub(super) fn writes(
    mailbox: MailboxId,
    modseq: u64,
    messages: &[MessageFlags],
) -> Result<Vec<Write>> {
    let mut alike: BTreeMap<(u8, &[String]), Vec<u32>> = BTreeMap::new();
    for message in messages {
        let outcome = (message.flags.bits(), message.keywords.as_slice());
        alike.entry(outcome).or_default().push(message.uid);
        if alike.len() > FEW {
            return Ok(vec![each(mailbox, modseq, messages)?]);
        }
    }
    let write = |((flags, keywords), uids): ((u8, &[String]), Vec<u32>)| {
        let ranges = UidRange::compress(uids);
        let (sql, which): (_, Vec<Value>) = match ranges.as_slice() {
            [run] => (
                &SET_RUN,
                vec![i64::from(run.first).into(), i64::from(run.last).into()],
            ),
            _ => (&SET_ALIKE, vec![ranges_of(&ranges).into()]),
        };
        let mut arguments: Vec<Value> = vec![mailbox.0.into()];
        arguments.extend(which);
        arguments.extend([
            i64::from(flags).into(),
            join_keywords(keywords)?.into(),
            signed(modseq).into(),
        ]);
        Ok((sql, arguments))
    };
    alike.into_iter().map(write).collect()
}

/// One statement with a row for each message.
fn each(mailbox: MailboxId, modseq: u64, messages: &[MessageFlags]) -> Result<Write> {
    let mut rows = Rows::default();
    for message in messages {
        let row = rows.row().int(i64::from(message.uid));
        let row = row.int(i64::from(message.flags.bits()));
        drop(row.str(&join_keywords(&message.keywords)?));
    }
    let arguments = vec![mailbox.0.into(), rows.into(), signed(modseq).into()];
    Ok((&SET_FLAGS, arguments))
}

/// A message's flags from the columns uid, modseq, flags, keywords.
pub(crate) fn message_flags(row: &crate::database::Row) -> Result<MessageFlags> {
    Ok(MessageFlags {
        uid: row.number(0)?,
        modseq: row.natural(1)?,
        flags: Flags::from_bits(u8::try_from(row.int(2)?).unwrap_or(0)),
        keywords: split_keywords(&row.text(3)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans;

    #[tokio::test]
    async fn messages_are_gone_to_one_by_one() {
        plans::on_sqlite(async |mut connection| {
            for (sql, rest) in [
                (&FLAGS_OF, vec!["[[1,9]]".into()]),
                (&SET_FLAGS, vec!["[[1,1,\"\"]]".into(), 1.into()]),
                (
                    &SET_RUN,
                    vec![1.into(), 9.into(), 1.into(), "".into(), 1.into()],
                ),
                (
                    &SET_ALIKE,
                    vec!["[[1,9]]".into(), 1.into(), "".into(), 1.into()],
                ),
            ] {
                let mut values: Vec<Value> = vec![1.into()];
                values.extend(rest);
                let plan = plans::plan(&mut connection, sql, values).await;
                let place = plan.lines().find(|line| {
                    line.contains("SEARCH m USING PRIMARY KEY")
                        || line.contains("SEARCH messages USING PRIMARY KEY")
                });
                assert!(
                    place.is_some_and(|place| place.contains("mailbox=? AND uid")),
                    "{plan}"
                );
            }
            connection.close().await;
        })
        .await;
    }
}
