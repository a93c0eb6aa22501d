//! How late the writer is, for those who ask while it works.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a commit that has ended says something about the next.
const FRESH: Duration = Duration::from_secs(2);

/// When the present commit began, and how the last one went.
#[derive(Debug, Default)]
pub(crate) struct Lag(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    begun: Option<Instant>,
    last: Option<(Instant, Duration)>,
}

impl Lag {
    pub(crate) fn begins(&self) {
        self.state(|state| state.begun = Some(Instant::now()));
    }

    pub(crate) fn ends(&self) {
        self.state(|state| {
            let now = Instant::now();
            state.last = state
                .begun
                .take()
                .map(|begun| (now, now.saturating_duration_since(begun)));
        });
    }

    pub(crate) fn now(&self) -> Duration {
        self.state(|state| state.at(Instant::now()))
    }

    fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn at(&self, now: Instant) -> Duration {
        let present = self.begun.map(|begun| now.saturating_duration_since(begun));
        let last = self
            .last
            .filter(|(ended, _)| now.saturating_duration_since(*ended) < FRESH)
            .map(|(_, took)| took);
        present.max(last).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_commit_counts_and_the_last_one_for_a_moment() {
        let begun = Instant::now();
        let after = |millis| begun + Duration::from_millis(millis);
        let mut state = State::default();
        assert_eq!(state.at(begun), Duration::ZERO);
        state.begun = Some(begun);
        assert_eq!(state.at(after(700)), Duration::from_millis(700));
        state.last = Some((after(800), Duration::from_millis(800)));
        state.begun = Some(after(900));
        assert_eq!(state.at(after(1000)), Duration::from_millis(800));
        state.begun = None;
        assert_eq!(state.at(after(3000)), Duration::ZERO);
    }
}
