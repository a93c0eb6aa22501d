//! `Mailbox/changes`, `Thread/changes`, `Email/changes` (RFC 8621 §2.2, §3.2, §4.3).

use serde_json::{Value, json};

use super::ask::{Changes as Differences, Kind, MailAnswer, MailAsk};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, EmailId, MailboxId, ThreadId};
use crate::methods::Arguments;
use crate::standard::{Changed, Changes, State};

/// RFC 8621 §2: the properties that change with the messages of a mailbox.
const COUNTS: [&str; 4] = [
    "totalEmails",
    "unreadEmails",
    "totalThreads",
    "unreadThreads",
];

pub(super) async fn call(
    kind: Kind,
    changes: Changes,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let account = context.account(&changes.account_id)?.id;
    let (since, most) = (changes.since()?, changes.most()?);
    let found = since_then(account, kind, since, most, context).await?;
    let only_counts = found.only_counts && !found.updated.is_empty();
    let ids = |numbers: Vec<u64>| numbers.into_iter().map(|id| written(kind, id)).collect();
    let changed = Changed {
        until: State(found.until),
        more: found.more,
        created: ids(found.created),
        updated: ids(found.updated),
        destroyed: ids(found.destroyed),
    };
    let mut arguments = changed.to_arguments(changes.account_id, since);
    if kind == Kind::Mailbox {
        let updated = only_counts.then_some(COUNTS);
        let updated = updated.map_or(Value::Null, |counts| json!(counts));
        arguments.insert("updatedProperties".into(), updated);
    }
    Ok(arguments)
}

/// What changed after a state.
///
/// # Errors
/// `cannotCalculateChanges`.
pub(super) async fn since_then(
    account: AccountId,
    kind: Kind,
    since: State,
    most: Option<usize>,
    context: &Context,
) -> Result<Differences, MethodError> {
    let ask = MailAsk::Changes {
        account,
        kind,
        since: since.0,
        most,
    };
    match context.ask(Ask::Mail(ask)).await? {
        Answer::Mail(MailAnswer::Changes(found)) => {
            found.ok_or(MethodError::CannotCalculateChanges)
        }
        _ => Err(mistaken()),
    }
}

/// The id of a number.
pub(super) fn written(kind: Kind, number: u64) -> String {
    match kind {
        Kind::Mailbox => MailboxId(number).to_string(),
        Kind::Thread => ThreadId(number).to_string(),
        Kind::Email => EmailId(number).to_string(),
    }
}
