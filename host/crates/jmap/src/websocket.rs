//! Messages over a WebSocket (RFC 8887): requests, what comes of them, and changes.

use serde_json::{Map, Value};

use crate::limits::Limits;
use crate::problem::Problem;
use crate::push::{StateChange, Wanted};
use crate::request::Request;
use crate::response::Response;

/// Longest id of a request; longer ones are no use to anybody.
const MAX_ID: usize = 255;

/// What a client says.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// RFC 8887 §4.3.2.
    Request {
        /// What the client calls it.
        id: Option<String>,
        /// It.
        request: Request,
    },
    /// Tell of changes from here on (RFC 8887 §4.3.5.2).
    PushEnable {
        /// Of which types.
        types: Wanted,
        /// What was told last, if the client knows.
        since: Option<String>,
    },
    /// And no more (RFC 8887 §4.3.5.3).
    PushDisable,
}

/// Why a message is refused, and which request it was, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestError {
    /// What the client calls the request.
    pub id: Option<String>,
    /// What is wrong with it.
    pub problem: Problem,
}

impl Incoming {
    /// What a message says.
    ///
    /// # Errors
    /// As for the body of a POST; and for what is of no known type.
    pub fn parse(octets: &[u8], limits: &Limits) -> Result<Self, RequestError> {
        let bare = |problem| RequestError { id: None, problem };
        let value = Request::value(octets, limits).map_err(bare)?;
        let Value::Object(mut members) = value else {
            return Err(bare(not_request("a message is an object")));
        };
        let id = match members.remove("id") {
            None => None,
            Some(Value::String(id)) if id.len() <= MAX_ID => Some(id),
            Some(_) => return Err(bare(not_request("\"id\" is a short string"))),
        };
        let parsed = match members.remove("@type").as_ref().and_then(Value::as_str) {
            Some("Request") => {
                let request = Request::of(Value::Object(members), limits);
                request.map(|request| Self::Request {
                    id: id.clone(),
                    request,
                })
            }
            Some("WebSocketPushEnable") => enable(members),
            Some("WebSocketPushDisable") => Ok(Self::PushDisable),
            _ => Err(not_request("\"@type\" is one that a client may send")),
        };
        parsed.map_err(|problem| RequestError { id, problem })
    }
}

fn not_request(text: &str) -> Problem {
    Problem::NotRequest(text.into())
}

fn enable(mut members: Map<String, Value>) -> Result<Incoming, Problem> {
    let wrong = || not_request("\"dataTypes\" is null or a list of names");
    let types = match members.remove("dataTypes") {
        None | Some(Value::Null) => Wanted::All,
        Some(Value::Array(names)) => {
            let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
            names.and_then(Wanted::of).ok_or_else(wrong)?
        }
        Some(_) => return Err(wrong()),
    };
    let since = match members.remove("pushState") {
        None | Some(Value::Null) => None,
        Some(Value::String(since)) => Some(since),
        Some(_) => return Err(not_request("\"pushState\" is a string")),
    };
    Ok(Incoming::PushEnable { types, since })
}

