//! What happens in an account, gathered for somebody who listens: an event source, a WebSocket, a push subscription.
//!
//! Whoever listens waits for the notice that IMAP sessions wait for, too, which commits of all hosts of a store give; and then asks what
//! changed. Nothing is kept for who reads slowly: what is told is always how it is now.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use waxwing_jmap::{DataType, StateChange, Wanted};
use waxwing_store::{Account, AccountNews, Error};

use super::{id_of, quota};
use crate::wiring::Parts;

/// How long more is waited for once something has happened: deliveries come in bursts.
const GATHERED: Duration = Duration::from_millis(100);
/// How long after one change the next is told.
const PACE: Duration = Duration::from_secs(1);
/// How long after the store did not answer it is asked again.
const AGAIN: Duration = Duration::from_secs(5);

/// Until when all was told: RFC 8620 §7.3 has it encode all that a client can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// The account's modification sequence.
    pub(super) modseq: u64,
    /// Of the state of its quotas, if somebody wants to hear of them.
    quotas: Option<u32>,
}

impl Moment {
    /// The moment that is written like this. What is none of ours is one of which nothing is known: all may have changed since.
    pub(super) fn read(text: &str) -> Self {
        text.parse().unwrap_or(Self {
            modseq: u64::MAX,
            quotas: None,
        })
    }
}

impl FromStr for Moment {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (modseq, quotas) = match text.split_once('-') {
            None => (text, None),
            Some((modseq, quotas)) => (modseq, Some(u32::from_str_radix(quotas, 16)?)),
        };
        Ok(Self {
            modseq: modseq.parse()?,
            quotas,
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.modseq)?;
        match self.quotas {
            Some(quotas) => write!(f, "-{quotas:08x}"),
            None => Ok(()),
        }
    }
}

/// What happens in an account from a moment on.
pub(super) struct News {
    parts: Arc<Parts>,
    account: Arc<Account>,
    changes: watch::Receiver<u64>,
    wanted: Wanted,
    since: Moment,
    /// When the store is asked what changed, if there was notice.
    due: Option<Instant>,
    /// No earlier than this.
    paced: Instant,
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
            wanted,
            since: since.unwrap_or(Moment {
                modseq: parts.store.account_state(account.id).await?,
                quotas: None,
            }),
            due: since.map(|_| at),
            paced: at,
        };
        if since.is_none() {
            news.since.quotas = news.quotas().await.map(|state| brief(&state));
        }
        Ok(news)
    }

    /// The moment until which all was told.
    pub(super) const fn since(&self) -> Moment {
        self.since
    }

    /// Waits until something that is wanted has changed; none if the account is gone. To be dropped at any await without loss.
    pub(super) async fn next(&mut self) -> Option<Told> {
        loop {
            let due = match self.due {
                Some(due) => due,
                None => {
                    self.changes.changed().await.ok()?;
                    Instant::now() + GATHERED
                }
            };
            self.due = Some(due);
            sleep_until(due.max(self.paced)).await;
            // What is committed from here on is told of again.
            self.changes.mark_unchanged();
            let store = &self.parts.store;
            let found = store.account_news(self.account.id, self.since.modseq).await;
            match found {
                Ok(news) => {
                    let quotas = self.quotas().await;
                    self.due = None;
                    if let Some(told) = self.told(&news, quotas) {
                        self.paced = Instant::now() + PACE;
                        return Some(told);
                    }
                }
                Err(Error::NoSuchAccount(_)) => return None,
                Err(error) => {
                    tracing::warn!(%error, "what changed in an account is not known yet");
                    self.due = Some(Instant::now() + AGAIN);
                }
            }
        }
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
            until: self.since,
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
        for text in ["0", "17", "17-0000002a", "18446744073709551615-ffffffff"] {
            assert_eq!(Moment::read(text).to_string(), text);
        }
        for other in ["", "x", "-1", "1-", "1-x", "18446744073709551616"] {
            assert_eq!(Moment::read(other).modseq, u64::MAX, "{other}");
        }
    }
}
