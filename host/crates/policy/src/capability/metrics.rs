//! `metrics`: a plugin's own figures. The number of series is bounded, whatever a plugin puts into labels.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use ::metrics::{Label, counter, gauge, histogram};
use wasmtime::Result;

use crate::bindings::waxwing::policy::metrics::Host;
use crate::state::State;
use crate::view::head;

const MAX_SERIES: usize = 200;
const MAX_LABELS: usize = 4;
const MAX_LABEL: usize = 64;

type Labels = Vec<(String, String)>;

/// The series of a step.
#[derive(Default)]
pub(crate) struct Figures {
    known: Mutex<HashSet<(String, Labels)>>,
}

impl Figures {
    /// Whether this series may be written to.
    fn admit(&self, step: &str, name: &str, labels: &Labels) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), labels.clone());
        if known.contains(&key) {
            return true;
        }
        if known.len() >= MAX_SERIES {
            return false;
        }
        known.insert(key);
        if known.len() == MAX_SERIES {
            tracing::warn!(
                step,
                "the plugin has {MAX_SERIES} series of its own metrics: further ones are dropped"
            );
        }
        true
    }
}

impl Host for State {
    fn add(&mut self, name: String, value: u64, labels: Labels) -> Result<()> {
        self.host_call(
            "metrics.add",
            (name, value, labels),
            |state, (name, value, labels)| {
                if let Some((name, labels)) = state.series(name, labels) {
                    counter!(name, labels).increment(*value);
                }
                Ok(())
            },
        )
    }

    fn set(&mut self, name: String, value: f64, labels: Labels) -> Result<()> {
        self.host_call(
            "metrics.set",
            (name, value, labels),
            |state, (name, value, labels)| {
                if let Some((name, labels)) = state.series(name, labels) {
                    gauge!(name, labels).set(*value);
                }
                Ok(())
            },
        )
    }

    fn observe(&mut self, name: String, value: f64, labels: Labels) -> Result<()> {
        self.host_call(
            "metrics.observe",
            (name, value, labels),
            |state, (name, value, labels)| {
                if let Some((name, labels)) = state.series(name, labels) {
                    histogram!(name, labels).record(*value);
                }
                Ok(())
            },
        )
    }
}

impl State {
    /// Name and labels under which the server exports a figure; none if the plugin may not have it.
    fn series(&self, name: &str, labels: &Labels) -> Option<(String, Vec<Label>)> {
        let word = |text: &str| {
            (1..=48).contains(&text.len())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !word(name)
            || labels.len() > MAX_LABELS
            || !labels
                .iter()
                .all(|(name, _)| word(name) && name != "plugin")
        {
            return None;
        }
        if self.self_testing || !self.shared.figures.admit(&self.shared.name, name, labels) {
            return None;
        }
        let mut all = vec![Label::new("plugin", self.shared.name.to_string())];
        all.extend(
            labels
                .iter()
                .map(|(name, value)| Label::new(name.clone(), head(value, MAX_LABEL).to_owned())),
        );
        Some((format!("waxwing_plugin_custom_{name}"), all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_series_is_cut() {
        let figures = Figures::default();
        let admitted = |name: &str, label: usize| {
            figures.admit("step", name, &vec![("of".to_owned(), label.to_string())])
        };
        assert_eq!(
            (0..10_000).filter(|n| admitted("seen", *n)).count(),
            MAX_SERIES
        );
        assert!(
            admitted("seen", 0) && !admitted("other", 0),
            "those that are known go on"
        );
    }
}
