//! How much a destination gets at a time: connections at once, messages in a period, nothing while it backs off.
//!
//! Kept in memory by one worker; what is forgotten when it ends costs a destination a little more at first. Times are
//! milliseconds of Unix time, given by the caller.

use std::collections::HashMap;
use std::time::Duration;

/// Limits of one destination, as the policy gives them with each attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; 0 counts as 1.
    pub connections: u32,
    /// Messages in a period, if that is limited.
    pub rate: Option<Rate>,
}

/// So many messages in a period, in a burst or spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Messages; 0 counts as 1.
    pub messages: u32,
    /// The period.
    pub period: Duration,
}

/// Whether a message may go to a destination now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may. [`Limiter::done`] must follow.
    Go,
    /// All connections to it (or all of this worker) are in use: when one is done.
    Busy,
    /// Not before this moment.
    Wait(i64),
}

#[derive(Debug, Clone)]
struct Destination {
    connections: u32,
    limits: Limits,
    /// When the rate's messages so far would all have been earned, microseconds (GCRA's theoretical arrival time).
    earned: i64,
    /// It is not to be tried before.
    not_before: i64,
    /// Attempts in a row that did not reach it.
    misses: u32,
}

/// The state of all destinations of one worker.
#[derive(Debug)]
pub struct Limiter {
    destinations: HashMap<String, Destination>,
    connections: u32,
    most_connections: u32,
    most_destinations: usize,
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Rate {
    /// Microseconds in which one message is earned.
    fn interval(self) -> i64 {
        (micros(self.period) / i64::from(self.messages.max(1))).max(1)
    }

    /// How far ahead of the time a burst may be.
    fn ahead(self) -> i64 {
        self.interval()
            .saturating_mul(i64::from(self.messages.max(1)) - 1)
    }
}

impl Destination {
    fn new(limits: Limits) -> Destination {
        Destination {
            connections: 0,
            limits,
            earned: i64::MIN,
            not_before: i64::MIN,
            misses: 0,
        }
    }

    /// When the rate allows the next message, milliseconds; rounded up.
    fn earliest(&self) -> i64 {
        let by_rate = self.limits.rate.map_or(i64::MIN, |rate| {
            let at = self.earned.saturating_sub(rate.ahead());
            at.div_euclid(1000)
                .saturating_add(i64::from(at.rem_euclid(1000) > 0))
        });
        by_rate.max(self.not_before)
    }

    fn is_busy(&self) -> bool {
        self.connections >= self.limits.connections.max(1)
    }

    /// Whether nothing would be different if it were forgotten.
    fn is_idle(&self, now: i64) -> bool {
        let earned = self.earned.div_euclid(1000);
        self.connections == 0 && self.misses == 0 && self.not_before <= now && earned < now
    }
}

impl Limiter {
    /// A limiter for at most so many connections in all, that remembers at most so many destinations; each at least 1.
    pub fn new(most_connections: u32, most_destinations: usize) -> Limiter {
        Limiter {
            destinations: HashMap::new(),
            connections: 0,
            most_connections: most_connections.max(1),
            most_destinations: most_destinations.max(1),
        }
    }

    /// Asks for a connection and a message to a destination.
    pub fn admit(&mut self, destination: &str, now: i64, limits: Limits) -> Admission {
        if self.connections >= self.most_connections {
            return Admission::Busy;
        }
        if !self.destinations.contains_key(destination) && !self.make_room(now) {
            return Admission::Busy;
        }
        let state = self
            .destinations
            .entry(destination.to_owned())
            .or_insert_with(|| Destination::new(limits));
        state.limits = limits;
        if state.is_busy() {
            return Admission::Busy;
        }
        let earliest = state.earliest();
        if earliest > now {
            return Admission::Wait(earliest);
        }
        if let Some(rate) = limits.rate {
            let now = now.saturating_mul(1000);
            state.earned = state.earned.max(now).saturating_add(rate.interval());
        }
        state.connections += 1;
        self.connections += 1;
        Admission::Go
    }

    /// Ends what [`Limiter::admit`] allowed. Reached: the destination answered, whatever it said.
    pub fn done(&mut self, destination: &str, reached: bool) {
        if let Some(state) = self.destinations.get_mut(destination)
            && state.connections > 0
        {
            state.connections -= 1;
            self.connections = self.connections.saturating_sub(1);
            state.misses = match reached {
                true => 0,
                false => state.misses.saturating_add(1),
            };
        }
    }

    /// Attempts in a row that did not reach a destination: what its back-off grows with.
    pub fn misses(&self, destination: &str) -> u32 {
        self.destinations
            .get(destination)
            .map_or(0, |state| state.misses)
    }

    /// Keeps a destination from being tried before a moment.
    pub fn back_off(&mut self, destination: &str, until: i64) {
        if let Some(state) = self.destinations.get_mut(destination) {
            state.not_before = state.not_before.max(until);
        }
    }

    /// Destinations that would not be admitted now: not worth leasing anything for.
    pub fn closed(&self, now: i64) -> Vec<String> {
        let closed = |state: &Destination| state.is_busy() || state.earliest() > now;
        let names = self.destinations.iter().filter(|(_, state)| closed(state));
        names.map(|(name, _)| name.clone()).collect()
    }

