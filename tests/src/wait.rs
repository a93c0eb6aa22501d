//! Waiting for something to be so, with a deadline.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// The most that a test waits for anything that is not a load of its own.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` gives something, and says how long it took.
///
/// # Panics
/// With `what`, if nothing came by the deadline.
pub fn until<T>(
    what: &str,
    deadline: Duration,
    condition: impl FnMut() -> Option<T>,
) -> (T, Duration) {
    within(deadline, condition).unwrap_or_else(|| panic!("waited {deadline:?} in vain: {what}"))
}

/// The same, with nothing if nothing came by the deadline.
pub fn within<T>(
    deadline: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> Option<(T, Duration)> {
    let begun = Instant::now();
    loop {
        if let Some(found) = condition() {
            return Some((found, begun.elapsed()));
        }
        if begun.elapsed() >= deadline {
            return None;
        }
        pause(LOOK);
    }
}

/// Lets others run between two looks at a condition.
fn pause(duration: Duration) {
    std::thread::park_timeout(duration);
}
