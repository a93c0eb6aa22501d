//! What a route is: a row of the table that requests are served by and the document is made of.

use serde_json::{Value, json};
use waxwing_store::AdminScope;

use super::call::Call;
use super::problem::Problem;
use crate::admin::Request;
use crate::wiring::Parts;

/// A method of a path.
pub(super) struct Route {
    pub(super) verb: Verb,
    /// With `{name}` for its variable parts.
    pub(super) path: &'static str,
    /// What it is called in the document.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// What a token must let do.
    pub(super) scope: AdminScope,
    pub(super) query: &'static [Parameter],
    /// The schema of what it is sent.
    pub(super) body: Option<&'static str>,
    pub(super) status: u16,
    /// The schema of what it answers; none where there is nothing to say.
    pub(super) schema: Option<&'static str>,
    pub(super) shape: Shape,
    pub(super) answer: Answer,
    /// It takes the ETag of what it changes, in If-Match.
    pub(super) conditional: bool,
}

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A parameter of the query.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) about: &'static str,
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Flag,
    /// From 1 to this.
    Count(usize),
    Number,
}

/// Where an answer comes from.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// It is that of a request, as the commands make it.
    Of(fn(&Call) -> Result<Request, Problem>),
    /// The token itself.
    Own,
    /// What happens, as it happens.
    Live,
}

/// How the answer of a request becomes that of the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it is.
    Plain,
    /// A list, all of it.
    List,
    /// A page of entries of the queue: the next one begins after the last entry.
    Entries,
    /// The first of several.
    First,
    /// What the policy tells of itself, with what its steps answered.
    Pipeline,
}

impl Shape {
    pub(super) fn apply(self, parts: &Parts, call: &Call, value: Value) -> Value {
        match self {
            Self::Plain => value,
            Self::List => json!({ "items": value }),
            Self::Entries => {
                let entries = value.as_array().map_or(&[][..], Vec::as_slice);
                let limit = call.count("limit").unwrap_or(super::table::PAGE);
                let last = entries.last().and_then(|entry| entry.get("entry")).cloned();
                let next = last.filter(|_| entries.len() >= limit);
                json!({ "items": value, "next": next })
            }
            Self::First => value.get(0).cloned().unwrap_or_default(),
            Self::Pipeline => pipeline(parts, value),
        }
    }
}

/// What each step answered since the server was started, beside what is known of it.
fn pipeline(parts: &Parts, mut status: Value) -> Value {
    let steps = status.get_mut("steps").and_then(Value::as_array_mut);
    for step in steps.into_iter().flatten() {
        let name = step.get("name").and_then(Value::as_str).unwrap_or_default();
        let answers = json!(parts.flow.answers(name));
        if let Some(step) = step.as_object_mut() {
            step.insert("answers".to_owned(), answers);
        }
    }
    status
}
