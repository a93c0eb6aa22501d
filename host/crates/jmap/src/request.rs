//! The Request object (RFC 8620 §3.3).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::id::is_id;
use crate::json::{self, JsonError};
use crate::limits::Limits;
use crate::problem::{LimitName, Problem};

/// A call or a response (RFC 8620 §3.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// Of the method, or of the response.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// What the client calls the call.
    pub call: String,
}

impl Invocation {
    pub(crate) fn to_json(&self) -> Value {
        let Self {
            name,
            arguments,
            call,
        } = self;
        Value::Array(vec![
            name.as_str().into(),
            arguments.clone().into(),
            call.as_str().into(),
        ])
    }
}

/// What a client wants done.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What it uses.
    pub using: Vec<Capability>,
    /// The calls, to be made in this order.
    pub calls: Vec<Invocation>,
    /// Ids by the names that the client gave, of requests before, if it gave any.
    pub created_ids: Option<BTreeMap<String, String>>,
}

impl Request {
    /// The request that the body of a POST is.
    ///
    /// # Errors
    /// Every [`Problem`] that a body can have.
    pub fn parse(
        content_type: Option<&str>,
        octets: &[u8],
        limits: &Limits,
    ) -> Result<Self, Problem> {
        Self::check_size(octets, limits)?;
        if !content_type.is_some_and(is_json) {
            return Err(Problem::NotJson(
                "the type of a request is application/json".into(),
            ));
        }
        Self::of(Self::value(octets, limits)?, limits)
    }

    fn check_size(octets: &[u8], limits: &Limits) -> Result<(), Problem> {
        if octets.len() > limits.size_request {
            return Err(Problem::Limit(LimitName::SizeRequest));
        }
        Ok(())
    }

    /// The JSON that octets are.
    pub(crate) fn value(octets: &[u8], limits: &Limits) -> Result<Value, Problem> {
        Self::check_size(octets, limits)?;
        json::parse(octets).map_err(|error| match error {
            JsonError::Syntax(text) => Problem::NotJson(text),
            JsonError::TooMuch => Problem::Limit(LimitName::SizeRequest),
        })
    }

    /// The request that an object is.
    pub(crate) fn of(value: Value, limits: &Limits) -> Result<Self, Problem> {
        let Value::Object(mut members) = value else {
            return Err(not_request("a request is an object"));
        };
        let using = members.remove("using").unwrap_or_default();
        let calls = members.remove("methodCalls").unwrap_or_default();
        let created_ids = members.remove("createdIds").map(created_ids).transpose()?;
        let using = strings(using).ok_or_else(|| not_request("\"using\" is a list of strings"))?;
        let Value::Array(calls) = calls else {
            return Err(not_request("\"methodCalls\" is a list"));
        };
        let calls = calls.into_iter().map(|call| {
            invocation(call).ok_or_else(|| {
                not_request("a call is a list of a name, an object of arguments and a call id")
            })
        });
        let calls: Vec<Invocation> = calls.collect::<Result<_, _>>()?;
        let known = |uri: String| Capability::parse(&uri).ok_or(Problem::UnknownCapability(uri));
        let using = using.into_iter().map(known).collect::<Result<_, _>>()?;
        if calls.len() > limits.calls_in_request {
            return Err(Problem::Limit(LimitName::CallsInRequest));
        }
        Ok(Self {
            using,
            calls,
            created_ids,
        })
    }
}

/// RFC 9110 §8.3.1: parameters may follow the type.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn not_request(detail: &str) -> Problem {
    Problem::NotRequest(detail.into())
}

fn strings(value: Value) -> Option<Vec<String>> {
    let Value::Array(items) = value else {
        return None;
    };
    let string = |item| match item {
        Value::String(text) => Some(text),
        _ => None,
    };
    items.into_iter().map(string).collect()
}

fn invocation(value: Value) -> Option<Invocation> {
    let Value::Array(items) = value else {
        return None;
    };
    let items: [Value; 3] = items.try_into().ok()?;
    match items {
        [
            Value::String(name),
            Value::Object(arguments),
            Value::String(call),
        ] => Some(Invocation {
            name,
            arguments,
            call,
        }),
        _ => None,
    }
}

fn created_ids(value: Value) -> Result<BTreeMap<String, String>, Problem> {
    let wrong = || not_request("\"createdIds\" has ids by ids");
    let Value::Object(members) = value else {
        return Err(wrong());
    };
    let id = |(name, id): (String, Value)| match id {
        Value::String(id) if is_id(&id) && is_id(&name) => Ok((name, id)),
        _ => Err(wrong()),
    };
    members.into_iter().map(id).collect()
}
