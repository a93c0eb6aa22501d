//! What happens in accounts of others, as far as whoever listens may see it.
//!
//! The notice of a commit says nothing but that something happened in an account. What is told is what is seen of it then: where nothing of
//! that has changed, nothing is.

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
#[derive(Default)]
pub(super) struct Watched(Vec<(AccountId, watch::Receiver<u64>)>);

impl Watched {
    /// Waits until something happens in one of them. To be dropped at any await without loss.
    pub(super) async fn changed(&mut self) {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let waits = self.0.iter_mut();
        let waits = waits.map(|(_, changes)| Box::pin(changes.changed()));
        let (outcome, at, rest) = select_all(waits).await;
        drop(rest);
        if outcome.is_err() {
            // The account is gone.
            self.0.swap_remove(at);
        }
    }

    /// What is committed from here on is told of again.
    pub(super) fn mark_unchanged(&mut self) {
        let all = self.0.iter_mut();
        all.for_each(|(_, changes)| changes.mark_unchanged());
    }

    /// All that is seen of others now, each watched from before it was looked at.
    pub(super) async fn look(
        &mut self,
        parts: &Parts,
        viewer: AccountId,
    ) -> Result<Vec<Other>, Error> {
        let mut found = others::all(&parts.store, viewer).await?;
        found.truncate(MAX_WATCHED);
        let is_new = |other: &Other| self.0.iter().all(|(account, _)| *account != other.id);
        if found.iter().any(is_new) {
            for other in &found {
                if self.0.iter().all(|(account, _)| *account != other.id) {
                    let changes = parts.store.subscribe(other.id);
                    self.0.push((other.id, changes));
                }
            }
            found = others::all(&parts.store, viewer).await?;
            found.truncate(MAX_WATCHED);
        }
        let seen = |account: &AccountId| found.iter().any(|other| other.id == *account);
        self.0.retain(|(account, _)| seen(account));
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
