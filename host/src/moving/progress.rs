//! How far a move is, for a person at a terminal; nothing at all where there is none.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Lines that are kept, at most.
const MOST: usize = 1_000;
/// Octets of a line that are kept, at most: names in it may be as long as who sent them likes.
const LONGEST: usize = 300;

/// A bar on standard error. It draws nothing where that is no terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// What is said is kept where no person sees it.
    kept: Option<Mutex<Vec<String>>>,
    /// Is told how many were dealt with, as they are.
    told: Option<Box<dyn Fn(u64) + Send + Sync>>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::no_length();
        bar.set_style(style());
        bar.enable_steady_tick(Duration::from_millis(250));
        Self {
            bar,
            kept: None,
            told: None,
        }
    }

    /// One that nobody sees, and that keeps what it says.
    pub(crate) fn unseen() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            kept: Some(Mutex::default()),
            told: None,
        }
    }

    /// The same, for somebody who is told how many were dealt with.
    pub(crate) fn to(told: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self {
            told: Some(Box::new(told)),
            ..Self::unseen()
        }
    }

    /// What was said.
    pub(crate) fn said(&self) -> Vec<String> {
        let kept = self.kept.as_ref();
        kept.map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .unwrap_or_default()
    }

    /// So many messages of a folder are to come.
    pub(crate) fn folder(&self, name: &str, messages: u64) {
        self.bar.set_message(name.to_owned());
        match self.bar.length() {
            Some(length) => self.bar.set_length(length + messages),
            None => self.bar.set_length(messages),
        }
    }

    /// So many are dealt with.
    pub(crate) fn advance(&self, messages: u64) {
        self.bar.inc(messages);
        if let Some(told) = &self.told {
            told(self.bar.position());
        }
    }

    /// Says something above the bar, or just says it.
    pub(crate) fn say(&self, text: &str) {
        let Some(kept) = &self.kept else {
            return self.bar.suspend(|| crate::cli::complain(text));
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST {
            kept.push(shortened(text));
        }
    }

    /// Removes the bar.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// A line, or its start and a sign that it went on.
fn shortened(text: &str) -> String {
    match text.get(..text.floor_char_boundary(LONGEST)) {
        Some(start) if start.len() < text.len() => format!("{start}…"),
        _ => text.to_owned(),
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{wide_bar} {pos}/{len} {per_sec} {eta} {msg:30!}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_has_an_end() {
        let progress = Progress::unseen();
        progress.say("short");
        progress.say(&"ü".repeat(1 << 20));
        progress.say(&format!("x{}", "ü".repeat(1 << 20)));
        let said = progress.said();
        assert_eq!(said.first().map(String::as_str), Some("short"));
        for line in said.iter().skip(1) {
            assert!(
                line.ends_with('…') && line.len() <= LONGEST + 3,
                "{}",
                line.len()
            );
        }
    }
}
