//! What a sender is told at once: that its message is in a mailbox here, or where else an address has led it.
//!
//! Standards: RFC 3461 §5.2.3 (delivered), §5.2.7.2 and §5.2.7.3 (aliases).
//! Invariant: it is told with the commit of what it tells of.

use bytes::Bytes;
use waxwing_mail::Recipient;
use waxwing_queue::dsn::Report;
use waxwing_smtp::Message;

use super::super::gate::Gate;
use super::deliver::{Fate, Judged};
use crate::outgoing::{About, Notices, led, notify};

/// The reports of a message that is about to be stored.
pub(super) async fn report(
    gate: &Gate,
    queue_id: &str,
    message: &Message,
    content: &Bytes,
    judged: &[Judged],
) -> Notices {
    let reports: Vec<Report> = judged.iter().filter_map(of).collect();
    let about = About::arrived(queue_id, &message.envelope, content);
    notify(gate.parts(), &about, reports).await
}

fn of(judged: &Judged) -> Option<Report> {
    let given = judged.given.as_ref()?;
    let Fate::Keep(targets) = &judged.fate else {
        return None;
    };
    let action = led(targets.len(), judged.onward.len())?;
    wanted(given).then(|| Report {
        address: judged.address.clone(),
        orcpt: given
            .original
            .as_ref()
            .map(|original| format!("{};{}", original.kind(), original.address()))
            .unwrap_or_default(),
        action,
        status: "2.0.0".to_owned(),
        said: String::new(),
        by_server: false,
        remote: String::new(),
        tried: crate::answer::now_millis(),
        retry_until: 0,
    })
}

/// Only if it is asked for.
fn wanted(given: &Recipient) -> bool {
    given.notify.is_some_and(waxwing_mail::Notify::success)
}
