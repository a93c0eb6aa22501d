//! A copy of a message for an account: is there room, and which mailbox is it.
//!
//! Used by the sessions that take mail and by the queue, whose notices come home.

use std::sync::Arc;

use waxwing_mail::Reply;
use waxwing_policy::{DeliverOutcome, MailboxRef, Operation, Room, Transaction, Usage};
use waxwing_smtp::replies;
use waxwing_store::{Account, AccountId, Flags, Place, SpecialUse, Store, Target};

use super::{gate, vacation};
use crate::telemetry::Reference;

/// An account and a mailbox of it, by their names.
#[derive(Clone, Debug)]
pub(crate) struct Filed {
    pub(crate) account: String,
    pub(crate) mailbox: String,
}

/// Who files: the store, and under which session's number trouble is logged.
#[derive(Clone, Copy)]
pub(crate) struct Filer<'a> {
    pub(crate) store: &'a Store,
    pub(crate) session: u64,
}

impl Filer<'_> {
    fn temporary(self, what: &str, error: &waxwing_store::Error) -> Reply {
        replies::unavailable(&Reference::log(what, self.session, error).to_string())
    }

    /// The account that policy names.
    pub(crate) async fn known(self, account: &str) -> Result<Arc<Account>, Reply> {
        let found = self.store.directory().account(account).await;
        let found =
            found.map_err(|error| self.temporary("an account could not be looked up", &error))?;
        if let Some(found) = found {
            return Ok(found);
        }
        let reference = Reference::new();
        tracing::error!(%reference, session = self.session, account, "policy routes to an account that is not in the store");
        Err(replies::unavailable(&reference.to_string()))
    }

    /// Whether an account has room for a message of so many octets.
    pub(crate) async fn room(
        self,
        policy: &mut Transaction,
        account: &Account,
        size: u64,
    ) -> Result<(), Reply> {
        let mut room = Room {
            account: &account.address,
            limited: gate::is_limited(account),
            operation: Operation::Deliver,
            current: Usage::default(),
            adding: Usage {
                bytes: size,
                messages: 1,
            },
        };
        if !policy.asks_for_room(&room) {
            return Ok(());
        }
        let usage = self.store.usage(account.id).await;
        let usage = usage.map_err(|error| self.temporary("a usage could not be read", &error))?;
        room.current = Usage {
            bytes: usage.bytes,
            messages: usage.messages,
        };
        gate::over(policy.quota(&room).await, self.session).map_err(gate::Over::reply)
    }

    /// The copies of one account, or why there are none. `unchecked` octets have no answer about their room yet.
    pub(crate) async fn file(
        self,
        policy: &mut Transaction,
        recipient: u32,
        account: &str,
        unchecked: Option<u64>,
        filed: &mut Vec<Filed>,
    ) -> Result<Vec<Target>, Reply> {
        let known = self.known(account).await?;
        let found = known.id;
        if let Some(size) = unchecked {
            self.room(policy, &known, size).await?;
        }
        let away = self.store.vacation(found).await;
        let away =
            away.map_err(|error| self.temporary("a vacation could not be looked up", &error))?;
        let away = away.is_some() && vacation::read(away.as_deref()).enabled;
        let filings = match policy.deliver(recipient, account, away).await {
            DeliverOutcome::File(filings) => filings,
            DeliverOutcome::Discard => Vec::new(),
            DeliverOutcome::Refuse(reply) => return Err(reply),
        };
        let mut targets = Vec::with_capacity(filings.len());
        for filing in filings {
            let (mailbox, name) = place(self.store, found, filing.mailbox)
                .await
                .map_err(|error| self.temporary("a mailbox could not be looked up", &error))?;
            filed.push(Filed {
                account: account.to_owned(),
                mailbox: name,
            });
            let (flags, keywords) = flags(filing.flags);
            targets.push(Target {
                account: found,
                mailbox,
                flags,
                keywords,
            });
        }
        Ok(targets)
    }
}

/// The mailbox, and its name for the ledger.
async fn place(
    store: &Store,
    account: AccountId,
    mailbox: MailboxRef,
) -> Result<(Place, String), waxwing_store::Error> {
    Ok(match mailbox {
        MailboxRef::Inbox => (Place::Inbox, "INBOX".into()),
        MailboxRef::Path { path, create: true } => (
            Place::Path {
                path: path.clone(),
                create: true,
            },
            path,
        ),
        MailboxRef::Path {
            path,
            create: false,
        } => match store.mailbox(account, &path).await {
            Ok(found) if found.selectable => (Place::Id(found.id), path),
            Ok(_)
            | Err(
                waxwing_store::Error::NoSuchMailbox(_) | waxwing_store::Error::InvalidName { .. },
            ) => (Place::Inbox, "INBOX".into()),
            Err(error) => return Err(error),
        },
        MailboxRef::SpecialUse(of) => {
            let known = match of.trim_start_matches('\\').to_ascii_lowercase().as_str() {
                "all" => Some(SpecialUse::All),
                "archive" => Some(SpecialUse::Archive),
                "drafts" => Some(SpecialUse::Drafts),
                "flagged" => Some(SpecialUse::Flagged),
                "junk" => Some(SpecialUse::Junk),
                "sent" => Some(SpecialUse::Sent),
                "trash" => Some(SpecialUse::Trash),
                _ => None,
            };
            known.map_or((Place::Inbox, "INBOX".into()), |known| {
                (Place::Use(known), of)
            })
        }
    })
}

/// System flags and keywords; what is neither is left out.
fn flags(names: Vec<String>) -> (Flags, Vec<String>) {
    let (system, keywords): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| name.starts_with('\\'));
    let flag = |name: &String| match name.to_ascii_lowercase().as_str() {
        "\\seen" => Flags::SEEN,
        "\\answered" => Flags::ANSWERED,
        "\\flagged" => Flags::FLAGGED,
        "\\deleted" => Flags::DELETED,
        "\\draft" => Flags::DRAFT,
        _ => Flags::NONE,
    };
    (
        system.iter().map(flag).fold(Flags::NONE, Flags::with),
        keywords,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_sorted_from_keywords() {
        let names = ["\\Seen", "work", "\\Nonsense", "\\flagged"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            flags(names),
            (Flags::SEEN | Flags::FLAGGED, vec!["work".to_owned()])
        );
    }
}