    /// Whether a destination is not to be tried just now, however many connections to it are free.
    pub fn is_shut(&self, destination: &str, now: i64) -> bool {
        let state = self.destinations.get(destination);
        state.is_some_and(|state| state.earliest() > now)
    }

    /// How many connections a destination may have, if anything went to it lately.
    pub fn most_connections(&self, destination: &str) -> Option<u32> {
        let state = self.destinations.get(destination)?;
        Some(state.limits.connections.max(1))
    }

    /// When the first destination that waits for a moment will be admitted again.
    pub fn next_open(&self, now: i64) -> Option<i64> {
        let times = self.destinations.values().map(Destination::earliest);
        times.filter(|at| *at > now).min()
    }

    /// Room for one more; forgets those that are idle, then those that only backed off.
    fn make_room(&mut self, now: i64) -> bool {
        if self.destinations.len() < self.most_destinations {
            return true;
        }
        self.destinations.retain(|_, state| !state.is_idle(now));
        if self.destinations.len() >= self.most_destinations {
            self.destinations.retain(|_, state| state.connections > 0);
        }
        self.destinations.len() < self.most_destinations
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TWO: Limits = Limits {
        connections: 2,
        rate: None,
    };
    const SLOW: Limits = Limits {
        connections: 9,
        rate: Some(Rate {
            messages: 3,
            period: Duration::from_secs(30),
        }),
    };

    #[test]
    fn connections_at_once() {
        let mut limiter = Limiter::new(3, 10);
        assert_eq!(limiter.admit("a", 0, TWO), Admission::Go);
        assert_eq!(limiter.admit("a", 0, TWO), Admission::Go);
        assert_eq!(limiter.admit("a", 0, TWO), Admission::Busy);
        assert_eq!(limiter.closed(0), ["a"]);
        assert_eq!(limiter.admit("b", 0, TWO), Admission::Go);
        assert_eq!(limiter.admit("b", 0, TWO), Admission::Busy, "three in all");
        limiter.done("a", true);
        assert_eq!(limiter.admit("a", 0, TWO), Admission::Go);
        // What was not admitted cannot be done.
        limiter.done("c", true);
        assert_eq!(limiter.admit("c", 0, TWO), Admission::Busy);
    }

    #[test]
    fn messages_in_a_period() {
        let mut limiter = Limiter::new(99, 10);
        for _ in 0..3 {
            assert_eq!(limiter.admit("a", 1000, SLOW), Admission::Go);
        }
        assert_eq!(limiter.admit("a", 1000, SLOW), Admission::Wait(11_000));
        assert_eq!(limiter.next_open(1000), Some(11_000));
        assert_eq!(limiter.admit("a", 11_000, SLOW), Admission::Go);
        assert_eq!(limiter.admit("a", 11_000, SLOW), Admission::Wait(21_000));
    }

    #[test]
    fn a_destination_backs_off() {
        let mut limiter = Limiter::new(9, 2);
        for misses in 1..4 {
            assert_eq!(limiter.admit("a", 0, TWO), Admission::Go);
            limiter.done("a", false);
            assert_eq!(limiter.misses("a"), misses);
        }
        limiter.back_off("a", 500);
        assert_eq!(limiter.admit("a", 499, TWO), Admission::Wait(500));
        assert_eq!(limiter.admit("a", 500, TWO), Admission::Go);
        limiter.done("a", true);
        assert_eq!(limiter.misses("a"), 0);
        // Memory is bounded: those without a connection make room.
        for name in ["b", "c", "d"] {
            assert_eq!(limiter.admit(name, 600, TWO), Admission::Go);
            limiter.done(name, true);
        }
        assert!(limiter.destinations.len() <= 2);
    }

    proptest! {
        #[test]
        fn limits_hold_whatever_happens(
            steps in prop::collection::vec((0u8..4, any::<bool>(), 0i64..5000), 1..200),
            messages in 1u32..5, connections in 0u32..4,
        ) {
            let rate = Rate { messages, period: Duration::from_secs(10) };
            let limits = Limits { connections, rate: Some(rate) };
            let mut limiter = Limiter::new(5, 3);
            let mut now = 0;
            let mut open = [0u32; 4];
            let mut sent: Vec<(u8, i64)> = Vec::new();
            for (name, start, later) in steps {
                now += later;
                let destination = name.to_string();
                if !start {
                    if open[usize::from(name)] > 0 {
                        open[usize::from(name)] -= 1;
                        limiter.done(&destination, true);
                    }
                    continue;
                }
                match limiter.admit(&destination, now, limits) {
                    Admission::Go => {
                        open[usize::from(name)] += 1;
                        sent.push((name, now));
                    }
                    Admission::Wait(until) => prop_assert!(until > now),
                    Admission::Busy => {}
                }
                prop_assert!(open.iter().all(|n| *n <= connections.max(1)));
                prop_assert!(open.iter().sum::<u32>() <= 5);
                // A burst and what was earned since: never more than twice the messages in a period.
                let recent = sent.iter().filter(|(n, at)| *n == name && *at > now - 10_000).count();
                prop_assert!(recent <= 2 * messages as usize);
            }
        }
    }
}
