//! PatchObjects (RFC 8620 §5.3): what of an object is to be something else.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Keys of a path.
const MAX_KEYS: usize = 32;

/// Why a patch is none: `invalidPatch`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidPatch {
    /// A path that goes through what is no object, or is not there.
    #[error("{0:?} leads into nothing that can be patched")]
    Nowhere(String),
    /// A path that another one begins with.
    #[error("{0:?} is changed as a whole and in part")]
    Overlapping(String),
    /// A `~` that escapes nothing, or a path of too many keys.
    #[error("{0:?} is no path")]
    NoPath(String),
}

/// The object with the patch applied. A value of null removes the key; what its default is, the type says.
///
/// # Errors
/// `InvalidPatch`; nothing is done then.
pub(crate) fn patched(
    object: &Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<Map<String, Value>, InvalidPatch> {
    let mut paths: Vec<(Vec<Cow<'_, str>>, &String, &Value)> = Vec::with_capacity(patch.len());
    for (path, value) in patch {
        let keys = keys(path).ok_or_else(|| InvalidPatch::NoPath(path.clone()))?;
        paths.push((keys, path, value));
    }
    // Sorted by its keys, what begins with a path is behind it.
    paths.sort_by(|a, b| a.0.cmp(&b.0));
    for pair in paths.windows(2) {
        if let [(before, _, _), (behind, path, _)] = pair
            && behind.starts_with(before)
        {
            return Err(InvalidPatch::Overlapping((*path).clone()));
        }
    }
    let mut whole = object.clone();
    for (keys, path, value) in paths {
        put(&mut whole, &keys, value).ok_or_else(|| InvalidPatch::Nowhere(path.clone()))?;
    }
    Ok(whole)
}

fn put(object: &mut Map<String, Value>, keys: &[Cow<'_, str>], value: &Value) -> Option<()> {
    let (last, before) = keys.split_last()?;
    let mut at = object;
    for key in before {
        // RFC 8620 §5.3: not into an array, and all before the last has to be there.
        at = at.get_mut(key.as_ref())?.as_object_mut()?;
    }
    match value {
        Value::Null => {
            at.remove(last.as_ref());
        }
        value => {
            at.insert(last.as_ref().to_owned(), value.clone());
        }
    }
    Some(())
}

/// The keys of a path: a pointer (RFC 6901) with its first slash left out.
fn keys(path: &str) -> Option<Vec<Cow<'_, str>>> {
    let keys: Vec<_> = path
        .split('/')
        .map(crate::pointer::unescape)
        .collect::<Option<_>>()?;
    (keys.len() <= MAX_KEYS).then_some(keys)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patch(object: Value, patch: Value) -> Result<Value, InvalidPatch> {
        let (Value::Object(object), Value::Object(patch)) = (object, patch) else {
            panic!("both are objects");
        };
        patched(&object, &patch).map(Value::Object)
    }

    #[test]
    fn values_are_put_and_removed() {
        let object = json!({"a": 1, "b": {"c": true, "d~/": {"e": 1}}, "f": [1]});
        let change = json!({"a": 2, "b/c": null, "b/d~0~1/e": {"x": 1}, "f": [], "g": 1, "h": null, "b/none": null});
        assert_eq!(
            patch(object, change),
            Ok(json!({"a": 2, "b": {"d~/": {"e": {"x": 1}}}, "f": [], "g": 1}))
        );
    }

    #[test]
    fn patches_that_are_none() {
        let object = json!({"a": {"b": 1}, "f": [1]});
        for (change, wrong) in [
            (json!({"f/0": 1}), InvalidPatch::Nowhere("f/0".into())),
            (json!({"a/b/c": 1}), InvalidPatch::Nowhere("a/b/c".into())),
            (json!({"x/y": 1}), InvalidPatch::Nowhere("x/y".into())),
            (
                json!({"a/b": 1, "a": {}}),
                InvalidPatch::Overlapping("a/b".into()),
            ),
            (
                json!({"a/b/c": 1, "a-": 1, "a": {}}),
                InvalidPatch::Overlapping("a/b/c".into()),
            ),
            (json!({"a~2": 1}), InvalidPatch::NoPath("a~2".into())),
        ] {
            assert_eq!(patch(object.clone(), change), Err(wrong));
        }
    }
}
