//! What happens in an account, gathered for somebody who listens: an event source, a WebSocket, a push subscription.
//!
//! Whoever listens waits for the notice that IMAP sessions wait for, too, which commits of all hosts of a store give; and then asks what
//! changed. Nothing is kept for who reads slowly: what is told is always how it is now.

mod others;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use waxwing_jmap::{DataType, StateChange, Wanted};
use waxwing_store::{Account, AccountNews, Error};

use self::others::Watched;
use super::{id_of, quota};
use crate::wiring::Parts;

/// How long more is waited for once something has happened: deliveries come in bursts.
const GATHERED: Duration = Duration::from_millis(100);
/// How long after one change the next is told.
const PACE: Duration = Duration::from_secs(1);
/// How long after the store did not answer it is asked again.
const AGAIN: Duration = Duration::from_secs(5);

/// Until when all was told: RFC 8620 §7.3 has it encode all that a client can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// The account's modification sequence.
    pub(super) modseq: u64,
    /// Of the state of its quotas, if somebody wants to hear of them.
    quotas: Option<u32>,
    /// The states of accounts of others, by their numbers.
    others: BTreeMap<i64, u64>,
}

impl Moment {
    /// The moment that is written like this. What is none of ours is one of which nothing is known: all may have changed since.
    pub(super) fn read(text: &str) -> Self {
        text.parse().unwrap_or(Self {
            modseq: u64::MAX,
            quotas: None,
            others: BTreeMap::new(),
        })
    }
}

impl FromStr for Moment {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('~');
        let own = parts.next().unwrap_or_default();
        let other = |part: &str| {
            let (account, state) = part.split_once('.').unwrap_or((part, ""));
            Ok((account.parse()?, state.parse()?))
        };
        let others = parts.map(other).collect::<Result<_, _>>()?;
        let (modseq, quotas) = match own.split_once('-') {
            None => (own, None),
            Some((modseq, quotas)) => (modseq, Some(u32::from_str_radix(quotas, 16)?)),
        };
        Ok(Self {
            modseq: modseq.parse()?,
            quotas,
            others,
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.modseq)?;
        match self.quotas {
            Some(quotas) => write!(f, "-{quotas:08x}"),
            None => Ok(()),
        }?;
        let mut others = self.others.iter();
        others.try_for_each(|(account, state)| write!(f, "~{account}.{state}"))
    }
}

/// What happens in an account from a moment on.
pub(super) struct News {
    parts: Arc<Parts>,
    account: Arc<Account>,
    changes: watch::Receiver<u64>,
    others: Watched,
    wanted: Wanted,
    since: Moment,
    /// When the store is asked what changed in the account, if there was notice.
    due: Option<Instant>,
    /// The same of accounts of others.
    others_due: Option<Instant>,
    /// No earlier than this.
    paced: Instant,
    /// Nor are others looked at earlier than this: they would have everybody look who sees anything of theirs, as often as they like.
    others_paced: Instant,
}

/// Something that is told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) change: StateChange,
    /// The moment until which all is told.
    pub(super) until: Moment,
}

