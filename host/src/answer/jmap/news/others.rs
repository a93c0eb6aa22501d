//! What happens in accounts of others, as far as whoever listens may see it.
//!
//! The notice of a commit says nothing but that something happened in an account. What is told is what is seen of it then: where nothing of
//! that has changed, nothing is. Looked at are those accounts that gave notice, and all of them where there may be others than before.

use futures_util::future::select_all;
use tokio::sync::watch;
use waxwing_jmap::{DataType, StateChange, Wanted};
use waxwing_store::{AccountId, Error};

use super::super::mail::unsigned;
use super::super::others::{self, Other};
use super::{Moment, types};
use crate::wiring::Parts;

/// Accounts of others that somebody hears of, the first by address.
const MAX_WATCHED: usize = 256;
/// What there is in the account of somebody else.
const KINDS: [DataType; 3] = [DataType::Email, DataType::Mailbox, DataType::Thread];

/// The accounts of others that are watched.
pub(super) struct Watched {
    each: Vec<Watch>,
    /// Whether all that there are now are to be looked at.
    all: bool,
}

struct Watch {
    account: AccountId,
    changes: watch::Receiver<u64>,
    /// Whether there was notice of which not all is told.
    noticed: bool,
}

/// What was found where it was looked.
pub(super) struct Looked {
    pub(super) seen: Vec<Other>,
    /// Where; none: everywhere.
    at: Option<Vec<AccountId>>,
}

impl Looked {
    /// Whether nothing is seen of an account any more.
    pub(super) fn is_hidden(&self, account: i64) -> bool {
        let looked = self.at.as_ref();
        looked.is_none_or(|at| at.contains(&AccountId(account)))
            && !self.seen.iter().any(|other| other.id.0 == account)
    }
}

impl Default for Watched {
    fn default() -> Self {
        let (each, all) = (Vec::new(), true);
        Self { each, all }
    }
}

impl Watched {
    /// Waits until something happens in one of them. To be dropped at any await without loss.
    pub(super) async fn changed(&mut self) {
        if self.each.is_empty() {
            return std::future::pending().await;
        }
        let waits = self.each.iter_mut();
        let waits = waits.map(|watch| Box::pin(watch.changes.changed()));
        let (outcome, at, rest) = select_all(waits).await;
        drop(rest);
        if outcome.is_err() {
            // The account is gone.
            self.each.swap_remove(at);
            self.all = true;
        } else if let Some(watch) = self.each.get_mut(at) {
            watch.noticed = true;
        }
    }

    /// All of them are to be looked at.
    pub(super) const fn all_noticed(&mut self) {
        self.all = true;
    }

    /// All is told of what there was notice of when it was looked at.
    pub(super) fn told(&mut self) {
        self.all = false;
        self.each.iter_mut().for_each(|watch| watch.noticed = false);
    }

    /// What is seen now of the accounts that gave notice. What is committed from here on is told of again.
    pub(super) async fn look(&mut self, parts: &Parts, viewer: AccountId) -> Result<Looked, Error> {
        for watch in &mut self.each {
            watch.noticed |= watch.changes.has_changed().unwrap_or(true);
            watch.changes.mark_unchanged();
        }
        if self.all {
            let (seen, at) = (self.look_at_all(parts, viewer).await?, None);
            return Ok(Looked { seen, at });
        }
        let noticed = self.each.iter().filter(|watch| watch.noticed);
        let at: Vec<AccountId> = noticed.map(|watch| watch.account).collect();
        let seen = others::some(&parts.store, viewer, &at).await?;
        let at = Some(at);
        let looked = Looked { seen, at };
        self.each.retain(|watch| !looked.is_hidden(watch.account.0));
        Ok(looked)
    }

    /// All that is seen of others now, each watched from before it was looked at.
    async fn look_at_all(&mut self, parts: &Parts, viewer: AccountId) -> Result<Vec<Other>, Error> {
        let mut found = others::all(&parts.store, viewer).await?;
        found.truncate(MAX_WATCHED);
        let is_new = |watches: &[Watch], other: &Other| {
            let mut known = watches.iter();
            known.all(|watch| watch.account != other.id)
        };
        if found.iter().any(|other| is_new(&self.each, other)) {
            for other in &found {
                if is_new(&self.each, other) {
                    self.each.push(Watch {
                        account: other.id,
                        changes: parts.store.subscribe(other.id),
                        noticed: true,
                    });
                }
            }
            found = others::all(&parts.store, viewer).await?;
            found.truncate(MAX_WATCHED);
        }
        let seen = |account: AccountId| found.iter().any(|other| other.id == account);
        self.each.retain(|watch| seen(watch.account));
        Ok(found)
    }
}

/// Goes on to how an account is now; what of it changed, if any of that is wanted.
pub(super) async fn told(
    parts: &Parts,
    other: &Other,
    wanted: &Wanted,
    since: &mut Moment,
) -> Result<Option<StateChange>, Error> {
    let store = &parts.store;
    let before = since.others.get(&other.id.0).copied();
    let mut state = other.now(store).await?;
    if before == Some(state) {
        return Ok(None);
    }
    let kinds = match before.and_then(|before| other.modseq(before)) {
        Some(modseq) => {
            let news = store.visible_news(other.id, &other.visible, modseq).await?;
            state = other.state(news.until);
            types(&news, wanted)
        }
        // Others are seen than before.
        None => KINDS.into_iter().filter(|it| wanted.has(*it)).collect(),
    };
    since.others.insert(other.id.0, state);
    let state = state.to_string();
    let types: Vec<_> = kinds.into_iter().map(|it| (it, state.clone())).collect();
    let account = waxwing_jmap::AccountId(unsigned(other.id.0));
    Ok((!types.is_empty()).then_some(StateChange { account, types }))
}
