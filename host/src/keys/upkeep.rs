//! The timed work on keys: one host of a store looks at all of them, makes those that will be needed, finds in the DNS what was
//! published, and lets keys begin and cease to sign.

use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior};
use waxwing_auth::dkim::rotation::{Action, Phase, RotatingKey};
use waxwing_auth::dns::Lookups;

use super::{KeysError, Ring, now};
use crate::dns::Resolver;
use crate::turn::Turn;
use crate::wiring::Parts;

/// Questions to the DNS about one domain; it has no more keys.
const QUESTIONS: u32 = 64;

/// Works until the task is dropped.
pub(crate) async fn run(parts: Arc<Parts>) {
    let look = parts.config.dkim.look.duration();
    let mut turn = Turn::new(&parts, "dkim-keys");
    let mut ticks = tokio::time::interval(look);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match turn.take(look * 3).await {
            Ok(true) => round(&parts).await,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "whose turn it is to look after keys is not known");
            }
        }
    }
}

async fn round(parts: &Parts) {
    let domains = match parts.store.domains_with_keys().await {
        Ok(domains) => domains,
        Err(error) => return tracing::warn!(%error, "the keys of domains could not be read"),
    };
    for domain in domains {
        if let Err(error) = look_after(parts, &domain).await {
            tracing::error!(domain, %error, "keys could not be looked after");
        }
    }
}

async fn look_after(parts: &Parts, domain: &str) -> Result<(), KeysError> {
    let mut ring = parts.keys.ring(domain).await?;
    let before = ring.rotation.keys.clone();
    for action in ring.rotation.step(now()) {
        match action {
            Action::Generate(algorithm) => {
                parts.keys.generate(&mut ring, algorithm).await?;
            }
            Action::LookUp(selector) => {
                look_for(&mut ring, &selector, &parts.resolver, parts).await;
            }
            Action::Withdraw(_) => {}
        }
    }
    let after = ring.rotation.keys.clone();
    if after == before {
        return Ok(());
    }
    // What somebody else does meanwhile goes first; the next round begins with it.
    if parts.keys.write(ring).await? {
        tell(domain, &before, &after);
    }
    Ok(())
}

async fn look_for(ring: &mut Ring, selector: &str, resolver: &Resolver, parts: &Parts) {
    let deadline = Instant::now() + parts.config.auth.time.duration();
    let lookups = Lookups::new(resolver, deadline, QUESTIONS);
    let sight = ring.look_up(selector, &lookups).await;
    ring.rotation.seen(selector, sight, now());
}

/// A line for each key that has come further.
fn tell(domain: &str, before: &[RotatingKey], after: &[RotatingKey]) {
    for key in after {
        let earlier = before.iter().find(|other| other.selector == key.selector);
        if earlier.map(|other| other.phase) == Some(key.phase) {
            continue;
        }
        let selector = key.selector.as_str();
        match key.phase {
            Phase::Generated => tracing::warn!(
                domain,
                selector,
                "a key waits to be published: `waxwing domain dns` prints its record"
            ),
            Phase::Published { .. } => {
                tracing::info!(domain, selector, "a key was seen in the DNS");
            }
            Phase::Signing { .. } => tracing::info!(domain, selector, "a key signs from now on"),
            Phase::Retiring { .. } | Phase::Removed => {
                tracing::info!(
                    domain,
                    selector,
                    "a key signs no more, and is to stay published"
                );
            }
        }
    }
    let gone = before
        .iter()
        .filter(|key| after.iter().all(|other| other.selector != key.selector));
    for key in gone {
        let selector = key.selector.as_str();
        tracing::info!(
            domain,
            selector,
            "a key is forgotten: its record can be removed"
        );
    }
}
