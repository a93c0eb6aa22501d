//! Emails that are there: their keywords, their mailboxes, their end.

use std::collections::{BTreeSet, HashSet};

use waxwing_jmap::{EmailChange, EmailId, EmailsChanged, InMailboxes, Keywords, Refusal};
use waxwing_store::{BlobId, EmailRefusal, KeywordsChange, MailboxesChange, Seen, Sighting};

use super::super::asks::Asks;
use super::{effects, flags, mailbox};

/// A change in the store's terms, or why there can be none.
type Wanted = Result<(BlobId, waxwing_store::EmailChange), Refusal>;

/// What was granted in one call: the usage that policy sees is the one before all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Granted {
    octets: u64,
    messages: u64,
}

impl Granted {
    /// What there would be with so many octets and messages more; none if that is nothing.
    fn with(self, (octets, messages): (u64, u64)) -> Option<Self> {
        ((octets, messages) != (0, 0)).then(|| Self {
            octets: self.octets.saturating_add(octets),
            messages: self.messages.saturating_add(messages),
        })
    }
}

fn blob(email: EmailId) -> BlobId {
    BlobId(i64::try_from(email.0).unwrap_or(i64::MAX))
}

impl Asks<'_> {
    pub(super) async fn change_emails(
        &self,
        changes: Vec<(EmailId, EmailChange)>,
    ) -> Result<EmailsChanged, waxwing_store::Error> {
        let store = &self.visitor.parts.store;
        let emails: HashSet<BlobId> = changes.iter().map(|(email, _)| blob(*email)).collect();
        let mut gate = self.visitor.gate(self.account).await;
        let sighting = store.sight(self.account.id, &emails).await?;
        let mut wanted: Vec<Wanted> = Vec::with_capacity(changes.len());
        let mut granted = Granted::default();
        for (email, change) in changes {
            let change = translated(&change).map(|change| (blob(email), change));
            let more = change.as_ref().map_or((0, 0), |it| more(&sighting, it));
            // As COPY: what is in one mailbox more takes room once more.
            let room = match granted.with(more) {
                None => Ok(()),
                Some(sum) => {
                    let room = self.room(&mut gate, sum.octets, sum.messages).await;
                    if room.is_ok() {
                        granted = sum;
                    }
                    room
                }
            };
            wanted.push(room.and(change));
        }
        let possible = wanted.iter().filter_map(|it| it.as_ref().ok().cloned());
        let changed = store.change_emails(sighting, possible.collect()).await?;
        effects::tell(&gate, self.account, store, changed.effects).await;
        let mut results = changed.results.into_iter();
        let results = wanted.into_iter().map(|wanted| match wanted {
            Ok(_) => results
                .next()
                .unwrap_or(Err(EmailRefusal::NotFound))
                .map_err(refusal),
            Err(refusal) => Err(refusal),
        });
        Ok(EmailsChanged {
            results: results.collect(),
            before: changed.before,
            after: changed.after,
        })
    }
}

fn translated(change: &EmailChange) -> Result<waxwing_store::EmailChange, Refusal> {
    let EmailChange::Update {
        keywords,
        mailboxes,
    } = change
    else {
        return Ok(waxwing_store::EmailChange::Destroy);
    };
    let flags = |names: &[String]| flags(names).ok_or(Refusal::Keyword);
    let keywords = match keywords {
        None => None,
        Some(Keywords::Set(names)) => {
            let (flags, keywords) = flags(names)?;
            Some(KeywordsChange::Set(flags, keywords))
        }
        Some(Keywords::Patch { add, remove }) => Some(KeywordsChange::Patch {
            add: flags(add)?,
            remove: flags(remove)?,
        }),
    };
    let ids = |ids: &[waxwing_jmap::MailboxId]| ids.iter().copied().map(mailbox).collect();
    let mailboxes = mailboxes.as_ref().map(|change| match change {
        InMailboxes::Set(mailboxes) => MailboxesChange::Set(ids(mailboxes)),
        InMailboxes::Patch { add, remove } => MailboxesChange::Patch {
            add: ids(add),
            remove: ids(remove),
        },
    });
    Ok(waxwing_store::EmailChange::Update {
        keywords,
        mailboxes,
    })
}

/// The octets and messages that an account has more after a change.
fn more(sighting: &Sighting, (email, change): &(BlobId, waxwing_store::EmailChange)) -> (u64, u64) {
    let waxwing_store::EmailChange::Update {
        mailboxes: Some(change),
        ..
    } = change
    else {
        return (0, 0);
    };
    let places = sighting.places(*email);
    let visible = places.iter().filter(|seen| !seen.deleted);
    let were: BTreeSet<_> = visible.map(|seen| seen.mailbox).collect();
    let wanted: BTreeSet<_> = match change {
        MailboxesChange::Set(mailboxes) => mailboxes.iter().copied().collect(),
        MailboxesChange::Patch { add, remove } => {
            let kept = were.iter().filter(|mailbox| !remove.contains(mailbox));
            kept.chain(add).copied().collect()
        }
    };
    let messages = wanted.len().saturating_sub(were.len()) as u64;
    let size = places.first().map_or(0, |seen: &Seen| seen.size);
    (messages * size, messages)
}

fn refusal(of: EmailRefusal) -> Refusal {
    match of {
        EmailRefusal::NotFound => Refusal::NotFound,
        EmailRefusal::NoSuchMailbox(_) => Refusal::NoSuchMailbox,
        EmailRefusal::Nowhere => Refusal::Nowhere,
        EmailRefusal::TooManyKeywords => Refusal::TooManyKeywords,
        EmailRefusal::MailboxFull => Refusal::OverQuota("the mailbox has used up its UIDs".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_granted_counts_with_what_is_asked_for() {
        let granted = Granted::default();
        assert_eq!(granted.with((0, 0)), None);
        let granted = granted.with((700, 1)).unwrap();
        let (octets, messages) = (1000, 3);
        assert_eq!(granted.with((300, 2)), Some(Granted { octets, messages }));
    }
}
