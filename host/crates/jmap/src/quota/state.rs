//! The state of quotas: each with what it was.

use std::collections::BTreeMap;
use std::fmt;

use super::object::Quota;

/// Quotas that a state can name; more than policy tells of.
const MAX_QUOTAS: usize = 256;

/// What a quota is, as far as it can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Was {
    pub(super) limit: u64,
    pub(super) used: u64,
}

/// What all of them are, by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State(pub(super) BTreeMap<String, Was>);

impl State {
    pub(super) fn of(quotas: &[Quota]) -> Self {
        let each = quotas.iter().map(|quota| {
            let Quota { limit, used, .. } = *quota;
            (quota.id.clone(), Was { limit, used })
        });
        Self(each.collect())
    }

    /// The state that is written like this.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut state = Self::default();
        if text == "0" {
            return Some(state);
        }
        for item in text.split('.') {
            let mut fields = item.split('-');
            let (id, limit, used) = (fields.next()?, fields.next()?, fields.next()?);
            let number = |text| u64::from_str_radix(text, 16).ok();
            let was = Was {
                limit: number(limit)?,
                used: number(used)?,
            };
            if state.0.insert(id.to_owned(), was).is_some() || state.0.len() > MAX_QUOTAS {
                return None;
            }
        }
        // What is written in another way was never given out.
        (state.to_string() == text).then_some(state)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        for (index, (id, was)) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "." };
            write!(f, "{between}{id}-{:x}-{:x}", was.limit, was.used)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_they_are_written() {
        for text in ["0", "Qa-3e8-0", "Qa-3e8-0.Qb-ffffffffffffffff-1"] {
            assert_eq!(State::parse(text).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "1",
            "Qb-1-1.Qa-1-1",
            "Qa-1-1.Qa-1-1",
            "Qa-01-1",
            "Qa-1",
            "Qa-1-1-1",
        ] {
            assert_eq!(State::parse(bad), None, "{bad}");
        }
    }
}
