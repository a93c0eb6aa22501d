//! How far a move is, for a person at a terminal; nothing at all where there is none.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error. It draws nothing where that is no terminal.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::no_length();
        bar.set_style(style());
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }

    /// So many messages of a folder are to come.
    pub(crate) fn folder(&self, name: &str, messages: u64) {
        self.0.set_message(name.to_owned());
        match self.0.length() {
            Some(length) => self.0.set_length(length + messages),
            None => self.0.set_length(messages),
        }
    }

    /// So many are dealt with.
    pub(crate) fn advance(&self, messages: u64) {
        self.0.inc(messages);
    }

    /// Says something above the bar, or just says it.
    pub(crate) fn say(&self, text: &str) {
        self.0.suspend(|| crate::cli::complain(text));
    }

    /// Removes the bar.
    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{wide_bar} {pos}/{len} {per_sec} {eta} {msg:30!}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
