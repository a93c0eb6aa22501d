//! Mail that waits to be sent on, and what became of any mail.

use waxwing_store::{Area, QueueAction};

use super::{LIMIT, PAGE, change, get, text};
use crate::admin::api::body;
use crate::admin::api::call::Call;
use crate::admin::api::problem::Problem;
use crate::admin::api::route::{Kind, Parameter, Route, Shape, Verb};
use crate::admin::{QueueRequest, QueueSelection, Request};

const ENTRIES: &[Parameter] = &[
    text("id", "Only those of the message with this queue id."),
    text("sender", "Only those of this sender; empty: reports."),
    text("destination", "Only those to this destination."),
    text(
        "search",
        "Only those that have this in an address, a name, the queue id or the last words.",
    ),
    Parameter {
        name: "held",
        kind: Kind::Flag,
        about: "Only those that are held, or that are not.",
    },
    Parameter {
        name: "after",
        kind: Kind::Number,
        about: "The `next` of the page before: only what comes after that.",
    },
    LIMIT,
];
pub(super) static ROUTES: &[Route] = &[
    get(
        "/queue",
        "queue",
        "What waits to be sent on, a page of it: an entry for each message and destination",
        Area::Queue,
        "Entries",
        entries,
    )
    .query(ENTRIES)
    .shaped(Shape::Entries),
    change(
        Verb::Post,
        "/queue/actions",
        "actOnQueue",
        "Do something to all entries that are meant",
        Area::Queue,
        |call| {
            let body: body::Act = call.body()?;
            Ok(Request::Queue(QueueRequest::Act {
                action: body.action.into(),
                which: body.which,
            }))
        },
    )
    .takes("QueueAct")
    .gives(200, "Changed"),
    get(
        "/queue/{id}",
        "queued",
        "A message of the queue, or one entry of it, with its recipients, attempts, and what was last said",
        Area::Queue,
        "Queued",
        |call| Ok(Request::Queue(QueueRequest::Show { id: call.place(0) })),
    ),
    change(
        Verb::Post,
        "/queue/{id}/hold",
        "hold",
        "Do not send it until it is released",
        Area::Queue,
        |call| Ok(act(call, QueueAction::Hold)),
    )
    .gives(200, "Changed"),
    change(
        Verb::Post,
        "/queue/{id}/release",
        "release",
        "Send what was held",
        Area::Queue,
        |call| Ok(act(call, QueueAction::Release)),
    )
    .gives(200, "Changed"),
    change(
        Verb::Post,
        "/queue/{id}/retry",
        "retry",
        "Try it now",
        Area::Queue,
        |call| Ok(act(call, QueueAction::Retry)),
    )
    .gives(200, "Changed"),
    change(
        Verb::Delete,
        "/queue/{id}",
        "removeQueued",
        "Remove it without a word to its sender",
        Area::Queue,
        |call| Ok(act(call, QueueAction::Remove)),
    )
    .gives(200, "Changed"),
    get(
        "/trace/{id}",
        "trace",
        "The life of a message, by its queue id or Message-ID",
        Area::Trace,
        "Trace",
        |call| Ok(Request::Trace { id: call.place(0) }),
    )
    .shaped(Shape::List),
];

/// Entries are named in one way only: several together would be read as "those", and only one could be meant.
fn entries(call: &Call) -> Result<Request, Problem> {
    let named = [
        call.text("id").map(QueueSelection::Id),
        call.text("sender").map(QueueSelection::Sender),
        call.text("destination").map(QueueSelection::Destination),
        call.text("search").map(QueueSelection::Text),
    ];
    let mut named = named.into_iter().flatten();
    let which = named.next().unwrap_or(QueueSelection::All);
    if named.next().is_some() {
        return Err(Problem::bad(
            "Give one of id, sender, destination and search",
        ));
    }
    Ok(Request::Queue(QueueRequest::List {
        which,
        held: call.flag("held"),
        after: call.text("after").and_then(|after| after.parse().ok()),
        limit: Some(call.count("limit").unwrap_or(PAGE)),
    }))
}

fn act(call: &Call, action: QueueAction) -> Request {
    Request::Queue(QueueRequest::Act {
        action,
        which: QueueSelection::Id(call.place(0)),
    })
}
