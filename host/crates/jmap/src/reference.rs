//! Arguments that are taken from results of calls before (RFC 8620 §3.7).

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::MethodError;
use crate::pointer;
use crate::request::Invocation;

/// Octets that the calls of a request may take from results together. Without a bound, calls that each take a result twice would double it
/// each time.
pub(crate) const MAX_REFERENCED: usize = 8 << 20;

/// A ResultReference.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    result_of: String,
    name: String,
    path: String,
}

/// Puts values in the place of references.
///
/// # Errors
/// `invalidArguments` for a name that is given both ways, `invalidResultReference` for a reference that leads nowhere.
pub(crate) fn resolve(
    arguments: Map<String, Value>,
    responses: &[Invocation],
    left: &mut usize,
) -> Result<Map<String, Value>, MethodError> {
    if !arguments.keys().any(|name| name.starts_with('#')) {
        return Ok(arguments);
    }
    let mut resolved = Map::new();
    for (name, value) in arguments {
        let (name, value) = match name.strip_prefix('#') {
            None => (name, value),
            Some(real) => (real.to_owned(), taken(value, responses, left)?),
        };
        if resolved.contains_key(&name) {
            return Err(MethodError::InvalidArguments(format!(
                "{name:?} is given twice, as a value and as a reference"
            )));
        }
        resolved.insert(name, value);
    }
    Ok(resolved)
}

fn taken(
    reference: Value,
    responses: &[Invocation],
    left: &mut usize,
) -> Result<Value, MethodError> {
    let invalid = |why: &str| MethodError::InvalidResultReference(why.into());
    let reference: Reference =
        serde_json::from_value(reference).map_err(|error| invalid(&error.to_string()))?;
    // The first response of that call, of whatever name.
    let response = responses
        .iter()
        .find(|response| response.call == reference.result_of)
        .ok_or_else(|| invalid("there is no response of that call before this one"))?;
    if response.name != reference.name {
        return Err(invalid("the response of that call has another name"));
    }
    pointer::follow(&response.arguments, &reference.path, left)
        .ok_or_else(|| invalid("the path leads nowhere, or to more than is taken"))
}
