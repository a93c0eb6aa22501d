//! The methods, by their names. Each is a function of its arguments that asks what it has to know.

mod blob_copy;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::blob;
use crate::capability::Capability;
use crate::context::Context;
use crate::error::MethodError;
use crate::{changing, mail, push_subscription, quota};

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// `Core/echo` (RFC 8620 §4)
    CoreEcho,
    /// `Blob/copy` (RFC 8620 §6.3)
    BlobCopy,
    /// Those that read mail (RFC 8621)
    Mail(mail::Method),
    /// Those that change something
    Change(changing::Method),
    /// Those of contents (RFC 9404)
    Blob(blob::Method),
    /// Those of push subscriptions (RFC 8620 §7.2)
    PushSubscription(push_subscription::Method),
    /// Those of quotas (RFC 9425)
    Quota(quota::Method),
}

impl Method {
    /// The capability that a client has to use.
    pub(crate) const fn capability(self) -> Capability {
        match self {
            Self::CoreEcho | Self::BlobCopy | Self::PushSubscription(_) => Capability::Core,
            Self::Mail(_) => Capability::Mail,
            Self::Change(method) => method.capability(),
            Self::Blob(_) => Capability::Blob,
            Self::Quota(_) => Capability::Quota,
        }
    }
}

/// The method of a name.
pub(crate) fn find(name: &str) -> Option<Method> {
    Some(match name {
        "Core/echo" => Method::CoreEcho,
        "Blob/copy" => Method::BlobCopy,
        _ => {
            return mail::Method::find(name)
                .map(Method::Mail)
                .or_else(|| changing::Method::find(name).map(Method::Change))
                .or_else(|| blob::Method::find(name).map(Method::Blob))
                .or_else(|| quota::Method::find(name).map(Method::Quota))
                .or_else(|| push_subscription::Method::find(name).map(Method::PushSubscription));
        }
    })
}

/// Arguments or results.
pub(crate) type Arguments = Map<String, Value>;

/// Makes a call.
pub(crate) async fn call(
    method: Method,
    arguments: Arguments,
    context: &Context,
    created: &mut BTreeMap<String, String>,
) -> Result<Arguments, MethodError> {
    // RFC 8620 §3.6.2: of somebody else's account only some capabilities are to be had.
    let account = arguments.get("accountId").and_then(Value::as_str);
    let account = account.and_then(|id| context.viewer.account(id));
    if account.is_some_and(|account| !account.has(method.capability())) {
        return Err(MethodError::AccountNotSupportedByMethod);
    }
    match method {
        Method::CoreEcho => Ok(arguments),
        Method::BlobCopy => blob_copy::call(read(arguments)?, context).await,
        Method::Mail(method) => mail::call(method, arguments, context).await,
        Method::Change(method) => changing::call(method, arguments, context, created).await,
        Method::Blob(method) => blob::call(method, arguments, context, created).await,
        Method::Quota(method) => quota::call(method, arguments, context).await,
        Method::PushSubscription(method) => {
            push_subscription::call(method, arguments, context, created).await
        }
    }
}

/// Arguments as a method has them.
///
/// # Errors
/// `invalidArguments` for those of another type, for missing ones, and for those that the method does not have: a client that gives one
/// counts on it.
pub(crate) fn read<T: DeserializeOwned>(arguments: Arguments) -> Result<T, MethodError> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| MethodError::InvalidArguments(error.to_string()))
}
