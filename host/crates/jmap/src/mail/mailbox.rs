//! `Mailbox/get` (RFC 8621 §2.1), and what is counted in mailboxes.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::ask::{MailAnswer, MailAsk};
use super::emails::{Email, Emails, has};
use super::mailboxes::{Mailbox, Mailboxes, Role};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, MailboxId};
use crate::methods::Arguments;
use crate::standard::{Get, Got, State, chosen, distinct};

const PROPERTIES: [&str; 11] = [
    "id",
    "name",
    "parentId",
    "role",
    "sortOrder",
    "totalEmails",
    "unreadEmails",
    "totalThreads",
    "unreadThreads",
    "myRights",
    "isSubscribed",
];

/// How much is in a mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    emails: u64,
    unread_emails: u64,
    threads: u64,
    unread_threads: u64,
}

pub(super) async fn get(get: Get, context: &Context) -> Result<Arguments, MethodError> {
    let account = context.account(&get.account_id)?.id;
    let properties = chosen(get.properties.as_deref(), &PROPERTIES)?;
    let ids = get.ids.as_deref();
    let wanted = ids.map(|ids| distinct(ids, &context.limits)).transpose()?;
    let mailboxes = mailboxes(account, context).await?;
    let counted = [
        "totalEmails",
        "unreadEmails",
        "totalThreads",
        "unreadThreads",
    ];
    let mut state = mailboxes.state;
    let mut counts = HashMap::new();
    if counted.iter().any(|name| properties.contains(name)) {
        let emails = emails(account, context).await?;
        state = state.min(emails.state);
        counts = counts_of(&emails, &mailboxes);
    }
    let object = |mailbox: &Mailbox| -> Map<String, Value> {
        let counts = counts.get(&mailbox.id).copied().unwrap_or_default();
        let mut object = whole(mailbox, counts);
        object.retain(|name, _| properties.contains(name.as_str()));
        object
    };
    let mut got = Got {
        state: State(state),
        list: Vec::new(),
        not_found: Vec::new(),
    };
    match wanted {
        None => got.list.extend(mailboxes.list.iter().map(object)),
        Some(ids) => {
            for id in ids {
                match MailboxId::parse(&id).and_then(|id| mailboxes.get(id)) {
                    Some(mailbox) => got.list.push(object(mailbox)),
                    None => got.not_found.push(id),
                }
            }
        }
    }
    Ok(got.to_arguments(get.account_id))
}

/// Each mailbox with everything that it has; what is counted in it only where that is wanted.
pub(crate) async fn objects(
    account: AccountId,
    counted: bool,
    context: &Context,
) -> Result<HashMap<MailboxId, Map<String, Value>>, MethodError> {
    let mailboxes = mailboxes(account, context).await?;
    let counts = match counted {
        true => counts_of(&*emails(account, context).await?, &mailboxes),
        false => HashMap::new(),
    };
    let object = |mailbox: &Mailbox| {
        let counts = counts.get(&mailbox.id).copied().unwrap_or_default();
        (mailbox.id, whole(mailbox, counts))
    };
    Ok(mailboxes.list.iter().map(object).collect())
}

/// All of an account's mailboxes.
pub(super) async fn mailboxes(
    account: AccountId,
    context: &Context,
) -> Result<Arc<Mailboxes>, MethodError> {
    match context
        .ask(Ask::Mail(MailAsk::Mailboxes { account }))
        .await?
    {
        Answer::Mail(MailAnswer::Mailboxes(mailboxes)) => Ok(mailboxes),
        _ => Err(mistaken()),
    }
}

/// All of an account's emails.
pub(crate) async fn emails(
    account: AccountId,
    context: &Context,
) -> Result<Arc<Emails>, MethodError> {
    match context.ask(Ask::Mail(MailAsk::Emails { account })).await? {
        Answer::Mail(MailAnswer::Emails(emails)) => Ok(emails),
        _ => Err(mistaken()),
    }
}

/// The mailbox with everything that it has.
fn whole(mailbox: &Mailbox, counts: Counts) -> Map<String, Value> {
    let parent = mailbox.parent.map(|id| id.to_string());
    let values: [(&str, Value); 11] = [
        ("id", mailbox.id.to_string().into()),
        ("name", mailbox.name.as_str().into()),
        ("parentId", parent.into()),
        ("role", mailbox.role.map(Role::name).into()),
        ("sortOrder", mailbox.order().into()),
        ("totalEmails", counts.emails.into()),
        ("unreadEmails", counts.unread_emails.into()),
        ("totalThreads", counts.threads.into()),
        ("unreadThreads", counts.unread_threads.into()),
        ("myRights", mailbox.rights.to_json()),
        ("isSubscribed", mailbox.subscribed.into()),
    ];
    let values = values.into_iter();
    values
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// How much is in each mailbox.
///
/// RFC 8621 §2, unreadThreads: a thread is unread in all mailboxes that one of its emails is in, whichever of them is unread. What is in the
/// trash counts as a thread of its own there, and what is nowhere else does not count elsewhere.
fn counts_of(emails: &Emails, mailboxes: &Mailboxes) -> HashMap<MailboxId, Counts> {
    let is_trash = |mailbox: &&Mailbox| mailbox.role == Some(Role::Trash);
    let trash = mailboxes.list.iter().find(is_trash).map(|trash| trash.id);
    // RFC 8621 §2: neither seen nor a draft.
    let unread = emails.of_sets(|set| !has(set, "$seen") && !has(set, "$draft"));
    let is_unread = |email: &Email| unread.get(email.keywords as usize) == Some(&true);
    let mut all: HashMap<MailboxId, Counts> = HashMap::new();
    let mut inside: Vec<MailboxId> = Vec::new();
    for thread in emails.threads() {
        inside.clear();
        let (mut unread_here, mut unread_in_trash) = (false, false);
        for email in thread.iter().filter_map(|at| emails.at(*at)) {
            let unread = is_unread(email);
            for mailbox in email.mailboxes() {
                let counts = all.entry(mailbox).or_default();
                counts.emails += 1;
                counts.unread_emails += u64::from(unread);
                if !inside.contains(&mailbox) {
                    inside.push(mailbox);
                }
                if Some(mailbox) == trash {
                    unread_in_trash |= unread;
                } else {
                    unread_here |= unread;
                }
            }
        }
        for mailbox in &inside {
            let counts = all.entry(*mailbox).or_default();
            counts.threads += 1;
            let unread = if Some(*mailbox) == trash {
                unread_in_trash
            } else {
                unread_here
            };
            counts.unread_threads += u64::from(unread);
        }
    }
    all
}
