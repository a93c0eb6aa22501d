//! Why a request is refused as a whole (RFC 8620 §3.6.1), as "problem details" (RFC 7807).

use serde_json::{Map, Value, json};

/// A limit of the capability of the core, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitName {
    /// `maxSizeUpload`
    SizeUpload,
    /// `maxConcurrentUpload`
    ConcurrentUpload,
    /// `maxSizeRequest`
    SizeRequest,
    /// `maxConcurrentRequests`
    ConcurrentRequests,
    /// `maxCallsInRequest`
    CallsInRequest,
}

impl LimitName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SizeUpload => "maxSizeUpload",
            Self::ConcurrentUpload => "maxConcurrentUpload",
            Self::SizeRequest => "maxSizeRequest",
            Self::ConcurrentRequests => "maxConcurrentRequests",
            Self::CallsInRequest => "maxCallsInRequest",
        }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It uses a capability that there is not.
    UnknownCapability(String),
    /// It is not I-JSON, or does not say that it is JSON.
    NotJson(String),
    /// It is no Request object.
    NotRequest(String),
    /// It is more than is taken.
    Limit(LimitName),
    /// Something else, as HTTP has it: a status and a sentence.
    Status(u16, String),
}

impl Problem {
    /// The status of the response.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Status(status, _) => *status,
            _ => 400,
        }
    }

    /// The body of the response, of the type `application/problem+json`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (kind, detail) = match self {
            Self::UnknownCapability(uri) => (
                "urn:ietf:params:jmap:error:unknownCapability",
                format!("the capability {uri:?} is not known here"),
            ),
            Self::NotJson(detail) => ("urn:ietf:params:jmap:error:notJSON", detail.clone()),
            Self::NotRequest(detail) => ("urn:ietf:params:jmap:error:notRequest", detail.clone()),
            Self::Limit(_) => (
                "urn:ietf:params:jmap:error:limit",
                "this is more than is taken at once".to_owned(),
            ),
            // RFC 7807 §4.2: of a problem that says no more than its status.
            Self::Status(_, detail) => ("about:blank", detail.clone()),
        };
        let mut members = Map::new();
        members.insert("type".into(), kind.into());
        members.insert("status".into(), json!(self.status()));
        members.insert("detail".into(), detail.into());
        if let Self::Limit(limit) = self {
            members.insert("limit".into(), limit.as_str().into());
        }
        Value::Object(members)
    }
}
