//! What operators see of the queue, and do to it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxwing_store::{
    LegId, LegState, QueueAction, QueueEntry, QueueFilter, QueuePage, RecipientState, Store,
};

use super::Failure;

/// Entries of a listing that does not say how many.
const LISTED: usize = 100;

/// Which entries of the queue are meant: a message has one for each of its destinations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum QueueSelection {
    /// All.
    All,
    /// Those of a message, by its queue id; or one, by its number.
    Id(String),
    /// Those of a sender; empty for reports.
    Sender(String),
    /// Those to a destination.
    Destination(String),
    /// Those that have this in them: in an address, a name, an id or the last words.
    Text(String),
}

/// What is asked of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum QueueRequest {
    List {
        which: QueueSelection,
        /// Only those that are held, or that are not.
        held: Option<bool>,
        /// Only those after the one of this number.
        after: Option<i64>,
        limit: Option<usize>,
    },
    Show {
        id: String,
    },
    Act {
        action: QueueAction,
        which: QueueSelection,
    },
}

impl QueueSelection {
    fn filter(self) -> QueueFilter {
        match self {
            Self::All => QueueFilter::All,
            Self::Id(id) => by_id(&id),
            Self::Sender(sender) => QueueFilter::Sender(sender.trim_matches(['<', '>']).to_owned()),
            Self::Destination(name) => QueueFilter::Destination(name),
            Self::Text(text) => QueueFilter::Text(text),
        }
    }
}

/// Queue ids have 17 characters; numbers of entries never do.
fn by_id(id: &str) -> QueueFilter {
    match id.parse() {
        Ok(number) if id.len() < 17 => QueueFilter::Leg(LegId(number)),
        _ => QueueFilter::QueueId(id.to_owned()),
    }
}

/// Does it.
pub(super) async fn execute(store: &Store, request: QueueRequest) -> Result<Value, Failure> {
    match request {
        QueueRequest::List {
            which,
            held,
            after,
            limit,
        } => {
            let page = QueuePage {
                filter: which.filter(),
                held,
                after: after.map(LegId),
                limit: limit.unwrap_or(LISTED),
            };
            Ok(store.queue(&page).await?.iter().map(entry).collect())
        }
        QueueRequest::Show { id } => show(store, &id).await,
        QueueRequest::Act { action, which } => {
            let changed = store.operate(&which.filter(), action).await?;
            Ok(json!({ "changed": changed }))
        }
    }
}

async fn show(store: &Store, id: &str) -> Result<Value, Failure> {
    let page = QueuePage {
        filter: by_id(id),
        held: None,
        after: None,
        limit: LISTED,
    };
    let entries = store.queue(&page).await?;
    let Some(first) = entries.first() else {
        return Err(Failure::missing(format!(
            "nothing in the queue is called {id}"
        )));
    };
    let attempts = attempts(store, &first.queue_id).await?;
    Ok(json!({
        "queue-id": first.queue_id,
        "entries": entries.iter().map(entry).collect::<Vec<_>>(),
        "attempts": attempts,
    }))
}

/// The attempts on a message that is in the queue still, the latest first.
pub(super) async fn attempts(store: &Store, queue_id: &str) -> Result<Value, Failure> {
    let attempts = store.queue_attempts(queue_id).await?;
    let attempt = |of: &waxwing_store::QueueAttempt| json!({ "entry": of.leg.0, "at": of.at, "host": of.host, "said": of.said });
    Ok(attempts.iter().map(attempt).collect())
}

fn entry(of: &QueueEntry) -> Value {
    let (state, owner) = match &of.state {
        LegState::Waiting => ("waiting", None),
        LegState::Held => ("held", None),
        LegState::Leased { owner } => ("active", Some(owner)),
    };
    let recipients: Vec<_> = of
        .recipients
        .iter()
        .map(|one| json!({ "address": one.address, "state": word(one.state), "said": one.said, "owed": one.owed }))
        .collect();
    json!({
        "entry": of.leg.0, "queue-id": of.queue_id, "sender": of.sender, "destination": of.destination,
        "size": of.size, "priority": of.priority, "received": of.received, "expires": of.expires, "due": of.due,
        "attempts": of.attempts, "tried": of.tried, "state": state, "owner": owner, "said": of.said, "recipients": recipients,
    })
}

fn word(state: RecipientState) -> &'static str {
    match state {
        RecipientState::Open => "open",
        RecipientState::Relayed => "relayed",
        RecipientState::Failed => "failed",
        RecipientState::Removed => "removed",
    }
}
