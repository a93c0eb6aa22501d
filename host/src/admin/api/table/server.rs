//! The server itself: how it is, how much there is, what is reported and what was done.

use waxwing_store::Area;

use super::{LIMIT, PAGE, change, get, text};
use crate::admin::Request;
use crate::admin::api::problem::Problem;
use crate::admin::api::route::{Answer, Kind, Parameter, Route, Shape, Verb};
use crate::flow;

const AUDITED: &[Parameter] = &[
    text(
        "before",
        "The `next` of the page before: only what was before that.",
    ),
    text("who", "Only what this one did."),
    text("subject", "Only what was done to this."),
    LIMIT,
];
const LATELY: &[Parameter] = &[Parameter {
    name: "minutes",
    kind: Kind::Count(flow::MINUTES),
    about: "So many minutes back from now; 60 if it is left out.",
}];

pub(super) static ROUTES: &[Route] = &[
    get(
        "/me",
        "me",
        "The token that asks",
        Area::Status,
        "Token",
        |_| Err(Problem::not_offered()),
    )
    .answered(Answer::Own),
    get(
        "/status",
        "status",
        "How the server is",
        Area::Status,
        "Status",
        |_| Ok(Request::Status),
    ),
    get(
        "/flow",
        "flow",
        "How much of everything there was lately, minute by minute",
        Area::Flow,
        "Flow",
        |call| {
            Ok(Request::FlowShow {
                minutes: call.count("minutes").unwrap_or(60),
            })
        },
    )
    .query(LATELY),
    get(
        "/flow/live",
        "flowLive",
        "The same as it happens: server-sent events called `sample`, every few seconds",
        Area::Flow,
        "Sample",
        |_| Err(Problem::not_offered()),
    )
    .answered(Answer::Live),
    get(
        "/reports",
        "reports",
        "What is to be told to other domains",
        Area::Reports,
        "Reports",
        |_| Ok(Request::ReportList),
    )
    .shaped(Shape::List),
    change(
        Verb::Post,
        "/reports/send",
        "sendReports",
        "Send what is there, of days that are not over, too",
        Area::Reports,
        |_| Ok(Request::ReportSend),
    )
    .gives(200, "Sent"),
    get(
        "/audit",
        "audit",
        "What administrators did, the latest first",
        Area::Audit,
        "Audit",
        |call| {
            Ok(Request::AuditList {
                before: call.text("before"),
                who: call.text("who"),
                subject: call.text("subject"),
                limit: Some(call.count("limit").unwrap_or(PAGE)),
            })
        },
    )
    .query(AUDITED),
];
