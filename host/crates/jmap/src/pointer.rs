//! Pointers into results (RFC 6901), with `*` for every item of an array (RFC 8620 §3.7).

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::json::{weight, weight_of_members};

/// Longest pointer, in octets.
const MAX_POINTER: usize = 1024;

/// What a pointer leads to in an object, if it leads anywhere. What is copied is taken from `left`; there is none if that is not enough.
pub(crate) fn follow(root: &Map<String, Value>, pointer: &str, left: &mut usize) -> Option<Value> {
    if pointer.len() > MAX_POINTER {
        return None;
    }
    let tokens: Vec<Cow<'_, str>> = match pointer.strip_prefix('/') {
        Some(rest) => rest.split('/').map(unescape).collect::<Option<_>>()?,
        // RFC 6901 §5: the empty pointer is the whole.
        None if pointer.is_empty() => Vec::new(),
        None => return None,
    };
    let Some((first, rest)) = tokens.split_first() else {
        *left = left.checked_sub(weight_of_members(root))?;
        return Some(Value::Object(root.clone()));
    };
    evaluate(root.get(first.as_ref())?, rest, left)
}

fn evaluate(at: &Value, tokens: &[Cow<'_, str>], left: &mut usize) -> Option<Value> {
    let Some((token, rest)) = tokens.split_first() else {
        *left = left.checked_sub(weight(at))?;
        return Some(at.clone());
    };
    match at {
        Value::Object(members) => evaluate(members.get(token.as_ref())?, rest, left),
        Value::Array(items) if token == "*" => {
            let mut found = Vec::new();
            for item in items {
                // An item costs even if nothing is copied of it: many stars over empty arrays are work, too.
                *left = left.checked_sub(1)?;
                match evaluate(item, rest, left)? {
                    Value::Array(inner) => found.extend(inner),
                    other => found.push(other),
                }
            }
            Some(Value::Array(found))
        }
        Value::Array(items) => evaluate(items.get(index(token)?)?, rest, left),
        _ => None,
    }
}

/// RFC 6901 §4: digits without a zero before them.
fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || !token.starts_with('0');
    let digits = token.bytes().all(|octet| octet.is_ascii_digit());
    (plain && digits).then(|| token.parse().ok()).flatten()
}

/// RFC 6901 §3: `~0` is `~` and `~1` is `/`; nothing else follows a `~`.
pub(crate) fn unescape(token: &str) -> Option<Cow<'_, str>> {
    if !token.contains('~') {
        return Some(token.into());
    }
    let mut parts = token.split('~');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let rest = match part.as_bytes().first()? {
            b'0' => {
                text.push('~');
                part.get(1..)?
            }
            b'1' => {
                text.push('/');
                part.get(1..)?
            }
            _ => return None,
        };
        text.push_str(rest);
    }
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn within(root: &Value, pointer: &str, left: &mut usize) -> Option<Value> {
        follow(root.as_object().unwrap(), pointer, left)
    }

    fn at(root: &Value, pointer: &str) -> Option<Value> {
        within(root, pointer, &mut 100_000)
    }

    #[test]
    fn the_examples_of_rfc_6901() {
        let root = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8
        });
        assert_eq!(at(&root, "").as_ref(), Some(&root));
        assert_eq!(at(&root, "/foo"), Some(json!(["bar", "baz"])));
        assert_eq!(at(&root, "/foo/0"), Some(json!("bar")));
        let names = [
            "/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n",
        ];
        for (value, pointer) in names.into_iter().enumerate() {
            assert_eq!(at(&root, pointer), Some(json!(value)), "{pointer}");
        }
        for nowhere in [
            "foo", "/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/bar", "/m~n", "/m~2n", "/m~",
            "/ /a",
        ] {
            assert_eq!(at(&root, nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn a_star_maps_and_flattens() {
        let root =
            json!({"list": [{"id": "a", "ids": ["b", "c"]}, {"id": "d", "ids": []}], "*": 1});
        assert_eq!(at(&root, "/list/*/id"), Some(json!(["a", "d"])));
        assert_eq!(at(&root, "/list/*/ids"), Some(json!(["b", "c"])));
        assert_eq!(at(&root, "/list/*/ids/*"), Some(json!(["b", "c"])));
        // Of an object it is a name like others.
        assert_eq!(at(&root, "/*"), Some(json!(1)));
        assert_eq!(at(&root, "/list/*/missing"), None);
        assert_eq!(at(&json!({"a": [[["a"]]]}), "/a/*"), Some(json!([["a"]])));
    }

    #[test]
    fn what_is_copied_is_bounded() {
        let root = json!({"a": "x".repeat(100)});
        assert_eq!(within(&root, "/a", &mut 100), None);
        let mut left = 200;
        assert!(within(&root, "/a", &mut left).is_some());
        assert_eq!(left, 84);
        let empty = json!({"a": vec![json!([]); 1000]});
        assert_eq!(within(&empty, "/a/*/*", &mut 999), None);
        assert_eq!(at(&root, &"/a".repeat(1000)), None);
    }

    proptest! {
        #[test]
        fn no_pointer_panics_or_copies_more_than_it_may(pointer in "[/*~01a-]{0,20}", most in 0usize..300) {
            let root = json!({"a": [{"a": [1, [2, {"": "a"}]]}, []], "-": {"*": [null]}});
            let mut left = most;
            if let Some(found) = within(&root, &pointer, &mut left) {
                prop_assert!(left <= most);
                if !matches!(found, Value::Array(_)) {
                    prop_assert!(weight(&found) <= most);
                }
            }
        }
    }
}
