//! Contents made, read and looked for by calls (RFC 9404).

mod ask;
mod get;
mod lookup;
mod upload;

use std::collections::BTreeMap;

use crate::context::Context;
use crate::error::MethodError;
use crate::methods::{Arguments, read};

pub use self::ask::{BlobAnswer, BlobAsk, BlobPiece, DigestAlgorithm, Octets, Uses};
pub(crate) use self::lookup::{TYPES, uses_of};

/// A method of contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// `Blob/upload` (RFC 9404 §4.1)
    Upload,
    /// `Blob/get` (RFC 9404 §4.2)
    Get,
    /// `Blob/lookup` (RFC 9404 §4.3)
    Lookup,
}

impl Method {
    /// The method of a name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "Blob/upload" => Self::Upload,
            "Blob/get" => Self::Get,
            "Blob/lookup" => Self::Lookup,
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
        Method::Upload => upload::call(read(arguments)?, context, created).await,
        Method::Get => get::call(read(arguments)?, context, created).await,
        Method::Lookup => lookup::call(read(arguments)?, context, created).await,
    }
}

/// The id that an argument names: its own, or that of what was created before (RFC 8620 §5.3).
fn named<'a>(id: &'a str, created: &'a BTreeMap<String, String>) -> Option<&'a str> {
    match id.strip_prefix('#') {
        Some(creation) => created.get(creation).map(String::as_str),
        None => Some(id),
    }
}
