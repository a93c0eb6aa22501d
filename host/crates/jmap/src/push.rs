//! What is pushed to a client (RFC 8620 §7.1): the types of which something changed, with their states.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::id::AccountId;

/// Types that a client may name in a list; more than there are.
const MAX_TYPES: usize = 64;
/// Longest name of a type.
const MAX_NAME: usize = 64;

/// A type whose state is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataType {
    /// `Email` (RFC 8621 §4)
    Email,
    /// `EmailDelivery` (RFC 8621 §1.5)
    EmailDelivery,
    /// `EmailSubmission` (RFC 8621 §7)
    EmailSubmission,
    /// `Identity` (RFC 8621 §6)
    Identity,
    /// `Mailbox` (RFC 8621 §2)
    Mailbox,
    /// `Quota` (RFC 9425 §5)
    Quota,
    /// `Thread` (RFC 8621 §3)
    Thread,
    /// `VacationResponse` (RFC 8621 §8)
    VacationResponse,
}

impl DataType {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "Email",
            Self::EmailDelivery => "EmailDelivery",
            Self::EmailSubmission => "EmailSubmission",
            Self::Identity => "Identity",
            Self::Mailbox => "Mailbox",
            Self::Quota => "Quota",
            Self::Thread => "Thread",
            Self::VacationResponse => "VacationResponse",
        }
    }
}

/// The types that a client wants to hear of. A name that nobody knows is no error: it may be of another server's (RFC 8620 §7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All of them, those that are not yet invented included.
    All,
    /// These.
    Only(BTreeSet<String>),
}

impl Wanted {
    /// From the variable of a URL: `*`, or names with commas between.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        Self::of(text.split(','))
    }

    /// From a list.
    #[must_use]
    pub fn of<'t>(names: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let mut wanted = BTreeSet::new();
        for name in names {
            let known = (1..=MAX_NAME).contains(&name.len())
                && name.bytes().all(|octet| octet.is_ascii_alphanumeric());
            if !known || wanted.len() >= MAX_TYPES {
                return None;
            }
            wanted.insert(name.to_owned());
        }
        Some(Self::Only(wanted))
    }

    /// Whether a type is among them.
    #[must_use]
    pub fn has(&self, data_type: DataType) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(data_type.as_str()),
        }
    }
}

/// What changed in an account: each type with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// The account.
    pub account: AccountId,
    /// What changed.
    pub types: Vec<(DataType, String)>,
}

impl StateChange {
    /// The object that is pushed.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let states = self.types.iter();
        let states: Map<String, Value> = states
            .map(|(data_type, state)| (data_type.as_str().to_owned(), state.as_str().into()))
            .collect();
        json!({"@type": "StateChange", "changed": {self.account.to_string(): states}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_all_or_a_list() {
        let all = Wanted::parse("*").unwrap();
        assert!(all.has(DataType::Thread));
        let some = Wanted::parse("Email,CalendarEvent").unwrap();
        assert!(some.has(DataType::Email) && !some.has(DataType::EmailDelivery));
        let long = "x".repeat(MAX_NAME + 1);
        let many = (0..=MAX_TYPES).map(|number| format!("T{number}"));
        let many = many.collect::<Vec<_>>().join(",");
        for bad in ["", "a,", "*,Email", "a b", &long, &many] {
            assert_eq!(Wanted::parse(bad), None, "{bad}");
        }
        assert!(!Wanted::of([]).unwrap().has(DataType::Email));
    }

    #[test]
    fn a_change_is_an_object_of_states() {
        let change = StateChange {
            account: AccountId(3),
            types: vec![
                (DataType::Email, "7".into()),
                (DataType::Mailbox, "7".into()),
            ],
        };
        let object =
            json!({"@type": "StateChange", "changed": {"A3": {"Email": "7", "Mailbox": "7"}}});
        assert_eq!(change.to_json(), object);
    }
}
