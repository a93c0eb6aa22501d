//! STORE (RFC 3501 §6.4.6, RFC 7162 §3.1.3).

use super::Operation;
use super::buffers::signed;
use super::transaction::Transaction;
use crate::database::Value;
use crate::flags::{join_keywords, split_keywords};
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
// An UPDATE with the rows in FROM lets SQLite read the whole mailbox and, for each message, all rows.
pub(crate) static SET_FLAGS: Sql = Sql::new(
    "INSERT INTO messages (mailbox, uid, blob, modseq, flags, changed, size, internal_date, internal_offset, keywords)
     SELECT m.mailbox, m.uid, m.blob, $3, r.flags, 1, m.size, m.internal_date, m.internal_offset, r.keywords
     FROM {2: uid i, flags i, keywords t} AS r CROSS JOIN messages m WHERE m.mailbox = $1 AND m.uid = r.uid
     ON CONFLICT (mailbox, uid) DO UPDATE
     SET flags = excluded.flags, keywords = excluded.keywords, modseq = excluded.modseq, changed = 1",
);

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
        transaction
            .heads
            .account(self.account)?
            .mailbox(self.mailbox)?;
        let arguments = vec![self.mailbox.0.into(), ranges_of(&self.uids).into()];
        let rows = transaction.fetch(&FLAGS_OF, arguments).await?;
        let mut changed = FlagsChanged {
            messages: Vec::with_capacity(rows.len()),
            replaced: Vec::new(),
            modified: Vec::new(),
        };
        let mut writes = Rows::default();
        let mut written = Vec::new();
        let mut seen_delta = 0i64;
        for row in &rows {
            let mut message = message_flags(row)?;
            if self
                .change
                .unchanged_since
                .is_some_and(|since| message.modseq > since)
            {
                changed.modified.push(message);
                continue;
            }
            let (flags, keywords) =
                self.change
                    .apply(message.flags, &message.keywords, self.scope)?;
            if flags != message.flags || keywords != message.keywords {
                seen_delta += i64::from(flags.contains(Flags::SEEN))
                    - i64::from(message.flags.contains(Flags::SEEN));
                let row = writes
                    .row()
                    .int(i64::from(message.uid))
                    .int(i64::from(flags.bits()));
                drop(row.str(&join_keywords(&keywords)?));
                written.push(changed.messages.len());
                changed.replaced.push((message.uid, message.modseq));
                (message.flags, message.keywords) = (flags, keywords);
            }
            changed.messages.push(message);
        }
        if writes.is_empty() {
            return Ok(changed);
        }
        let account = transaction.heads.account(self.account)?;
        let modseq = account.next_modseq();
        let head = account.mailbox(self.mailbox)?;
        head.mailbox.highest_modseq = modseq;
        head.mailbox.unseen =
            u32::try_from(i64::from(head.mailbox.unseen) - seen_delta).unwrap_or(0);
        head.dirty = true;
        let arguments: Vec<Value> =
            vec![self.mailbox.0.into(), writes.into(), signed(modseq).into()];
        transaction.execute(&SET_FLAGS, arguments).await?;
        for at in written {
            if let Some(message) = changed.messages.get_mut(at) {
                message.modseq = modseq;
            }
        }
        Ok(changed)
    }
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
            ] {
                let mut values: Vec<Value> = vec![1.into()];
                values.extend(rest);
                let plan = plans::plan(&mut connection, sql, values).await;
                let place = plan
                    .lines()
                    .find(|line| line.contains("SEARCH m USING PRIMARY KEY"));
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
