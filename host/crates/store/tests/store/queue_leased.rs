//! Legs that are leased by the commit that queues them.

use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{LeaseTerms, RecipientState, Settled};

use crate::on_both;
use crate::queue::{MINUTE, lease, now, outgoing, settle, settlement};
use crate::setup::Setup;

on_both! {
    what_is_leased_with_its_commit_is_as_if_it_was_leased_later;
}

async fn what_is_leased_with_its_commit_is_as_if_it_was_leased_later(setup: Arc<Setup>) {
    let store = setup.open().await;
    let mut news = store.queue_news();
    news.mark_unchanged();
    let message = outgoing(&setup, "Q1", &["a@one.net", "b@two.net", "c@one.net"]);
    let terms = LeaseTerms {
        owner: "w".to_owned(),
        until: now(&setup) + MINUTE,
    };
    let done = store
        .submit_leased(Vec::new(), Vec::new(), vec![message], (None, &terms))
        .await
        .unwrap();
    assert!(!news.has_changed().unwrap(), "who has it tries it");
    let mut at_once = done.leased;
    assert_eq!(
        at_once.iter().map(|leased| leased.leg).collect::<Vec<_>>(),
        done.legs
    );
    assert!(lease(&store, &setup, "v").await.is_empty(), "it is leased");
    let relayed = settlement(&at_once[0], RecipientState::Relayed, 0);
    let recorded = settle(&store, relayed).await;
    assert!(matches!(recorded, Settled::Recorded { .. }));
    // Its worker dies.
    setup.advance(Duration::from_millis(MINUTE.unsigned_abs()));
    let mut later = lease(&store, &setup, "v").await;
    assert_eq!(later.len(), 1);
    let first = at_once.remove(1);
    assert_ne!(first.lease, later[0].lease);
    (later[0].lease, later[0].until) = (first.lease, first.until);
    assert_eq!(later, std::slice::from_ref(&first));
    let lost = settlement(&first, RecipientState::Relayed, 0);
    assert_eq!(settle(&store, lost).await, Settled::Lost);
    store.close().await;
}
