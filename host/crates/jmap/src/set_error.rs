//! Why an object is not created, changed or destroyed while others of the same call are (RFC 8620 §5.3).

use serde_json::{Value, json};

/// A SetError.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SetError {
    /// `notFound`
    NotFound,
}

impl SetError {
    pub(crate) fn to_json(&self) -> Value {
        let (kind, description) = match self {
            Self::NotFound => ("notFound", "there is none"),
        };
        json!({ "type": kind, "description": description })
    }
}
