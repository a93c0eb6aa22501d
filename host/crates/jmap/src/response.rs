//! The Response object (RFC 8620 §3.4).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::request::Invocation;

/// What came of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// In the order of the calls.
    pub responses: Vec<Invocation>,
    /// Ids by the names that the client gave, if it gave some itself.
    pub created_ids: Option<BTreeMap<String, String>>,
    /// The state of the Session object.
    pub session_state: String,
}

impl Response {
    pub(crate) fn empty(session_state: String) -> Self {
        Self {
            responses: Vec::new(),
            created_ids: None,
            session_state,
        }
    }

    /// The body of the HTTP response.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let responses: Vec<Value> = self.responses.iter().map(Invocation::to_json).collect();
        let mut object =
            json!({ "methodResponses": responses, "sessionState": self.session_state });
        if let (Some(created), Some(members)) = (&self.created_ids, object.as_object_mut()) {
            members.insert("createdIds".into(), json!(created));
        }
        object
    }
}
