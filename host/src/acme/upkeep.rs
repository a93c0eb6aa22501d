//! The timed work on certificates: what is missing or old is ordered, one after the other.

use std::sync::Arc;
use std::time::Duration;

use super::answers::possible;
use super::book::Book;
use super::names::{Wanted, wanted};
use super::order::Authority;
use super::shelf::Shelf;
use super::trouble::Trouble;
use crate::config::ChallengeKind;
use crate::keys::now;
use crate::turn::Turn;
use crate::wiring::Parts;

/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_secs(20);
/// How long an order may take before another host may begin one: each of its waits has a bound, and these are less together.
const TURN: Duration = Duration::from_secs(900);
/// How often the authority is asked at most and at least when it wants a certificate to be renewed, in seconds.
const SUGGESTIONS: (u64, u64) = (3600, 86_400);

/// Works until the task is dropped.
pub(crate) async fn run(parts: Arc<Parts>) {
    let Some(shelf) = &parts.acme.shelf else {
        return;
    };
    if let Some(problem) = super::problem(&parts.config) {
        tracing::error!("{problem}");
    }
    let mut turn = Turn::new(&parts, "acme");
    loop {
        round(&parts, shelf, &mut turn).await;
        parts.acme.rounds.send_modify(|rounds| *rounds += 1);
        let _either = tokio::time::timeout(LOOK, parts.acme.nudge.notified()).await;
    }
}

async fn round(parts: &Parts, shelf: &Shelf, turn: &mut Turn) {
    let names = wanted(parts).await;
    let book = &parts.acme.book;
    book.keep(names.iter().map(|wanted| wanted.name.as_str()));
    for wanted in &names {
        let held = shelf.held(&wanted.name);
        if let Some(held) = &held
            && book.looks(&wanted.name, seconds())
        {
            suggestion(parts, shelf, &wanted.name, held).await;
        }
        if book.is_due(&wanted.name, held.as_ref(), seconds()) {
            match turn.take(TURN).await {
                Ok(true) => attempt(parts, shelf, wanted).await,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "whose turn it is to order certificates is not known");
                }
            }
            if let Err(error) = turn.give_back().await {
                tracing::warn!(%error, "the turn to order certificates was not given back");
            }
        }
    }
}

/// Asks when a certificate is to be renewed (RFC 9773).
async fn suggestion(parts: &Parts, shelf: &Shelf, name: &str, held: &super::shelf::Held) {
    let book = &parts.acme.book;
    let asked = match Authority::open(parts, shelf).await {
        Ok(authority) => authority.window(&held.der).await,
        Err(trouble) => Err(trouble),
    };
    let (least, most) = SUGGESTIONS;
    let later = |after: u64| seconds() + i64::try_from(after).unwrap_or(0);
    match asked {
        Ok(Some((start, end, again))) => {
            book.suggest(name, Some((start, end)), later(again.clamp(least, most)));
        }
        Ok(None) => book.suggest(name, None, later(most)),
        Err(trouble) => {
            tracing::debug!(name, %trouble, "the authority was not asked when to renew a certificate");
            book.suggest(name, None, later(least));
        }
    }
}

async fn attempt(parts: &Parts, shelf: &Shelf, wanted: &Wanted) {
    let (name, book) = (wanted.name.as_str(), &parts.acme.book);
    let insisted = book.is_insisted_on(name);
    let done = match way(parts, book, name) {
        Ok(kind) => {
            if let Some(why) = wanted.waits_for(parts, kind).await.filter(|_| !insisted) {
                return book.wait(name, why, seconds());
            }
            tracing::info!(name, challenge = kind.as_str(), "a certificate is ordered");
            order(parts, shelf, name, kind).await
        }
        Err(trouble) => Err(trouble),
    };
    match done {
        Ok(()) => {
            book.got(shelf, name);
            parts.certificates.reload();
            tracing::info!(name, "a certificate was got and is in use");
        }
        Err(trouble) => {
            let pause = book.failed(shelf, name, &trouble, seconds());
            tracing::warn!(
                name,
                again_in = ?pause,
                "no certificate: {trouble}; `waxwing certificate order {name}` tries again at once"
            );
        }
    }
}

/// Of the challenges that can be answered here, the next one after each failure.
fn way(parts: &Parts, book: &Book, name: &str) -> Result<ChallengeKind, Trouble> {
    let all = parts.config.acme.challenges.iter().copied();
    let ways: Vec<_> = all.filter(|kind| possible(&parts.config, *kind)).collect();
    let failures = usize::try_from(book.failures(name)).unwrap_or(0);
    let next = failures.checked_rem(ways.len()).and_then(|at| ways.get(at));
    next.copied()
        .ok_or_else(|| Trouble::here(super::problem(&parts.config).unwrap_or_default()))
}

async fn order(
    parts: &Parts,
    shelf: &Shelf,
    name: &str,
    kind: ChallengeKind,
) -> Result<(), Trouble> {
    let authority = Authority::open(parts, shelf).await?;
    let old = shelf
        .held(name)
        .filter(|_| parts.acme.book.has_window(name));
    authority
        .order(name, kind, old.as_ref().map(|held| &held.der))
        .await
}

/// Seconds since 1970.
fn seconds() -> i64 {
    i64::try_from(now()).unwrap_or(i64::MAX)
}
