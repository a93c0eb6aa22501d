//! Push subscriptions (RFC 8620 §7.2): where a client that holds no connection is told of changes.
//!
//! They are of who has logged in, and of no account: so these methods take no `accountId` and have no states.

mod ask;
mod get;
mod set;

use std::collections::BTreeMap;

use crate::context::Context;
use crate::error::MethodError;
use crate::methods::{Arguments, read};

pub use self::ask::{
    NewPush, PushAnswer, PushAsk, PushChange, PushKeys, PushRefused, Subscription,
};

/// A method of push subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// `PushSubscription/get` (RFC 8620 §7.2.1)
    Get,
    /// `PushSubscription/set` (RFC 8620 §7.2.2)
    Set,
}

impl Method {
    /// The method of a name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "PushSubscription/get" => Self::Get,
            "PushSubscription/set" => Self::Set,
            _ => return None,
        })
    }
}

/// Makes a call.
pub(crate) async fn call(
    method: Method,
    arguments: Arguments,
    context: &Context,
    created: &mut BTreeMap<String, String>,
) -> Result<Arguments, MethodError> {
    match method {
        Method::Get => get::call(read(arguments)?, context).await,
        Method::Set => set::call(read(arguments)?, context, created).await,
    }
}