impl News {
    /// From a moment on, or from now.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn open(
        parts: &Arc<Parts>,
        account: &Arc<Account>,
        wanted: Wanted,
        since: Option<Moment>,
    ) -> Result<Self, Error> {
        let changes = parts.store.subscribe(account.id);
        let at = Instant::now();
        let mut news = Self {
            parts: Arc::clone(parts),
            account: Arc::clone(account),
            changes,
            others: Watched::default(),
            wanted,
            due: since.as_ref().map(|_| at),
            others_due: since.as_ref().map(|_| at),
            since: match &since {
                Some(since) => since.clone(),
                None => Moment {
                    modseq: parts.store.account_state(account.id).await?,
                    quotas: None,
                    others: BTreeMap::new(),
                },
            },
            paced: at,
            others_paced: at,
        };
        let seen = news.others.look(parts, account.id).await?.seen;
        if since.is_none() {
            news.since.quotas = news.quotas().await.map(|state| brief(&state));
            for other in seen {
                let state = other.now(&parts.store).await?;
                news.since.others.insert(other.id.0, state);
            }
            news.others.told();
        }
        Ok(news)
    }

    /// The moment until which all was told.
    pub(super) const fn since(&self) -> &Moment {
        &self.since
    }

    /// Waits until something that is wanted has changed; none if the account is gone. To be dropped at any await without loss.
    pub(super) async fn next(&mut self) -> Option<Told> {
        loop {
            let of_others = self.noticed().await?;
            let found = match of_others {
                true => self.find_of_others().await,
                false => self.find().await,
            };
            let now = Instant::now();
            let due = match found {
                Ok(Some(told)) => {
                    self.paced = now + PACE;
                    return Some(told);
                }
                Ok(None) => None,
                Err(Error::NoSuchAccount(account)) if account == self.account.id.to_string() => {
                    return None;
                }
                Err(error) => {
                    tracing::warn!(%error, "what changed in an account is not known yet");
                    Some(now + AGAIN)
                }
            };
            match of_others {
                true => (self.others_due, self.others_paced) = (due, now + PACE),
                false => self.due = due,
            }
        }
    }

    /// Waits until it is time to look what changed after a notice: in accounts of others (true), or in the account itself (false), which
    /// goes first. None if the account is gone.
    async fn noticed(&mut self) -> Option<bool> {
        loop {
            let own = self.due.map(|due| due.max(self.paced));
            let paced = self.paced.max(self.others_paced);
            let others = self.others_due.map(|due| due.max(paced));
            let next = own.into_iter().chain(others).min();
            tokio::select! {
                changed = self.changes.changed(), if own.is_none() => {
                    changed.ok()?;
                    let due = Instant::now() + GATHERED;
                    self.due = Some(due);
                    // Somebody may have been let see more, and what one calls it is one's own.
                    self.others.all_noticed();
                    self.others_due.get_or_insert(due);
                }
                () = self.others.changed(), if others.is_none() => {
                    self.others_due = Some(Instant::now() + GATHERED);
                }
                () = sleep_until(next.unwrap_or(paced)), if next.is_some() => {
                    return Some(own.is_none_or(|own| own > Instant::now()));
                }
            }
        }
    }

    /// What changed in the account itself.
    async fn find(&mut self) -> Result<Option<Told>, Error> {
        // What is committed from here on is told of again.
        self.changes.mark_unchanged();
        let store = &self.parts.store;
        let own = store.account_news(self.account.id, self.since.modseq);
        let own = own.await?;
        let quotas = self.quotas().await;
        let told = self.told(&own, quotas);
        self.due = None;
        Ok(told)
    }

    /// What changed of accounts of others, of one of them. There may be more as long as something is found.
    async fn find_of_others(&mut self) -> Result<Option<Told>, Error> {
        let looked = self.others.look(&self.parts, self.account.id).await?;
        let others = &mut self.since.others;
        others.retain(|account, _| !looked.is_hidden(*account));
        for other in &looked.seen {
            let told = others::told(&self.parts, other, &self.wanted, &mut self.since);
            if let Some(change) = told.await? {
                return Ok(Some(Told {
                    change,
                    until: self.since.clone(),
                }));
            }
        }
        self.others.told();
        Ok(None)
    }

    /// The state of the quotas, if it is wanted and can be known.
    async fn quotas(&self) -> Option<String> {
        if !self.wanted.has(DataType::Quota) {
            return None;
        }
        quota::state(&self.parts, &self.account).await
    }

    /// Goes on to a moment; what changed until then, if any of it is wanted.
    fn told(&mut self, news: &AccountNews, quotas: Option<String>) -> Option<Told> {
        self.since.modseq = news.until;
        let state = news.until.to_string();
        let mut types: Vec<(DataType, String)> = types(news, &self.wanted)
            .into_iter()
            .map(|kind| (kind, state.clone()))
            .collect();
        if let Some(quotas) = quotas {
            let was = self.since.quotas.replace(brief(&quotas));
            if was != self.since.quotas {
                types.push((DataType::Quota, quotas));
            }
        }
        let change = StateChange {
            account: id_of(&self.account),
            types,
        };
        (!change.types.is_empty()).then_some(Told {
            change,
            until: self.since.clone(),
        })
    }
}

/// The types of which something changed, among those that are wanted.
fn types(news: &AccountNews, wanted: &Wanted) -> Vec<DataType> {
    let changed = [
        (DataType::Email, news.emails),
        (DataType::EmailDelivery, news.delivered),
        (DataType::EmailSubmission, news.submissions),
        (DataType::Identity, news.identities),
        (DataType::Mailbox, news.mailboxes),
        (DataType::Thread, news.threads),
        (DataType::VacationResponse, news.vacation),
    ];
    let told = changed
        .into_iter()
        .filter(|(kind, changed)| *changed && wanted.has(*kind));
    told.map(|(kind, _)| kind).collect()
}

/// Tells a state from another in few octets.
fn brief(state: &str) -> u32 {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(state));
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_they_are_written() {
        for text in [
            "0",
            "17",
            "17-0000002a",
            "17~3.5~14.18446744073709551615",
            "18446744073709551615-ffffffff~2.7",
        ] {
            assert_eq!(Moment::read(text).to_string(), text);
        }
        for other in [
            "",
            "x",
            "-1",
            "1-",
            "1-x",
            "1~",
            "1~2",
            "1~x.1",
            "18446744073709551616",
        ] {
            assert_eq!(Moment::read(other).modseq, u64::MAX, "{other}");
        }
    }
}
