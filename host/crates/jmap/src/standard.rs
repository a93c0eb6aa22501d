//! What the methods of all types have in common (RFC 8620 §5): their arguments, the bounds of these, and the form of their results.

mod changes;
mod get;
mod patch;
mod query;
mod query_changes;
mod state;

pub(crate) use changes::{Changed, Changes};
pub(crate) use get::{Get, Got, chosen, distinct, unknown_property};
pub(crate) use patch::patched;
pub(crate) use query::{Comparator, Filter, FilterError, Found, Query};
pub(crate) use query_changes::{QueryChanged, QueryChanges};
pub(crate) use state::State;