/// An object with what else a message has.
fn message(object: Value, more: [(&str, Value); 2]) -> Value {
    let mut members = match object {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    members.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(members)
}

impl Response {
    /// The message that it is (RFC 8887 §4.3.3).
    #[must_use]
    pub fn to_message(&self, id: Option<&str>) -> Value {
        let mut object = message(
            self.to_json(),
            [("@type", "Response".into()), ("requestId", id.into())],
        );
        // RFC 8887 §4.3.3: only if the request has one.
        if let (None, Some(members)) = (id, object.as_object_mut()) {
            members.remove("requestId");
        }
        object
    }
}

impl RequestError {
    /// The message that it is (RFC 8887 §4.3.4).
    #[must_use]
    pub fn to_message(&self) -> Value {
        let id = self.id.as_deref().into();
        message(
            self.problem.to_json(),
            [("@type", "RequestError".into()), ("requestId", id)],
        )
    }
}

impl StateChange {
    /// The message that it is (RFC 8887 §4.3.5.1), with what a client that comes back says.
    #[must_use]
    pub fn to_message(&self, until: &str) -> Value {
        message(
            self.to_json(),
            [("@type", "StateChange".into()), ("pushState", until.into())],
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::AccountId;
    use crate::push::DataType;

    fn parse(value: &Value) -> Result<Incoming, RequestError> {
        let limits = Limits {
            size_request: 300,
            calls_in_request: 1,
            ..Limits::default()
        };
        Incoming::parse(value.to_string().as_bytes(), &limits)
    }

    fn refused(value: &Value) -> Value {
        let mut message = parse(value).unwrap_err().to_message();
        assert_eq!(message["@type"], "RequestError");
        message
            .as_object_mut()
            .unwrap()
            .retain(|name, _| ["type", "requestId", "limit"].contains(&name.as_str()));
        message
    }

    #[test]
    fn requests_and_their_ids() {
        let call = json!(["Core/echo", {}, "c"]);
        let core = "urn:ietf:params:jmap:core";
        let request =
            json!({"@type": "Request", "id": "R1", "using": [core], "methodCalls": [call]});
        let Ok(Incoming::Request {
            id,
            request: parsed,
        }) = parse(&request)
        else {
            panic!("no request");
        };
        assert_eq!((id.as_deref(), parsed.calls.len()), (Some("R1"), 1));
        let error = |kind: &str| format!("urn:ietf:params:jmap:error:{kind}");
        let mut many = request.clone();
        many["methodCalls"] = json!([call, call]);
        assert_eq!(
            refused(&many),
            json!({"type": error("limit"), "limit": "maxCallsInRequest", "requestId": "R1"})
        );
        let mut unknown = request.clone();
        unknown["using"] = json!(["x"]);
        assert_eq!(
            refused(&unknown),
            json!({"type": error("unknownCapability"), "requestId": "R1"})
        );
        let large = json!({"@type": "Request", "id": "R1", "x": "x".repeat(300)});
        assert_eq!(
            refused(&large),
            json!({"type": error("limit"), "limit": "maxSizeRequest", "requestId": null})
        );
        for other in [
            json!([]),
            json!({"@type": "Request", "id": 7}),
            json!({"@type": "Response"}),
            json!({"using": [], "methodCalls": []}),
        ] {
            assert_eq!(
                refused(&other),
                json!({"type": error("notRequest"), "requestId": null}),
                "{other}"
            );
        }
        let broken = Incoming::parse(b"{", &Limits::default()).unwrap_err();
        assert!(matches!(broken.problem, Problem::NotJson(_)));
    }

    #[test]
    fn push_is_turned_on_and_off() {
        let enable = |more: Value| {
            let object = message(
                more,
                [("@type", "WebSocketPushEnable".into()), ("id", "E".into())],
            );
            parse(&object)
        };
        let all = Incoming::PushEnable {
            types: Wanted::All,
            since: None,
        };
        assert_eq!(enable(json!({"dataTypes": null})), Ok(all.clone()));
        assert_eq!(enable(json!({})), Ok(all));
        let some = Incoming::PushEnable {
            types: Wanted::of(["Email"]).unwrap(),
            since: Some("7".into()),
        };
        assert_eq!(
            enable(json!({"dataTypes": ["Email"], "pushState": "7"})),
            Ok(some)
        );
        for wrong in [
            json!({"dataTypes": "Email"}),
            json!({"dataTypes": [1]}),
            json!({"dataTypes": [""]}),
            json!({"pushState": 7}),
        ] {
            let error = enable(wrong.clone()).unwrap_err();
            assert!(matches!(error.problem, Problem::NotRequest(_)), "{wrong}");
            assert_eq!(error.id.as_deref(), Some("E"));
        }
        assert_eq!(
            parse(&json!({"@type": "WebSocketPushDisable"})),
            Ok(Incoming::PushDisable)
        );
    }

    #[test]
    fn answers_name_what_they_answer() {
        let response = Response::empty("s".into());
        let told = json!({"@type": "Response", "methodResponses": [], "sessionState": "s"});
        assert_eq!(response.to_message(None), told);
        assert_eq!(response.to_message(Some("R1"))["requestId"], "R1");
        let change = StateChange {
            account: AccountId(1),
            types: vec![(DataType::Email, "7".into())],
        };
        let pushed =
            json!({"@type": "StateChange", "changed": {"A1": {"Email": "7"}}, "pushState": "7"});
        assert_eq!(change.to_message("7"), pushed);
    }
}
