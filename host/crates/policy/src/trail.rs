//! What led to a failure, for whoever has to mend the plugin: the limit with its value, where the guest was, what it asked last, its last words.
//!
//! It is kept while a call runs at the cost of a few stores, and written out only when the call fails.

use std::fmt::Write as _;

use wasmtime::WasmBacktrace;

use crate::capability::findings::printable;
use crate::fault::Fault;
use crate::limits::Limits;

/// Host calls that are remembered.
const RECENT: usize = 8;
/// Functions of the guest that are named.
const FRAMES: usize = 8;
/// Characters of a function's name, of the last words, and octets of all of it.
const MAX_NAME: usize = 120;
const MAX_WORDS: usize = 200;
const MAX_TRAIL: usize = 1500;

/// Functions between a panic and the guest's own code.
const MACHINERY: [&str; 7] = [
    "core::panicking::",
    "core::result::unwrap_failed",
    "core::option::",
    "std::panicking::",
    "std::sys::",
    "rust_panic",
    "__rust",
];

/// What a call did lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    recent: [&'static str; RECENT],
    /// How many host calls there were.
    calls: usize,
    last_words: Option<Box<str>>,
}

impl Trail {
    /// A host call was made.
    pub(crate) fn note(&mut self, name: &'static str) {
        if let Some(place) = self.recent.get_mut(self.calls % RECENT) {
            *place = name;
        }
        self.calls += 1;
    }

    /// A line was logged as an error: a guest that panics says why before it traps.
    pub(crate) fn say(&mut self, line: &str) {
        self.last_words = Some(printable(line, MAX_WORDS).into());
    }

    /// The fault with what led to it.
    pub(crate) fn explain(
        &self,
        fault: Fault,
        limits: &Limits,
        trace: Option<&WasmBacktrace>,
    ) -> Fault {
        let mut told = String::new();
        if let Some(value) = fault.limit().and_then(|name| limits.written(name)) {
            let _infallible = write!(told, " = {value}");
        }
        if let Some(words) = &self.last_words {
            let _infallible = write!(told, "; it said: {words}");
        }
        let frames = trace.map(frames).unwrap_or_default();
        if !frames.is_empty() {
            let _infallible = write!(told, "; in {}", frames.join(", called by "));
        }
        let recent = self.last_calls();
        if !recent.is_empty() {
            let _infallible = write!(told, "; last host calls: {}", recent.join(", "));
        }
        if told.is_empty() {
            return fault;
        }
        Fault::Explained(Box::new(fault), printable(&told, MAX_TRAIL).into())
    }

    /// The last host calls, the newest last.
    fn last_calls(&self) -> Vec<&'static str> {
        let first = self.calls.saturating_sub(RECENT);
        (first..self.calls)
            .filter_map(|place| self.recent.get(place % RECENT).copied())
            .collect()
    }
}

/// The guest's functions, the innermost first, as their author wrote their names.
fn frames(trace: &WasmBacktrace) -> Vec<String> {
    let names = trace.frames().iter().filter_map(|frame| frame.func_name());
    let mut frames: Vec<String> = names
        .map(|name| printable(&format!("{:#}", rustc_demangle::demangle(name)), MAX_NAME))
        .filter(|name| !MACHINERY.iter().any(|part| name.starts_with(part)))
        .collect();
    // What calls itself is named once.
    frames.dedup();
    frames.truncate(FRAMES);
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_host_calls_are_told_in_their_order() {
        let mut trail = Trail::default();
        trail.note("kv.get");
        trail.note("log.log");
        assert_eq!(trail.last_calls(), ["kv.get", "log.log"]);
        for _ in 0..20 {
            trail.note("runtime.unix-ms");
        }
        trail.note("kv.set");
        let last = trail.last_calls();
        assert_eq!(
            (last.len(), last[0], last[7]),
            (8, "runtime.unix-ms", "kv.set")
        );
    }

    #[test]
    fn a_fault_is_told_with_the_limit_that_was_hit() {
        let mut trail = Trail::default();
        let fault = trail.explain(Fault::Deadline, &Limits::default(), None);
        assert_eq!(fault.to_string(), "took longer than deadline-ms = 2000");
        trail.note("kv.get");
        trail.say("told to panic\nat once");
        let fault = trail.explain(Fault::Trap("unreachable".into()), &Limits::default(), None);
        assert_eq!(
            fault.to_string(),
            "trapped: unreachable; it said: told to panic at once; last host calls: kv.get"
        );
        assert_eq!(fault.word(), "trap");
    }
}
